from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from assistants import data
from assistants.exceptions import InvalidRequest, NotFound, ProviderError
from assistants.models import AuditEvent, Note, NoteVersion
from assistants.services import note_drafting, notes, registry, transcripts
from assistants.services.notes import Change
from assistants.types import Capability
from tests import factories
from tests.fakes import Models
from tests.visits import SECONDS, make_templates, make_visit

State = Note.State


@pytest.fixture
def visit(cast: SimpleNamespace) -> SimpleNamespace:
    make_templates()
    cast.recording = make_visit(cast.carol, cast.zones.clinical)
    return cast


def ask(cast: SimpleNamespace, user: Any = None, template: str = "soap") -> uuid.UUID:
    return notes.create_note(user or cast.carol, cast.recording.pk, template, lambda _: None).pk


def draft(cast: SimpleNamespace, user: Any = None, template: str = "soap") -> notes.NoteView:
    note_id = ask(cast, user, template)
    note_drafting.draft_note(note_id)
    return notes.get_note(user or cast.carol, note_id)


def statements(view: notes.NoteView) -> list[Any]:
    return [each for section in view.sections for each in section.statements]


def keep(view: notes.NoteView) -> list[Change]:
    return [Change(each["section"], each["text"], each["index"]) for each in statements(view)]


def events(action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action))


class TestDrafting:
    def test_without_a_capable_model_it_is_quoted_with_its_seconds(self, visit):
        view = draft(visit)
        assert (view.note.state, view.note.drafter, view.note.number) == (
            State.WAITING,
            "quotes",
            1,
        )
        for each in statements(view):
            (first, *_) = each["utterances"]
            assert first * SECONDS <= each["start"] < (first + 1) * SECONDS
            assert not each["marks"]
        told = {each["text"]: each["section"] for each in statements(view)}
        assert told["I want to start you on doxycycline, 100 milligrams twice a day."] == "plan"
        assert told["Are you allergic to anything? – Yes, penicillin."] == "subjective"
        assert view.omissions == []

    def test_it_is_asked_for_once_committed(self, visit, django_capture_on_commit_callbacks):
        queued: list[str] = []
        with django_capture_on_commit_callbacks(execute=True):
            note = notes.create_note(visit.carol, visit.recording.pk, "soap", queued.append)
            assert queued == []
        assert queued == [str(note.pk)]

    def test_a_second_worker_changes_nothing(self, visit):
        note_id = ask(visit)
        note_drafting.draft_note(note_id)
        note_drafting.draft_note(note_id)
        assert len(notes.get_note(visit.carol, note_id).versions) == 1

    def test_what_a_killed_worker_left_is_begun_again(
        self, visit, django_capture_on_commit_callbacks
    ):
        note_id = ask(visit)
        queued: list[str] = []
        with django_capture_on_commit_callbacks(execute=True):
            notes.get_note(visit.carol, note_id, queued.append)  # not long enough ago
        with data.rights_of_system():
            Note.objects.update(due="2000-01-01T00:00Z")
        with django_capture_on_commit_callbacks(execute=True):
            notes.get_note(visit.carol, note_id, queued.append)
            notes.get_note(visit.carol, note_id, queued.append)
        assert queued == [str(note_id)]

    def test_a_fault_is_told_and_tried_again(self, visit, monkeypatch):
        note_id = ask(visit)

        def break_down(*_: object) -> None:
            raise RuntimeError("no memory")

        with monkeypatch.context() as broken:
            broken.setattr(data.notes, "draft_by_quoting", break_down)
            note_drafting.draft_note(note_id)
        failed = notes.get_note(visit.carol, note_id).note
        assert failed.state == State.FAILED
        assert failed.notice == note_drafting.FAULT
        notes.retry_draft(visit.carol, note_id, lambda _: None)
        note_drafting.draft_note(note_id)
        assert notes.get_note(visit.carol, note_id).note.state == State.WAITING

    def test_not_before_the_transcript_is_ready_nor_of_silence(self, visit):
        open_ = make_visit(visit.carol, visit.zones.clinical, state="transcribing")
        silent = make_visit(visit.carol, visit.zones.clinical, [])
        for recording, code in ((open_, "recording_open"), (silent, "transcript_empty")):
            with pytest.raises(InvalidRequest) as refused:
                notes.create_note(visit.carol, recording.pk, "soap", lambda _: None)
            assert refused.value.code == code

    def test_the_departments_own_kinds_of_notes(self, visit):
        assert [each.slug for each in notes.list_templates(visit.carol)] == ["soap"]
        assert [each.slug for each in notes.list_templates(visit.alice)] == ["call-minutes"]
        assert notes.list_templates(visit.outsider) == []
        with pytest.raises(NotFound):
            notes.create_note(visit.carol, visit.recording.pk, "call-minutes", lambda _: None)

    def test_the_same_workflow_makes_minutes_of_a_call(self, visit):
        call = [("1", "What is the purpose of the account?"), ("2", "Payments to suppliers.")]
        visit.recording = make_visit(visit.alice, visit.zones.compliance, call)
        view = draft(visit, visit.alice, "call-minutes")
        (statement,) = statements(view)
        assert statement["section"] == "facts"

    def test_what_was_not_heard_clearly_is_marked(self, visit):
        visit.recording = make_visit(visit.carol, visit.zones.clinical, unsure="doxycycline")
        view = draft(visit)
        (marked,) = [each for each in statements(view) if each["marks"]]
        assert marked["marks"][0]["kind"] == "unclear"
        assert view.marked == 1


