"""The console's pages of sources: adding one that was tried, syncing, agreeing to removals."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from assistants import tasks
from assistants.models import AuditEvent, Source
from assistants.services import sources
from tests.data.repositories import serve
from tests.data.stores import KEY_ID, SECRET, Store

ADD = "/admin/assistants/source/add/"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "watched"
    folder.mkdir()
    settings.SOURCE_ROOTS = [tmp_path]
    monkeypatch.setenv("STATE_DIR", str(tmp_path / "state"))
    cache.clear()
    return folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The syncs that were asked for: source and person."""
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(tasks.sync_sources, "delay", lambda *arguments: asked.append(arguments))
    return asked


@pytest.fixture
def admin(client: Client, cast: SimpleNamespace) -> Client:
    client.force_login(cast.adam)
    return client


@pytest.fixture
def form(cast: SimpleNamespace, folder: Path) -> dict[str, Any]:
    return {
        "name": "Handbook",
        "kind": "folder",
        "zone": cast.zones.compliance.pk,
        "location": str(folder),
        "key_variable": "",
        "interval_minutes": "15",
        "enabled": "on",
    }


def page(response: Any) -> str:
    return str(response.content.decode())


def change_url(source: Source) -> str:
    return reverse("admin:assistants_source_change", args=[source.pk])


def test_a_source_is_tried_added_and_audited(admin: Client, form: dict[str, Any], folder: Path):
    (folder / "a.md").write_text("one")
    tried = admin.post(ADD, {**form, "_test": "1"})
    assert "The folder can be read; 1 files and folders lie in it." in page(tried)
    assert not Source.objects.exists()
    added = admin.post(ADD, {**form, "_save": "1"}, follow=True)
    assert "The source Handbook is saved." in page(added)
    source = Source.objects.get()
    assert (source.location, source.options) == (str(folder), {})
    assert str(source.created_by) == "adam"
    event = AuditEvent.objects.get(action="source.created")
    assert (event.actor, event.subject, event.data["zone"]) == ("adam", "Handbook", "compliance")


def test_a_source_that_cannot_be_read_is_not_saved_unless_it_is_off(
    admin: Client, form: dict[str, Any]
):
    wrong = {**form, "location": "/nowhere", "_save": "1"}
    assert "SOURCE_ROOTS" in page(admin.post(ADD, wrong))
    assert not Source.objects.exists()
    del wrong["enabled"]
    assert admin.post(ADD, wrong).status_code == 302
    assert not Source.objects.get().enabled


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "../x", "letters, digits"),
        ("name", "a/b", "letters, digits"),
        ("name", "", "This field is required"),
        ("key_variable", "SECRET_KEY", "must begin with SOURCE_KEY"),
        ("interval_minutes", "0", "greater than or equal to 1"),
    ],
)
def test_a_field_that_is_wrong_is_told(
    admin: Client, form: dict[str, Any], field: str, value: str, says: str
):
    assert says in page(admin.post(ADD, {**form, field: value, "_save": "1"}))
    assert not Source.objects.exists()


def test_only_the_options_of_its_kind_are_kept_and_another_place_begins_anew(
    admin: Client, form: dict[str, Any], folder: Path
):
    admin.post(ADD, {**form, "branch": "main", "endpoint": "https://x.example.org", "_save": "1"})
    source = Source.objects.get()
    assert source.options == {}
    Source.objects.update(cursor="abc")
    admin.post(change_url(source), {**form, "interval_minutes": "30", "_save": "1"})
    source.refresh_from_db()
    assert (source.cursor, source.interval_minutes) == ("abc", 30)
    other = folder / "other"
    other.mkdir()
    renamed = {**form, "name": "Another", "kind": "s3", "location": str(other), "_save": "1"}
    admin.post(change_url(source), renamed)
    source.refresh_from_db()
    assert (source.name, source.kind, source.location, source.cursor) == (
        "Handbook",
        "folder",
        str(other),
        "",
    )
    event = AuditEvent.objects.filter(action="source.changed").order_by("-number").first()
    assert event is not None
    assert event.data["changed"] == ["interval_minutes", "location"]


