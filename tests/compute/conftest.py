from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from assistants import compute
from assistants.compute import weights
from assistants.types import DeploymentSpec
from benchmarks import upstream
from tests import workers
from tests.workers import Worker


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


@pytest.fixture(scope="session")
def _model_worker() -> Iterator[Worker]:
    weights.prepare()
    with tempfile.TemporaryDirectory(prefix="hybridapp-model-") as folder:
        worker = workers.model_worker(Path(folder))
        worker.start()
        try:
            yield worker
        finally:
            worker.stop()


@pytest.fixture
def model_worker(_model_worker: Worker) -> Worker:
    """Running, also when the test before has killed it."""
    if _model_worker.process.poll() is not None:
        _model_worker.start()
    return _model_worker


@pytest.fixture
def dead_worker(_model_worker: Worker) -> Worker:
    """Killed, and forgotten by the broker."""
    _model_worker.kill()
    _model_worker.forget()
    return _model_worker


@pytest.fixture
def local() -> DeploymentSpec:
    return DeploymentSpec("local", "local", "on_prem", "", "", context_tokens=2048, max_tokens=256)


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for the outside world; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
