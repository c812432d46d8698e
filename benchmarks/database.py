"""A throw-away database with the product's tables, and a broker, for this process to measure."""

from __future__ import annotations

import atexit
import functools
import os
import resource
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
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


def analyze() -> None:
    """Statistics of all tables, as the server's own upkeep would have them a minute later."""
    import psycopg

    with psycopg.connect(os.environ["MIGRATION_DATABASE_URL"], autocommit=True) as owner:
        owner.execute("vacuum analyze")


def _disconnect() -> None:
    from django.db import connection

    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has it


# -- processor seconds ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds so far: of this process, and of the database's."""

    own: float
    database: float

    @classmethod
    def now(cls) -> Cost:
        own = resource.getrusage(resource.RUSAGE_SELF)
        return cls(own.ru_utime + own.ru_stime, _database_seconds())


def _database_seconds() -> float:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        server = _stat(cursor.fetchone()[0])[1]
    ticks = sum(_stat(server)[11:15])  # with those that have ended
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                stat = _stat(int(folder.name))
            except OSError:
                continue
            if stat[1] == server:
                ticks += sum(stat[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[int]:
    """The numbers of /proc/PID/stat from the state on, which is 0 here; then the parent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [0, *map(int, fields[1:])]
