from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from assistants import compute
from assistants.compute import weights
from assistants.compute.broker import sync_client
from assistants.types import DeploymentSpec
from benchmarks import upstream
from hybridapp.embedded.programs import WORKERS

CHECKOUT = Path(__file__).resolve().parent.parent.parent
ALIVE = "alive:model"


@pytest.fixture(autouse=True)
async def clients_closed() -> AsyncIterator[None]:
    """Each test has an event loop of its own; nothing of it stays open."""
    yield
    await compute.close_clients()


@dataclass
class Upstream:
    """The scripted server in the test's own event loop."""

    script: upstream.Script
    url: str
    deployment: DeploymentSpec

    def asked(self, **changes: object) -> DeploymentSpec:
        return replace(self.deployment, **changes)  # type: ignore[arg-type]


@pytest.fixture
async def server() -> AsyncIterator[Upstream]:
    script = upstream.Script(tokens=12, delay=0.001, remember=True)
    runner, url = await upstream.start(script)
    spec = DeploymentSpec("server", "openai_compatible", "on_prem", "", "", base_url=url)
    try:
        yield Upstream(script, url, spec)
    finally:
        await runner.cleanup()


@dataclass
class ModelWorker:
    """A real Celery worker with the real model, started with the product's own command."""

    log: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        sync_client().delete(ALIVE)
        _, *arguments = WORKERS["model"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *arguments], cwd=CHECKOUT, stdout=output, stderr=output
            )
        deadline = time.monotonic() + 120
        while not sync_client().exists(ALIVE):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(self.log.read_text()[-5000:])
            time.sleep(0.1)

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


@pytest.fixture(scope="session")
def _model_worker() -> Iterator[ModelWorker]:
    weights.prepare()
    with tempfile.TemporaryDirectory(prefix="hybridapp-model-") as folder:
        worker = ModelWorker(Path(folder) / "log")
        worker.start()
        try:
            yield worker
        finally:
            worker.stop()


@pytest.fixture
def model_worker(_model_worker: ModelWorker) -> ModelWorker:
    """Running, also when the test before has killed it."""
    if _model_worker.process.poll() is not None:
        _model_worker.start()
    return _model_worker


@pytest.fixture
def dead_worker(_model_worker: ModelWorker) -> ModelWorker:
    """Killed, and forgotten by the broker."""
    _model_worker.kill()
    sync_client().delete(ALIVE)
    return _model_worker


@pytest.fixture
def local() -> DeploymentSpec:
    return DeploymentSpec("local", "local", "on_prem", "", "", context_tokens=2048, max_tokens=256)


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for the outside world; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
