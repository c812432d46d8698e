"""Real workers of the compute plane, started with the product's own commands and environments."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import redis
from django.conf import settings

from assistants.tickets import public_key_of, seed_of, to_base64url
from hybridapp.embedded import environments
from hybridapp.embedded.programs import WORKERS

CHECKOUT = Path(__file__).resolve().parent.parent
CLOUD_KEYS = {"TEST_API_KEY": "test-key"}


@dataclass
class Worker:
    """`broker` is the trusted side's address, by which its signs of life are seen."""

    name: str
    alive: str
    log: Path
    environment: Mapping[str, str]
    broker: str
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        self.forget()
        self.launch()
        deadline = time.monotonic() + 120
        with redis.Redis.from_url(self.broker) as client:
            while not client.exists(self.alive):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(self.log.read_text()[-5000:])
                time.sleep(0.1)

    def launch(self) -> None:
        """Without waiting for it to be ready."""
        _, *arguments = WORKERS[self.name]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=CHECKOUT,
                env=dict(self.environment),
                stdout=output,
                stderr=output,
            )

    def forget(self) -> None:
        """As the broker does once a worker has been silent for long enough."""
        with redis.Redis.from_url(self.broker) as client:
            client.delete(self.alive)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
                raise


def model_worker(folder: Path) -> Worker:
    return Worker("model", "alive:model", folder / "log", os.environ, os.environ["REDIS_URL"])


def cloud_worker(folder: Path, *, broker: str = "", account: str = "", **changes: str) -> Worker:
    """It accepts the tickets that the gate signs in these tests, and holds CLOUD_KEYS."""
    environment = environments.of_the_cloud_worker(
        os.environ,
        CLOUD_KEYS,
        redis_url=account or os.environ["CLOUD_REDIS_URL"],
        public_key=to_base64url(public_key_of(seed_of(settings.SECRET_KEY))),
        state_dir=str(folder),
    )
    return Worker(
        "cloud",
        "cloud:alive:cloud",
        folder / "log",
        {**environment, **changes},
        broker or os.environ["REDIS_URL"],
    )
