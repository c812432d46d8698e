"""Syncing sources into documents: a real folder, a real repository, a store that fails half-way."""

from __future__ import annotations

import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from urllib3 import Retry

from assistants import compute, data
from assistants.exceptions import InvalidRequest, LeaseLost, NotFound
from assistants.models import AuditEvent, Document, DocumentVersion, Source, Zone
from assistants.services import ingestion, sources
from tests.data.repositories import Work, git, serve
from tests.data.stores import KEY_ID, SECRET, Failure, Store
from tests.factories import unit_vector


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The watched folder; embeddings are made by a fake, and the state is this test's own."""
    folder = tmp_path / "watched"
    folder.mkdir()
    settings.SOURCE_ROOTS = [tmp_path]
    monkeypatch.setenv("STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(Retry, "sleep", lambda self, response=None: None)
    monkeypatch.setattr(
        compute, "embed_texts", lambda texts: [unit_vector(len(text)) for text in texts]
    )
    monkeypatch.setattr(compute, "count_tokens", lambda text: len(text.split()))
    cache.clear()
    return folder


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("SOURCE_KEY_STORE", f"{KEY_ID}:{SECRET}")
    store = Store()
    with serve(store):
        yield store


@pytest.fixture
def handbook(cast: SimpleNamespace, folder: Path) -> Source:
    return make_source(cast, "folder", folder)


def make_source(cast: SimpleNamespace, kind: str, location: object, **extra: Any) -> Source:
    return Source.objects.create(
        **{
            "name": "Handbook",
            "kind": kind,
            "zone": cast.zones.compliance,
            "location": str(location),
            **extra,
        }
    )


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.md").write_text(text)


def sync(source: Source, actor: str = "") -> sources.SyncReport:
    """Sync, and ingest what waits."""
    report = sources.sync_source(source.pk, lambda: None, actor=actor)
    ingestion.ingest_waiting(lambda: None)
    source.refresh_from_db()
    return report


def documents() -> dict[str, Document]:
    with data.rights_of_system():
        return {document.origin: document for document in Document.objects.all()}


def searchable() -> dict[str, str]:
    """The text that answers come from, by origin."""
    with data.rights_of_system():
        current = DocumentVersion.objects.filter(current=True).select_related("document")
        return {version.document.origin: version.text for version in current}


def move(document_id: uuid.UUID, zone: Zone) -> None:
    with transaction.atomic():
        data.move_document(data.lock_document(document_id), zone)


def count_versions() -> int:
    with data.rights_of_system():
        return DocumentVersion.objects.count()


# -- what a sync does -----------------------------------------------------------------------------


def test_new_changed_and_deleted_files_are_found(handbook: Source, folder: Path):
    write(folder, a="one", b="two", c="three")
    assert sync(handbook).counts == {"received": 3}
    assert searchable() == {
        "Handbook/a.md": "one",
        "Handbook/b.md": "two",
        "Handbook/c.md": "three",
    }
    assert (handbook.state, handbook.error) == (Source.State.SYNCED, "")
    assert {document.source_id for document in documents().values()} == {handbook.pk}

    write(folder, b="changed")
    (folder / "c.md").unlink()
    assert sync(handbook).counts == {"unchanged": 1, "received": 1, "removed": 1}
    assert searchable() == {"Handbook/a.md": "one", "Handbook/b.md": "changed"}
    assert documents()["Handbook/c.md"].removed

    assert sync(handbook).counts == {"unchanged": 2}


def test_an_unchanged_file_is_not_read_again(
    handbook: Source, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    write(folder, a="one")
    sync(handbook)

    def read(*arguments: Any) -> bytes:
        raise AssertionError("nothing changed")

    monkeypatch.setattr("assistants.data.sources.folder._read", read)
    assert sync(handbook).counts == {"unchanged": 1}


def test_without_what_was_seen_everything_is_read_and_nothing_is_doubled(
    handbook: Source, folder: Path, tmp_path: Path
):
    write(folder, a="one", b="two")
    sync(handbook)
    shutil.rmtree(tmp_path / "state")
    assert sync(handbook).counts == {"unchanged": 2}
    assert count_versions() == 2


def test_another_pipeline_reads_everything_again(
    handbook: Source, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    write(folder, a="one")
    sync(handbook)
    monkeypatch.setattr(ingestion, "PIPELINE", "another")
    monkeypatch.setattr(sources, "PIPELINE", "another")
    assert sync(handbook).counts == {"received": 1}
    assert count_versions() == 2


def test_a_file_that_comes_back_is_searched_again(handbook: Source, folder: Path):
    write(folder, a="one", b="two", c="three")
    sync(handbook)
    (folder / "c.md").unlink()
    sync(handbook)
    write(folder, c="three")
    assert sync(handbook).counts == {"unchanged": 2, "restored": 1}
    assert searchable()["Handbook/c.md"] == "three"
    assert len(documents()) == 3


def test_what_cannot_be_read_is_told_and_tried_again_only_when_it_changes(
    handbook: Source, folder: Path
):
    write(folder, a="one")
    (folder / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 100)
    for _ in range(2):
        report = sync(handbook)
        assert report.counts["rejected"] == 1
        assert "cannot be opened" in report.problems[0][1]
    assert "Handbook/photo.png" not in documents()
    (folder / "photo.png").write_text("a text after all")
    assert sync(handbook).counts["received"] == 1


def test_too_large_a_file_is_told(handbook: Source, folder: Path, settings: Any):
    settings.MAX_UPLOAD_BYTES = 10
    write(folder, a="short", b="much too long for that")
    report = sync(handbook)
    assert report.counts == {"received": 1, "rejected": 1}
    assert "larger than" in report.problems[0][1]


def test_a_file_that_vanishes_half_way_is_removed_at_the_next_sync(
    handbook: Source, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    write(folder, a="one", b="two", c="three")
    sync(handbook)
    write(folder, a="changed", c="changed")
    real = data.receive_from_source

    def receive(*arguments: Any, **more: Any) -> Any:
        (folder / "c.md").unlink(missing_ok=True)
        return real(*arguments, **more)

    monkeypatch.setattr(data, "receive_from_source", receive)
    report = sync(handbook)
    assert report.counts == {"received": 1, "unchanged": 1, "skipped": 1}
    assert "vanished" in report.problems[0][1]
    assert searchable()["Handbook/c.md"] == "three"
    assert sync(handbook).counts == {"unchanged": 2, "removed": 1}


# -- people's decisions stay ----------------------------------------------------------------------


def test_a_moved_document_stays_where_it_was_moved(
    cast: SimpleNamespace, handbook: Source, folder: Path
):
    write(folder, a="one", b="two")
    sync(handbook)
    moved = documents()["Handbook/a.md"]
    move(moved.pk, cast.zones.clinical)
    write(folder, a="changed")
    sync(handbook)
    assert len(documents()) == 2
    assert documents()["Handbook/a.md"].zone_id == cast.zones.clinical.pk
    with data.rights_of_system():
        zones = set(
            DocumentVersion.objects.filter(document=moved.pk).values_list("zone", "current")
        )
    assert zones == {(cast.zones.clinical.pk, False), (cast.zones.clinical.pk, True)}
    (folder / "a.md").unlink()
    assert sync(handbook).counts["removed"] == 1


def test_a_document_moved_during_the_sync_is_not_put_back(
    cast: SimpleNamespace, handbook: Source, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    write(folder, a="one")
    sync(handbook)
    write(folder, a="changed")
    real = data.take_in

    def take_in(*arguments: Any) -> tuple[bytes, str]:
        move(documents()["Handbook/a.md"].pk, cast.zones.clinical)
        return real(*arguments)

    monkeypatch.setattr(data, "take_in", take_in)
    sync(handbook)
    (document,) = documents().values()
    assert document.zone_id == cast.zones.clinical.pk


def test_another_zone_for_the_source_is_for_new_documents(
    cast: SimpleNamespace, handbook: Source, folder: Path
):
    write(folder, a="one")
    sync(handbook)
    handbook.zone = cast.zones.clinical
    sources.save_source(handbook, ["zone"], "adam")
    write(folder, a="changed", b="two")
    sync(handbook)
    zones = {origin: document.zone_id for origin, document in documents().items()}
    assert zones == {
        "Handbook/a.md": cast.zones.compliance.pk,
        "Handbook/b.md": cast.zones.clinical.pk,
    }


@pytest.mark.parametrize("lost", [False, True])
def test_a_document_that_a_person_removed_stays_removed(
    handbook: Source, folder: Path, tmp_path: Path, lost: bool
):
    write(folder, a="one", b="two")
    sync(handbook)
    data.remove_document(documents()["Handbook/a.md"].pk)
    write(folder, a="changed")
    if lost:
        shutil.rmtree(tmp_path / "state")
    assert sync(handbook).counts == {"kept_away": 1, "unchanged": 1}
    assert searchable() == {"Handbook/b.md": "two"}
    # also when it went and came back meanwhile
    (folder / "a.md").unlink()
    sync(handbook)
    write(folder, a="one")
    assert sync(handbook).counts == {"kept_away": 1, "unchanged": 1}


# -- a source in trouble --------------------------------------------------------------------------


def test_a_source_that_is_away_removes_nothing_and_waits_longer_each_time(
    handbook: Source, folder: Path
):
    write(folder, a="one", b="two")
    sync(handbook)
    folder.rename(folder.with_name("elsewhere"))
    pauses = []
    for _ in range(4):
        report = sync(handbook)
        assert "mounted" in report.error
        assert (handbook.state, handbook.error) == (Source.State.FAILED, report.error)
        pauses.append(sources._pause(handbook))
    assert pauses == [timedelta(minutes=15 * n) for n in (1, 2, 4, 8)]
    assert len(searchable()) == 2
    folder.with_name("elsewhere").rename(folder)
    assert sync(handbook).counts == {"unchanged": 2}
    assert (handbook.state, handbook.error) == (Source.State.SYNCED, "")
    assert sources._pause(handbook) == timedelta(minutes=15)


def test_an_emptied_source_waits_for_a_person(handbook: Source, folder: Path):
    write(folder, a="one", b="two", c="three")
    sync(handbook)
    for name in ("a", "b"):
        (folder / f"{name}.md").unlink()
    for _ in range(2):
        report = sync(handbook)
        assert report.waiting == 2
        assert report.counts == {"unchanged": 1}
    assert len(searchable()) == 3
    assert sources.confirm_removals(handbook.pk, "adam") == 2
    assert sync(handbook).counts == {"unchanged": 1, "removed": 2}
    assert handbook.summary["waiting"] == 0
    # the agreement was for those only
    (folder / "c.md").unlink()
    assert sync(handbook).waiting == 1
    event = AuditEvent.objects.get(action="source.removals_confirmed")
    assert (event.actor, event.data) == ("adam", {"documents": 2})


def test_an_agreement_holds_for_exactly_what_was_shown(handbook: Source, folder: Path):
    write(folder, a="one", b="two", c="three")
    sync(handbook)
    for name in ("a", "b"):
        (folder / f"{name}.md").unlink()
    sync(handbook)
    sources.confirm_removals(handbook.pk, "adam")
    (folder / "c.md").unlink()
    assert sync(handbook).waiting == 3
    assert len(searchable()) == 3


def test_nothing_to_confirm_is_told(handbook: Source):
    with pytest.raises(InvalidRequest):
        sources.confirm_removals(handbook.pk, "adam")


def test_a_store_that_fails_while_it_is_listed_changes_nothing(cast: SimpleNamespace, store: Store):
    source = make_source(
        cast,
        "s3",
        "handbook",
        options={"endpoint": store.url},
        key_variable="SOURCE_KEY_STORE",
    )
    for number in range(7):
        store.put(f"{number}.md", f"text {number}")
    assert sync(source).counts == {"received": 7}
    del store.objects["6.md"]
    store.put("0.md", "changed")
    store.failures = [Failure("continuation-token=3", 500)]
    assert "500" in sync(source).error
    assert searchable()["Handbook/0.md"] == "text 0"
    assert len(searchable()) == 7
    store.failures = []
    assert sync(source).counts == {"unchanged": 5, "received": 1, "removed": 1}


def test_a_store_that_fails_while_it_is_read_keeps_what_came(cast: SimpleNamespace, store: Store):
    source = make_source(
        cast,
        "s3",
        "handbook",
        options={"endpoint": store.url},
        key_variable="SOURCE_KEY_STORE",
    )
    for number in range(3):
        store.put(f"{number}.md", f"text {number}")
    store.failures = [Failure(r"1\.md", 500)]
    report = sync(source)
    assert report.error
    assert set(searchable()) == {"Handbook/0.md"}
    store.failures = []
    store.requests.clear()
    assert sync(source).counts == {"unchanged": 1, "received": 2}
    assert not any("0.md" in path for path in store.requests)


def test_a_fault_of_ours_is_told_without_its_text(
    handbook: Source, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    write(folder, a="one")

    def take_in(*arguments: Any) -> tuple[bytes, str]:
        raise RuntimeError("secret of the trouble")

    monkeypatch.setattr(data, "take_in", take_in)
    report = sync(handbook)
    assert "RuntimeError" in report.error
    assert "secret" not in report.error
    assert handbook.state == Source.State.FAILED


# -- a repository ---------------------------------------------------------------------------------


def test_a_repository_is_followed_through_a_rewritten_history(
    cast: SimpleNamespace, tmp_path: Path
):
    work = Work(tmp_path / "git")
    source = make_source(cast, "git", work.bare, options={"branch": "main"})
    first = work.commit({"a.md": "one", "b.md": "two", "c.md": "three"})
    assert sync(source).counts == {"received": 3}
    assert source.cursor == first

    second = work.commit({"b.md": None, "renamed.md": "two"})
    assert sync(source).counts == {"received": 1, "removed": 1}
    assert source.cursor == second
    assert set(searchable()) == {"Handbook/a.md", "Handbook/c.md", "Handbook/renamed.md"}

    git(work.tree, "reset", "--hard", "HEAD~1")
    third = work.commit({"a.md": "again"})
    report = sync(source)
    assert "rewritten" in report.notes[0]
    assert report.counts == {"received": 1, "restored": 1, "unchanged": 1, "removed": 1}
    assert source.cursor == third
    assert searchable() == {
        "Handbook/a.md": "again",
        "Handbook/b.md": "two",
        "Handbook/c.md": "three",
    }


def test_removals_that_wait_are_not_forgotten_by_the_cursor(cast: SimpleNamespace, tmp_path: Path):
    work = Work(tmp_path / "git")
    source = make_source(cast, "git", work.bare)
    first = work.commit({"a.md": "one", "b.md": "two"})
    sync(source)
    work.commit({"a.md": None, "b.md": None, "c.md": "three"})
    assert sync(source).waiting == 2
    assert source.cursor == first
    last = work.commit({"d.md": "four"})
    sources.confirm_removals(source.pk, "adam")
    assert sync(source).counts["removed"] == 2
    assert source.cursor == last
    assert set(searchable()) == {"Handbook/c.md", "Handbook/d.md"}


# -- turns and times ------------------------------------------------------------------------------


def test_one_sync_at_a_time(handbook: Source):
    with sources._turn(handbook.pk) as lost:
        assert lost is not None
        with pytest.raises(InvalidRequest) as error:
            sources.sync_source(handbook.pk, lambda: None)
        assert error.value.code == "source_busy"
    assert sync(handbook).error == ""


def test_a_lost_turn_ends_the_sync(handbook: Source, folder: Path, monkeypatch: pytest.MonkeyPatch):
    write(folder, a="one")
    lost = threading.Event()
    lost.set()
    run = sources._Sync(handbook, lambda: None, lost)
    with pytest.raises(LeaseLost):
        run.run()
    assert documents() == {}


def test_the_turn_is_renewed_and_a_theft_is_noticed(
    handbook: Source, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sources, "LEASE_SECONDS", 0.06)
    with sources._turn(handbook.pk) as lost:
        assert lost is not None
        cache.set(f"source:{handbook.pk}:turn", "somebody else", 60)
        assert lost.wait(5)
    assert cache.get(f"source:{handbook.pk}:turn") == "somebody else"


def test_removals_that_end_half_way_are_not_taken_for_a_persons(
    handbook: Source, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    write(folder, a="one", b="two", c="three", d="four")
    sync(handbook)
    for name in ("a", "b"):
        (folder / f"{name}.md").unlink()
    real = data.remove_document

    def remove(*arguments: Any) -> bool:
        removed = real(*arguments)
        raise SystemExit(removed)  # as a killed worker would

    with monkeypatch.context() as patch:
        patch.setattr(data, "remove_document", remove)
        with pytest.raises(SystemExit):
            sources.sync_source(handbook.pk, lambda: None)
    assert len(searchable()) == 3
    handbook.refresh_from_db()
    assert handbook.state == Source.State.SYNCING
    write(folder, a="one")
    assert sync(handbook).counts == {"unchanged": 2, "restored": 1, "removed": 1}
    assert set(searchable()) == {f"Handbook/{name}.md" for name in "acd"}


def test_another_pipeline_that_pauses_leaves_nothing_behind(
    cast: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    work = Work(tmp_path / "git")
    source = make_source(cast, "git", work.bare)
    work.commit({f"{number}.md": f"text {number}" for number in range(5)})
    sync(source)
    for module in (ingestion, sources):
        monkeypatch.setattr(module, "PIPELINE", "another")
    monkeypatch.setattr(sources, "WAITING_AT_MOST", 1)
    monkeypatch.setattr(sources, "LOOK_EVERY", 2)
    taken = 0
    while (report := sync(source)).unfinished:
        taken += report.counts["received"]
        assert report.counts["received"] == 2
    assert taken + report.counts["received"] == 5
    with data.rights_of_system():
        current = DocumentVersion.objects.filter(current=True)
        assert set(current.values_list("pipeline", flat=True)) == {"another"}


def test_many_waiting_files_pause_the_sync(
    handbook: Source, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sources, "WAITING_AT_MOST", 2)
    monkeypatch.setattr(sources, "LOOK_EVERY", 3)
    for number in range(10):
        (folder / f"{number}.md").write_text(f"text {number}")
    rounds = 0
    while sync(handbook).unfinished:
        rounds += 1
        assert handbook.pk in sources.list_due()
        assert rounds < 10
    assert rounds >= 2
    assert len(searchable()) == 10


def test_what_is_due(handbook: Source):
    now = timezone.now()
    assert sources.list_due(now) == [handbook.pk]
    sync(handbook)
    assert sources.list_due(now + timedelta(minutes=10)) == []
    assert sources.list_due(now + timedelta(minutes=16)) == [handbook.pk]
    Source.objects.update(enabled=False)
    assert sources.list_due(now + timedelta(minutes=16)) == []


def test_the_clock_asks_for_each_that_is_due_and_a_busy_one_is_left(handbook: Source):
    asked: list[str] = []
    sources.sync_in_background("", "", lambda: None, asked.append)
    assert asked == [str(handbook.pk)]
    with sources._turn(handbook.pk):
        sources.sync_in_background(asked[0], "", lambda: None, asked.append)
    handbook.refresh_from_db()
    assert handbook.state == Source.State.NEW
    sources.sync_in_background(asked[0], "", lambda: None, asked.append)
    handbook.refresh_from_db()
    assert handbook.state == Source.State.SYNCED
    # what was asked for twice is done once, unless a person asks
    Source.objects.update(state=Source.State.NEW)
    sources.sync_in_background(asked[0], "", lambda: None, asked.append)
    handbook.refresh_from_db()
    assert handbook.state == Source.State.NEW
    sources.sync_in_background(asked[0], "adam", lambda: None, asked.append)
    handbook.refresh_from_db()
    assert handbook.state == Source.State.SYNCED


def test_an_unknown_source_is_not_found(db: None):
    with pytest.raises(NotFound):
        sources.sync_source("00000000-0000-7000-8000-000000000000", lambda: None)


# -- the trail and the command --------------------------------------------------------------------


def test_what_happened_is_audited_and_a_quiet_sync_is_not(handbook: Source, folder: Path):
    write(folder, a="one")
    sync(handbook)
    sync(handbook)
    (event,) = AuditEvent.objects.filter(action="source.synced")
    assert (event.actor, event.subject, event.data["received"]) == ("", "Handbook", 1)
    sync(handbook, actor="adam")
    assert AuditEvent.objects.filter(action="source.synced", actor="adam").count() == 1


def test_the_command_prints_what_happened(
    handbook: Source, folder: Path, capsys: pytest.CaptureFixture[str]
):
    write(folder, a="one")
    os.mkfifo(folder / "pipe")
    call_command("sync_source", "Handbook")
    out = capsys.readouterr().out
    assert "Handbook: 1 received, 1 left out" in out
    assert "pipe: is no ordinary file." in out
    with pytest.raises(CommandError, match="no source “Nothing”"):
        call_command("sync_source", "Nothing")
    shutil.rmtree(folder)
    with pytest.raises(CommandError, match="mounted"):
        call_command("sync_source", "Handbook")


def test_the_key_is_nowhere_in_the_database(
    cast: SimpleNamespace, store: Store, every_text: Callable[[], str]
):
    source = make_source(
        cast,
        "s3",
        "handbook",
        options={"endpoint": store.url},
        key_variable="SOURCE_KEY_STORE",
    )
    store.put("a.md", "text")
    sync(source)
    assert SECRET not in every_text()
    assert "SOURCE_KEY_STORE" in every_text()


@pytest.fixture
def every_text(db: None) -> Callable[[], str]:
    def read() -> str:
        rows = [*Source.objects.values(), *AuditEvent.objects.values()]
        return repr(rows)

    return read
