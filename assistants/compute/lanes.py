"""The two ways over the broker to a worker that generates: on the premises, and to a cloud.

A lane has its own queue, its own workers and its own keys. Every key of the cloud lane begins with
its prefix, queue included: by that prefix the broker bounds the account of the cloud workers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lane:
    """`part` is the workers' node name before the `@`. How long the caller waits, in seconds:

    `queue_seconds` for a worker to begin, or only `no_worker_seconds` while none has told of
    itself for `dead_seconds`; then `silence_seconds` between two signs of life of the one that
    began, which gives one at least each `heartbeat_seconds`.
    """

    queue: str
    task: str
    part: str
    prefix: str
    heartbeat_seconds: float
    silence_seconds: float
    dead_seconds: float
    no_worker_seconds: float
    queue_seconds: float

    def key(self, name: str) -> str:
        return self.prefix + name


# A model that restarts takes seconds to load; a queue before it is worth waiting in.
ON_PREM = Lane(
    queue="on_prem",
    task="compute.generate",
    part="model",
    prefix="",
    heartbeat_seconds=2.0,
    silence_seconds=10.0,
    dead_seconds=10.0,
    no_worker_seconds=15.0,
    queue_seconds=180.0,
)
# Another deployment takes over within five seconds of a loss: the cloud worker only waits for the
# network, so that it always has a sign to give.
CLOUD = Lane(
    queue="cloud",
    task="compute.generate_sealed",
    part="cloud",
    prefix="cloud:",
    heartbeat_seconds=1.0,
    silence_seconds=3.5,
    dead_seconds=2.5,
    no_worker_seconds=1.0,
    queue_seconds=10.0,
)
LANES = (ON_PREM, CLOUD)
QUEUE_KEYS = {lane.queue: lane.key(lane.queue) for lane in LANES}
