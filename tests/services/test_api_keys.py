from __future__ import annotations

import io
import logging
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from assistants.exceptions import InvalidKey
from assistants.models import ApiKey, Assistant, AuditEvent
from assistants.services import api_keys, rights
from assistants.services.api_keys import KeyUse, authenticate, create_api_key, revoke_api_key


def make_key(user, **extra) -> tuple[ApiKey, str]:
    return create_api_key(user.username, **extra)


def test_a_key_opens_what_its_person_may_open(cast):
    key, text = make_key(cast.alice)
    user, found = authenticate(text)
    assert (user, found) == (cast.alice, key)


def test_only_the_hash_is_kept(cast):
    key, text = make_key(cast.alice, name="reports", days=7)
    secret = text.removeprefix(key.prefix)
    row = str(ApiKey.objects.values().get())
    trail = str(list(AuditEvent.objects.values()))
    assert len(secret) > 30
    assert secret not in row
    assert secret not in trail
    assert text.startswith(key.prefix)
    assert len(key.sha256) == 64


def test_a_key_is_not_logged(cast, caplog):
    caplog.set_level(logging.DEBUG)
    _, text = make_key(cast.alice)
    authenticate(text)
    with pytest.raises(InvalidKey):
        authenticate(text + "x")
    assert text not in caplog.text


@pytest.mark.parametrize("text", ["", "hyb_", "hyb_unknown", "x" * 10_000, "\x00", "\ud800", "ü"])
def test_what_is_no_key_opens_nothing(cast, text):
    make_key(cast.alice)
    with pytest.raises(InvalidKey):
        authenticate(text)


def test_another_case_or_end_opens_nothing(cast):
    _, text = make_key(cast.alice)
    for other in (text.swapcase(), text[:-1], text + " "):
        with pytest.raises(InvalidKey):
            authenticate(other)


def test_a_revoked_key_opens_nothing_and_is_revoked_once(cast):
    key, text = make_key(cast.alice)
    assert revoke_api_key(key, actor="adam")
    assert not revoke_api_key(key, actor="adam")
    with pytest.raises(InvalidKey):
        authenticate(text)
    events = AuditEvent.objects.filter(action="api_key.revoked")
    assert [(event.actor, event.subject) for event in events] == [("adam", "alice")]


def test_a_key_ends_on_its_day(cast, monkeypatch):
    _, text = make_key(cast.alice, days=2)
    authenticate(text)
    later = timezone.now() + timedelta(days=2, minutes=1)
    monkeypatch.setattr(api_keys.timezone, "now", lambda: later)
    with pytest.raises(InvalidKey):
        authenticate(text)


def test_a_key_of_an_account_that_is_off_opens_nothing(cast):
    _, text = make_key(cast.alice)
    cast.alice.is_active = False
    cast.alice.save()
    with pytest.raises(InvalidKey):
        authenticate(text)


def test_its_use_is_noted_once_a_minute(cast, django_assert_num_queries):
    key, text = make_key(cast.alice)
    authenticate(text)
    key.refresh_from_db()
    first = key.last_used
    assert first is not None
    with django_assert_num_queries(1):
        authenticate(text)
    key.refresh_from_db()
    assert key.last_used == first


def test_revoking_tells_whoever_streams_and_using_does_not(cast, monkeypatch):
    told = []
    key, text = make_key(cast.alice)
    monkeypatch.setattr(rights, "announce_change", lambda: told.append(1))
    authenticate(text)
    assert told == []
    revoke_api_key(key)
    assert told == [1]


class TestWhatIsOver:
    @pytest.fixture
    def use(self, cast):
        key, _ = make_key(cast.alice)
        return KeyUse(key.pk, Assistant.objects.get(slug="compliance").pk)

    def test_nothing_while_all_stands(self, cast, use):
        assert api_keys.list_ended([use]) == []

    def test_the_key(self, cast, use):
        revoke_api_key(ApiKey.objects.get())
        assert api_keys.list_ended([use]) == [use]

    def test_the_account(self, cast, use):
        cast.alice.is_active = False
        cast.alice.save()
        assert api_keys.list_ended([use]) == [use]

    def test_the_membership(self, cast, use):
        cast.alice.groups.clear()
        assert api_keys.list_ended([use]) == [use]

    def test_the_assistant(self, cast, use):
        Assistant.objects.filter(slug="compliance").update(enabled=False)
        assert api_keys.list_ended([use]) == [use]

    def test_of_another_assistant_alone(self, cast, use):
        other = KeyUse(use.api_key, Assistant.objects.get(slug="code").pk)
        assert api_keys.list_ended([use, other]) == [other]


class TestCommands:
    def create(self, *arguments: str) -> str:
        out = io.StringIO()
        call_command("create_api_key", *arguments, stdout=out)
        return out.getvalue()

    def test_the_key_is_the_last_word(self, cast):
        text = self.create("alice", "--name", "reports", "--days", "30").split()[-1]
        user, key = authenticate(text)
        assert (user, key.name) == (cast.alice, "reports")
        assert timedelta(days=29) < key.expires - timezone.now() < timedelta(days=31)

    @pytest.mark.parametrize(
        ("arguments", "why"),
        [
            (["nobody"], "no active user nobody"),
            (["alice", "--days", "0"], "1 to 3,650 days"),
            (["alice", "--name", "x" * 101], "at most 100 characters"),
            (["alice", "--name", "a\nb"], "one line"),
        ],
    )
    def test_what_cannot_be_made_is_told(self, cast, arguments, why):
        with pytest.raises(CommandError, match=why):
            self.create(*arguments)
        assert not ApiKey.objects.exists()

    def test_a_key_is_revoked_by_its_beginning(self, cast):
        text = self.create("alice").split()[-1]
        key = ApiKey.objects.get()
        out = io.StringIO()
        call_command("revoke_api_key", key.prefix, stdout=out)
        call_command("revoke_api_key", str(key.pk), stdout=out)
        assert "is revoked" in out.getvalue()
        assert "was revoked before" in out.getvalue()
        with pytest.raises(InvalidKey):
            authenticate(text)

    def test_an_unknown_key_is_told(self, cast):
        with pytest.raises(CommandError, match="no such key"):
            call_command("revoke_api_key", "hyb_nothing")

    def test_a_beginning_of_several_keys_is_told(self, cast, monkeypatch):
        monkeypatch.setattr(api_keys, "SHOWN_CHARACTERS", 4)
        self.create("alice")
        self.create("dave")
        with pytest.raises(CommandError, match="Several"):
            call_command("revoke_api_key", "hyb_")


class TestConsole:
    @pytest.fixture
    def admin(self, client, cast):
        client.force_login(cast.adam)
        return client

    def test_an_admin_sees_and_revokes_keys(self, admin, cast):
        key, text = make_key(cast.alice, name="reports")
        url = reverse("admin:assistants_apikey_changelist")
        page = admin.get(url).content.decode()
        assert key.prefix in page
        assert "reports" in page
        assert key.sha256 not in admin.get(f"{url}{key.pk}/change/").content.decode()
        admin.post(url, {"action": "revoke", "_selected_action": [str(key.pk)]})
        with pytest.raises(InvalidKey):
            authenticate(text)
        assert AuditEvent.objects.get(action="api_key.revoked").actor == "adam"

    def test_a_key_is_neither_made_nor_deleted_there(self, admin, cast):
        key, _ = make_key(cast.alice)
        assert admin.get(reverse("admin:assistants_apikey_add")).status_code == 403
        delete = reverse("admin:assistants_apikey_delete", args=[key.pk])
        assert admin.post(delete, {"post": "yes"}).status_code == 403
