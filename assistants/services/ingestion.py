"""The ingestion pipeline: what waits is taken up in batches and led through the stages.

received → validated → parsed → classified → chunked → embedded → indexed; or `rejected` (the
file's fault), `held` (more sensitive than its zone), `failed` (ours, after all attempts). The
table is the queue; the broker only carries a wake-up. Only the last step makes anything
searchable, so that a worker may die anywhere: the next one begins again with the file.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction

from assistants import compute, control, data
from assistants.exceptions import (
    AssistantsError,
    DocumentRejected,
    EmbeddingModelChanged,
    InvalidRequest,
)
from assistants.models import DocumentVersion, Zone
from assistants.services import moves
from assistants.services.retrieval import embed_texts
from assistants.types import EmbeddingSpec, Sensitivity

logger = logging.getLogger(__name__)

PIPELINE = f"{data.PIPELINE}, {compute.EMBEDDING_MODEL} {compute.EMBEDDING_VERSION}"
AT_ONCE = 32  # versions of one claim
EMBED_AT_ONCE = 512  # texts, of one document or several
RENEW_SECONDS = 8.0  # well within data.ingestion.LEASE
SHOWN_AFTER = 0.25  # seconds; a stage that is over sooner is not written down for the page
OUTAGE_PAUSE = timedelta(seconds=15)
WAKE_SECONDS = 60  # after so long a wake-up that was sent counts as lost
TASK_SECONDS = 600.0  # then another task goes on, so that a worker can be replaced

Status = DocumentVersion.Status
Wake = Callable[[], object]

_WOKEN = "ingestion-woken"

FAULT = (
    "This file could not be read because of a fault here. "
    "Please tell your administrator, who finds it in the log, or try another format."
)


@dataclass(frozen=True, slots=True)
class VersionOutcome:
    """Where a version's way ended: indexed, rejected, held, failed; or it is still open.

    `outage`: something that every file needs is away.
    """

    status: Status
    message: str = ""
    outage: bool = False


@dataclass(slots=True)
class _Work:
    """A claimed version on its way."""

    claimed: data.ClaimedVersion
    parsed: data.ParsedDocument | None = None
    chunks: list[data.DraftChunk] = field(default_factory=list)
    detected: dict[str, int] = field(default_factory=dict)
    sensitivity: Sensitivity | None = None


_Ready = tuple[data.ClaimedVersion, data.ReadyVersion]


# -- waking ---------------------------------------------------------------------------------------


def wake_on_commit(wake: Wake) -> None:
    """Let a worker look into the table once this transaction is committed.

    One wake-up on its way is enough for any number of files: the worker takes the mark away
    before it looks. A broker that is away loses nothing: `wake_if_due` asks again.
    """

    def send() -> None:
        if cache.add(_WOKEN, 1, timeout=WAKE_SECONDS):
            wake()

    transaction.on_commit(send, robust=True)


def wake_if_due(wake: Wake) -> bool:
    """By the clock: for what a killed worker left, what is to be tried again, lost wake-ups."""
    due = data.is_anything_due()
    if due:
        wake()
    return due


# -- the worker -----------------------------------------------------------------------------------


def ingest_waiting(wake: Wake, *, overlap: bool = False) -> int:
    """Take up what waits, batch by batch, until nothing does; how many versions were taken.

    With `overlap` a batch is indexed by a thread while the next one is read and embedded: the
    database works then, and this process waits. More than a batch wakes another worker, if there
    is one. Raises when the database is away.
    """
    with suppress(redis.RedisError):
        cache.delete(_WOKEN)
    until = time.monotonic() + TASK_SECONDS
    taken = 0
    with _Indexer(overlap) as indexer:
        while batch := data.claim_versions(AT_ONCE):
            if len(batch) == AT_ONCE and not taken:
                wake()
            taken += len(batch)
            with ExitStack() as claim:
                claim.enter_context(_claim_kept(batch))
                outcomes, ready = _prepare(batch)
                indexer.index(ready, claim.pop_all())
            if any(outcome.outage for outcome in outcomes.values()):
                break  # the clock tries again
            if time.monotonic() > until:
                wake()
                break
    return taken


def ingest_claimed(batch: Sequence[data.ClaimedVersion]) -> dict[uuid.UUID, VersionOutcome]:
    """Lead claimed versions through the stages. Raises only what the database raises."""
    with _claim_kept(batch):
        outcomes, ready = _prepare(batch)
        return outcomes | _index(ready)


class _Indexer:
    """Indexes one batch at a time: at once, or in a thread with a connection of its own."""

    def __init__(self, overlap: bool) -> None:
        self._pool = ThreadPoolExecutor(1, "index") if overlap else None
        self._pending: Future[None] | None = None

    def index(self, ready: Sequence[_Ready], claim: ExitStack) -> None:
        """The claim ends with it. Raises what the batch before raised."""

        def run() -> None:
            with claim:
                _index(ready)

        if self._pool is None:
            run()
            return
        try:
            self._wait()
        except BaseException:
            claim.close()
            raise
        self._pending = self._pool.submit(run)

    def _wait(self) -> None:
        if self._pending:
            pending, self._pending = self._pending, None
            pending.result()

    def __enter__(self) -> _Indexer:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._wait()
        finally:
            if self._pool:
                self._pool.submit(connection.close)
                self._pool.shutdown()


def _prepare(
    batch: Sequence[data.ClaimedVersion],
) -> tuple[dict[uuid.UUID, VersionOutcome], list[_Ready]]:
    """Up to `embedded`: what ended on the way, and what is to be indexed."""
    outcomes: dict[uuid.UUID, VersionOutcome] = {}
    progress = _Progress()
    try:
        work = _read(batch, outcomes, progress)
        model = data.get_embedding_spec()
        vectors = _embed([chunk.embedded for each in work for chunk in each.chunks], model)
    except (AssistantsError, OSError) as error:
        left = [claimed for claimed in batch if claimed.id not in outcomes]
        logger.warning("ingestion waits for what it needs: %r", error)
        data.postpone_versions(left, OUTAGE_PAUSE)
        message = getattr(error, "user_message", AssistantsError.user_message)
        waiting = VersionOutcome(Status.RECEIVED, message, outage=True)
        return outcomes | dict.fromkeys((claimed.id for claimed in left), waiting), []
    progress.show(work, Status.EMBEDDED)
    return outcomes, _ready(work, vectors, model)


def _read(
    batch: Sequence[data.ClaimedVersion],
    outcomes: dict[uuid.UUID, VersionOutcome],
    progress: _Progress,
) -> list[_Work]:
    """Up to `chunked`, stage by stage; what ends on the way is in `outcomes`."""
    work = [_Work(claimed) for claimed in batch]
    for status, step in (
        (Status.VALIDATED, _validate),
        (Status.PARSED, _parse),
        (Status.CLASSIFIED, _classify),
        (Status.CHUNKED, _chunk),
    ):
        work = [each for each in work if _try(step, each, outcomes)]
        progress.show(work, status)
    return work


def _try(
    step: Callable[[_Work], VersionOutcome | None],
    work: _Work,
    outcomes: dict[uuid.UUID, VersionOutcome],
) -> bool:
    """True if it goes on. What stops one file does not stop the others."""
    claimed = work.claimed
    try:
        outcome = step(work)
    except DocumentRejected as error:
        logger.info("document version %s rejected: %s", claimed.id, error)
        data.reject_claimed(claimed, error.user_message)
        outcome = VersionOutcome(Status.REJECTED, error.user_message)
    except (AssistantsError, DatabaseError):
        raise  # not the file's: no weights, no database
    except Exception:
        logger.exception("reading document version %s failed", claimed.id)
        outcome = _fail(claimed)
    if outcome:
        outcomes[claimed.id] = outcome
    return outcome is None


def _fail(claimed: data.ClaimedVersion) -> VersionOutcome:
    last = data.fail_version(claimed, FAULT)
    if last:
        return VersionOutcome(Status.FAILED, FAULT)
    return VersionOutcome(Status.RECEIVED, f"{FAULT} It will be tried again.")


class _Progress:
    """Writes down how far versions are. Each row written costs, so what passes at once does not."""

    def __init__(self) -> None:
        self._shown = time.monotonic()

    def show(self, work: Sequence[_Work], status: Status) -> None:
        if work and time.monotonic() - self._shown >= SHOWN_AFTER:
            data.advance_versions([each.claimed for each in work], status)
            self._shown = time.monotonic()


def get_outcomes(version_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, VersionOutcome]:
    """Of those of them whose way has ended, whoever led them; one that is gone was discarded."""
    found = data.get_outcomes(version_ids)
    return {
        id: VersionOutcome(*found.get(id, (Status.REJECTED, "It was discarded.")))
        for id in version_ids
        if id not in found or found[id][0] not in data.OPEN
    }


# -- the stages -----------------------------------------------------------------------------------


def _validate(work: _Work) -> None:
    data.detect(work.claimed.origin, work.claimed.content, settings.MAX_UPLOAD_BYTES)


def _parse(work: _Work) -> None:
    work.parsed = data.parse_document(
        work.claimed.origin, work.claimed.content, settings.MAX_UPLOAD_BYTES
    )


def _classify(work: _Work) -> VersionOutcome | None:
    """Compare what is found with the zone; a detector that fails holds the document."""
    claimed, parsed = work.claimed, work.parsed
    assert parsed is not None  # noqa: S101  # by _parse
    try:
        spans = data.find_structured_spans(parsed.text)
        work.sensitivity, work.detected = data.classify_sensitivity(spans, parsed.text)
    except Exception:
        logger.exception("classifying document version %s failed", claimed.id)
        if claimed.confirmed:
            return None
        return _hold(work, "It could not be checked for sensitive content because of a fault here.")
    if work.sensitivity is None or claimed.confirmed:
        return None
    zone = Zone.objects.select_related("raise_to").get(pk=claimed.zone_id)
    if work.sensitivity <= zone.sensitivity:
        return None
    found = f"It seems to hold {_in_words(work.detected)}, too sensitive for {zone.name}."
    if zone.on_detection == Zone.OnDetection.RAISE:
        target = zone.raise_to
        if target and target.sensitivity >= work.sensitivity and _raise(work, zone, target):
            return None
    return _hold(work, found)


def _hold(work: _Work, found: str) -> VersionOutcome:
    message = (
        f"{found} It is not searched until an administrator confirms that it may stay. "
        "Or take it away and add it to a zone that is meant for it."
    )
    data.hold_version(work.claimed, message, work.detected, work.sensitivity)
    return VersionOutcome(Status.HELD, message)


def _raise(work: _Work, zone: Zone, target: Zone) -> bool:
    """Move the document where its content belongs; False where that zone has its like already."""
    with transaction.atomic():
        document = data.lock_document(work.claimed.document_id)
        if document.zone_id != zone.pk:
            return False  # moved by a person meanwhile
        try:
            moves.carry_out_move(document, target, lambda version_id: None)
        except InvalidRequest:
            return False
        control.record_event(
            action="document.raised",
            subject=str(document.pk),
            data={
                "version": str(work.claimed.id),
                "before": {"zone": zone.slug},
                "after": {"zone": target.slug},
                "detected": work.detected,
            },
        )
    return True


def _in_words(detected: dict[str, int]) -> str:
    """ "PATIENT_RECORD" twice is "2 × patient record"."""
    return ", ".join(
        f"{count} × {type.replace('_', ' ').lower()}" for type, count in sorted(detected.items())
    )


def _chunk(work: _Work) -> None:
    assert work.parsed is not None  # noqa: S101  # by _parse
    work.chunks = data.chunk_document(work.parsed, compute.count_tokens)


def _embed(texts: list[str], model: EmbeddingSpec) -> list[list[float]]:
    vectors: list[list[float]] = []
    for start in range(0, len(texts), EMBED_AT_ONCE):
        vectors += embed_texts(texts[start : start + EMBED_AT_ONCE], model)
    return vectors


def _ready(
    work: Sequence[_Work], vectors: Sequence[Sequence[float]], model: EmbeddingSpec
) -> list[_Ready]:
    ready = []
    start = 0
    for each in work:
        assert each.parsed is not None  # noqa: S101  # by _parse
        end = start + len(each.chunks)
        ready.append(
            (
                each.claimed,
                data.ReadyVersion(
                    version_id=each.claimed.id,
                    parsed=each.parsed,
                    chunks=each.chunks,
                    vectors=vectors[start:end],
                    attempt=each.claimed.attempt,
                    detected=each.detected,
                    detected_sensitivity=each.sensitivity,
                    model_id=model.model_id,
                ),
            )
        )
        start = end
    return ready


def _index(ready: Sequence[_Ready]) -> dict[uuid.UUID, VersionOutcome]:
    if not ready:
        return {}
    batch = [claimed for claimed, _ in ready]
    try:
        indexed = data.index_versions([version for _, version in ready], pipeline=PIPELINE)
    except EmbeddingModelChanged as error:
        logger.info("embedding again: %s", error)
        data.postpone_versions(batch, timedelta())
        again = VersionOutcome(Status.RECEIVED, "Another embedding model took over; once more.")
        return {claimed.id: again for claimed in batch}
    except (DatabaseError, ValueError) as error:
        if isinstance(error, DatabaseError) and not connection.is_usable():
            raise
        # One of them cannot be stored. Each is tried again by itself, so that only that one fails.
        logger.exception("indexing %d versions failed", len(ready))
        return {claimed.id: _fail(claimed) for claimed in batch}
    lost = VersionOutcome(Status.RECEIVED, "It was taken over by another worker.")
    return {
        claimed.id: VersionOutcome(Status.INDEXED) if claimed.id in indexed else lost
        for claimed in batch
    }


# -- the lease ------------------------------------------------------------------------------------


@contextmanager
def _claim_kept(batch: Sequence[data.ClaimedVersion]) -> Iterator[None]:
    """Renew the claim from a thread of its own, as long as this process lives."""
    ended = threading.Event()

    def renew() -> None:
        try:
            while not ended.wait(RENEW_SECONDS):
                try:
                    data.renew_claim(batch)
                except DatabaseError:
                    logger.warning("a claim could not be renewed", exc_info=True)
        finally:
            connection.close()

    thread = threading.Thread(target=renew, name="claim", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