def test_the_list_and_the_page_say_how_it_is_doing(
    admin: Client, form: dict[str, Any], folder: Path, asked: list[tuple[str, str]]
):
    assert "There is no source yet" in page(admin.get("/admin/assistants/source/"))
    for name in ("a", "b", "c"):
        (folder / f"{name}.md").write_text(name)
    admin.post(ADD, {**form, "_save": "1"})
    source = Source.objects.get()
    assert "Sync now" in page(admin.get(change_url(source)))
    admin.post(change_url(source), {"_sync": "1"})
    assert asked == [(str(source.pk), "adam")]
    sources.sync_source(source.pk, lambda: None)
    assert "3 received" in page(admin.get("/admin/assistants/source/"))

    for name in ("a", "b"):
        (folder / f"{name}.md").unlink()
    sources.sync_source(source.pk, lambda: None)
    shown = page(admin.get(change_url(source)))
    assert "2 documents would go" in shown
    assert "<li>a.md</li>" in shown
    assert "2 removals wait for you" in page(admin.get("/admin/assistants/source/"))
    source.refresh_from_db()
    stale = admin.post(change_url(source), {"_confirm": "of something else"}, follow=True)
    assert "Other removals wait by now" in page(stale)
    admin.post(change_url(source), {"_confirm": source.summary["waiting_digest"]})
    assert len(asked) == 2
    assert sources.sync_source(source.pk, lambda: None).counts["removed"] == 2
    assert "would go" not in page(admin.get(change_url(source)))

    folder.rename(folder.with_name("away"))
    sources.sync_source(source.pk, lambda: None)
    assert "mounted" in page(admin.get("/admin/assistants/source/"))


def test_who_may_only_look_changes_nothing_and_sees_no_file_names(
    admin: Client, form: dict[str, Any], folder: Path, cast: SimpleNamespace, asked: list[Any]
):
    (folder / "secret-name.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    admin.post(ADD, {**form, "_save": "1"})
    source = Source.objects.get()
    sources.sync_source(source.pk, lambda: None)
    assert "secret-name.png" in page(admin.get(change_url(source)))
    cast.alice.is_staff = True
    cast.alice.save()
    cast.alice.user_permissions.add(Permission.objects.get(codename="view_source"))
    admin.force_login(cast.alice)
    shown = admin.get(change_url(source))
    assert shown.status_code == 200
    assert "secret-name.png" not in page(shown)
    assert "Sync now" not in page(shown)
    for button in ("_sync", "_confirm", "_save", "_test"):
        assert admin.post(change_url(source), {**form, button: "1"}).status_code == 403
    assert admin.post(ADD, {**form, "_save": "1"}).status_code == 403
    assert asked == []


def test_employees_do_not_see_sources(client: Client, cast: SimpleNamespace):
    client.force_login(cast.alice)
    assert client.get("/admin/assistants/source/").status_code == 302


def test_the_options_of_a_bucket_are_kept_and_shown_again(
    admin: Client, form: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SOURCE_KEY_STORE", f"{KEY_ID}:{SECRET}")
    store = Store()
    with serve(store):
        store.put("docs/a.md", "one")
        filled = {
            **form,
            "kind": "s3",
            "location": "handbook",
            "endpoint": store.url,
            "region": "us-east-1",
            "below": "docs/",
            "key_variable": "SOURCE_KEY_STORE",
        }
        assert "is saved" in page(admin.post(ADD, {**filled, "_save": "1"}, follow=True))
        source = Source.objects.get()
        assert source.options == {"endpoint": store.url, "region": "us-east-1", "prefix": "docs/"}
        shown = page(admin.get(change_url(source)))
        assert 'value="docs/"' in shown
        assert SECRET not in shown
        Source.objects.update(cursor="x")
        admin.post(change_url(source), {**filled, "below": "other/", "_save": "1"})
    source.refresh_from_db()
    assert (source.options["prefix"], source.cursor) == ("other/", "")
