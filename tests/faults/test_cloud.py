"""A cloud, its worker or the broker fails: the caller hears of it soon, and rightly."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from assistants import compute
from assistants.compute import dispatch, liveness, remote
from assistants.compute.lanes import CLOUD
from assistants.compute.providers import anthropic
from assistants.exceptions import ProviderError
from assistants.types import Delta, DeploymentSpec, Finished, PromptMessage, Role, SealedPrompt
from hybridapp.embedded import Valkey
from tests import cloud as scripted
from tests import workers
from tests.cloud import Cloud
from tests.egress import let_through
from tests.workers import Worker

pytestmark = pytest.mark.faults


@pytest.fixture(autouse=True)
async def clients_closed() -> AsyncIterator[None]:
    yield
    await compute.close_clients()


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with scripted.serve(Cloud()) as cloud:
        yield cloud


async def ask(cloud: Cloud, text: str, on_text: Any = None, **more: Any) -> tuple[str, Any]:
    """The text, and how it ended: Finished or the error."""
    spec = DeploymentSpec(
        *("claude", "anthropic", "cloud", "us", scripted.MODEL),
        base_url=cloud.url,
        key_variable="TEST_API_KEY",
        **more,
    )
    sealed = SealedPrompt((PromptMessage(Role.USER, text),))
    parts: list[str] = []
    try:
        async with asyncio.timeout(60), aclosing(let_through(sealed, spec).events()) as events:
            async for event in events:
                if isinstance(event, Delta):
                    parts.append(event.text)
                    if on_text:
                        on_text()
                        on_text = None
                elif isinstance(event, Finished):
                    return "".join(parts), event
    except ProviderError as error:
        return "".join(parts), error
    raise AssertionError("it ended without an end")


BEFORE = {
    "401": "unauthorized",
    "403": "unauthorized",
    "429": "rate_limited",
    "429_spend": "spend_limit",
    "500": "overloaded",
    "529": "overloaded",
    "reset_before": "unreachable",
    "redirect": "bad_response",
}
DURING = {
    "reset": "interrupted",
    "truncate": "interrupted",
    "overloaded_event": "overloaded",
    "garbage": "bad_response",
    "refusal": "refused",
}


@pytest.mark.parametrize("fault", BEFORE)
async def test_a_refusal_arrives_as_what_it_is(cloud_worker, cloud, fault):
    text, end = await ask(cloud, f"[fault={fault}]")
    assert (text, end.code) == ("", BEFORE[fault])
    if fault == "429":
        assert end.retry_after == 7


@pytest.mark.parametrize("fault", DURING)
async def test_a_fault_after_text_keeps_the_text_and_is_no_end(cloud_worker, cloud, fault):
    text, end = await ask(cloud, f"[fault={fault}]")
    assert text == "tok0 tok1 tok2 "
    assert end.code == DURING[fault]


async def test_a_cloud_that_says_nothing_is_left(cloud_worker, cloud):
    text, end = await ask(cloud, "[fault=silent]", first_token_seconds=1)
    assert (text, end.code) == ("", "timeout")
    assert cloud.open_streams == 0


async def test_a_killed_worker_interrupts(cloud_worker: Worker, cloud):
    text, end = await ask(cloud, "[tokens=5000] [delay=5]", on_text=cloud_worker.kill)
    assert text
    assert end.code == "interrupted"


async def test_without_a_worker_it_is_somebody_elses_turn(cloud_worker: Worker, cloud):
    cloud_worker.kill()
    cloud_worker.forget()
    _, end = await ask(cloud, "Hello")
    assert (end.code, end.permanent) == ("unreachable", False)
    # Whoever comes back finds it in the queue, and that nobody wants it any more.
    cloud_worker.start()
    text, _ = await ask(cloud, "Hello")
    assert text
    assert len(cloud.bodies) == 1


async def test_a_worker_that_is_told_to_end_says_so(cloud_worker: Worker, cloud):
    text, end = await ask(
        cloud, "[tokens=5000] [delay=5]", on_text=lambda: cloud_worker.process.terminate()
    )
    assert text
    assert (end.code, "shutting down" in str(end)) == ("interrupted", True)


def test_another_takes_over_within_five_seconds_whatever_is_lost():
    look = remote.BLOCK_MS / 1000
    assert CLOUD.silence_seconds + look < 5
    assert CLOUD.dead_seconds + CLOUD.no_worker_seconds + look < 5
    assert CLOUD.dead_seconds > liveness.EVERY * 2
    assert CLOUD.heartbeat_seconds * 3 < CLOUD.silence_seconds
    tried_again = anthropic.PATIENCE_SECONDS + max(anthropic.JITTER_SECONDS)
    assert tried_again + anthropic.CONNECT_SECONDS < 5


@pytest.fixture
def own_broker(tmp_path_factory, monkeypatch) -> Iterator[tuple[Valkey, Worker]]:
    """A broker and a cloud worker that a test may hurt."""
    folder: Path = tmp_path_factory.mktemp("cloud")
    with Valkey(folder) as valkey:
        monkeypatch.setenv("REDIS_URL", valkey.url)
        dispatch.celery_app.cache_clear()
        worker = workers.cloud_worker(folder, broker=valkey.url, account=valkey.cloud_url)
        worker.start()
        try:
            yield valkey, worker
        finally:
            worker.kill()
            dispatch.celery_app.cache_clear()


async def test_a_killed_broker_that_comes_back_loses_no_text(own_broker, cloud):
    """The answer goes on, or ends as cut off; what arrived is the cloud's text without a gap."""
    valkey, _ = own_broker

    def restart() -> None:
        os.kill(valkey.process.pid, 9)
        valkey.process.wait(10)
        with valkey.log.open("ab") as log:
            valkey.process = valkey._start(log)

    text, end = await ask(cloud, "[tokens=300] [delay=5]", on_text=restart)
    whole = "".join(f"tok{n} " for n in range(300))
    assert text
    if isinstance(end, Finished):
        assert text == whole
    else:
        assert whole.startswith(text)
        assert end.code in {"unreachable", "interrupted"}


async def test_a_broker_that_stays_away_is_unreachable(own_broker, cloud):
    valkey, _ = own_broker
    os.kill(valkey.process.pid, 9)
    valkey.process.wait(10)
    _, end = await ask(cloud, "Hello")
    assert (end.code, end.permanent) == ("unreachable", False)
    assert cloud.received == []
