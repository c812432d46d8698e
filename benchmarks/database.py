"""A throw-away database with the product's tables, and a broker, for this process to measure."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hybridapp.embedded.postgres import Postgres
from hybridapp.embedded.valkey import Valkey


@functools.cache
def start() -> None:
    """Start it once and set Django up on it; all of it is gone when this process ends."""
    import django
    from django.core.management import call_command

    stack = ExitStack()
    atexit.register(stack.close)
    folder = Path(tempfile.mkdtemp(prefix="hybridapp-bench-", dir="/tmp"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    postgres = stack.enter_context(Postgres(folder, durable=False))
    os.environ["DATABASE_URL"] = postgres.url
    os.environ["MIGRATION_DATABASE_URL"] = postgres.owner_url
    os.environ["REDIS_URL"] = stack.enter_context(Valkey(folder, durable=False)).url
    os.environ["STATE_DIR"] = str(folder)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hybridapp.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    stack.callback(_disconnect)


def _disconnect() -> None:
    from django.db import connection

    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has it