class TestWriting:
    """By a model on the premises that is declared good at summaries."""

    @pytest.fixture
    def models(self, visit, monkeypatch):
        models = Models()
        monkeypatch.setattr(note_drafting.compute, "generate", models.generate)
        monkeypatch.setattr(note_drafting.compute, "is_healthy", lambda _: True)
        return models

    def test_its_statements_are_traced_and_checked(self, visit, models):
        factories.make_deployment("scribe", capabilities=[Capability.SUMMARY])
        registry.forget()
        models.says(
            "scribe",
            ["Subjective\n- Cough and fever for three weeks.\n- Owns two horses in Norway.\n",
             "Plan\n- Start doxycycline 300 mg twice a day.\n"],
        )  # fmt: skip
        view = draft(visit)
        assert (view.note.drafter, view.note.model) == ("scribe", "scribe-model")
        cough, horses, dose = statements(view)
        assert (cough["utterances"], cough["marks"]) == ([1], [])
        assert (horses["start"], horses["marks"][0]["kind"]) == (None, "unsupported")
        assert [mark["kind"] for mark in dose["marks"]] == ["dose"]
        assert dose["start"] == 8 * SECONDS
        assert {mark["kind"] for mark in view.omissions} >= {"allergy", "dose"}

    @pytest.mark.parametrize(
        "said", [["I cannot."], [ProviderError("down", code="unavailable")], [""]]
    )
    def test_where_it_fails_the_note_is_quoted_and_says_so(self, visit, models, said):
        factories.make_deployment("scribe", capabilities=[Capability.SUMMARY])
        registry.forget()
        models.says("scribe", said)
        view = draft(visit)
        assert view.note.drafter == "quotes"
        assert "scribe could not draft it" in view.note.notice

    def test_nothing_is_drafted_outside_nor_by_who_is_not_declared_to(self, visit, models):
        factories.make_deployment("cloud", environment="cloud", capabilities=[Capability.SUMMARY])
        factories.make_deployment("small", "local", capabilities=[Capability.CHAT])
        registry.forget()
        assert note_drafting.list_writers() == []
        assert draft(visit).note.drafter == "quotes"
        assert models.prompts == []

    def test_a_dialogue_that_does_not_fit_is_not_cut(self, visit, models):
        factories.make_deployment(
            "tiny", capabilities=[Capability.SUMMARY], context_tokens=500, max_tokens=100
        )
        registry.forget()
        assert draft(visit).note.drafter == "quotes"
        assert models.prompts == []


