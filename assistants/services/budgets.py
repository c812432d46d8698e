"""Budgets: what is spent of them, what is set aside for an answer, and what one came to."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from assistants import compute, control
from assistants.models import Answer, Budget, Charge
from assistants.services import registry
from assistants.services.costs import MILLION

logger = logging.getLogger(__name__)

# Longer than any answer takes; what a killed worker had set aside is free again after it.
RESERVED_SECONDS = 300
# What an answer came to stays set aside until every process has read the sums anew.
SETTLED_SECONDS = 3


@dataclass(frozen=True, slots=True)
class BudgetEntry:
    """A budget with what is used of it, as its list shows it. `share` is in per cent of `limit`."""

    budget: Budget
    used: Decimal
    limit: Decimal
    share: int
    state: str


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose budgets pay for an answer: the asker's, the assistant's department's, the house's."""

    user_id: int
    department_id: int


@registry.remembered
def _budgets() -> list[Budget]:
    return list(Budget.objects.filter(enabled=True).select_related("department"))


_sums: dict[tuple[int, datetime], tuple[float, Decimal]] = {}
registry.also_forget(_sums.clear)


def list_entries() -> list[BudgetEntry]:
    """Every budget, enabled or not, with what is used of it in its present period."""
    budgets = list(Budget.objects.select_related("department", "user"))
    spent = _list_spent()
    try:
        reserved = compute.get_reserved([_purse(budget) for budget in budgets])
    except compute.BROKER_DOWN:
        reserved = [0] * len(budgets)
    return [
        _entry(budget, spent.get(budget.pk, Decimal(0)) + Decimal(amount) / MILLION)
        for budget, amount in zip(budgets, reserved, strict=True)
    ]


def _entry(budget: Budget, used: Decimal) -> BudgetEntry:
    limit = budget.hard_limit if budget.hard_limit is not None else budget.soft_limit
    limit = limit or Decimal(0)
    share = int(100 * used / limit) if limit else 100
    if not budget.enabled:
        state = "switched off"
    elif budget.hard_limit is not None and used >= budget.hard_limit:
        state = "used up: what costs something is refused"
    elif budget.soft_limit is not None and used >= budget.soft_limit:
        state = "soft limit reached: cheaper models are preferred"
    else:
        state = "within its limits"
    return BudgetEntry(budget, used, limit, share, state)


def list_states(payer: Payer, *, but: str = "") -> list[control.BudgetState]:
    """The payer's budgets. What the answer `but` has set aside itself does not count."""
    budgets = _paying(payer)
    try:
        reserved = compute.get_reserved([_purse(budget) for budget in budgets], but=but)
    except compute.BROKER_DOWN:
        reserved = [0] * len(budgets)  # no answer is made without the broker either
    return [
        _state(budget, Decimal(amount) / MILLION)
        for budget, amount in zip(budgets, reserved, strict=True)
    ]


def reserve(payer: Payer, answer_id: str, cost: Decimal) -> str | None:
    """Set aside what an answer may cost, in all budgets or in none: then why not, in a sentence.

    Answers that begin at once in several workers take turns here, so that together they keep to
    the limit.
    """
    budgets = {_purse(budget): budget for budget in _paying(payer)}
    rooms = {
        purse: None
        if budget.hard_limit is None
        else _millionths(budget.hard_limit - _spent(budget), ROUND_FLOOR)
        for purse, budget in budgets.items()
    }
    amount = _millionths(cost, ROUND_CEILING)
    full = compute.reserve(rooms, answer_id, amount, RESERVED_SECONDS)
    if full is None:
        return None
    (reserved,) = compute.get_reserved([full], but=answer_id)
    return control.say_used_up(_state(budgets[full], Decimal(reserved) / MILLION), cost)


def charge(answer: Answer) -> None:
    """Note what an answer has cost, in the caller's transaction, and give back the rest of what
    was set aside once that is committed.
    """
    conversation = answer.message.conversation
    payer = Payer(answer.message.author_id, conversation.assistant.department_id)
    if answer.cost:
        Charge.objects.create(
            answer=answer.pk,
            at=answer.ended or timezone.now(),
            department_id=payer.department_id,
            user_id=payer.user_id,
            cost=answer.cost,
        )
    purses = [_purse(budget) for budget in _paying(payer)]
    if purses:
        amount = _millionths(answer.cost, ROUND_CEILING)
        transaction.on_commit(lambda: _settle(purses, str(answer.pk), amount))


def _settle(purses: Sequence[str], answer_id: str, amount: int) -> None:
    try:
        compute.settle(purses, answer_id, amount, SETTLED_SECONDS)
    except compute.BROKER_DOWN:
        logger.warning("what answer %s has set aside is left to lapse", answer_id)


def _paying(payer: Payer) -> list[Budget]:
    return [
        budget
        for budget in _budgets()
        if budget.department_id in (None, payer.department_id)
        and budget.user_id in (None, payer.user_id)
    ]


def _purse(budget: Budget) -> str:
    return f"budget:{budget.pk}:{start_of(budget.period):%Y-%m-%d}"


def _state(budget: Budget, reserved: Decimal) -> control.BudgetState:
    return control.BudgetState(
        label=label_of(budget),
        soft_limit=budget.soft_limit,
        hard_limit=budget.hard_limit,
        spent=_spent(budget),
        reserved=reserved,
    )


def label_of(budget: Budget) -> str:
    """How a sentence to the asker begins."""
    if budget.department:
        whose = f"The {budget.department.name} department's"
    elif budget.user_id:
        whose = "Your"
    else:
        whose = "The organisation's"
    when = "today" if budget.period == Budget.Period.DAY else "this month"
    return f"{whose} budget for {when}"


def start_of(period: str) -> datetime:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if period == Budget.Period.DAY else midnight.replace(day=1)


def _spent(budget: Budget) -> Decimal:
    """Summed in the database, at most once in REMEMBER_SECONDS a process."""
    key = (budget.pk, start_of(budget.period))
    known = _sums.get(key)
    now = time.monotonic()
    if known is None or now - known[0] > registry.REMEMBER_SECONDS:
        known = _sums[key] = (now, get_spent(budget))
    return known[1]


# Of each budget in its present period, from the index of whose it is; %s: start of day, of month.
SPENT = """
select budget.id, coalesce(case
    when budget.department_id is not null then (select sum(cost) from assistants_charge charge
        where charge.department_id = budget.department_id and charge.at >= since)
    when budget.user_id is not null then (select sum(cost) from assistants_charge charge
        where charge.user_id = budget.user_id and charge.at >= since)
    else (select sum(cost) from assistants_charge charge where charge.at >= since)
end, 0)
from assistants_budget budget,
    lateral (select case period when 'day' then %s else %s end as since) started
"""


def _list_spent() -> dict[int, Decimal]:
    """As `get_spent` of every budget, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(SPENT, [start_of(Budget.Period.DAY), start_of(Budget.Period.MONTH)])
        return dict(cursor.fetchall())


def get_spent(budget: Budget) -> Decimal:
    """What the answers that ended in the budget's present period have cost."""
    charges = Charge.objects.filter(at__gte=start_of(budget.period))
    if budget.department_id:
        charges = charges.filter(department=budget.department_id)
    if budget.user_id:
        charges = charges.filter(user=budget.user_id)
    total: Decimal | None = charges.aggregate(total=Sum("cost"))["total"]
    return total or Decimal(0)


def _millionths(euro: Decimal, rounding: str) -> int:
    return max(0, int((euro * MILLION).to_integral_value(rounding)))
