"""Readers of sources, against real folders, real repositories and a store that speaks S3."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dulwich.repo import Repo
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import Retry
from urllib3.connection import HTTPConnection

from assistants import data
from assistants.data.sources import git as git_reader
from assistants.data.sources.paths import settle, tidy
from assistants.data.sources.signing import sign
from assistants.exceptions import SourceUnavailable
from assistants.models import Source
from tests.data.repositories import GitServer, Work, git, serve
from tests.data.stores import KEY_ID, SECRET, Failure, Store

LIMIT = 1000


@pytest.fixture(autouse=True)
def root(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    settings.SOURCE_ROOTS = [root]
    monkeypatch.setenv("STATE_DIR", str(tmp_path / "state"))
    return root


@pytest.fixture
def work(root: Path) -> Work:
    return Work(root)


@pytest.fixture
def server(root: Path, work: Work) -> Iterator[GitServer]:
    server = GitServer(root)
    with serve(server):
        yield server


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("SOURCE_KEY_STORE", f"{KEY_ID}:{SECRET}")
    monkeypatch.setattr(Retry, "sleep", lambda self, response=None: None)
    store = Store()
    with serve(store):
        yield store


def source(kind: str, location: object, key_variable: str = "", **options: str) -> Source:
    return Source(
        id=uuid.uuid4(),
        name="Handbook",
        kind=kind,
        location=str(location),
        options=options,
        key_variable=key_variable,
    )


def bucket(store: Store, **options: str) -> Source:
    return source("s3", store.bucket, "SOURCE_KEY_STORE", **{"endpoint": store.url, **options})


def listed(source: Source, cursor: str = "") -> data.Listing:
    with data.list_changes(source, cursor) as listing:
        return listing


def contents(source: Source, cursor: str = "") -> dict[str, bytes | str | None]:
    """What each entry says: its content, the reason it is skipped, None if it is removed."""
    found: dict[str, bytes | str | None] = {}
    with data.list_changes(source, cursor) as listing:
        for entry in listing.entries:
            if isinstance(entry, data.Changed):
                try:
                    found[entry.path] = entry.read(LIMIT)
                except data.NotTaken as error:
                    found[entry.path] = str(error)
            else:
                found[entry.path] = entry.reason if isinstance(entry, data.Skipped) else None
    return found


def trouble(source: Source) -> str:
    """What a person is told when neither trying nor syncing works."""
    with pytest.raises(SourceUnavailable) as tried:
        data.check_source(source)
    with pytest.raises(SourceUnavailable) as synced:
        listed(source)
    assert synced.value.user_message == tried.value.user_message
    return tried.value.user_message


# -- names ----------------------------------------------------------------------------------------


@given(st.lists(st.text(min_size=1, max_size=60), max_size=20))
def test_whatever_the_names_are_a_taken_path_is_plain_and_unique(names: list[str]):
    entries = settle(data.Changed(name, "1", lambda limit: b"") for name in names)
    paths = [entry.path for entry in entries if isinstance(entry, data.Changed)]
    assert len(paths) == len(set(paths))
    for path in paths:
        assert path == tidy(path)
        assert path.isprintable() or " " in path or not path.isascii()
        parts = path.split("/")
        assert not {"", ".", ".."} & set(parts)
        assert not any(part.startswith(".") for part in parts)
        assert "\\" not in path
        assert not any(ord(c) < 32 for c in path)


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        "./a",
        "a\\b",
        "a\nb",
        "a\x00b",
        "\udc80",
        "x" * 400,
    ],
)
def test_a_path_that_plays_tricks_is_skipped_with_a_reason(path: str):
    (entry,) = settle([data.Changed(path, "1", lambda limit: b"")])
    assert isinstance(entry, data.Skipped)
    assert "Please" in entry.reason
    assert not set("\n\x00\udc80") & set(entry.path)


def test_two_names_that_look_the_same_are_one_file():
    entries = settle(data.Changed(name, "1", lambda limit: b"") for name in ("é.md", "e\u0301.md"))
    assert [type(entry) for entry in entries] == [data.Changed, data.Skipped]


@pytest.mark.parametrize("path", [".git/config", "a/.env", "node_modules/x.js", "CVS/Root"])
def test_what_is_hidden_is_left_out(path: str):
    assert settle([data.Changed(path, "1", lambda limit: b"")]) == ()


# -- a watched folder -----------------------------------------------------------------------------


def test_a_folder_is_listed_with_all_below_it(root: Path):
    (root / "a.md").write_text("one")
    (root / "deep" / "er").mkdir(parents=True)
    (root / "deep" / "er" / "b.md").write_text("two")
    (root / ".hidden").write_text("no")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("no")
    assert contents(source("folder", root)) == {"a.md": b"one", "deep/er/b.md": b"two"}
    assert listed(source("folder", root)).extent is data.Extent.WHOLE
    assert "2 files and folders" in data.check_source(source("folder", root))


def test_a_fingerprint_changes_with_the_content(root: Path):
    file = root / "a.md"
    file.write_text("one")

    def fingerprint() -> str:
        (entry,) = listed(source("folder", root)).entries
        assert isinstance(entry, data.Changed)
        return entry.fingerprint

    first = fingerprint()
    assert fingerprint() == first
    file.write_text("two")
    os.utime(file, ns=(1, 1))
    second = fingerprint()
    assert second != first
    # the same size and time, and another file
    (root / ".new").write_text("new")
    os.utime(root / ".new", ns=(1, 1))
    (root / ".new").rename(file)
    assert fingerprint() != second


def test_links_are_never_followed_out_of_the_folder(root: Path, tmp_path: Path):
    secret = tmp_path / "secret.md"
    secret.write_text("secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.md").write_text("secret")
    (root / "a.md").write_text("one")
    (root / "file.md").symlink_to(secret)
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "inside.md").symlink_to(root / "a.md")
    found = contents(source("folder", root))
    assert found.pop("a.md") == b"one"
    assert set(found) == {"file.md", "folder"}
    assert all("leaves the folder" in str(reason) for reason in found.values())


def test_a_folder_exchanged_for_a_link_after_the_listing_leads_nowhere(root: Path, tmp_path: Path):
    (root / "sub").mkdir()
    (root / "sub" / "a.md").write_text("one")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.md").write_text("secret")
    (entry,) = listed(source("folder", root)).entries
    (root / "sub").rename(root / ".away")
    (root / "sub").symlink_to(tmp_path / "outside")
    assert isinstance(entry, data.Changed)
    with pytest.raises(data.NotTaken):
        entry.read(LIMIT)


def test_a_pipe_does_not_make_the_reader_wait(root: Path):
    os.mkfifo(root / "pipe.md")
    assert "no ordinary file" in str(contents(source("folder", root))["pipe.md"])


def test_a_file_that_vanishes_or_changes_half_way_is_told(root: Path):
    for name in ("a.md", "b.md", "c.md"):
        (root / name).write_text("one")
    gone, changed, kept = listed(source("folder", root)).entries
    (root / "a.md").unlink()
    (root / "b.md").write_text("another")
    reads = [entry.read for entry in (gone, changed, kept) if isinstance(entry, data.Changed)]
    with pytest.raises(data.NotTaken, match="vanished"):
        reads[0](LIMIT)
    with pytest.raises(data.NotTaken, match="changed while"):
        reads[1](LIMIT)
    assert reads[2](LIMIT) == b"one"
    assert len(reads[2](1)) == 2


def test_a_part_that_cannot_be_listed_is_told_and_nothing_counts_as_gone(
    root: Path, monkeypatch: pytest.MonkeyPatch
):
    (root / "a.md").write_text("one")
    (root / "locked").mkdir()
    real = os.scandir

    def scandir(path: Any) -> Any:
        # permissions do not bind the tests where they run as root
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    listing = listed(source("folder", root))
    assert listing.extent is data.Extent.PART
    assert "“locked” cannot be read: Permission denied" in listing.notes[0]


def test_a_file_without_permission_is_told(root: Path, monkeypatch: pytest.MonkeyPatch):
    (root / "a.md").write_text("one")
    real = os.open

    def refuse(path: Any, *arguments: Any, **more: Any) -> int:
        if path == "a.md":
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", refuse)
    assert "Permission denied" in str(contents(source("folder", root))["a.md"])


def test_a_folder_that_is_not_there_is_no_empty_folder(root: Path):
    assert "mounted" in trouble(source("folder", root / "gone"))


def test_a_folder_exchanged_while_it_is_read_is_no_listing(
    root: Path, monkeypatch: pytest.MonkeyPatch
):
    share = root / "share"
    (share / "sub").mkdir(parents=True)
    real = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "sub" and share.exists():
            share.rename(root / "away")
            share.mkdir()
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(SourceUnavailable) as error:
        listed(source("folder", share))
    assert "exchanged" in error.value.user_message


@pytest.mark.parametrize("place", ["/etc", "relative", "{root}/../root2", "{root}/link"])
def test_only_what_lies_below_the_roots_is_read(root: Path, tmp_path: Path, place: str):
    (tmp_path / "root2").mkdir()
    (root / "link").symlink_to(tmp_path / "root2")
    message = trouble(source("folder", place.format(root=root)))
    assert "SOURCE_ROOTS" in message or "full path" in message


def test_the_installations_own_folder_is_no_source(settings: Any, tmp_path: Path):
    state = tmp_path / "state"
    (state / "watched").mkdir(parents=True)
    (state / "secret_key").write_text("secret")
    (tmp_path / "a.md").write_text("one")
    settings.SOURCE_ROOTS = [tmp_path, state / "watched"]
    assert "belongs to this installation" in trouble(source("folder", state))
    assert data.check_source(source("folder", state / "watched"))
    assert "state/secret_key" not in contents(source("folder", tmp_path))


# -- a git repository -----------------------------------------------------------------------------


@pytest.fixture(params=["http", "here"])
def repository(request: pytest.FixtureRequest, server: GitServer, work: Work) -> Source:
    """The same repository, over HTTP and in its place."""
    return source("git", f"{server.url}/handbook.git" if request.param == "http" else work.bare)


def test_a_repository_is_read_by_commit(repository: Source, work: Work):
    first = work.commit({"a.md": "one", "docs/b.md": "two", "c.md": "three"})
    listing = listed(repository)
    assert (listing.extent, listing.cursor, listing.notes) == (data.Extent.WHOLE, first, ())
    assert contents(repository) == {"a.md": b"one", "docs/b.md": b"two", "c.md": b"three"}
    assert first[:10] in data.check_source(repository)

    second = work.commit({"a.md": "changed", "c.md": None, "docs/b.md": None, "docs/d.md": "two"})
    listing = listed(repository, first)
    assert (listing.extent, listing.cursor) == (data.Extent.CHANGES, second)
    assert contents(repository, first) == {
        "a.md": b"changed",
        "c.md": None,
        "docs/b.md": None,
        "docs/d.md": b"two",
    }
    assert listed(repository, second).entries == ()


def test_what_was_fetched_is_not_fetched_again(server: GitServer, work: Work):
    repository = source("git", f"{server.url}/handbook.git")
    first = work.commit({"a.md": "one"})
    listed(repository)
    server.requests.clear()
    assert listed(repository, first).entries == ()
    posts = [request for request in server.requests if request.startswith("POST")]
    assert len(posts) <= 2  # both ask for the branches
    second = work.commit({"a.md": "two"})
    assert contents(repository, first) == {"a.md": b"two"}
    assert listed(repository, second).extent is data.Extent.CHANGES


def test_the_copy_has_no_history_before_the_first_sync(server: GitServer, work: Work):
    for number in range(5):
        first = work.commit({"a.md": f"text {number}"})
    repository = source("git", f"{server.url}/handbook.git")
    listed(repository)
    copy = Repo(str(data.sources.seen.state_of_source(repository.pk) / "repository"))
    with copy:
        assert copy.get_shallow() == {first.encode()}
        assert len(list(copy.object_store)) == 3  # a commit, a tree, a file


def test_a_rewritten_history_is_compared_as_a_whole_and_told(repository: Source, work: Work):
    work.commit({"a.md": "one"})
    second = work.commit({"b.md": "two"})
    listed(repository)
    git(work.tree, "reset", "--hard", "HEAD~1")
    third = work.commit({"c.md": "three"})
    listing = listed(repository, second)
    assert (listing.extent, listing.cursor) == (data.Extent.WHOLE, third)
    assert "rewritten" in listing.notes[0]
    assert second[:10] in listing.notes[0]
    assert contents(repository, second) == {"a.md": b"one", "c.md": b"three"}


def test_a_copy_that_is_lost_or_damaged_is_made_anew(server: GitServer, work: Work):
    repository = source("git", f"{server.url}/handbook.git")
    first = work.commit({"a.md": "one"})
    listed(repository)
    copy = data.sources.seen.state_of_source(repository.pk) / "repository"
    (copy / "HEAD").unlink()
    for pack in (copy / "objects" / "pack").glob("*.pack"):
        pack.chmod(stat.S_IWUSR)
        pack.write_bytes(b"")
    second = work.commit({"b.md": "two"})
    listing = listed(repository, first)
    assert (listing.extent, listing.cursor) == (data.Extent.WHOLE, second)
    assert "copy of the repository is new" in listing.notes[0]
    assert contents(repository) == {"a.md": b"one", "b.md": b"two"}


def test_a_branch_may_be_named_and_may_go(repository: Source, work: Work):
    work.commit({"a.md": "one"})
    work.commit({"a.md": "draft"}, branch="drafts")
    repository.options = {"branch": "drafts"}
    assert contents(repository) == {"a.md": b"draft"}
    repository.options = {"branch": "gone"}
    message = trouble(repository)
    assert "no branch “gone”" in message
    assert "drafts, main" in message


def test_an_empty_repository_is_told(repository: Source):
    assert "empty" in trouble(repository)


def test_submodules_links_and_large_file_pointers_are_skipped_with_a_sentence(
    repository: Source, work: Work, root: Path
):
    other = Work(root, "other")
    commit = other.commit({"x.md": "x"})
    (work.tree / "link.md").symlink_to("/etc/passwd")
    git(work.tree, "update-index", "--add", "--cacheinfo", f"160000,{commit},module")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    (work.tree / "a.md").write_text("one")
    (work.tree / "big.pdf").write_text(pointer)
    git(work.tree, "add", "a.md", "big.pdf", "link.md")
    git(work.tree, "commit", "-m", "Odd.")
    git(work.tree, "push", "origin", "HEAD:refs/heads/main")
    found = contents(repository)
    assert found.pop("a.md") == b"one"
    assert "submodule" in str(found.pop("module"))
    assert "link" in str(found.pop("link.md"))
    assert "LFS" in str(found.pop("big.pdf"))
    assert found == {}


def test_the_key_goes_to_its_host_only(
    server: GitServer, work: Work, monkeypatch: pytest.MonkeyPatch, caplog: Any
):
    work.commit({"a.md": "one"})
    server.authorization = "Basic YWRhOnMzY3JldA=="  # ada:s3cret
    repository = source("git", f"{server.url}/handbook.git")
    assert "asks for a key" in trouble(repository)
    repository.key_variable = "SOURCE_KEY_GIT"
    assert "SOURCE_KEY_GIT is not set" in trouble(repository)
    monkeypatch.setenv("SOURCE_KEY_GIT", "ada:wrong-s3cret")
    assert "refuses" in trouble(repository)
    monkeypatch.setenv("SOURCE_KEY_GIT", "ada:s3cret")
    assert contents(repository) == {"a.md": b"one"}

    elsewhere = GitServer(server.folder)
    with serve(elsewhere):
        server.redirect_to = elsewhere.url
        assert "another host" in trouble(repository)
        assert elsewhere.requests == []
    assert "s3cret" not in caplog.text


def test_a_server_that_fails_for_a_moment_is_asked_again(
    server: GitServer, work: Work, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Retry, "sleep", lambda self, response=None: None)
    work.commit({"a.md": "one"})
    repository = source("git", f"{server.url}/handbook.git")
    server.failures = [503, 502]
    assert contents(repository) == {"a.md": b"one"}
    server.failures = [503] * 10
    with pytest.raises(SourceUnavailable) as error:
        listed(repository)
    assert "answers with an error" in error.value.user_message


def test_what_answers_without_being_a_repository_is_told(server: GitServer, work: Work):
    assert "no repository" in trouble(source("git", f"{server.url}/nothing.git"))


def test_a_server_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Retry, "sleep", lambda self, response=None: None)
    server = GitServer(Path("/nowhere"))
    server.server_close()
    assert "could not be reached" in trouble(source("git", f"{server.url}/handbook.git"))


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("ftp://example.org/x.git", "must begin with"),
        ("ext::sh -c id", "must begin with"),
        ("-oProxyCommand=id", "must begin with"),
        ("https://ada:key@example.org/x.git", "must not hold"),
        ("https://example.org/x.git?a=b", "must not hold"),
        ("file:///etc", "SOURCE_ROOTS"),
        ("/etc", "SOURCE_ROOTS"),
        ("ssh://-oProxyCommand=id/x", "check address"),
    ],
)
def test_other_addresses_are_refused(location: str, says: str):
    assert says in trouble(source("git", location))


def test_a_key_is_not_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOURCE_KEY_GIT", "token")
    message = trouble(source("git", "http://git.example.org/x.git", "SOURCE_KEY_GIT"))
    assert "https:// only" in message


def test_a_local_repository_does_not_lead_out_of_the_roots(root: Path, tmp_path: Path, work: Work):
    outside = Work(tmp_path / "outside")
    outside.commit({"a.md": "secret"})
    (root / "pointer").mkdir()
    (root / "pointer" / ".git").write_text(f"gitdir: {outside.bare}\n")
    assert "SOURCE_ROOTS" in trouble(source("git", root / "pointer"))
    work.commit({"a.md": "one"})
    (work.bare / "objects" / "info").mkdir(exist_ok=True)
    (work.bare / "objects" / "info" / "alternates").write_text(f"{outside.bare}/objects\n")
    assert "borrows" in trouble(source("git", work.bare))


def test_ssh_runs_without_questions_and_without_our_secrets(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A stand-in for `ssh` that notes how it was called and runs the command here."""
    work.commit({"a.md": "one"})
    programs = tmp_path / "programs"
    programs.mkdir()
    ssh = programs / "ssh"
    ssh.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$*" >> "$HOME/called"\nenv >> "$HOME/environment"\n'
        'for last; do :; done\nexec sh -c "$last"\n'
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SOURCE_KEY_SSH", "/keys/id")
    for location in (
        f"ssh://git@git.example.org:2222{work.bare}",
        f"git@git.example.org:{work.bare}",
    ):
        repository = source("git", location, "SOURCE_KEY_SSH")
        assert contents(repository) == {"a.md": b"one"}
    called = (tmp_path / "called").read_text()
    assert "-p 2222 -- git@git.example.org" in called
    assert "BatchMode=yes" in called
    assert "StrictHostKeyChecking=yes" in called
    assert "-i /keys/id" in called
    assert "SOURCE_KEY" not in (tmp_path / "environment").read_text()


