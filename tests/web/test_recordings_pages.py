"""The pages of recordings and notes, for everybody in the cast."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from assistants import tasks
from assistants.models import Note, NoteTemplate
from assistants.services import note_drafting, notes
from tests import factories
from tests.visits import make_templates, make_visit


@pytest.fixture
def visit(cast: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    make_templates()
    cast.recording = make_visit(cast.carol, cast.zones.clinical, unsure="doxycycline")
    cast.queued = []
    monkeypatch.setattr(tasks.draft_note, "delay", cast.queued.append)
    return cast


def send(client: Client, url: str, **asked: Any) -> Any:
    return client.post(url, json.dumps(asked), content_type="application/json")


def draft(visit: SimpleNamespace) -> Note:
    note = notes.create_note(visit.carol, visit.recording.pk, "soap", lambda _: None)
    note_drafting.draft_note(note.pk)
    return note


class TestPages:
    def test_the_list_is_each_persons_own(self, client, visit):
        for user, sees in ((visit.carol, True), (visit.alice, False), (visit.adam, False)):
            client.force_login(user)
            page = client.get("/recordings/").content.decode()
            assert ("Visit</a>" in page) is sees, user
        client.force_login(visit.outsider)
        assert "You are in no department yet" in client.get("/recordings/").content.decode()

    def test_the_most_sensitive_zone_is_offered_first(self, client, visit):
        client.force_login(visit.carol)
        page = client.get("/recordings/").content.decode()
        assert page.index('value="clinical"') < page.index('value="general"')

    def test_the_transcript_shows_words_with_their_seconds(self, client, visit):
        client.force_login(visit.carol)
        page = client.get(reverse("recording", args=[visit.recording.pk])).content.decode()
        assert 'data-word="10.000"' in page
        assert 'class="unsure" title="Not heard clearly: 20 % certain"> doxycycline,' in page
        assert "Draft Visit note (SOAP)" in page
        assert page.count('<li class="segment"') == 9

    @pytest.mark.parametrize("who", ["alice", "dave", "outsider", "adam"])
    def test_nobody_else_opens_it(self, client, visit, who):
        note = draft(visit)
        client.force_login(getattr(visit, who))
        for url in (
            reverse("recording", args=[visit.recording.pk]),
            reverse("note", args=[note.pk]),
            reverse("note-export", args=[note.pk]),
            f"/chat/?recording={visit.recording.pk}",
        ):
            assert client.get(url).status_code == 404, url
        for url in (
            reverse("draft-note", args=[visit.recording.pk]),
            reverse("approve-note", args=[note.pk]),
            reverse("delete-note", args=[note.pk]),
            reverse("retry-note", args=[note.pk]),
        ):
            reply = client.post(url, {"template": "soap", "number": "1"})
            assert reply.status_code == 404, url
        edited = send(client, reverse("edit-note", args=[note.pk]), number=1, statements=[])
        assert edited.status_code == 404

    def test_use_in_chat_says_whose_zone_it_takes_over(self, client, visit):
        client.force_login(visit.carol)
        page = client.get(f"/chat/?recording={visit.recording.pk}").content.decode()
        assert f'data-attached="{visit.recording.pk}"' in page
        assert "takes over its zone, Clinical" in page

    def test_what_cannot_be_attached_is_said(self, client, visit):
        empty = make_visit(visit.carol, visit.zones.clinical, [], name="Silence")
        client.force_login(visit.carol)
        reply = client.get(f"/chat/?recording={empty.pk}", follow=True)
        assert "no transcript yet" in reply.content.decode()


class TestCorrecting:
    def test_a_segment_keeps_what_it_said(self, client, visit):
        client.force_login(visit.carol)
        page = client.get(reverse("recording", args=[visit.recording.pk]))
        segment = page.context["view"].segments[5]
        url = reverse("segment", args=[segment.pk])
        changed = send(client, url, version=1, text="Yes, amoxicillin.").json()
        assert (changed["version"], changed["text"]) == (2, "Yes, amoxicillin.")
        assert "Yes, penicillin." in client.get(url + "history/").content.decode()
        conflict = send(client, url, version=1, text="No.")
        assert (conflict.status_code, conflict.json()["code"]) == (409, "segment_changed")

    @pytest.mark.parametrize("asked", [{}, {"version": "1", "text": "a"}, {"version": 1}])
    def test_what_is_no_change_is_refused(self, client, visit, asked):
        client.force_login(visit.carol)
        page = client.get(reverse("recording", args=[visit.recording.pk]))
        url = reverse("segment", args=[page.context["view"].segments[0].pk])
        assert send(client, url, **asked).status_code == 400

    def test_speakers_are_named(self, client, visit):
        client.force_login(visit.carol)
        url = reverse("speakers", args=[visit.recording.pk])
        assert send(client, url, speaker="2", name="Ann").json()["speakers"]["2"] == "Ann"
        page = client.get(reverse("recording", args=[visit.recording.pk])).content.decode()
        assert page.count(">Ann</button>") == 3

    def test_a_stranger_changes_nothing(self, client, visit):
        client.force_login(visit.carol)
        page = client.get(reverse("recording", args=[visit.recording.pk]))
        segment = page.context["view"].segments[0]
        client.force_login(visit.alice)
        for url, asked in (
            (reverse("segment", args=[segment.pk]), {"version": 1, "text": "x"}),
            (reverse("speakers", args=[visit.recording.pk]), {"speaker": "1", "name": "x"}),
        ):
            assert send(client, url, **asked).status_code == 404
        assert (
            "<li>" not in client.get(reverse("segment-history", args=[segment.pk])).content.decode()
        )


class TestNotes:
    def test_from_the_button_to_the_approved_note(
        self, client, visit, django_capture_on_commit_callbacks
    ):
        client.force_login(visit.carol)
        with django_capture_on_commit_callbacks(execute=True):
            reply = client.post(
                reverse("draft-note", args=[visit.recording.pk]), {"template": "soap"}
            )
        (note_id,) = visit.queued
        assert reply["Location"] == reverse("note", args=[note_id])
        assert "is drafted from the transcript" in client.get(reply["Location"]).content.decode()
        note_drafting.draft_note(note_id)
        assert "Notes that wait for you" in client.get("/recordings/").content.decode()
        page = client.get(reply["Location"])
        assert "counts for nothing until you approve it" in page.content.decode()
        assert "Not heard clearly: “doxycycline”." in page.content.decode()

        statements = [
            {"section": each["section"], "text": each["text"], "index": each["index"]}
            for section in page.context["view"].sections
            for each in section.statements
        ]
        statements[-1]["text"] = "Start doxycycline 300 mg twice a day."
        edited = send(
            client, reverse("edit-note", args=[note_id]), number=1, statements=statements
        ).content.decode()
        assert "300 mg is not heard there, but 100 mg." in edited
        assert "<del>I want to start you on doxycycline" in edited

        approve = reverse("approve-note", args=[note_id])
        unread = client.post(approve, {"number": "2"}, follow=True).content.decode()
        assert "Statements are marked." in unread
        done = client.post(approve, {"number": "2", "looked": "1"}, follow=True).content.decode()
        assert "carol answers for it" in done
        assert "The receipt is whole" in done
        exported = client.get(reverse("note-export", args=[note_id])).content.decode()
        assert "Start doxycycline 300 mg twice a day. [0:01:20]" in exported

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"{}", b'{"number": "1", "statements": []}',
                 b'{"number": 1, "statements": [{"section": 1, "text": "a"}]}',
                 b'{"number": 1, "statements": [1]}'],
    )  # fmt: skip
    def test_what_is_no_note_is_refused(self, client, visit, body):
        note = draft(visit)
        client.force_login(visit.carol)
        url = reverse("edit-note", args=[note.pk])
        assert client.post(url, body, content_type="application/json").status_code == 400
        assert client.post(reverse("approve-note", args=[note.pk]), {}).status_code == 400


class TestTemplates:
    """In the admin: sections are data."""

    def test_an_admin_makes_a_kind_of_note(self, client, visit):
        client.force_login(visit.adam)
        assistant = NoteTemplate.objects.get(slug="soap").assistant
        fields = {
            "name": "Handover",
            "slug": "handover",
            "assistant": assistant.pk,
            "enabled": "on",
        }
        url = reverse("admin:assistants_notetemplate_add")
        wrong = client.post(url, {**fields, "sections": '[{"key": "a", "title": "A"}]'})
        assert "needs at least one of “examples”" in wrong.content.decode()
        right = '[{"key": "a", "title": "To do", "examples": ["Check the wound."]}]'
        assert client.post(url, {**fields, "sections": right}).status_code == 302
        assert [each.slug for each in notes.list_templates(visit.carol)] == ["handover", "soap"]

    @pytest.mark.parametrize("who", ["alice", "carol", "outsider"])
    def test_nobody_else_does(self, client, visit, who):
        client.force_login(getattr(visit, who))
        url = reverse("admin:assistants_notetemplate_changelist")
        assert client.get(url).status_code == 302

    def test_a_reviewer_does_not_either(self, client, visit):
        client.force_login(factories.make_user("rita", "reviewers", is_staff=True))
        url = reverse("admin:assistants_notetemplate_changelist")
        assert client.get(url).status_code == 403
