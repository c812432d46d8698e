"""Celery tasks: thin. `answer` runs on the trusted threads pool, `ingest` on a prefork pool."""

from __future__ import annotations

from celery import shared_task

from assistants.services import chat, documents


@shared_task(name="assistants.tasks.answer")
def answer(answer_id: str) -> None:
    chat.answer(answer_id)


@shared_task(name="assistants.tasks.sweep")
def sweep() -> None:
    chat.sweep(answer.delay)


@shared_task(name="assistants.tasks.ingest")
def ingest(version_id: str) -> None:
    documents.ingest_version(version_id)


@shared_task(name="assistants.tasks.resume_ingestion")
def resume_ingestion() -> None:
    documents.resume_waiting(ingest.delay)
