"""The product as `make run` starts it, in a folder and on a port of its own."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
START_SECONDS = 240


@dataclass
class Product:
    url: str
    password: str
    state_dir: Path
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def socket_url(self) -> str:
        return self.url.replace("http://", "ws://") + "/ws/chat/"

    def health(self) -> tuple[int, dict[str, Any]]:
        """The status of /healthz (0 when nothing answers) and what it says."""
        try:
            with urllib.request.urlopen(self.url + "/healthz", timeout=5) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, {}

    def wait_until_healthy(self, seconds: float = START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.health()[0] == 200:
                return
            time.sleep(0.2)
        raise AssertionError(f"not healthy: {self.health()}\n{self.log.read_text()[-5000:]}")

    def manage(self, *arguments: str) -> str:
        """What `manage.py` prints, with the product's own database, broker and key."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=CHECKOUT,
            env=environment(self.state_dir),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise AssertionError(f"manage.py {arguments[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise


def environment(state_dir: Path, **extra: str) -> dict[str, str]:
    """A newcomer's shell: nothing in it of a database or a state that the caller uses itself."""
    ours = {"DATABASE_URL", "MIGRATION_DATABASE_URL", "REDIS_URL", "SECRET_KEY", "STATE_DIR"}
    ours |= {"DJANGO_SETTINGS_MODULE", "CLOUD_REDIS_URL"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {
        "MODELS_DIR": str(CHECKOUT / ".state" / "models"),  # prepared once for all
        **kept,
        "STATE_DIR": str(state_dir),
        **extra,
    }


SUPERVISOR = (sys.executable, "-m", "hybridapp.embedded")


def start(state_dir: Path, *, argv: Sequence[str] = SUPERVISOR, **extra: str) -> Product:
    """Start it; the caller waits until it is healthy, and stops it."""
    port = free_port()
    password = secrets.token_urlsafe(12)
    log = state_dir.parent / f"{state_dir.name}.log"
    variables = {
        "PORT": str(port),
        "DEMO_PASSWORD": password,
        "MESSAGES_PER_MINUTE": "100000",
        **extra,
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv,
            cwd=CHECKOUT,
            env=environment(state_dir, **variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Product(f"http://127.0.0.1:{port}", password, state_dir, process, log)


def make_folder(purpose: str) -> Path:
    """A new folder for state; root's database runs as another user and must get through."""
    folder = Path(tempfile.mkdtemp(prefix=f"hybridapp-{purpose}-", dir="/tmp"))
    folder.chmod(0o711)
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
