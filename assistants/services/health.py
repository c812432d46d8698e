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
from assistants.types import Health

PATIENCE = 2.0  # seconds for the database and, beside it, for the broker
DATABASE_PARTS = ("database", "migrations")
# The part as people read it, and the name under which its processes announce themselves.
PROCESSES = {
    "trusted_worker": "trusted",
    "ingest_worker": "ingest",
    "model_worker": "model",
    "beat": "beat",
}


async def get_health() -> dict[str, Health]:
    """Every part's state, in a fixed order. Never raises for a part that is lost."""
    database, broker = await asyncio.gather(
        _bounded(_check_database(), DATABASE_PARTS),
        _bounded(_check_broker(), ("broker", *PROCESSES)),
    )
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
        table = await connection.execute("select to_regclass('django_migrations')")
        applied: set[tuple[str, str]] = set()
        if (await table.fetchone() or (None,))[0]:
            rows = await connection.execute("select app, name from django_migrations")
            applied = set(await rows.fetchall())
        server = connection.info.server_version
    missing = _migrations() - applied
    return {
        "database": Health(ready=True, detail=f"PostgreSQL {server // 10000}.{server % 10000}"),
        "migrations": Health(
            ready=not missing,
            detail=f"{len(missing)} to apply: run `manage.py migrate`" if missing else "applied",
        ),
    }


@functools.cache
def _migrations() -> set[tuple[str, str]]:
    """Those in the code, (app, name). A squashed migration counts by what it replaces."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return {key for key in loader.graph.nodes if key[0] in loader.migrated_apps}


async def _check_broker() -> dict[str, Health]:
    client = redis.asyncio.Redis.from_url(conf.load().redis_url)
    async with client:
        alive = await get_alive(client, tuple(PROCESSES.values()))
    return {"broker": Health(ready=True, detail="answers")} | {
        part: Health(ready=True, detail="alive")
        if alive[name]
        else Health(ready=False, detail="has not reported for 10 s")
        for part, name in PROCESSES.items()
    }
