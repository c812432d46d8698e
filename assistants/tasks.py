"""Celery tasks: thin. `answer` runs on the trusted threads pool, `ingest` and `transcribe` on
prefork pools of their own.
"""

from __future__ import annotations

from celery import shared_task

from assistants.services import (
    chat,
    dictation,
    ingestion,
    measuring,
    note_drafting,
    notifications,
    reembedding,
    retention,
    review_clock,
    sources,
    transcription,
    trials,
)


@shared_task(name="assistants.tasks.answer")
def answer(answer_id: str) -> None:
    chat.answer(answer_id)


@shared_task(name="assistants.tasks.sweep")
def sweep() -> None:
    chat.sweep(answer.delay)


@shared_task(name="assistants.tasks.sweep_reviews")
def sweep_reviews() -> None:
    review_clock.sweep()
    notifications.send_mails()


@shared_task(name="assistants.tasks.ingest")
def ingest(version_id: str = "") -> None:
    """A wake-up: the table says what waits. An id is only a reason to look."""
    ingestion.ingest_waiting(ingest.delay, overlap=True)


@shared_task(name="assistants.tasks.resume_ingestion")
def resume_ingestion() -> None:
    ingestion.wake_if_due(ingest.delay)


@shared_task(name="assistants.tasks.build_graph")
def build_graph() -> None:
    reembedding.build_graph_if_due()


@shared_task(name="assistants.tasks.delete_expired")
def delete_expired() -> None:
    retention.delete_expired()
    trials.delete_old_trials()


@shared_task(name="assistants.tasks.sync_sources")
def sync_sources(source_id: str = "", actor: str = "") -> None:
    """One source; without an id, each one that is due, in a task of its own."""
    sources.sync_in_background(source_id, actor, ingest.delay, sync_sources.delay)


@shared_task(name="assistants.tasks.measure_guardrails")
def measure_guardrails(measurement: str) -> None:
    measuring.measure(measurement)


@shared_task(name="assistants.tasks.draft_note")
def draft_note(note_id: str) -> None:
    note_drafting.draft_note(note_id)


@shared_task(name="assistants.tasks.transcribe")
def transcribe() -> None:
    """A wake-up: the tables say what waits."""
    transcription.transcribe_waiting(transcribe.delay)


@shared_task(name="assistants.tasks.resume_transcription")
def resume_transcription() -> None:
    transcription.wake_if_due(transcribe.delay)


@shared_task(name="assistants.tasks.dictate", ignore_result=True, acks_late=False)
def dictate(identity: str) -> None:
    dictation.dictate(identity)
