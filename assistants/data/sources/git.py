"""A git repository: one branch of it, in a copy without history, fetched by commit.

The copy is bare and has no hooks; nothing of it is ever checked out or run. It may be deleted at
any time. A repository on this machine, below the permitted roots, is read where it is.
"""

from __future__ import annotations

import logging
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dulwich.client import GitClient, SSHGitClient, Urllib3HttpGitClient
from dulwich.diff_tree import tree_changes
from dulwich.errors import HangupException, NotGitRepository
from dulwich.graph import can_fast_forward
from dulwich.object_store import iter_tree_contents
from dulwich.objects import S_ISGITLINK, Commit, ObjectID
from dulwich.refs import Ref
from dulwich.repo import Repo
from urllib3.exceptions import HTTPError

from assistants.data.sources import web
from assistants.data.sources.changes import (
    Changed,
    Entry,
    Extent,
    Listing,
    NotTaken,
    Removed,
    Skipped,
)
from assistants.data.sources.folder import resolve_below
from assistants.data.sources.paths import settle
from assistants.data.sources.ssh import Ssh
from assistants.exceptions import SourceUnavailable

logger = logging.getLogger(__name__)

MAX_FETCH_BYTES = 2 * 1024**3
FETCH_SECONDS = 1800.0
MAX_PACKS = 50  # a fetch each; then the copy is made anew, so that it never grows for ever
_LFS = b"version https://git-lfs.github.com/spec/"
_SCP_STYLE = re.compile(r"^(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>(?!//).+)$")
_HEADS = b"refs/heads/"
_SUBMODULE = "is a repository of its own (a submodule). Please add it as a source of its own."


@dataclass(frozen=True, slots=True)
class Repository:
    """Where a repository is, and what its reader may use.

    `key` is a token, alone or after "user:", for https; a path to a private key for ssh.
    """

    location: str
    branch: str
    key: str
    copy: Path
    roots: list[Path]
    private: Path


def check_repository(repository: Repository, seconds: float) -> str:
    with _understood(repository):
        local = _local(repository)
        if local:
            with _opened_here(repository, local) as repo:
                ref, tip = _tip(repo.refs.as_dict(), repo.refs.get_symrefs(), repository.branch)
        else:
            client, path = _client(repository, seconds, tries=1)
            found = client.get_refs(path)
            ref, tip = _tip(found.refs, found.symrefs, repository.branch)
        return f"Branch {_named(ref)} is at commit {tip[:10].decode()}."


@contextmanager
def list_repository(repository: Repository, cursor: str) -> Iterator[Listing]:
    """What changed since the commit `cursor`; everything, if that is not in the branch's past."""
    with ExitStack() as stack:
        with _understood(repository):
            repo, tip, is_new = stack.enter_context(_at_tip(repository))
            listing = _list(repo, tip, is_new, cursor)
        yield listing


def _list(repo: Repo, tip: ObjectID, is_new: bool, cursor: str) -> Listing:
    after = _tree(repo, tip)
    if not cursor:
        return Listing(settle(_everything(repo, after)), Extent.WHOLE, tip.decode())
    known = ObjectID(cursor.encode())
    if known in repo.object_store and can_fast_forward(repo, known, tip):
        changes = settle(_changes(repo, _tree(repo, known), after))
        return Listing(changes, Extent.CHANGES, tip.decode())
    note = (
        "The copy of the repository is new, so everything was compared."
        if is_new
        else f"The branch was rewritten: commit {cursor[:10]} is not in its past any more. "
        "Everything was compared."
    )
    return Listing(settle(_everything(repo, after)), Extent.WHOLE, tip.decode(), (note,))


# -- what is in it --------------------------------------------------------------------------------


def _everything(repo: Repo, tree: ObjectID) -> Iterator[Entry]:
    for entry in iter_tree_contents(repo.object_store, tree):
        yield _entry(repo, entry.path, entry.mode, entry.sha)


def _changes(repo: Repo, before: ObjectID, after: ObjectID) -> Iterator[Entry]:
    for change in tree_changes(repo.object_store, before, after):
        if change.new is not None:
            yield _entry(repo, change.new.path, change.new.mode, change.new.sha)
        elif change.old is not None and change.old.path is not None:
            yield Removed(_decode(change.old.path))