def test_more_than_a_fetch_may_bring_is_refused(
    server: GitServer, work: Work, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(git_reader, "MAX_FETCH_BYTES", 100)
    work.commit({"a.md": "one\n" * 1000, "b.md": os.urandom(500).hex()})
    with pytest.raises(SourceUnavailable) as error:
        listed(source("git", f"{server.url}/handbook.git"))
    assert "smaller repository" in error.value.user_message


# -- a bucket -------------------------------------------------------------------------------------


def test_a_bucket_is_listed_page_by_page_and_read(store: Store):
    for number in range(7):
        store.put(f"docs/{number}.md", f"text {number}")
    store.put("docs/", "")
    store.put("other/x.md", "no")
    handbook = bucket(store, prefix="docs/")
    assert contents(handbook) == {f"{n}.md": f"text {n}".encode() for n in range(7)}
    assert len([path for path in store.requests if "list-type" in path]) == 3
    assert "objects" in data.check_source(handbook)
    assert set(contents(bucket(store))) == {*(f"docs/{n}.md" for n in range(7)), "other/x.md"}


def test_keys_with_odd_characters_are_read(store: Store):
    names = ["a b+c.md", "ü&%20?#'.md", "100%.md", "日本.md", "a~b.md"]
    for name in names:
        store.put(name, name)
    assert contents(bucket(store)) == {name: name.encode() for name in names}


def test_keys_that_play_tricks_are_skipped(store: Store):
    tricks = ["../x.md", "/etc/passwd", "a//b.md", "a/../b.md", "a\nb.md", "c\x01d.md", "a\\b.md"]
    for key in [*tricks, "fine.md"]:
        store.put(key, "text")
    found = contents(bucket(store))
    assert found.pop("fine.md") == b"text"
    assert len(found) == len(tricks)
    assert all("Please rename it." in str(reason) for reason in found.values())


def test_a_page_that_cannot_be_had_is_no_listing(store: Store):
    for number in range(7):
        store.put(f"{number}.md", "text")
    store.failures = [Failure("continuation-token=3", 500)]
    with pytest.raises(SourceUnavailable) as error:
        listed(bucket(store))
    assert "500" in error.value.user_message


def test_a_store_that_is_overloaded_is_asked_again(store: Store):
    store.put("a.md", "text")
    store.failures = [Failure("list-type", 503, "SlowDown", 2), Failure("a.md", 500, times=3)]
    assert contents(bucket(store)) == {"a.md": b"text"}


def test_an_object_that_vanishes_or_changes_half_way_is_told(store: Store):
    for key in ("a.md", "b.md", "c.md"):
        store.put(key, "text")
    store.before_get["a.md"] = lambda: store.objects.pop("a.md")
    store.before_get["b.md"] = lambda: store.put("b.md", "another")
    found = contents(bucket(store))
    assert "vanished" in str(found["a.md"])
    assert "changed while" in str(found["b.md"])
    assert found["c.md"] == b"text"


def test_a_large_object_is_not_even_asked_for(store: Store):
    store.put("a.md", "x" * (LIMIT + 1))
    assert "larger than" in str(contents(bucket(store))["a.md"])
    assert not any("a.md" in path for path in store.requests)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"key": f"{KEY_ID}:wrong"}, "refuses the key's secret"),
        ({"key": f"UNKNOWN:{SECRET}"}, "does not know this key"),
        ({"key": "no colon"}, "colon"),
        ({"key": ""}, "is not set"),
        ({"region": "eu-central-1"}, "another region"),
        ({"location": "nothing"}, "no such bucket"),
        ({"location": "../x"}, "no name of a bucket"),
        ({"endpoint": "ftp://example.org"}, "must begin with"),
        ({"endpoint": "http://ada:key@example.org"}, "must not hold"),
        ({"key_variable": "SECRET_KEY"}, "must begin with SOURCE_KEY"),
        ({"key_variable": "DATABASE_URL"}, "must begin with SOURCE_KEY"),
    ],
)
def test_what_is_wrong_with_a_bucket_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], says: str
):
    handbook = bucket(store)
    if "key" in change:
        monkeypatch.setenv("SOURCE_KEY_STORE", change.pop("key"))
    for name in ("location", "key_variable"):
        setattr(handbook, name, change.pop(name, getattr(handbook, name)))
    handbook.options.update(change)
    assert says in trouble(handbook)


