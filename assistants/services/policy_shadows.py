"""What versions in shadow would have decided, counted and listed off the turn's path.

A turn only appends to a short queue; a thread of the process writes what has come together once a
second. What a killed process had not written is lost: these are statistics, not records.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import Counter, deque
from dataclasses import dataclass

from django.db import close_old_connections, connection
from django.db.models import F
from django.utils import timezone

from assistants.models import PolicyVersion, ShadowDifference

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
MOST_WAITING = 5_000  # beyond that the oldest are dropped
MOST_LISTED = 1_000  # differences of a version; the newest are kept


@dataclass(frozen=True, slots=True)
class Compared:
    """One decision, made by the active versions and by one in shadow."""

    version: uuid.UUID
    subject: uuid.UUID | None
    assistant: str
    stage: str
    outcome: str
    rule: str
    shadow_outcome: str
    shadow_rule: str
    differs: bool


_waiting: deque[Compared] = deque(maxlen=MOST_WAITING)
_starting = threading.Lock()
_thread: threading.Thread | None = None
_wake = threading.Event()


def note(compared: Compared) -> None:
    """Remember it; returns at once."""
    _waiting.append(compared)
    _wake_writer()


def flush() -> int:
    """Write what waits; returns how many decisions that were."""
    taken: list[Compared] = []
    while _waiting:
        try:
            taken.append(_waiting.popleft())
        except IndexError:  # another thread took it
            break
    if not taken:
        return 0
    compared = Counter(each.version for each in taken)
    differing = [each for each in taken if each.differs]
    differs = Counter(each.version for each in differing)
    alive = set(
        PolicyVersion.objects.filter(pk__in=compared).values_list("pk", flat=True)
    )  # what was deleted meanwhile is not counted
    for version in sorted(alive):  # always in this order: two processes do not lock each other out
        PolicyVersion.objects.filter(pk=version).update(
            compared=F("compared") + compared[version],
            differing=F("differing") + differs[version],
        )
    now = timezone.now()
    ShadowDifference.objects.bulk_create(
        ShadowDifference(
            version_id=each.version,
            at=now,
            subject=each.subject,
            assistant=each.assistant,
            stage=each.stage,
            outcome=each.outcome,
            rule=each.rule,
            shadow_outcome=each.shadow_outcome,
            shadow_rule=each.shadow_rule,
        )
        for each in differing
        if each.version in alive
    )
    for version in differs:
        _forget_oldest(version)
    return len(taken)


def _forget_oldest(version: uuid.UUID) -> None:
    of_it = ShadowDifference.objects.filter(version=version)
    beyond = of_it.order_by("-id").values_list("id", flat=True)[MOST_LISTED : MOST_LISTED + 1]
    last = beyond.first()
    if last:
        of_it.filter(id__lte=last).delete()


def _wake_writer() -> None:
    global _thread
    if _thread is None or not _thread.is_alive():
        with _starting:
            if _thread is None or not _thread.is_alive():  # none yet, or this is a fork
                _thread = threading.Thread(target=_write_on, name="policy-shadows", daemon=True)
                _thread.start()
    _wake.set()


def _write_on() -> None:
    while True:
        _wake.wait()
        _wake.clear()
        threading.Event().wait(FLUSH_SECONDS)  # gather
        try:
            close_old_connections()
            flush()
        except Exception:
            logger.exception("decisions in shadow could not be written")
        finally:
            connection.close()
