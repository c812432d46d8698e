"""When a failed job is tried again, and when it is given up.

The rules and the figures are explained in `docs/design-retries.md`. This module only decides: it
neither sleeps nor touches the database. The worker calls `next_step` once for each failed attempt
and writes what comes back to the `jobs` or the `dead_letters` table.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

DEFAULT_RETRY_AFTER_SECONDS = 30.0
"""Wait used when a 429 answer carries no Retry-After header."""

THROTTLE_SPREAD = 0.5
"""A throttled job waits its Retry-After plus up to this share of it again."""

MAX_JOB_AGE = timedelta(hours=6)
"""A job older than this is given up, however few attempts it has used."""


class Jitter(Enum):
    """How a delay is drawn from its ceiling."""

    FULL = "full"
    EQUAL = "equal"
    NONE = "none"


class Verdict(Enum):
    """What an answer from the other side means for the job."""

    DONE = "done"
    RETRY = "retry"
    THROTTLED = "throttled"
    DEAD = "dead"


@dataclass(frozen=True)
class RetryPolicy:
    """The retry figures of one lane."""

    base_seconds: float
    factor: float
    cap_seconds: float
    max_attempts: int
    jitter: Jitter = Jitter.FULL

    def ceiling(self, attempt: int) -> float:
        """Return the longest wait after the given failed attempt, counting from 1."""
        if attempt < 1:
            raise ValueError("attempts are counted from 1")
        return min(self.cap_seconds, self.base_seconds * self.factor ** (attempt - 1))

    def delay(self, attempt: int, rng: random.Random) -> float:
        """Draw the wait in seconds after the given failed attempt.

        FULL draws between zero and the ceiling, EQUAL between half of it and all of it. NONE
        returns the ceiling itself and exists for tests: in production it brings jobs that failed
        together back together.
        """
        ceiling = self.ceiling(attempt)
        if self.jitter is Jitter.FULL:
            return rng.uniform(0.0, ceiling)
        if self.jitter is Jitter.EQUAL:
            return ceiling / 2 + rng.uniform(0.0, ceiling / 2)
        return ceiling

    def longest_span(self) -> float:
        """Return the seconds from the first to the last attempt if every wait is the longest."""
        return sum(self.ceiling(attempt) for attempt in range(1, self.max_attempts))


POLICIES: dict[str, RetryPolicy] = {
    "submit": RetryPolicy(base_seconds=5, factor=2, cap_seconds=600, max_attempts=10),
    "notify": RetryPolicy(base_seconds=30, factor=3, cap_seconds=3600, max_attempts=6),
    "report": RetryPolicy(base_seconds=60, factor=2, cap_seconds=900, max_attempts=4),
}


@dataclass(frozen=True)
class Outcome:
    """What one attempt ended with; `status` is None when no answer came (timeout, reset)."""

    status: int | None
    retry_after: float | None = None


@dataclass(frozen=True)
class Step:
    """What to do with the job next: run again at `run_at`, or stop for `reason`."""

    verdict: Verdict
    attempts: int
    run_at: datetime | None = None
    reason: str = ""


def classify(status: int | None) -> Verdict:
    """Sort an HTTP status into done, retry, throttled or dead.

    A missing answer is retried: the partner deduplicates on our submission reference, so sending
    the same payment again is safe. 409 means that the partner already has it, which is success.
    """
    if status is None:
        return Verdict.RETRY
    if 200 <= status < 300 or status == 409:
        return Verdict.DONE
    if status == 429:
        return Verdict.THROTTLED
    if status == 408 or status >= 500:
        return Verdict.RETRY
    return Verdict.DEAD


def next_step(
    policy: RetryPolicy,
    outcome: Outcome,
    *,
    attempts_before: int,
    created_at: datetime,
    now: datetime,
    rng: random.Random,
) -> Step:
    """Decide what follows an attempt that has just ended.

    `now` is the moment at which this one attempt ended. Until 4.3.0 the worker passed the time at
    which it had claimed the whole batch, which gave all jobs of a batch the same `run_at`.

    A throttled attempt is free: it leaves the count as it was, and only `MAX_JOB_AGE` ends it.
    """
    verdict = classify(outcome.status)
    if verdict is Verdict.DONE:
        return Step(verdict, attempts_before + 1)
    if verdict is Verdict.DEAD:
        return Step(verdict, attempts_before + 1, reason=f"refused with status {outcome.status}")
    if now - created_at > MAX_JOB_AGE:
        return Step(Verdict.DEAD, attempts_before, reason="older than six hours")
    if verdict is Verdict.THROTTLED:
        wait = outcome.retry_after or DEFAULT_RETRY_AFTER_SECONDS
        wait *= 1 + rng.uniform(0.0, THROTTLE_SPREAD)
        return Step(verdict, attempts_before, run_at=now + timedelta(seconds=wait))
    attempts = attempts_before + 1
    if attempts >= policy.max_attempts:
        return Step(Verdict.DEAD, attempts, reason=f"all {attempts} attempts used")
    wait = policy.delay(attempts, rng)
    return Step(verdict, attempts, run_at=now + timedelta(seconds=wait))
