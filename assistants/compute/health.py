"""Whether a deployment can take requests: asked (`check_deployment`) and learned from use."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import redis.exceptions

from assistants.compute.broker import async_client
from assistants.compute.lanes import CLOUD, ON_PREM, Lane
from assistants.compute.liveness import alive_key, get_silence
from assistants.compute.load import FAILURES_TO_OPEN, OPEN_SECONDS, share_outcome, tell
from assistants.compute.providers.base import failure
from assistants.compute.providers.keys import held_key
from assistants.types import CLOUD as IN_A_CLOUD
from assistants.types import DeploymentSpec, Health

CHECK_SECONDS = 2.0


async def check_deployment(deployment: DeploymentSpec) -> Health:
    """Ask the deployment itself; answers within two seconds and never raises.

    A cloud is not asked from here: the answer is whether a cloud worker lives that holds its key.
    """
    if deployment.environment == IN_A_CLOUD:
        return await _bounded(_check_cloud(deployment))
    if deployment.provider == "quotes":
        return Health(True, "needs nothing but passages")
    if deployment.provider == "local":
        return await _bounded(_check_worker())
    if deployment.provider == "openai_compatible":
        from assistants.compute.providers.openai_compatible import OpenAICompatible

        return await OpenAICompatible(deployment).check()
    return Health(False, str(failure("model_missing", f"no provider {deployment.provider!r}")))


async def is_worker_alive(lane: Lane) -> bool:
    """Whether a worker of this lane has told of itself lately. Raises `redis.RedisError`."""
    return await get_silence(async_client(), lane.part) < lane.dead_seconds


async def _bounded(check: Coroutine[Any, Any, Health]) -> Health:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check
    except (TimeoutError, redis.exceptions.RedisError, OSError):
        return Health(False, "the broker does not answer")


async def _check_worker() -> Health:
    alive = await is_worker_alive(ON_PREM)
    return Health(alive, "a model worker is running" if alive else "no model worker is running")


async def _check_cloud(deployment: DeploymentSpec) -> Health:
    variable = deployment.key_variable
    if not variable:
        return Health(False, "no key_variable says where its key is")
    alive, held = await async_client().mget([alive_key(CLOUD.part), held_key(variable)])
    if not alive:
        return Health(False, "no cloud worker is running")
    if not held:
        return Health(False, f"the cloud worker has no {variable}")
    return Health(True, "a cloud worker holds its key")


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    probe_at: float = 0.0  # on the monotonic clock, once the circuit is open


_circuits: dict[str, _Circuit] = {}
_lock = threading.Lock()


def is_healthy(slug: str) -> bool:
    """False while the circuit of this deployment is open in this process; see also `get_loads`.

    Three failures in a row open it for 15 s. Then one caller gets True, as a probe, and the others
    only once it has succeeded; a probe that was never used gives way to another after 15 s.
    """
    with _lock:
        circuit = _circuits.get(slug)
        if circuit is None or circuit.failures < FAILURES_TO_OPEN:
            return True
        now = time.monotonic()
        if now < circuit.probe_at:
            return False
        circuit.probe_at = now + OPEN_SECONDS
        return True


def record_outcome(slug: str, ok: bool) -> None:
    """Tell how a request to this deployment went, this process at once and soon all workers.

    What the asker caused is no failure of it.
    """
    with _lock:
        if ok:
            # That an answer ended well is told by `measured`; here, that the deployment is back.
            if _circuits.pop(slug, None):
                tell(share_outcome(slug, True))
            return
        tell(share_outcome(slug, False))
        circuit = _circuits.setdefault(slug, _Circuit())
        circuit.failures += 1
        if circuit.failures >= FAILURES_TO_OPEN:
            circuit.probe_at = time.monotonic() + OPEN_SECONDS
