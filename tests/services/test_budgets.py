from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from assistants import data
from assistants.control import BudgetState, decide_notice, decide_refusal
from assistants.models import Answer, Budget, Charge, Conversation
from assistants.services import budgets, registry
from assistants.services.budgets import Payer
from assistants.services.costs import cost_elsewhere, cost_of, estimate_cost
from assistants.types import DeploymentSpec, Prompt, PromptMessage, Role, Usage
from tests import factories, fakes
from tests.services.test_chat import ask, frames_of

# What leaves is sealed by another thread: it has to be committed.
pytestmark = pytest.mark.django_db(transaction=True)

TODAY = "The compliance department's budget for today"


# -- what budgets say ------------------------------------------------------------------------------


def state(spent, *, soft=None, hard="5", reserved="0"):
    def euro(amount):
        return None if amount is None else Decimal(amount)

    return BudgetState(TODAY, euro(soft), euro(hard), euro(spent), euro(reserved))


@pytest.mark.parametrize(
    ("spent", "cost", "says"),
    [
        ("0", "0.05", None),
        ("4.95", "0.05", None),
        ("5", "0", None),
        ("5", "0.05", f"{TODAY}, 5.00 €, is used up; models that cost nothing go on."),
        (
            "4.98",
            "0.05",
            f"{TODAY}, 5.00 €, has 0.02 € left, and this answer may cost 0.05 €; "
            "models that cost nothing go on.",
        ),
    ],
)
def test_a_hard_limit_refuses_in_a_sentence(spent, cost, says):
    assert decide_refusal([state("0", hard=None), state(spent)], Decimal(cost)) == says


def test_what_is_set_aside_counts_as_spent():
    assert decide_refusal([state("1", reserved="3.98")], Decimal("0.05"))
    assert decide_notice([state("1", soft="4", reserved="3")])


def test_a_soft_limit_is_told():
    assert decide_notice([state("3.99", soft="4")]) == ""
    assert decide_notice([state("4", soft="4")]) == (
        f"{TODAY} is nearly used up (4.00 € of 5.00 €), so cheaper models are preferred."
    )


# -- costs -----------------------------------------------------------------------------------------

DEAR = DeploymentSpec(
    *("dear", "anthropic", "cloud", "us", "m"),
    context_tokens=10_000,
    max_tokens=1_000,
    input_price=3,
    output_price=15,
)
FREE = DeploymentSpec("free", "quotes", "on_prem", "", "")


def test_costs_come_from_usage_and_price():
    assert cost_of(DEAR, Usage(1_000_000, 100_000)) == Decimal("4.5")
    assert cost_of(FREE, Usage(1_000_000, 100_000)) == 0
    assert estimate_cost(DEAR, 3_200) == Decimal("0.018")
    assert estimate_cost(DEAR, 10**9) == Decimal("0.042")  # no more than it can read


def test_what_it_would_have_cost_elsewhere_is_reckoned_where_nobody_counts():
    prompt = Prompt((PromptMessage(Role.USER, "x" * 3_200),), "x")
    other = DeploymentSpec("other", "anthropic", "cloud", "us", "m", output_price=1)
    told = cost_elsewhere([DEAR, FREE, other], {"other"}, Usage(), prompt, "y" * 320)
    assert told == {"dear": "0.004500"}
    assert cost_elsewhere([DEAR], set(), Usage(), None, "y") == {}


# -- a turn ----------------------------------------------------------------------------------------


@pytest.fixture
def models(monkeypatch):
    return fakes.install(monkeypatch, factories.unit_vector(0))


@pytest.fixture
def house(cast, models):
    """A dear cloud before the premises; each answer uses 10 tokens and one a piece."""
    factories.make_deployment(
        "dear",
        "anthropic",
        environment="cloud",
        region="us",
        rank=10,
        input_price=1_000,
        output_price=1_000,
        max_tokens=100,
        context_tokens=1_000,
    )
    factories.make_quotes()
    models.says("dear", ["Twelve ", "tokens."])
    models.says("quotes", ["> quoted"])
    return cast


def department(name: str):
    return Group.objects.get(name=name)


