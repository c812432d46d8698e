"""What budgets say of an answer that costs something. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class BudgetState:
    """One budget and what is spent of it in its period, in euro.

    `label` is how a sentence begins, such as "The compliance department's budget for today";
    `reserved` is what answers that are being made may still cost.
    """

    label: str
    soft_limit: Decimal | None
    hard_limit: Decimal | None
    spent: Decimal
    reserved: Decimal = Decimal(0)

    @property
    def used(self) -> Decimal:
        return self.spent + self.reserved


def decide_refusal(states: Sequence[BudgetState], cost: Decimal) -> str | None:
    """Why an answer that may cost so much is not paid for, in a sentence; None if it is."""
    for state in states:
        if cost > 0 and state.hard_limit is not None and state.used + cost > state.hard_limit:
            return say_used_up(state, cost)
    return None


def decide_notice(states: Sequence[BudgetState]) -> str:
    """What the asker is told once a soft limit is reached; empty before."""
    for state in states:
        if state.soft_limit is not None and state.used >= state.soft_limit:
            limit = state.soft_limit if state.hard_limit is None else state.hard_limit
            return (
                f"{state.label} is nearly used up ({euro(state.used)} of {euro(limit)}), "
                "so cheaper models are preferred."
            )
    return ""


def say_used_up(state: BudgetState, cost: Decimal) -> str:
    limit = state.hard_limit or Decimal(0)
    goes_on = "models that cost nothing go on."
    if state.used >= limit:
        return f"{state.label}, {euro(limit)}, is used up; {goes_on}"
    left = euro(limit - state.used)
    return (
        f"{state.label}, {euro(limit)}, has {left} left, and this answer may cost "
        f"{euro(cost)}; {goes_on}"
    )


def euro(amount: Decimal) -> str:
    """In cents, or exact enough to tell it from nothing."""
    if amount and abs(amount) < Decimal("0.01"):
        return f"{amount:.4f} €"
    return f"{amount:.2f} €"
