"""Child processes that cannot outlive the process that started them."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import hmac
import os
import pwd
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from assistants.conf import kept_secret

PR_SET_PDEATHSIG = 1  # linux/prctl.h
prctl = ctypes.CDLL(None).prctl  # looked up here: after a fork it might meet a held lock
# A Unix socket's path has 108 bytes, the last of them zero (unix(7)).
LONGEST_SOCKET_PATH = 107


class PartFailed(Exception):
    """An embedded part cannot start; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run in the foreground. `stop` ends it in an orderly way.

    `orphaned` is what the kernel sends it when its parent dies. With `user`, a process of root
    runs as that user. Lines of output that begin with `withhold` are kept out of the log.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    stop: signal.Signals = signal.SIGTERM
    orphaned: signal.Signals = signal.SIGKILL
    user: pwd.struct_passwd | None = None
    withhold: str | None = None

    def options(self) -> dict[str, Any]:
        """Arguments for `subprocess.Popen` and `asyncio.create_subprocess_exec` alike.

        To be used in the main thread: the kernel sends `orphaned` when the *thread* that
        started the child ends.
        """
        options: dict[str, Any] = {
            "env": dict(self.env),
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,
            "umask": 0o077,
            "preexec_fn": die_with_parent(self.orphaned),
        }
        if self.user is not None:
            options |= as_user(self.user)
        return options


def die_with_parent(signal_number: int) -> Callable[[], None]:
    """For the child, between fork and exec, after any change of user (which would undo it)."""
    parent = os.getpid()

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return before_exec


def end_with_parent() -> None:
    """For this very process: TERM when the one that started it dies, however it dies."""
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def handles_signal(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for this signal (proc(5), SigCgt); not when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    mask = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(mask >> (number - 1) & 1)


def as_user(user: pwd.struct_passwd) -> dict[str, Any]:
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def unprivileged() -> pwd.struct_passwd | None:
    """Who runs what refuses to run as root; None when we are not root ourselves."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def reaches(user: pwd.struct_passwd, path: Path) -> bool:
    """Whether the user can enter (a program: run) the path, through all its parents."""
    test = subprocess.run(["test", "-x", str(path)], **as_user(user), cwd="/", check=False)
    return test.returncode == 0


def short_socket_folder(wanted: Path, socket: str) -> Path:
    """`wanted`, or a private folder under /tmp where a socket's path would be too long."""
    if len(os.fsencode(wanted / socket)) <= LONGEST_SOCKET_PATH:
        return wanted
    mark = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
    return Path("/tmp") / f"hybridapp-{os.geteuid()}-{mark}"  # noqa: S108  # see own_folder


def own_folder(path: Path, owner: pwd.struct_passwd | None = None, mode: int = 0o700) -> None:
    """Make a folder that is the owner's alone; refuse one that somebody else put there."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    wanted = os.geteuid() if owner is None else owner.pw_uid
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), wanted}:
        raise PartFailed(f"{path} belongs to somebody else; remove it or choose another STATE_DIR.")
    path.chmod(mode)
    if found.st_uid != wanted:
        os.chown(path, wanted, -1 if owner is None else owner.pw_gid)


def own_state_dir(path: Path) -> None:
    """Private; for root it can be passed through, since the database runs as another user."""
    own_folder(path, mode=0o711 if os.geteuid() == 0 else 0o700)


def password(secret: Path, account: str) -> str:
    """An account's, made from the one secret of a state directory that the file keeps."""
    return hmac.digest(kept_secret(secret).encode(), account.encode(), "sha256").hex()


def kill_group(leader: int, signal_number: int) -> None:
    """To a child and everything it started in its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal_number)


class Part:
    """Something that runs: what to start, whether it is up, and what to do then."""

    def __init__(self, name: str, command: Command) -> None:
        self.name = name
        self.command = command

    def prepare(self) -> Command:
        """Called before each start. Raises PartFailed."""
        return self.command

    def answers(self, pid: int) -> bool:
        """One try. Never true for another process, such as a dying predecessor."""
        return True

    def ready(self) -> None:
        """Called once it answers, at each start; quick when nothing is to do."""


class Embedded(Part):
    """A part as a context manager, without a supervisor: start, wait until it answers, stop."""

    log: Path
    process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        self.command = self.prepare()
        deadline = time.monotonic() + 30  # a killed predecessor may hold its lock for a while
        with open(self.log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as log:
            self.process = self._start(log)
            while not self.answers(self.process.pid):
                if time.monotonic() > deadline:
                    self.__exit__(None, None, None)
                    raise PartFailed(f"The {self.name} did not start; see {self.log}.")
                if self.process.poll() is not None:
                    time.sleep(0.2)
                    self.process = self._start(log)
                time.sleep(0.02)
        self.ready()
        return self

    def _start(self, log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command.argv, **self.command.options(), stdout=log, stderr=log)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.send_signal(self.command.stop)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            kill_group(self.process.pid, signal.SIGKILL)
            self.process.wait()
