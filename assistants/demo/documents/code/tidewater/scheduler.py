"""Periodic tasks, run by exactly one process at a time.

Two scheduler processes are started, and one of them holds the lease and is the leader. The other
waits and takes over when the lease runs out. Tasks are short and safe to repeat; long work is put
into a lane as a job instead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Protocol

log = logging.getLogger("tidewater.scheduler")

LEASE_SECONDS = 30
"""How long a lease lasts; without a renewal another process may take it after this."""

RENEW_SECONDS = 10
"""How often the leader renews: two renewals in a row may fail before the lease is lost."""

MAX_TASK_SECONDS = 20
"""A task that took longer than this is logged as slow: it endangers the lease."""


class Schedule(Protocol):
    """Says when a task is due next."""

    def next_after(self, moment: datetime) -> datetime:
        """Return the first due time that lies after `moment`."""


@dataclass(frozen=True)
class Every:
    """Due again a fixed number of seconds after the last run."""

    seconds: int

    def next_after(self, moment: datetime) -> datetime:
        """Return the moment plus the interval."""
        return moment + timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class DailyAt:
    """Due once a day at a time of day in UTC, whatever the local clock does in summer."""

    at: time

    def next_after(self, moment: datetime) -> datetime:
        """Return today's time if it is still to come, else tomorrow's."""
        today = datetime.combine(moment.astimezone(UTC).date(), self.at, tzinfo=UTC)
        return today if today > moment else today + timedelta(days=1)


SCHEDULES: dict[str, Schedule] = {
    "publish_lane_metrics": Every(15),
    "release_stale_leases": Every(60),
    "expire_idempotency_keys": Every(600),
    "purge_outbox": Every(3600),
    "reconcile_partner": DailyAt(time(17, 15)),
}


class LeaseStore(Protocol):
    """A row in the database that one process at a time may hold."""

    def acquire(self, owner: str, now: datetime, seconds: int) -> bool:
        """Take the lease if it is free or has run out."""

    def renew(self, owner: str, now: datetime, seconds: int) -> bool:
        """Prolong the lease; False if this owner no longer holds it."""


@dataclass
class Task:
    """A named function with its schedule and the time at which it is due next."""

    name: str
    schedule: Schedule
    run: Callable[[], None]
    due: datetime
    failures: int = 0


@dataclass
class Scheduler:
    """Runs the due tasks while this process is the leader."""

    owner: str
    leases: LeaseStore
    clock: Callable[[], datetime]
    tasks: list[Task] = field(default_factory=list)
    leading: bool = False
    _renewed: datetime | None = None

    def add(self, name: str, run: Callable[[], None]) -> None:
        """Add a task under its name in `SCHEDULES`; a name not listed there is a KeyError."""
        schedule = SCHEDULES[name]
        self.tasks.append(Task(name, schedule, run, due=schedule.next_after(self.clock())))

    def tick(self) -> list[str]:
        """Keep the lease, run what is due and return the names of the tasks that ran.

        A task that was missed while there was no leader runs once, not once for each missed time:
        its next time is counted from now.
        """
        if not self._keep_lease():
            return []
        ran = []
        for task in sorted(self.tasks, key=lambda t: t.due):
            if task.due > self.clock():
                break
            self._run(task)
            ran.append(task.name)
            if not self._keep_lease():
                break
        return ran

    def _run(self, task: Task) -> None:
        """Run one task; an exception is logged and counted, never passed on."""
        started = self.clock()
        try:
            task.run()
            task.failures = 0
        except Exception:
            task.failures += 1
            log.exception("task=%s failed, %d times in a row", task.name, task.failures)
        took = (self.clock() - started).total_seconds()
        if took > MAX_TASK_SECONDS:
            log.warning("task=%s slow took=%.1fs", task.name, took)
        task.due = task.schedule.next_after(self.clock())

    def _keep_lease(self) -> bool:
        """Acquire or renew the lease; on losing it, stop leading at once."""
        now = self.clock()
        if not self.leading:
            self.leading = self.leases.acquire(self.owner, now, LEASE_SECONDS)
            if self.leading:
                self._renewed = now
                log.info("owner=%s is the leader", self.owner)
            return self.leading
        assert self._renewed is not None
        if now - self._renewed < timedelta(seconds=RENEW_SECONDS):
            return True
        if self.leases.renew(self.owner, now, LEASE_SECONDS):
            self._renewed = now
            return True
        if now - self._renewed >= timedelta(seconds=LEASE_SECONDS):
            self.leading = False
            log.warning("owner=%s lost the lease", self.owner)
        return self.leading
