from __future__ import annotations

import pytest

from assistants import compute
from assistants.compute import health
from assistants.types import DeploymentSpec


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets, and circuits of its own."""
    now = [1000.0]
    monkeypatch.setattr("assistants.compute.health.time.monotonic", lambda: now[0])
    monkeypatch.setattr(health, "_circuits", {})
    return now


def fail(times: int) -> None:
    for _ in range(times):
        compute.record_outcome("a", False)


def test_three_failures_in_a_row_open_the_circuit(clock):
    fail(2)
    assert compute.is_healthy("a")
    fail(1)
    assert not compute.is_healthy("a")
    assert compute.is_healthy("b")


def test_a_success_between_failures_starts_the_count_anew(clock):
    fail(2)
    compute.record_outcome("a", True)
    fail(2)
    assert compute.is_healthy("a")


def test_after_a_while_one_probe_decides(clock):
    fail(3)
    clock[0] += health.OPEN_SECONDS
    assert compute.is_healthy("a")
    assert not compute.is_healthy("a")  # the probe is under way
    fail(1)
    clock[0] += health.OPEN_SECONDS - 1
    assert not compute.is_healthy("a")
    clock[0] += 1
    assert compute.is_healthy("a")
    compute.record_outcome("a", True)
    assert compute.is_healthy("a")
    assert compute.is_healthy("a")


def test_a_probe_that_is_never_used_gives_way(clock):
    fail(3)
    clock[0] += health.OPEN_SECONDS
    assert compute.is_healthy("a")
    clock[0] += health.OPEN_SECONDS
    assert compute.is_healthy("a")


async def test_quotes_is_always_ready_and_an_unknown_kind_never():
    assert (await compute.check_deployment(DeploymentSpec("q", "quotes", "on_prem", "", ""))).ready
    unknown = await compute.check_deployment(DeploymentSpec("x", "telepathy", "on_prem", "", ""))
    assert not unknown.ready
    assert "telepathy" in unknown.detail
