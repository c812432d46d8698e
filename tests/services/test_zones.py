"""Changing zones and moving documents: what holds at once, what waits, and what is recorded."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from assistants import control, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import (
    Answer,
    AuditEvent,
    Chunk,
    Document,
    DocumentVersion,
    Embedding,
    Lexeme,
    Organisation,
    Zone,
    ZoneChange,
)
from assistants.services import chat, document_pages, moves, zone_changes, zones
from assistants.services.zones import ZoneState, change_zone, decide_zone_change
from assistants.types import Sensitivity
from tests import factories

REASON = "asked for by the data protection officer"


@pytest.fixture
def second(cast):
    return factories.make_user("eve", "admins", is_staff=True, is_superuser=True)


@pytest.fixture
def queued():
    return []


# -- what holds at once ---------------------------------------------------------------------------

states = st.builds(
    ZoneState,
    name=st.just("A zone"),
    description=st.just(""),
    sensitivity=st.integers(0, 3),
    residency=st.lists(
        st.sampled_from(["on_prem", "cloud", "cloud:eu", "cloud:us"]), unique=True
    ).map(lambda places: tuple(sorted(places))),
    treatment=st.sampled_from(["allow", "redact", "deny"]),
    retention_days=st.none() | st.integers(1, 3650),
    readers=st.lists(st.sampled_from(["code", "clinical", "reviewers"]), unique=True).map(
        lambda names: tuple(sorted(names))
    ),
    on_detection=st.just("hold"),
    raise_to=st.just(""),
)


@given(states, states, st.integers(0, 3))
def test_nothing_gets_looser_before_the_second_person(before, after, second_person_from):
    plan = decide_zone_change(before, after, second_person_from)
    level = max(before.sensitivity, after.sensitivity)
    assert plan.takes_two == (bool(plan.looser) and level >= second_person_from)
    if plan.takes_two:
        gained = set(plan.at_once.readers) - set(before.readers)
        assert data.loosens(before.rules, plan.at_once.rules, gained) == []
        # what got stricter holds at once
        assert data.loosens(after.rules, plan.at_once.rules) == []
        assert set(plan.at_once.readers) <= set(after.readers)
    else:
        assert plan.at_once == after


def test_stricter_holds_at_once_and_needs_no_reason(cast):
    outcome = change_zone(
        cast.adam, "compliance", {"sensitivity": 3, "treatment": "deny", "readers": []}
    )
    zone = Zone.objects.get(slug="compliance")
    assert (zone.sensitivity, zone.treatment, zone.readers.count()) == (3, "deny", 0)
    assert outcome.waiting is None
    assert [d.field for d in outcome.changed] == ["Sensitivity", "Leaves the premises", "Readers"]
    event = AuditEvent.objects.get(action="zone.changed")
    assert (event.actor, event.subject) == ("adam", "compliance")
    assert event.data["before"]["readers"] == ["compliance"]
    assert event.data["after"] == {"sensitivity": 3, "treatment": "deny", "readers": []}
    assert control.verify_chain() is None


def test_looser_needs_a_reason(cast):
    with pytest.raises(InvalidRequest) as refused:
        change_zone(cast.adam, "compliance", {"sensitivity": 1}, "  ")
    assert refused.value.code == "reason_needed"
    assert "falls from confidential to internal" in refused.value.user_message
    assert Zone.objects.get(slug="compliance").sensitivity == 2


def test_looser_with_a_reason_holds_below_the_limit(cast):
    outcome = change_zone(cast.adam, "compliance", {"sensitivity": 1}, REASON)
    assert outcome.waiting is None
    assert Zone.objects.get(slug="compliance").sensitivity == 1
    assert ZoneChange.objects.get().status == "applied"
    assert AuditEvent.objects.get(action="zone.changed").data["reason"] == REASON


def test_from_the_limit_on_what_is_looser_waits_and_the_rest_holds(cast, second):
    readers = ["clinical", "code"]
    outcome = change_zone(
        cast.adam,
        "clinical",
        {"name": "The clinic", "treatment": "redact", "readers": readers, "retention_days": 30},
        REASON,
    )
    zone = Zone.objects.get(slug="clinical")
    assert (zone.name, zone.treatment, zone.retention_days) == ("The clinic", "deny", 30)
    assert list(zone.readers.values_list("name", flat=True)) == ["clinical"]
    assert outcome.waiting.before == {"treatment": "deny", "readers": ["clinical"]}
    assert outcome.waiting.after == {"treatment": "redact", "readers": readers}

    change = zone_changes.decide_change(
        second, outcome.waiting.pk, approve=True, reason="", requeue=print
    )
    zone.refresh_from_db()
    assert (change.status, zone.treatment) == ("applied", "redact")
    assert set(zone.readers.values_list("name", flat=True)) == set(readers)
    event = AuditEvent.objects.get(action="zone.change_approved")
    assert (event.actor, event.data["requested_by"]) == ("eve", "adam")
    assert control.verify_chain() is None


def test_the_limit_is_the_higher_of_old_and_new_and_the_organisations_to_set(cast):
    Organisation.objects.update_or_create(pk=1, defaults={"second_person_from": 1})
    waiting = change_zone(cast.adam, "general", {"sensitivity": 0}, REASON).waiting
    assert waiting is not None
    # up in sensitivity, and wider: the new one counts
    Organisation.objects.update(second_person_from=3)
    raised = change_zone(
        cast.adam, "code", {"sensitivity": 3, "readers": ["code", "clinical"]}, REASON
    )
    assert raised.waiting is not None
    assert Zone.objects.get(slug="code").sensitivity == 3


def waiting_change(user):
    return change_zone(user, "clinical", {"sensitivity": 2}, REASON).waiting


def test_nobody_is_their_own_second_person(cast):
    change = waiting_change(cast.adam)
    with pytest.raises(InvalidRequest) as refused:
        zone_changes.decide_change(cast.adam, change.pk, approve=True, reason=REASON, requeue=print)
    assert refused.value.code == "second_person"
    assert Zone.objects.get(slug="clinical").sensitivity == 3
    # and the database says so, whatever the code does
    with pytest.raises(IntegrityError, match="second_person_is_another"), transaction.atomic():
        ZoneChange.objects.filter(pk=change.pk).update(status="applied", decided_by=cast.adam)


def test_the_second_person_needs_the_right_to_decide(cast):
    change = waiting_change(cast.adam)
    rita = factories.make_user("rita", "reviewers", is_staff=True)

    def decide_with(*permissions):
        rita.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        return zone_changes.decide_change(
            User.objects.get(pk=rita.pk), change.pk, approve=True, reason="", requeue=print
        )

    with pytest.raises(InvalidRequest) as refused:
        decide_with("change_zonechange")
    assert refused.value.code == "not_permitted"
    assert decide_with("change_zonechange", "change_zone").status == "applied"


def test_a_first_person_who_lost_the_right_asks_for_nothing(cast, second):
    change = waiting_change(cast.adam)
    cast.adam.is_active = False
    cast.adam.save()
    with pytest.raises(InvalidRequest) as refused:
        zone_changes.decide_change(second, change.pk, approve=True, reason="", requeue=print)
    assert refused.value.code == "first_person_gone"


def test_a_refusal_needs_a_reason_and_changes_nothing(cast, second):
    change = waiting_change(cast.adam)
    with pytest.raises(InvalidRequest):
        zone_changes.decide_change(second, change.pk, approve=False, reason="", requeue=print)
    decided = zone_changes.decide_change(
        second, change.pk, approve=False, reason="It is still needed.", requeue=print
    )
    assert (decided.status, decided.decision_reason) == ("refused", "It is still needed.")
    assert Zone.objects.get(slug="clinical").sensitivity == 3
    with pytest.raises(InvalidRequest) as again:
        zone_changes.decide_change(second, change.pk, approve=True, reason="", requeue=print)
    assert again.value.code == "decided"


def test_what_was_asked_of_another_zone_than_there_is_now_is_not_applied(cast, second):
    change = waiting_change(cast.adam)
    Zone.objects.filter(slug="clinical").update(sensitivity=1)
    with pytest.raises(InvalidRequest) as refused:
        zone_changes.decide_change(second, change.pk, approve=True, reason="", requeue=print)
    assert refused.value.code == "out_of_date"


def test_only_whoever_asked_withdraws(cast, second):
    change = waiting_change(cast.adam)
    with pytest.raises(InvalidRequest):
        zone_changes.withdraw_change(second, change.pk)
    assert zone_changes.withdraw_change(cast.adam, change.pk).status == "withdrawn"
    assert waiting_change(cast.adam) is not None


def test_one_change_of_a_zone_waits_at_a_time(cast):
    waiting_change(cast.adam)
    with pytest.raises(InvalidRequest) as refused:
        waiting_change(cast.adam)
    assert refused.value.code == "change_waits"


def test_employees_and_reviewers_change_nothing(cast, queued):
    rita = factories.make_user("rita", "reviewers", is_staff=True)
    chunk = factories.make_document(cast.zones.compliance, "The limit is EUR 100.")
    for user in (cast.alice, rita):
        with pytest.raises(InvalidRequest) as refused:
            change_zone(user, "compliance", {"sensitivity": 3})
        assert refused.value.code == "not_permitted"
        with pytest.raises(InvalidRequest):
            moves.move_document(user, document_of(chunk), "clinical", REASON, queued.append)
    assert not ZoneChange.objects.exists()


def test_documents_are_raised_to_a_stricter_zone_only(cast):
    with pytest.raises(InvalidRequest, match="not stricter"):
        change_zone(cast.adam, "clinical", {"on_detection": "raise", "raise_to": "general"})
    with pytest.raises(InvalidRequest, match="no zone"):
        change_zone(cast.adam, "general", {"on_detection": "raise"})
    change_zone(cast.adam, "general", {"on_detection": "raise", "raise_to": "clinical"})
    assert Zone.objects.get(slug="general").raise_to == cast.zones.clinical


def test_a_zone_is_made_with_its_readers(cast):
    state = replace(
        zones.get_state(cast.zones.clinical), name="Research", readers=("clinical", "code")
    )
    zone = zones.create_zone(cast.adam, "research", state)
    assert set(zone.readers.values_list("name", flat=True)) == {"clinical", "code"}
    assert AuditEvent.objects.get(action="zone.created").data["after"]["name"] == "Research"
    with pytest.raises(InvalidRequest, match=r"[Ss]lug"):
        zones.create_zone(cast.adam, "research", state)


# -- moving a document ----------------------------------------------------------------------------


def document_of(chunk):
    with data.rights_of_system():
        return DocumentVersion.objects.get(pk=chunk.version_id).document_id


def test_all_of_a_document_moves(cast, queued):
    chunk = factories.make_document(cast.zones.general, "Salaries of the clinic.")
    document = document_of(chunk)
    outcome = moves.move_document(cast.adam, document, "clinical", REASON, queued.append)
    assert (outcome.waiting, outcome.looser, queued) == (None, [], [])
    clinical = cast.zones.clinical.pk
    with data.rights_of_system():
        assert Document.objects.get(pk=document).zone_id == clinical
        assert DocumentVersion.objects.get(document=document).zone_id == clinical
        assert Chunk.objects.get(pk=chunk.pk).zone_id == clinical
        assert Embedding.objects.get(chunk=chunk).zone_id == clinical
        assert list(Lexeme.objects.filter(lexeme="salari").values_list("zone", "chunks")) == [
            (clinical, 1)
        ]
    with pytest.raises(NotFound):
        document_pages.get_document(cast.alice, document)
    assert document_pages.get_document(cast.carol, document).title == "A document"
    event = AuditEvent.objects.get(action="document.moved")
    assert event.data["before"] == {"zone": "general"}
    assert (event.data["after"], event.data["reason"]) == ({"zone": "clinical"}, REASON)


def test_answers_made_from_a_document_grow_with_it(cast, queued):
    """The text of the document stands in them: they must not go where it may not go any more."""
    document = document_of(factories.make_document(cast.zones.general, "Salaries"))
    answers = []
    for source in (document, uuid.uuid4()):
        accepted = chat.open_turn(
            cast.alice,
            client_id=str(source),
            assistant="compliance",
            text="What do we earn?",
            enqueue=lambda _: None,
        )
        with data.rights_of_system():
            answer = Answer.objects.get(pk=accepted.answer)
            answer.zones = answer.made_from = ["general"]
            answer.receipt = {"passages": [{"document": str(source), "start": 0, "end": 8}]}
            answer.save()
        answers.append(answer.pk)
    moves.move_document(cast.adam, document, "clinical", REASON, queued.append)
    with data.rights_of_system():
        made, other = (
            Answer.objects.select_related("message__conversation").get(pk=pk) for pk in answers
        )
    both = ["clinical", "general"]
    assert (made.zones, made.made_from, made.message.conversation.zones) == (both, both, both)
    alone = ["general"]
    assert (other.zones, other.made_from, other.message.conversation.zones) == (alone,) * 3
    # alice, who may not read the clinic's documents, may not read what was made of one
    with data.rights_of_user(cast.alice):
        assert list(Answer.objects.values_list("pk", flat=True)) == [answers[1]]


def test_a_move_needs_a_reason(cast, queued):
    chunk = factories.make_document(cast.zones.general, "Salaries")
    with pytest.raises(InvalidRequest) as refused:
        moves.move_document(cast.adam, document_of(chunk), "clinical", "", queued.append)
    assert refused.value.code == "reason_needed"


def test_a_move_to_a_looser_zone_waits_from_the_limit_on(cast, second, queued):
    chunk = factories.make_document(cast.zones.clinical, "The menu of the canteen.")
    document = document_of(chunk)
    outcome = moves.move_document(cast.adam, document, "general", REASON, queued.append)
    assert "falls from restricted to internal" in outcome.looser[0]
    with pytest.raises(NotFound):
        document_pages.get_document(cast.alice, document)
    with pytest.raises(InvalidRequest):  # one at a time
        moves.move_document(cast.adam, document, "code", REASON, queued.append)
    zone_changes.decide_change(
        second, outcome.waiting.pk, approve=True, reason="", requeue=queued.append
    )
    assert document_pages.get_document(cast.alice, document).title == "A document"


def test_more_readers_make_a_zone_looser(cast, queued):
    """Compliance to clinical: stricter in all but who reads."""
    chunk = factories.make_document(cast.zones.compliance, "A client's illness.")
    Organisation.objects.update_or_create(pk=1, defaults={"second_person_from": 2})
    outcome = moves.move_document(cast.adam, document_of(chunk), "clinical", REASON, queued.append)
    assert outcome.looser == ["More people may read: clinical."]
    assert outcome.waiting is not None


def test_two_documents_of_one_origin_do_not_meet(cast, queued):
    document = document_of(factories.make_document(cast.zones.general, "One"))
    other = document_of(factories.make_document(cast.zones.clinical, "Another"))
    with data.rights_of_system():
        Document.objects.filter(pk__in=[document, other]).update(origin="same.md")
    with pytest.raises(InvalidRequest) as refused:
        moves.move_document(cast.adam, document, "clinical", REASON, queued.append)
    assert refused.value.code == "origin_taken"
    assert not ZoneChange.objects.exists()


def test_unknown_documents_and_zones(cast, queued):
    document = document_of(factories.make_document(cast.zones.general, "One"))
    with pytest.raises(NotFound):
        moves.move_document(cast.adam, uuid.uuid4(), "clinical", REASON, queued.append)
    with pytest.raises(NotFound):
        moves.move_document(cast.adam, document, "nowhere", REASON, queued.append)


# -- held documents -------------------------------------------------------------------------------


def make_held(zone, sensitivity=Sensitivity.RESTRICTED):
    chunk = factories.make_document(zone, "A patient's number.", title="Notes")
    with data.rights_of_system():
        Chunk.objects.filter(pk=chunk.pk).delete()
        DocumentVersion.objects.filter(pk=chunk.version_id).update(
            status="held",
            current=False,
            valid_from=None,
            detected={"patient number": 3},
            detected_sensitivity=sensitivity,
            content=b"A patient's number.",
        )
    return chunk.version_id


def version(pk):
    with data.rights_of_system():
        return DocumentVersion.objects.get(pk=pk)


def test_held_versions_are_listed_without_their_text(cast):
    pk = make_held(cast.zones.compliance)
    (held,) = data.list_held_versions()
    assert (held.id, held.detected, held.detected_sensitivity) == (pk, {"patient number": 3}, 3)
    assert "patient's" not in repr(held)


def test_keeping_what_is_too_sensitive_takes_two(
    cast, second, queued, django_capture_on_commit_callbacks
):
    pk = make_held(cast.zones.compliance)
    outcome = moves.keep_version(cast.adam, pk, REASON, queued.append)
    assert version(pk).status == "held"
    assert "It holds what is restricted" in outcome.looser[0]
    with django_capture_on_commit_callbacks(execute=True):
        zone_changes.decide_change(
            second, outcome.waiting.pk, approve=True, reason="", requeue=queued.append
        )
    kept = version(pk)
    assert (kept.status, kept.confirmed_by, queued) == ("received", second, [str(pk)])


def test_keeping_below_the_limit_takes_one(cast, queued, django_capture_on_commit_callbacks):
    pk = make_held(cast.zones.general, Sensitivity.CONFIDENTIAL)
    with django_capture_on_commit_callbacks(execute=True):
        moves.keep_version(cast.adam, pk, REASON, queued.append)
    assert (version(pk).confirmed_by, queued) == (cast.adam, [str(pk)])
    assert AuditEvent.objects.get(action="document.kept").data["detected"] == {"patient number": 3}


def test_a_held_version_is_read_again_in_its_new_zone(
    cast, queued, django_capture_on_commit_callbacks
):
    pk = make_held(cast.zones.general)
    with django_capture_on_commit_callbacks(execute=True):
        moves.move_document(cast.adam, version(pk).document_id, "clinical", REASON, queued.append)
    moved = version(pk)
    assert (moved.status, moved.zone, moved.confirmed_by) == ("received", cast.zones.clinical, None)
    assert queued == [str(pk)]


def test_a_rejected_version_keeps_nothing_of_its_content(cast, queued):
    pk = make_held(cast.zones.compliance)
    waiting = moves.keep_version(cast.adam, pk, REASON, queued.append).waiting
    moves.reject_version(cast.adam, pk, "Send it without the numbers.")
    rejected = version(pk)
    assert (rejected.status, bytes(rejected.content), rejected.text) == ("rejected", b"", "")
    assert rejected.error == "Turned down by adam: Send it without the numbers."
    waiting.refresh_from_db()
    assert waiting.status == "withdrawn"
    with pytest.raises(NotFound):
        moves.keep_version(cast.adam, pk, REASON, queued.append)


def test_a_group_that_is_gone_stops_the_change(cast, second):
    change = change_zone(cast.adam, "clinical", {"readers": ["clinical", "code"]}, REASON).waiting
    Group.objects.filter(name="code").update(name="software")
    with pytest.raises(InvalidRequest, match="code"):
        zone_changes.decide_change(second, change.pk, approve=True, reason="", requeue=print)
