"""The embedded database and broker by themselves: rights, kills, awkward folders."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from hybridapp.embedded import Postgres, Valkey
from hybridapp.embedded.process import LONGEST_SOCKET_PATH, PartFailed
from tests.faults.processes import handles, wait_for_ends


@pytest.fixture(scope="module")
def state_dir() -> Iterator[Path]:
    # not pytest's own folder: its parent is private, and root's database runs as another user
    with tempfile.TemporaryDirectory(prefix="hybridapp-", dir="/tmp") as folder:
        yield Path(folder)


RIGHTS = """
select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
    has_schema_privilege('public', 'create'), pg_has_role('hybridapp', 'member')
from pg_roles where rolname = current_user
"""


def test_neither_role_bypasses_row_level_security_and_the_app_makes_nothing(state_dir: Path):
    with Postgres(state_dir, durable=False) as postgres:
        of = {}
        for url in (postgres.url, postgres.owner_url):
            with psycopg.connect(url) as connection:
                of[url] = connection.execute(RIGHTS).fetchone()
    assert of[postgres.url] == (False, False, False, False, False, False)
    assert of[postgres.owner_url] == (False, False, False, True, True, True)


def test_new_databases_have_vectors(state_dir: Path):
    with Postgres(state_dir, durable=False) as postgres:
        with psycopg.connect(postgres.owner_url, autocommit=True) as connection:
            connection.execute("create database another")
        with psycopg.connect(postgres.url, dbname="another") as another:
            nearest = another.execute("select '[1,2]'::halfvec(2) <=> '[1,2]'").fetchone()
            folded = another.execute("select unaccent('Müller')").fetchone()
    assert nearest == (0.0,)
    assert folded == ("Muller",)


def test_data_of_a_release_with_one_role_gets_the_second_at_the_next_start(state_dir: Path):
    earlier = Postgres(state_dir, durable=False)
    with earlier, earlier._connect("postgres") as superuser:
        superuser.execute("drop role hybridapp_app")
    with Postgres(state_dir, durable=False) as postgres, psycopg.connect(postgres.url) as app:
        assert app.execute("select current_user").fetchone() == ("hybridapp_app",)


def test_a_killed_database_keeps_what_was_committed(state_dir: Path):
    with Postgres(state_dir) as postgres:
        with psycopg.connect(postgres.owner_url, autocommit=True) as connection:
            connection.execute("create table kept as select 42 as value")
        os.kill(postgres.process.pid, signal.SIGKILL)
        postgres.process.wait(10)
    with Postgres(state_dir) as postgres, psycopg.connect(postgres.owner_url) as again:
        assert again.execute("select value from kept").fetchone() == (42,)


def test_a_lock_file_whose_pid_now_is_another_program_does_not_keep_it_down(state_dir: Path):
    with Postgres(state_dir, durable=False) as postgres:
        pass
    # Our own pid stands for the reused one; it is not a server of PostgreSQL.
    lock = postgres.data / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{postgres.data}\n1\n5432\n{postgres.sockets}\n\n  1 1\n")
    with Postgres(state_dir, durable=False) as postgres:
        psycopg.connect(postgres.url).close()


def test_data_of_another_version_is_refused_with_words(state_dir: Path):
    with Postgres(state_dir, durable=False) as postgres:
        pass
    version = postgres.data / "PG_VERSION"
    kept = version.read_text()
    version.write_text("15\n")
    try:
        with pytest.raises(PartFailed, match="made by PostgreSQL 15"):
            Postgres(state_dir, durable=False).prepare()
    finally:
        version.write_text(kept)


def test_a_broker_killed_or_stopped_keeps_its_queues(state_dir: Path):
    with Valkey(state_dir) as valkey:
        client = redis.Redis.from_url(valkey.url)
        client.rpush("trusted", "a task")
        client.set("alive:trusted", 1)
        os.kill(valkey.process.pid, signal.SIGKILL)
        valkey.process.wait(10)
    with Valkey(state_dir) as valkey:
        client = redis.Redis.from_url(valkey.url)
        assert client.lrange("trusted", 0, -1) == [b"a task"]
        assert not client.exists("alive:trusted"), "who was alive before the stop is not now"
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"


def test_a_deep_folder_gets_a_short_and_private_place_for_sockets(state_dir: Path):
    deep = state_dir / ("deep" * 25)
    with Valkey(deep, durable=False) as valkey:
        assert len(os.fsencode(valkey.socket)) <= LONGEST_SOCKET_PATH
        assert valkey.socket.parent.stat().st_mode & 0o077 == 0
        assert redis.Redis.from_url(valkey.url).ping()
    valkey.socket.parent.rmdir()


def test_a_folder_that_somebody_else_put_in_the_way_is_refused(state_dir: Path):
    if os.geteuid() == 0:
        theirs = state_dir / "theirs"
        theirs.mkdir()
        os.chown(theirs, 12345, -1)
    else:
        theirs = Path("/usr")
    with pytest.raises(PartFailed, match="belongs to somebody else"):
        Valkey(theirs).prepare()


OWNER = """
import sys
from pathlib import Path
from hybridapp.embedded import Postgres, Valkey
folder = Path(sys.argv[1])
with Postgres(folder, durable=False) as postgres, Valkey(folder, durable=False) as valkey:
    print(postgres.process.pid, valkey.process.pid, flush=True)
    sys.stdin.read()
"""


def test_neither_outlives_a_killed_owner(state_dir: Path):
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(state_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        assert owner.stdout
        ends = handles([int(pid) for pid in owner.stdout.readline().split()])
        assert len(ends) == 2
        owner.kill()
    assert wait_for_ends(ends, 10) == []