def _entry(repo: Repo, path: bytes | None, mode: int | None, sha: ObjectID | None) -> Entry:
    if path is None or mode is None or sha is None:
        raise SourceUnavailable("an entry of a tree without a name, a mode or an object")
    name = _decode(path)
    if S_ISGITLINK(mode):
        return Skipped(name, _SUBMODULE)
    if not stat.S_ISREG(mode):
        return Skipped(name, "is a link, which is not followed.")
    return Changed(name, sha.decode(), partial(_read, repo, sha))


def _decode(path: bytes) -> str:
    return path.decode("utf-8", errors="surrogateescape")


def _read(repo: Repo, sha: ObjectID, limit: int) -> bytes:
    try:
        content: bytes = repo.object_store[sha].as_raw_string()
    except Exception as error:
        raise SourceUnavailable(
            f"{sha!r}: {error!r}",
            user_message="The repository, or the copy of it here, is damaged. It is compared as a "
            "whole at the next sync.",
        ) from error
    if content.startswith(_LFS):
        raise NotTaken("is kept outside the repository (git LFS), which is not read.")
    return content[: limit + 1]


def _tree(repo: Repo, commit: ObjectID) -> ObjectID:
    found = repo.object_store[commit]
    if not isinstance(found, Commit):
        raise SourceUnavailable(f"{commit!r} is no commit")
    return ObjectID(found.tree)


# -- the copy -------------------------------------------------------------------------------------


@contextmanager
def _at_tip(repository: Repository) -> Iterator[tuple[Repo, ObjectID, bool]]:
    """The repository with everything of its branch's tip, that tip, and whether the copy is new."""
    local = _local(repository)
    if local:
        with _opened_here(repository, local) as repo:
            _, tip = _tip(repo.refs.as_dict(), repo.refs.get_symrefs(), repository.branch)
            yield repo, tip, False
        return
    repo, is_new = _open_copy(repository.copy)
    with repo:
        yield repo, _fetch(repository, repo, is_new), is_new


def _open_copy(folder: Path) -> tuple[Repo, bool]:
    if folder.exists():
        try:
            repo = Repo(str(folder))
            tips = [sha for sha in repo.refs.as_dict().values() if _tree(repo, sha)]
            if tips and len(list(repo.object_store.packs)) <= MAX_PACKS:
                return repo, False
            repo.close()
        except Exception as error:  # whatever a damaged file makes of its reader
            logger.warning("the copy %s is damaged (%r) and is made anew", folder, error)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, mode=0o700)
    return Repo.init_bare(str(folder)), True