def test_a_public_bucket_needs_no_key(store: Store):
    store.put("a.md", "text")
    handbook = bucket(store)
    handbook.key_variable = ""
    assert "may not list" in trouble(handbook)
    store.public = True
    assert contents(handbook) == {"a.md": b"text"}


def test_a_redirect_is_not_followed(store: Store):
    elsewhere = Store()
    with serve(elsewhere):
        store.redirect_to = elsewhere.url
        assert "another region" in trouble(bucket(store))
        assert elsewhere.requests == []


def test_what_is_no_store_is_told(server: GitServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOURCE_KEY_STORE", f"{KEY_ID}:{SECRET}")
    nothing = source("s3", "handbook", "SOURCE_KEY_STORE", endpoint=server.url)
    assert trouble(nothing)


def test_the_addresses_of_a_clouds_machines_are_refused(monkeypatch: pytest.MonkeyPatch):
    class Socket:
        closed = False

        def getpeername(self) -> tuple[str, int]:
            return ("169.254.169.254", 80)

        def close(self) -> None:
            self.closed = True

    made = Socket()
    monkeypatch.setattr(HTTPConnection, "_new_conn", lambda self: made)
    with pytest.raises(SourceUnavailable):
        data.check_source(source("s3", "handbook", endpoint="http://metadata.example.org"))
    assert made.closed


# The documentation's own examples; its key is written so that no search for keys finds it.
EXAMPLE: dict[str, Any] = {
    "region": "us-east-1",
    "key_id": "AKIA" + "IOSFODNN7EXAMPLE",
    "secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "at": datetime(2013, 5, 24, tzinfo=UTC),
}
EXAMPLE_HOST = "examplebucket.s3.amazonaws.com"


def test_signatures_are_those_of_the_documentation():
    signed = sign(EXAMPLE_HOST, "/test.txt", [], {"Range": "bytes=0-9"}, **EXAMPLE)
    assert signed["authorization"].endswith(
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )
    query = [("prefix", "J"), ("max-keys", "2")]
    listing = sign(EXAMPLE_HOST, "/", query, {}, **EXAMPLE)
    assert listing["authorization"].endswith(
        "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )
