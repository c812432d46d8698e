from __future__ import annotations

import asyncio
import time
import uuid

import pytest
import redis
import redis.asyncio

from assistants import compute
from assistants.compute import load
from assistants.compute.broker import sync_client
from assistants.types import Delta, Finished, FinishReason, Started
from tests.compute.conftest import until


@pytest.fixture
def slug():
    """A deployment that nobody has heard of."""
    return f"d-{uuid.uuid4()}"


def known(slug: str, *, probe: bool = False):
    loads = compute.get_loads([slug], probe=probe)
    assert loads is not None
    return loads[slug]


async def generation(
    *pieces: str, gate: asyncio.Event | None = None, error: Exception | None = None
):
    yield Started("m")
    if gate:
        await gate.wait()
    for piece in pieces:
        yield Delta(piece)
    if error:
        raise error
    yield Finished(FinishReason.STOP)


async def read(slug: str, events) -> list[object]:
    return [event async for event in compute.measured(events, slug, str(uuid.uuid4()))]


def test_of_a_deployment_nobody_asked_nothing_is_held_against_it(slug):
    assert known(slug) == load.Load(healthy=True, latency_ms=None, in_flight=0)


async def test_an_answer_is_in_flight_until_it_ends(slug):
    gate = asyncio.Event()
    reading = [asyncio.ensure_future(read(slug, generation("a", gate=gate))) for _ in range(3)]
    await until(lambda: known(slug).in_flight == 3)
    assert known(slug).latency_ms is None
    gate.set()
    events = await asyncio.gather(*reading)
    assert [type(event) for event in events[0]] == [Started, Delta, Finished]
    await until(lambda: known(slug).in_flight == 0)
    assert known(slug).latency_ms > 0


async def test_one_that_fails_or_is_stopped_is_not_in_flight_any_more(slug):
    with pytest.raises(ValueError):
        await read(slug, generation("a", error=ValueError()))
    stalled = asyncio.ensure_future(read(slug, generation(gate=asyncio.Event())))
    await until(lambda: known(slug).in_flight == 1)
    stalled.cancel()
    await until(lambda: known(slug).in_flight == 0)


def test_what_a_killed_worker_had_in_flight_lapses(slug):
    flights = f"deployment:{slug}:flights"
    sync_client().zadd(flights, {"dead": time.time() - 1, "alive": time.time() + 60})
    assert known(slug).in_flight == 1


async def test_the_latency_follows_what_is_measured(slug):
    async def land(milliseconds: float | None, given_up: float | None = None) -> None:
        departure = load.tell(load._depart(slug, "g"))
        await load._land(slug, "g", departure, milliseconds, given_up, True)

    await land(100)
    assert known(slug).latency_ms == pytest.approx(100)
    await land(500)
    assert known(slug).latency_ms == pytest.approx(100 + 400 * load.WEIGHT)
    await land(None, given_up=150)  # says nothing: it may have been stopped early
    assert known(slug).latency_ms == pytest.approx(200)
    await land(None, given_up=1000)  # it took longer than that
    assert known(slug).latency_ms == pytest.approx(400)
    ttl = sync_client().ttl(f"deployment:{slug}:latency")
    assert 0 < ttl <= load.REMEMBER_SECONDS  # a slow one is tried again


async def test_one_that_never_speaks_is_known_to_be_slow(slug):
    stalled = asyncio.ensure_future(read(slug, generation(gate=asyncio.Event())))
    await until(lambda: known(slug).in_flight == 1)
    stalled.cancel()
    await until(lambda: known(slug).latency_ms is not None)


async def test_all_workers_open_the_circuit_together(slug):
    for _ in range(load.FAILURES_TO_OPEN - 1):
        await load.share_outcome(slug, False)
    assert known(slug).healthy
    await load.share_outcome(slug, False)
    assert not known(slug).healthy
    assert not known(slug, probe=True).healthy


async def test_after_a_while_one_caller_probes_and_looking_takes_no_probe(slug):
    for _ in range(load.FAILURES_TO_OPEN):
        await load.share_outcome(slug, False)
    sync_client().hset(f"deployment:{slug}:circuit", "until", 1)  # its time is over
    assert known(slug).healthy
    assert known(slug).healthy
    assert known(slug, probe=True).healthy
    assert not known(slug, probe=True).healthy  # the probe is under way
    await load.share_outcome(slug, False)
    assert not known(slug).healthy


async def test_an_answer_that_ends_well_closes_it(slug):
    for _ in range(load.FAILURES_TO_OPEN):
        await load.share_outcome(slug, False)
    await read(slug, generation("a"))
    await until(lambda: known(slug).healthy)


async def test_a_recorded_failure_reaches_the_other_workers(slug):
    for _ in range(load.FAILURES_TO_OPEN):
        compute.record_outcome(slug, False)
    await until(lambda: not known(slug).healthy)
    compute.record_outcome(slug, True)
    await until(lambda: known(slug).healthy)


async def test_without_the_broker_nothing_is_known_and_nothing_fails(slug, monkeypatch):
    nobody = {"host": "127.0.0.1", "port": 1}
    monkeypatch.setattr(load, "sync_client", lambda: redis.Redis(**nobody))
    monkeypatch.setattr(load, "async_client", lambda: redis.asyncio.Redis(**nobody))
    assert compute.get_loads([slug]) is None
    assert len(await read(slug, generation("a", "b"))) == 4
