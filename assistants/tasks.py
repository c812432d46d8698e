"""Celery tasks: thin. `answer` runs on the trusted threads pool, `ingest` on a prefork pool."""

from __future__ import annotations

from celery import shared_task

from assistants.services import chat, ingestion, reembedding, retention, sources


@shared_task(name="assistants.tasks.answer")
def answer(answer_id: str) -> None:
    chat.answer(answer_id)


@shared_task(name="assistants.tasks.sweep")
def sweep() -> None:
    chat.sweep(answer.delay)


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


@shared_task(name="assistants.tasks.sync_sources")
def sync_sources(source_id: str = "", actor: str = "") -> None:
    """One source; without an id, each one that is due, in a task of its own."""
    sources.sync_in_background(source_id, actor, ingest.delay, sync_sources.delay)
