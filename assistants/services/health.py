"""What each part of the running product is doing, told within three seconds whatever is lost."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable

import psycopg
import redis
import redis.asyncio
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from assistants import conf
from assistants.compute import get_alive
from assistants.models import Deployment
from assistants.types import CLOUD, Health

PATIENCE = 2.0  # seconds for the database and, beside it, for the broker
DATABASE_PARTS = ("database", "migrations")
# The part as people read it, and the name under which its processes announce themselves.
PROCESSES = {
    "trusted_worker": "trusted",
    "ingest_worker": "ingest",
    "speech_worker": "speech",
    "dictation_worker": "dictation",
    "model_worker": "model",
    "beat": "beat",
}
# Told only where a cloud deployment is enabled: else nobody misses it.
CLOUD_WORKER = ("cloud_worker", "cloud")
ENABLED_CLOUD = (
    f"select 1 from {Deployment._meta.db_table} "  # noqa: S608  # a table's name of ours
    f"where enabled and environment = '{CLOUD}' limit 1"
)
CLOUD_IS_USED = "cloud_deployments"


async def get_health() -> dict[str, Health]:
    """Every part's state, in a fixed order. Never raises for a part that is lost."""
    database, broker = await asyncio.gather(
        _bounded(_check_database(), DATABASE_PARTS),
        _bounded(_check_broker(), ("broker", *PROCESSES, CLOUD_WORKER[0])),
    )
    if not database.pop(CLOUD_IS_USED, None):
        del broker[CLOUD_WORKER[0]]
    return database | broker


async def _bounded(
    check: Awaitable[dict[str, Health]], parts: tuple[str, ...]
) -> dict[str, Health]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await check
    except TimeoutError:
        first = f"no answer within {PATIENCE:g} s"
    except (psycopg.Error, redis.RedisError, OSError) as error:
        # The class only: the text may hold an address.
        first = f"not reachable ({type(error).__name__})"
    unknown = Health(ready=False, detail=f"unknown while the {parts[0]} is away")
    return {parts[0]: Health(ready=False, detail=first)} | dict.fromkeys(parts[1:], unknown)


async def _check_database() -> dict[str, Health]:
    """On a connection of its own: the pool would let the question wait for its turn."""
    settings = connections["default"].settings_dict
    connection = await psycopg.AsyncConnection.connect(
        dbname=settings["NAME"],
        user=settings["USER"] or None,
        password=settings["PASSWORD"] or None,
        host=settings["HOST"] or None,
        port=settings["PORT"] or None,
        autocommit=True,
        **{k: v for k, v in settings["OPTIONS"].items() if k.startswith("ssl")},
    )
    async with connection:
        applied: set[tuple[str, str]] = set()
        uses_cloud = False
        if await _is_there(connection, "django_migrations"):
            rows = await connection.execute("select app, name from django_migrations")
            applied = set(await rows.fetchall())
        if await _is_there(connection, Deployment._meta.db_table):
            found = await connection.execute(ENABLED_CLOUD)
            uses_cloud = bool(await found.fetchone())
        server = connection.info.server_version
    missing = _migrations() - applied
    parts = {
        "database": Health(ready=True, detail=f"PostgreSQL {server // 10000}.{server % 10000}"),
        "migrations": Health(
            ready=not missing,
            detail=f"{len(missing)} to apply: run `manage.py migrate`" if missing else "applied",
        ),
    }
    return parts | ({CLOUD_IS_USED: Health(ready=True)} if uses_cloud else {})


async def _is_there(connection: psycopg.AsyncConnection, table: str) -> bool:
    found = await connection.execute("select to_regclass(%s)", [table])
    return (await found.fetchone() or (None,))[0] is not None


@functools.cache
def _migrations() -> set[tuple[str, str]]:
    """Those in the code, (app, name). A squashed migration counts by what it replaces."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return {key for key in loader.graph.nodes if key[0] in loader.migrated_apps}


async def _check_broker() -> dict[str, Health]:
    client = redis.asyncio.Redis.from_url(conf.load().redis_url)
    async with client:
        processes = dict([*PROCESSES.items(), CLOUD_WORKER])
        alive = await get_alive(client, tuple(processes.values()))
    return {"broker": Health(ready=True, detail="answers")} | {
        part: Health(ready=True, detail="alive")
        if alive[name]
        else Health(ready=False, detail="has not reported for 10 s")
        for part, name in processes.items()
    }
