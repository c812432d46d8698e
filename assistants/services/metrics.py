"""Figures for Prometheus, counted when they are asked for; every query is bounded."""

from __future__ import annotations

import time
import uuid

import redis
import redis.asyncio
from asgiref.sync import sync_to_async
from django.db.models import Count
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest

from assistants import compute, conf, data
from assistants.models import Answer
from assistants.services.connections import give_back_connection
from assistants.services.health import PATIENCE, get_health

# Each queue, and the broker's key of it.
QUEUES = {
    **{name: name for name in ("trusted", "ingest", "speech", "dictation")},
    **compute.QUEUE_KEYS,
}
DAY = 24 * 60 * 60 * 1000  # milliseconds


async def get_metrics() -> bytes:
    """In Prometheus' text format. A lost part leaves out its figures and shows as not ready."""
    figures = CollectorRegistry()
    ready = Gauge("hybridapp_part_ready", "1 when a part is ready.", ["part"], registry=figures)
    health = await get_health()
    for part, state in health.items():
        ready.labels(part).set(state.ready)
    if health["migrations"].ready:
        await _count_answers(figures)
    if health["broker"].ready:
        await _measure_queues(figures)
    return generate_latest(REGISTRY) + generate_latest(figures)


async def _count_answers(registry: CollectorRegistry) -> None:
    gauge = Gauge(
        "hybridapp_answers_last_day",
        "Answers begun in the last 24 hours, by status.",
        ["status"],
        registry=registry,
    )
    # Ids are ordered by time (UUIDv7), so the primary key bounds the count.
    since = uuid.UUID(int=(time.time_ns() // 1_000_000 - DAY) << 80)
    rows = Answer.objects.filter(id__gte=since).values_list("status").annotate(Count("id"))
    for status in Answer.Status.values:
        gauge.labels(status).set(0)

    def count() -> list[tuple[str, int]]:
        try:
            with data.rights_of_system():
                return list(rows)
        finally:
            give_back_connection()

    for status, number in await sync_to_async(count)():
        gauge.labels(status).set(number)


async def _measure_queues(registry: CollectorRegistry) -> None:
    gauge = Gauge("hybridapp_queue_length", "Tasks that wait.", ["queue"], registry=registry)
    client = redis.asyncio.Redis.from_url(conf.load().redis_url, socket_timeout=PATIENCE)
    async with client:
        try:
            for queue, key in QUEUES.items():
                gauge.labels(queue).set(await client.llen(key))
        except redis.RedisError:
            return  # lost since the check above; the next scrape says so