def make_budget(**fields) -> Budget:
    budget = Budget.objects.create(**fields)
    registry.forget()
    return budget


def payer_of(cast, user="alice") -> Payer:
    return Payer(getattr(cast, user).pk, department("compliance").pk)


def spend(cost: str, cast, *, at: datetime | None = None, user="alice", group="compliance"):
    Charge.objects.create(
        answer=uuid.uuid4(),
        at=at or timezone.now(),
        user=getattr(cast, user),
        department=department(group),
        cost=Decimal(cost),
    )
    registry.forget()


QUESTION = "What is the limit for gifts?"


def test_an_answer_is_charged_and_told_what_it_cost(house):
    budget = make_budget(department=department("compliance"), hard_limit=5)
    answer = ask(house.alice, QUESTION)
    assert (answer.deployment.slug, answer.cost) == ("dear", Decimal("0.012"))
    assert answer.elsewhere == {}
    (charge,) = Charge.objects.all()
    assert (charge.answer, charge.cost) == (answer.pk, answer.cost)
    assert (charge.user, charge.department) == (house.alice, department("compliance"))
    assert budgets.get_spent(budget) == answer.cost


def test_an_answer_that_costs_nothing_is_not_charged_but_compared(house):
    make_budget(hard_limit=0)
    answer = ask(house.alice, QUESTION)
    assert (answer.deployment.slug, answer.cost) == ("quotes", 0)
    assert not Charge.objects.exists()
    assert Decimal(answer.elsewhere["dear"]) > 0


def test_an_answer_that_was_cut_off_is_charged_for_what_was_sent_and_what_came(house, models):
    models.says("dear", ["Some text. ", fakes.lost()], ["Other text."])
    answer = ask(house.alice, QUESTION)
    assert answer.status == Answer.Status.INTERRUPTED
    assert answer.completion_tokens == 0  # the deployment never came to tell
    assert answer.cost > Decimal("0.01")
    assert Charge.objects.get().cost == answer.cost


def test_the_trail_of_costs_outlives_the_answer(house):
    budget = make_budget(hard_limit=5)
    answer = ask(house.alice, QUESTION)
    with data.rights_of_system():
        Conversation.objects.filter(pk=answer.message.conversation_id).delete()
    assert budgets.get_spent(budget) == answer.cost


def test_a_used_up_budget_refuses_the_cloud_with_a_sentence_and_the_premises_go_on(house):
    make_budget(department=department("compliance"), hard_limit=5)
    spend("5", house)
    answer = ask(house.alice, QUESTION)
    assert (answer.status, answer.deployment.slug) == (Answer.Status.COMPLETED, "quotes")
    assert (
        "(the compliance department's budget for today, 5.00 €, is used up"
        in (answer.receipt["rule"])
    )
    assert answer.receipt["refusals"][0]["deployment"] == "dear"


def test_where_nothing_free_is_at_hand_the_asker_hears_of_the_budget(house):
    make_budget(department=department("compliance"), hard_limit=5)
    spend("5", house)
    factories.Deployment.objects.filter(slug="quotes").update(enabled=False)
    answer = ask(house.alice, QUESTION)
    assert answer.status == Answer.Status.FAILED
    assert answer.error_message.startswith(f"{TODAY}, 5.00 €, is used up")
    assert "Your message is kept" in answer.error_message


def test_a_soft_limit_quotes_what_is_easy_and_tells_the_asker(house):
    make_budget(user=house.alice, soft_limit=1)
    spend("1.50", house)
    answer = ask(house.alice, QUESTION)
    assert answer.deployment.slug == "quotes"
    (route,) = (f.data for f in frames_of(str(answer.pk)) if f.type == "answer.route")
    assert route["notice"] == (
        "Your budget for today is nearly used up (1.50 € of 1.00 €), "
        "so cheaper models are preferred."
    )
    hard = ask(house.alice, "Compare the limits for gifts and for meals.", client_id="c2")
    assert hard.deployment.slug == "dear"


@pytest.mark.parametrize(
    ("scope", "counts"),
    [
        ({}, "3.000000"),
        ({"department": "compliance"}, "2.000000"),
        ({"user": "alice"}, "1.000000"),
        ({"period": "month"}, "3.000000"),
    ],
)
def test_a_budget_counts_what_is_its_own(house, scope, counts):
    fields = dict(scope)
    if "department" in fields:
        fields["department"] = department(fields["department"])
    if "user" in fields:
        fields["user"] = getattr(house, fields["user"])
    budget = make_budget(hard_limit=9, **fields)
    start = budgets.start_of(budget.period)
    spend("1", house)
    spend("1", house, user="carol")
    spend("1", house, user="carol", group="clinical", at=start)
    spend("7", house, at=start - timedelta(microseconds=1))
    assert budgets.get_spent(budget) == Decimal(counts)


def test_a_budget_holds_for_its_own_people_only(house):
    make_budget(department=department("clinical"), hard_limit=1)
    make_budget(user=house.carol, hard_limit=1)
    make_budget(hard_limit=1, enabled=False)
    assert budgets.list_states(payer_of(house)) == []
    make_budget(hard_limit=2, period="month")
    (found,) = budgets.list_states(payer_of(house))
    assert found.label == "The organisation's budget for this month"


def test_sums_are_remembered_for_a_moment(house, django_assert_num_queries):
    make_budget(hard_limit=2)
    payer = payer_of(house)
    budgets.list_states(payer)
    with django_assert_num_queries(0):
        budgets.list_states(payer)


def test_many_at_once_keep_to_the_limit_together(house):
    make_budget(hard_limit=1)
    payer = payer_of(house)
    budgets.list_states(payer)  # remembered: the threads have no transaction of this test
    cost = Decimal("0.07")
    with ThreadPoolExecutor(8) as pool:
        refused = list(
            pool.map(lambda n: budgets.reserve(payer, str(uuid.uuid4()), cost), range(40))
        )
    assert refused.count(None) == 14  # 0.98 of 1.00
    told = next(each for each in refused if each)
    assert told.startswith("The organisation's budget for today, 1.00 €, has 0.02 € left")


def test_who_comes_last_goes_to_the_premises(house, monkeypatch):
    """Between the plan and the reservation another worker has taken what was left."""
    make_budget(hard_limit=1)
    states = budgets.list_states(payer_of(house))
    budgets.reserve(payer_of(house), "another", Decimal("0.95"))
    monkeypatch.setattr(budgets, "list_states", lambda payer, but="": states)
    answer = ask(house.alice, QUESTION)
    assert answer.deployment.slug == "quotes"
    assert "has 0.05 € left" in answer.receipt["rule"]


def test_what_is_set_aside_is_given_back_at_the_end(house, django_capture_on_commit_callbacks):
    make_budget(hard_limit=5)
    with django_capture_on_commit_callbacks(execute=True):
        answer = ask(house.alice, QUESTION)
    (found,) = budgets.list_states(payer_of(house))
    # for a moment what it came to, until every process has read the sums anew
    assert found.reserved == answer.cost == Decimal("0.012")


def test_the_sums_use_an_index(house):
    Charge.objects.bulk_create(
        Charge(
            answer=uuid.uuid4(),
            at=timezone.now(),
            user=house.carol if number % 50 else house.alice,
            cost=1,
        )
        for number in range(2_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("analyze assistants_charge")
        cursor.execute("set local enable_seqscan = off")
        cursor.execute(
            "explain select sum(cost) from assistants_charge where user_id = %s and at >= %s",
            [house.alice.pk, timezone.now() - timedelta(days=1)],
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "charge_user" in plan


# -- what the table refuses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"soft_limit": 3, "hard_limit": 2},
        {"department": "compliance", "user": "alice", "hard_limit": 1},
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(cast, fields):
    fields = dict(fields)
    if "department" in fields:
        fields |= {"department": department("compliance"), "user": cast.alice}
    with pytest.raises(IntegrityError), transaction.atomic():
        Budget.objects.create(**fields)


def test_there_is_one_budget_a_scope_and_period(cast):
    Budget.objects.create(hard_limit=1)
    Budget.objects.create(hard_limit=1, period="month")
    with pytest.raises(IntegrityError), transaction.atomic():
        Budget.objects.create(hard_limit=2)