class TestChanging:
    def test_a_changed_dose_is_marked_and_the_draft_is_kept(self, visit):
        view = draft(visit)
        changes = [
            Change(each.section, each.text.replace("100 ", "1000 "), each.index)
            for each in keep(view)
        ]
        after = notes.edit_note(visit.carol, view.note.pk, changes, number=1)
        (dose,) = [each for each in statements(after) if each["marks"]]
        assert dose["by_hand"]
        assert [mark["kind"] for mark in dose["marks"]] == ["dose"]
        assert [len(each.changes) for each in after.versions] == [0, 1]
        ((was, is_now),) = after.versions[1].changes
        assert "100 " in was
        assert "1000 " in is_now
        assert after.versions[1].version.editor == visit.carol

    def test_what_is_removed_is_told_as_left_out(self, visit):
        view = draft(visit)
        kept = [each for each in keep(view) if "doxycycline" not in each.text]
        after = notes.edit_note(visit.carol, view.note.pk, kept, number=1)
        assert {mark["kind"] for mark in after.omissions} == {"dose", "medicine"}

    def test_what_was_heard_elsewhere_is_linked(self, visit):
        view = draft(visit)
        added = [*keep(view), Change("assessment", "Bronchitis, I think.")]
        after = notes.edit_note(visit.carol, view.note.pk, added, number=1)
        (own,) = [each for each in statements(after) if each["by_hand"]]
        assert own["utterances"] == [7]

    def test_nothing_changed_is_no_version(self, visit):
        view = draft(visit)
        assert notes.edit_note(visit.carol, view.note.pk, keep(view), number=1).note.number == 1

    def test_two_tabs_do_not_overwrite_each_other(self, visit):
        view = draft(visit)
        notes.edit_note(visit.carol, view.note.pk, keep(view)[:-1], number=1)
        with pytest.raises(InvalidRequest) as refused:
            notes.edit_note(visit.carol, view.note.pk, keep(view)[1:], number=1)
        assert refused.value.code == "note_changed"

    @pytest.mark.parametrize(
        "change", [Change("nowhere", "x"), Change("plan", "x" * 2_001), Change("plan", "a\x00b")]
    )
    def test_what_cannot_be_kept_is_refused_whole(self, visit, change):
        view = draft(visit)
        with pytest.raises(InvalidRequest):
            notes.edit_note(visit.carol, view.note.pk, [*keep(view), change], number=1)
        assert notes.get_note(visit.carol, view.note.pk).note.number == 1