def _fetch(repository: Repository, repo: Repo, is_new: bool) -> ObjectID:
    client, path = _client(repository, web.READ_SECONDS)
    found: list[tuple[Ref, ObjectID]] = []

    def wants(refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:
        found[:] = [_tip(refs, {}, branch)]
        return [] if found[0][1] in repo.object_store else [found[0][1]]

    branch = repository.branch or _named(_default_branch(client, path))
    with tempfile.TemporaryFile(dir=repository.copy) as pack:
        result = client.fetch_pack(
            path,
            wants,
            repo.get_graph_walker(),
            _Bounded(pack).write,
            depth=1 if is_new else None,
        )
        if pack.tell():
            pack.seek(0)
            repo.object_store.add_thin_pack(pack.read, None)
    repo.update_shallow(result.new_shallow, result.new_unshallow)
    ref, tip = found[0]
    repo.refs[ref] = tip
    return tip


class _Bounded:
    """Writes what a server sends, up to a size and for a time."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = MAX_FETCH_BYTES
        self._deadline = time.monotonic() + FETCH_SECONDS

    def write(self, piece: bytes) -> int:
        self._left -= len(piece)
        if self._left < 0 or time.monotonic() > self._deadline:
            raise SourceUnavailable(
                user_message=f"The repository sends more than {MAX_FETCH_BYTES // 1024**3} GB, or "
                f"for longer than {FETCH_SECONDS / 60:g} minutes. Please use a smaller repository."
            )
        self._file.write(piece)
        return len(piece)


def _default_branch(client: GitClient, path: bytes) -> Ref:
    found = client.get_refs(path)
    return _tip(found.refs, found.symrefs, "")[0]


def _tip(
    refs: Mapping[Ref, ObjectID | None], symrefs: Mapping[Ref, Ref], branch: str
) -> tuple[Ref, ObjectID]:
    """The branch that is named, else the one that the repository shows first."""
    heads = {ref: sha for ref, sha in refs.items() if ref.startswith(_HEADS) and sha}
    if not heads:
        raise SourceUnavailable(user_message="The repository is empty: it has no branch yet.")
    ref = Ref(_HEADS + branch.encode()) if branch else symrefs.get(Ref(b"HEAD"))
    if ref is None and len(heads) == 1:
        ref = next(iter(heads))
    if ref is None or ref not in heads:
        known = ", ".join(sorted(map(_named, heads))[:10])
        missing = f"There is no branch “{branch}”" if branch else "It has no main branch"
        raise SourceUnavailable(user_message=f"{missing} in the repository. Branches: {known}.")
    return ref, heads[ref]


def _named(ref: Ref) -> str:
    return ref.removeprefix(_HEADS).decode(errors="replace")


# -- reaching it ----------------------------------------------------------------------------------


def _client(
    repository: Repository, seconds: float, tries: int = web.TRIES
) -> tuple[GitClient, bytes]:
    location, key = repository.location, repository.key
    parts = urlsplit(location)
    if parts.scheme in ("http", "https"):
        web.check_address(location, has_key=bool(key))
        name, _, password = key.partition(":") if ":" in key else ("oauth2", "", key)
        client = Urllib3HttpGitClient(
            location,
            pool_manager=web.OneHost(location, seconds=seconds, tries=tries),
            username=name if key else None,
            password=password if key else None,
        )
        return client, b""
    ssh = Ssh(key, seconds)
    if parts.scheme == "ssh" and parts.hostname and parts.password is None:
        place = parts.hostname, parts.port, parts.username
        return SSHGitClient(*place, vendor=ssh), parts.path.encode()
    if scp := _SCP_STYLE.match(location):
        return SSHGitClient(scp["host"], None, scp["user"], vendor=ssh), scp["path"].encode()
    raise SourceUnavailable(
        user_message="The address must begin with https://, http:// or ssh://, or be a folder "
        "on this machine."
    )


def _local(repository: Repository) -> Path | None:
    location = repository.location.removeprefix("file://")
    if not location.startswith("/"):
        return None
    return resolve_below(location, repository.roots, repository.private)


@contextmanager
def _opened_here(repository: Repository, place: Path) -> Iterator[Repo]:
    """What it points to must be permitted as well: its real folder, and what it borrows from."""
    with Repo(str(place)) as repo:
        for folder in {repo.controldir(), repo.commondir()}:
            resolve_below(str(Path(folder).absolute()), repository.roots, repository.private)
        if Path(repo.commondir(), "objects", "info", "alternates").exists():
            raise SourceUnavailable(
                user_message="The repository borrows from another one (alternates), which is not "
                "read. Please make a full clone."
            )
        yield repo


def _comes_from(error: BaseException | None, *kinds: type[BaseException]) -> bool:
    while error is not None:
        if isinstance(error, kinds):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def _understood(repository: Repository) -> Iterator[None]:
    """Whatever a server sends that trips the reader is the source's trouble, told as such.

    The log gets the kind of trouble only: a text may quote what was sent.
    """
    try:
        yield
    except SourceUnavailable:
        raise
    except NotGitRepository as error:
        raise SourceUnavailable(
            type(error).__name__,
            user_message=f"There is no repository at “{repository.location}”, "
            "or its key may not see it.",
        ) from error
    except Exception as error:
        name = type(error).__name__
        if _comes_from(error, web.ForbiddenAddress):
            message = "The server points to another host. Please give the address it points to."
        elif name == "HTTPUnauthorized":
            message = "The server asks for a key, or refuses the one it was given."
        elif _comes_from(error, HangupException, HTTPError, OSError):
            message = "The server could not be reached, or broke off."
        elif str(error).startswith("unexpected http resp"):
            message = "The server answers with an error."
        else:
            message = "The server's answer could not be understood."
        raise SourceUnavailable(
            f"{name} at {repository.location}: {str(error)[:300]}",
            user_message=f"{message} ({name}) Please check address, branch and key.",
        ) from error
