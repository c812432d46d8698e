"""Which version holds, who says so, and what a version in shadow would have decided."""

from __future__ import annotations

import copy
import threading
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import DatabaseError, connection, transaction

from assistants import control
from assistants.exceptions import AssistantsError, InvalidRequest
from assistants.models import AuditEvent, Policy, PolicyVersion, ShadowDifference
from assistants.services import policies, policy_drafts, policy_shadows, policy_stages, registry
from assistants.types import Outcome
from tests.control.policies import facts, finding, rule

SECRET = {"findings": ["secret"]}
REASON = "as agreed with compliance"


def case(outcome: str = "block", kind: str = "secret", **more: Any) -> dict[str, Any]:
    return {
        "name": f"{kind} is {outcome}",
        "facts": {"stage": "input"},
        "findings": [{"kind": kind}],
        "expect": {"outcome": outcome},
        **more,
    }


@pytest.fixture
def department(cast) -> Policy:
    return policy_drafts.create_policy(cast.adam, "department", "compliance")


@pytest.fixture
def assistant(cast):
    return next(each for each in registry.get_assistants().values() if each.slug == "compliance")


def draft(user, policy, *rules, cases=None) -> PolicyVersion:
    cases = [case()] if cases is None else cases
    return policy_drafts.create_draft(user, policy, {"rules": list(rules)}, cases)


def block_secrets(user, policy) -> PolicyVersion:
    return draft(user, policy, rule("No keys", SECRET, outcome="block"))


def activate(user, version, instead_of=None):
    return policy_stages.activate(
        user, version.pk, REASON, instead_of=instead_of.pk if instead_of else None
    )


class TestWhatHolds:
    def test_without_any_policy_it_is_the_one_that_ships(self, assistant):
        (policy,) = policies.get_chain(assistant)
        assert policy.level is control.policy.Level.ORGANISATION
        decision = policies.decide(assistant, facts(finding("jailbreak")))
        assert decision.outcome is Outcome.BLOCK

    def test_organisation_department_and_assistant_in_this_order(self, cast, assistant):
        policy_stages.sync_shipped()
        own = policy_drafts.create_policy(cast.adam, "assistant", "compliance")
        activate(cast.adam, block_secrets(cast.adam, own))
        names = [policy.label for policy in policies.get_chain(assistant)]
        assert names == ["Organisation v1", "compliance v1", "Compliance v1"]

    def test_what_is_activated_holds_at_once_and_is_recorded(self, cast, department, assistant):
        version = block_secrets(cast.adam, department)
        asked = facts(finding())
        assert policies.decide(assistant, asked).outcome is Outcome.ALLOW
        activate(cast.adam, version)
        assert policies.decide(assistant, asked).outcome is Outcome.BLOCK
        event = AuditEvent.objects.filter(action="policy.activated").last()
        assert event is not None
        assert (event.actor, event.subject) == ("adam", "department compliance")
        assert (event.data["version"], event.data["reason"]) == (1, REASON)

    def test_it_costs_no_query(self, cast, department, assistant, django_assert_num_queries):
        activate(cast.adam, block_secrets(cast.adam, department))
        policies.get_chain(assistant)
        with django_assert_num_queries(0):
            policies.decide(assistant, facts(finding()))

    def test_one_that_cannot_be_read_stops_everything(self, cast, department, assistant):
        version = PolicyVersion(policy=department, number=9, rules={"rules": 7}, stage="active")
        version.save()
        registry.forget()
        with pytest.raises(AssistantsError) as caught:
            policies.decide(assistant, facts())
        assert caught.value.code == "policy_unreadable"

    def test_the_shipped_ones_come_once(self, cast):
        policy_stages.sync_shipped()
        policy_stages.sync_shipped()
        assert PolicyVersion.objects.filter(stage="active").count() == 4
        assert AuditEvent.objects.filter(action="policy.activated").count() == 4


class TestDrafts:
    def test_two_who_edit_one_draft_do_not_overwrite_each_other(self, cast, department):
        version = block_secrets(cast.adam, department)
        policy_drafts.save_draft(cast.adam, version.pk, edits=0, cases=[])
        with pytest.raises(InvalidRequest) as caught:
            policy_drafts.save_draft(cast.adam, version.pk, edits=0, cases=[case()])
        assert caught.value.code == "edited_meanwhile"
        assert PolicyVersion.objects.get().cases == []

    def test_what_has_left_its_draft_stays(self, cast, department):
        version = block_secrets(cast.adam, department)
        activate(cast.adam, version)
        with pytest.raises(InvalidRequest, match="is active"):
            policy_drafts.save_draft(cast.adam, version.pk, edits=0, rules={"rules": []})
        with pytest.raises(InvalidRequest, match="is active"):
            policy_drafts.delete_draft(cast.adam, version.pk)
        for statement in (
            "update assistants_policyversion set rules = '{}'",
            "update assistants_policyversion set cases = '[]'",
            "update assistants_policyversion set stage = 'draft'",
            "delete from assistants_policyversion",
        ):
            with (
                pytest.raises(DatabaseError, match="left its draft"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)

    def test_a_new_draft_is_of_what_is_active(self, cast, department):
        activate(cast.adam, block_secrets(cast.adam, department))
        new = policy_drafts.create_draft(cast.adam, department)
        assert (new.number, new.rules["rules"][0]["name"]) == (2, "No keys")
        policy_drafts.delete_draft(cast.adam, new.pk)

    @pytest.mark.parametrize(
        ("level", "target"),
        [("department", "nobody"), ("assistant", "nobody"), ("planet", ""), ("department", "")],
    )
    def test_a_policy_of_nobody(self, cast, level, target):
        with pytest.raises(InvalidRequest):
            policy_drafts.create_policy(cast.adam, level, target)

    def test_there_is_one_each(self, cast, department):
        with pytest.raises(InvalidRequest, match="exists"):
            policy_drafts.create_policy(cast.adam, "department", "compliance")


class TestActivation:
    def test_every_case_has_to_pass(self, cast, department):
        version = draft(
            cast.adam,
            department,
            rule("No keys", SECRET, outcome="block"),
            cases=[case(), case("review", "brand")],
        )
        with pytest.raises(InvalidRequest) as caught:
            activate(cast.adam, version)
        assert caught.value.code == "cases_fail"
        assert (
            "Case “brand is review”: the outcome is allow, not review" in caught.value.user_message
        )
        version.refresh_from_db()
        assert version.stage == "draft"

    def test_without_a_case_it_does_not_hold(self, cast, department):
        with pytest.raises(InvalidRequest) as caught:
            activate(cast.adam, draft(cast.adam, department, rule("A", SECRET), cases=[]))
        assert caught.value.code == "cases_fail"

    def test_cases_run_below_the_levels_above(self, cast, department):
        policy_stages.sync_shipped()
        clinical = policy_drafts.find_policy("department", "clinical")
        version = draft(
            cast.adam,
            clinical,
            rule("Lax", {"findings": ["jailbreak"]}, outcome="allow"),
            cases=[case("block", "jailbreak")],
        )
        activate(cast.adam, version, policy_drafts.get_active(clinical))

    def test_it_takes_a_reason_and_the_right(self, cast, department):
        version = block_secrets(cast.adam, department)
        with pytest.raises(InvalidRequest) as caught:
            policy_stages.activate(cast.adam, version.pk, " ", instead_of=None)
        assert caught.value.code == "reason_needed"
        cast.alice.user_permissions.add(Permission.objects.get(codename="change_policyversion"))
        with pytest.raises(InvalidRequest) as caught:
            activate(type(cast.alice).objects.get(pk=cast.alice.pk), version)
        assert caught.value.code == "not_permitted"

    @pytest.mark.parametrize(
        "when",
        [{"groups": ["nobodys"]}, {"zones": ["moon"]}, {"deployments": ["gone"]}],
    )
    def test_what_is_not_here_is_told(self, cast, department, when):
        version = draft(cast.adam, department, rule("Rule", {**SECRET, **when}, outcome="block"))
        with pytest.raises(InvalidRequest) as caught:
            activate(cast.adam, version)
        assert caught.value.code == "unknown_names"
        assert next(iter(when.values()))[0] in caught.value.user_message

    def test_a_contradiction_is_told_before(self, cast, department):
        version = draft(
            cast.adam,
            department,
            rule("One", SECRET, outcome="block"),
            rule("Two", SECRET, outcome="redact"),
        )
        with pytest.raises(control.PolicyInvalid):
            activate(cast.adam, version)

    def test_one_is_active_and_the_one_before_comes_back(self, cast, department, assistant):
        one, two = block_secrets(cast.adam, department), block_secrets(cast.adam, department)
        three = draft(cast.adam, department, rule("Lax", SECRET), cases=[case("allow")])
        activate(cast.adam, one)
        activate(cast.adam, two, one)
        activate(cast.adam, three, two)
        stages = PolicyVersion.objects.order_by("number").values_list("stage", flat=True)
        assert list(stages) == ["retired", "retired", "active"]
        for active, back in ((three, two), (two, one)):
            found = policy_stages.roll_back(
                cast.adam, department, "it lets keys through", instead_of=active.pk
            )
            assert found.pk == back.pk
        assert policies.get_chain(assistant)[-1].version == 1
        with pytest.raises(InvalidRequest) as caught:
            policy_stages.roll_back(cast.adam, department, REASON, instead_of=one.pk)
        assert caught.value.code == "nothing_before"

    def test_who_looked_at_another_active_one_looks_again(self, cast, department):
        one, two, three = (block_secrets(cast.adam, department) for _ in range(3))
        activate(cast.adam, one)
        activate(cast.adam, two, one)
        with pytest.raises(InvalidRequest) as caught:
            activate(cast.adam, three, one)
        assert caught.value.code == "activated_meanwhile"
        with pytest.raises(InvalidRequest) as caught:
            policy_stages.roll_back(cast.adam, department, REASON, instead_of=one.pk)
        assert caught.value.code == "activated_meanwhile"

    def test_a_departments_may_end_and_the_organisations_not(self, cast, department, assistant):
        policy_stages.sync_shipped()
        active = policy_drafts.get_active(department)
        assert active is None  # it was made before: nothing ships into it
        version = block_secrets(cast.adam, department)
        activate(cast.adam, version)
        policy_stages.retire(cast.adam, version.pk, "no longer needed")
        assert len(policies.get_chain(assistant)) == 1
        organisation = policy_drafts.find_policy("organisation")
        with pytest.raises(InvalidRequest) as caught:
            policy_stages.retire(
                cast.adam, policy_drafts.get_active(organisation).pk, "no longer needed"
            )
        assert caught.value.code == "needs_a_policy"


@pytest.mark.django_db(transaction=True)
def test_of_two_activations_at_once_one_wins_and_the_other_is_told(cast):
    policy = policy_drafts.create_policy(cast.adam, "department", "compliance")
    versions = [block_secrets(cast.adam, policy) for _ in range(4)]
    together = threading.Barrier(len(versions))
    outcomes: list[str] = []

    def run(version: PolicyVersion) -> None:
        together.wait()
        try:
            activate(cast.adam, version)
            outcomes.append("holds")
        except InvalidRequest as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["activated_meanwhile"] * 3 + ["holds"]
    assert PolicyVersion.objects.filter(stage="active").count() == 1
    assert AuditEvent.objects.filter(action="policy.activated").count() == 1
    assert control.verify_chain() is None


@pytest.mark.django_db
@pytest.mark.parametrize("stage", ["active", "shadow"])
def test_the_database_allows_one_of_a_stage(cast, stage):
    policy = policy_drafts.create_policy(cast.adam, "department", "compliance")
    PolicyVersion.objects.create(policy=policy, number=1, stage=stage)
    with pytest.raises(DatabaseError, match=f"one_{stage}_version"), transaction.atomic():
        PolicyVersion.objects.create(policy=policy, number=2, stage=stage)


class TestShadow:
    @pytest.fixture
    def shadowed(self, cast, department, monkeypatch) -> PolicyVersion:
        """A version that blocks secrets, in shadow beside one that does not; no thread writes."""
        monkeypatch.setattr(policy_shadows, "_wake_writer", lambda: None)
        policy_shadows._waiting.clear()
        activate(
            cast.adam, draft(cast.adam, department, rule("Lax", SECRET), cases=[case("allow")])
        )
        version = block_secrets(cast.adam, department)
        return policy_stages.put_in_shadow(cast.adam, version.pk, "to see what it would stop")

    def test_it_decides_beside_and_changes_nothing(self, shadowed, assistant):
        subject = uuid.uuid4()
        decision = policies.decide(assistant, facts(finding()), subject=subject)
        policies.decide(assistant, facts())
        assert decision.outcome is Outcome.ALLOW
        assert policy_shadows.flush() == 2
        shadowed.refresh_from_db()
        assert (shadowed.compared, shadowed.differing) == (2, 1)
        (found,) = ShadowDifference.objects.all()
        assert (found.subject, found.stage, found.assistant) == (subject, "input", "compliance")
        assert (found.outcome, found.rule) == ("allow", "Lax")
        assert (found.shadow_outcome, found.shadow_rule) == ("block", "No keys")

    def test_other_departments_are_not_compared(self, shadowed, cast):
        other = next(each for each in registry.get_assistants().values() if each.slug == "code")
        policies.decide(other, facts(finding()))
        assert policy_shadows.flush() == 0

    def test_the_newest_differences_are_kept(self, shadowed, assistant, monkeypatch):
        monkeypatch.setattr(policy_shadows, "MOST_LISTED", 3)
        subjects = [uuid.uuid4() for _ in range(5)]
        for subject in subjects:
            policies.decide(assistant, facts(finding()), subject=subject)
        policy_shadows.flush()
        kept = ShadowDifference.objects.values_list("subject", flat=True)
        assert set(kept) == set(subjects[2:])
        shadowed.refresh_from_db()
        assert shadowed.differing == 5

    def test_a_fault_in_shadow_does_no_harm(self, shadowed, assistant, monkeypatch):
        monkeypatch.setattr(policy_shadows, "note", None)
        assert policies.decide(assistant, facts(finding())).outcome is Outcome.ALLOW

    def test_it_ends_by_a_person(self, shadowed, cast, assistant):
        policy_stages.retire(cast.adam, shadowed.pk, "seen enough")
        policies.decide(assistant, facts(finding()))
        assert policy_shadows.flush() == 0

    def test_it_becomes_active_if_its_cases_pass(self, shadowed, cast, assistant):
        activate(cast.adam, shadowed, policy_drafts.get_active(shadowed.policy))
        assert policies.decide(assistant, facts(finding())).outcome is Outcome.BLOCK


@pytest.mark.django_db(transaction=True)
def test_a_thread_of_the_process_writes_what_was_compared(cast, monkeypatch):
    monkeypatch.setattr(policy_shadows, "FLUSH_SECONDS", 0.0)
    written = threading.Event()
    flush = policy_shadows.flush

    def flush_and_tell() -> int:
        number = flush()
        written.set()
        return number

    monkeypatch.setattr(policy_shadows, "flush", flush_and_tell)
    policy = policy_drafts.create_policy(cast.adam, "department", "compliance")
    version = block_secrets(cast.adam, policy)
    policy_stages.put_in_shadow(cast.adam, version.pk, "to see what it would stop")
    assistant = next(
        each for each in registry.get_assistants().values() if each.slug == "compliance"
    )
    policies.decide(assistant, facts(finding()))
    assert written.wait(20)
    version.refresh_from_db()
    assert version.differing == 1


def test_what_ships_is_not_changed_by_use(cast):
    before = copy.deepcopy(control.policy.list_shipped())
    policy_stages.sync_shipped()
    assert control.policy.list_shipped() == before