class TestApproving:
    def test_it_counts_with_a_receipt_and_an_event(self, visit):
        view = draft(visit)
        approved = notes.approve_note(visit.carol, view.note.pk, number=1, looked_at_marks=False)
        note = approved.note
        assert note.state == State.APPROVED
        assert approved.verified
        assert note.receipt["approved_by"] == "carol"
        assert note.receipt["drafter"]["deployment"] == "quotes"
        (event,) = events("note.approved")
        assert (event.actor, event.data["receipt"]) == ("carol", note.receipt_sha256)
        assert "doxycycline" not in str(note.receipt) + str(event.data)

    def test_tampering_shows(self, visit):
        view = draft(visit)
        notes.approve_note(visit.carol, view.note.pk, number=1, looked_at_marks=False)
        with data.rights_of_system():
            version = NoteVersion.objects.get()
            version.statements[0]["text"] = "Something else."
            version.save()
        assert not notes.get_note(visit.carol, view.note.pk).verified

    def test_marks_have_to_be_looked_at(self, visit):
        visit.recording = make_visit(visit.carol, visit.zones.clinical, unsure="doxycycline")
        view = draft(visit)
        with pytest.raises(InvalidRequest) as refused:
            notes.approve_note(visit.carol, view.note.pk, number=1, looked_at_marks=False)
        assert refused.value.code == "marks_open"
        assert notes.approve_note(
            visit.carol, view.note.pk, number=1, looked_at_marks=True
        ).verified

    def test_only_the_version_that_was_read_is_signed(self, visit):
        view = draft(visit)
        notes.edit_note(visit.carol, view.note.pk, keep(view)[:2], number=1)
        with pytest.raises(InvalidRequest) as refused:
            notes.approve_note(visit.carol, view.note.pk, number=1, looked_at_marks=True)
        assert refused.value.code == "note_changed"

    def test_an_approved_note_stays_as_it_is(self, visit):
        view = draft(visit)
        notes.approve_note(visit.carol, view.note.pk, number=1, looked_at_marks=True)
        for act in (
            lambda: notes.edit_note(visit.carol, view.note.pk, keep(view)[:1], number=1),
            lambda: notes.approve_note(visit.carol, view.note.pk, number=1, looked_at_marks=True),
            lambda: notes.delete_note(visit.carol, view.note.pk),
        ):
            with pytest.raises(InvalidRequest):
                act()

    def test_an_empty_note_is_not_approved(self, visit):
        view = draft(visit)
        notes.edit_note(visit.carol, view.note.pk, [], number=1)
        with pytest.raises(InvalidRequest) as refused:
            notes.approve_note(visit.carol, view.note.pk, number=2, looked_at_marks=True)
        assert refused.value.code == "note_empty"

    def test_it_is_exported_only_then(self, visit):
        view = draft(visit)
        with pytest.raises(InvalidRequest):
            notes.export_note(visit.carol, view.note.pk)
        notes.approve_note(visit.carol, view.note.pk, number=1, looked_at_marks=True)
        name, text = notes.export_note(visit.carol, view.note.pk)
        assert name == "Visit note (SOAP).md"
        assert "- I think you have bronchitis. [0:01:10]" in text
        assert "Approved by carol" in text

    def test_a_draft_is_thrown_away(self, visit):
        view = draft(visit)
        assert notes.delete_note(visit.carol, view.note.pk) == visit.recording.pk
        assert notes.list_notes(visit.carol, visit.recording.pk) == []
        assert events("note.deleted")


class TestRights:
    def test_a_draft_is_its_authors_alone(self, visit):
        other = factories.make_user("clara", "clinical")
        with data.rights_of_system():
            visit.recording.shared = True
            visit.recording.save()
        view = draft(visit)
        assert transcripts.get_transcript(other, visit.recording.pk).segments
        for user in (other, visit.alice, visit.dave, visit.outsider, visit.adam):
            with pytest.raises(NotFound):
                notes.get_note(user, view.note.pk)
            assert notes.list_notes(user, visit.recording.pk) == []
        notes.approve_note(visit.carol, view.note.pk, number=1, looked_at_marks=True)
        assert notes.get_note(other, view.note.pk).verified
        for user in (visit.alice, visit.dave, visit.outsider, visit.adam):
            with pytest.raises(NotFound):
                notes.get_note(user, view.note.pk)

    def test_others_neither_change_nor_approve_it(self, visit):
        other = factories.make_user("clara", "clinical")
        with data.rights_of_system():
            visit.recording.shared = True
            visit.recording.save()
        view = draft(visit)
        for act in (
            lambda: notes.edit_note(other, view.note.pk, [], number=1),
            lambda: notes.approve_note(other, view.note.pk, number=1, looked_at_marks=True),
            lambda: notes.delete_note(other, view.note.pk),
            lambda: notes.retry_draft(other, view.note.pk, lambda _: None),
        ):
            with pytest.raises(NotFound):
                act()

    def test_who_may_not_hear_the_recording_makes_no_note_of_it(self, visit):
        for user in (visit.alice, visit.outsider, visit.adam):
            with pytest.raises(NotFound):
                notes.create_note(user, visit.recording.pk, "soap", lambda _: None)

    def test_a_right_taken_away_takes_the_note_too(self, visit):
        view = draft(visit)
        visit.carol.groups.clear()
        with pytest.raises(NotFound):
            notes.get_note(visit.carol, view.note.pk)

    def test_the_database_itself_hides_it(self, visit):
        draft(visit)
        with connection.cursor() as cursor:
            for table in ("assistants_note", "assistants_noteversion"):
                cursor.execute(f"select count(*) from {table}")
                assert cursor.fetchone() == (0,)
        with data.rights_of_user(visit.alice):
            assert not Note.objects.exists()
