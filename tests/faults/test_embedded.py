"""The embedded database and broker by themselves: rights, kills, awkward folders."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from hybridapp.embedded import Postgres, Valkey
from hybridapp.embedded.process import LONGEST_SOCKET_PATH, PartFailed, as_user
from tests.faults.processes import command_line, handles, wait_for_ends


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


def test_who_only_reaches_the_socket_opens_no_database(state_dir: Path):
    with Postgres(state_dir, durable=False) as postgres:
        for role in ("postgres", "hybridapp", "hybridapp_app"):
            for word in ("", "postgres", role):
                with pytest.raises(psycopg.OperationalError, match="password"):
                    psycopg.connect(
                        host=str(postgres.sockets), user=role, password=word, dbname="hybridapp"
                    )
    assert postgres.secret.stat().st_mode & 0o077 == 0


def test_data_of_a_release_without_passwords_gets_them_at_the_next_start(state_dir: Path):
    with Postgres(state_dir, durable=False) as postgres:
        pass
    earlier = "local all all peer map=us\n"
    (postgres.data / "pg_hba.conf").write_text(earlier)
    postgres.secret.unlink()
    with Postgres(state_dir, durable=False) as postgres:
        psycopg.connect(postgres.url).close()
        psycopg.connect(postgres.owner_url).close()
    assert (postgres.data / "pg_hba.conf").read_text() != earlier


def test_no_program_shows_a_password_to_ps(state_dir: Path):
    with Postgres(state_dir, durable=False) as postgres, Valkey(state_dir, durable=False) as valkey:
        seen = command_line(postgres.process.pid) + command_line(valkey.process.pid)
        for url in (postgres.url, postgres.owner_url, valkey.url, valkey.cloud_url):
            word = urlsplit(url).password
            assert word
            assert word not in seen
        for path in valkey.home.parent.rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert path.stat().st_mode & 0o077 == 0, path


def test_a_broker_asks_for_a_password_and_bounds_the_clouds_account(state_dir: Path):
    with Valkey(state_dir, durable=False) as valkey:
        with (
            redis.Redis(unix_socket_path=str(valkey.socket)) as nobody,
            pytest.raises(redis.AuthenticationError),
        ):
            nobody.ping()
        with redis.Redis.from_url(valkey.cloud_url) as cloud:
            cloud.set("cloud:x", 1)
            with pytest.raises(redis.exceptions.NoPermissionError):
                cloud.get("generation:x")


def test_a_guest_comes_to_the_brokers_socket_and_to_nothing_else(state_dir: Path):
    if os.geteuid() != 0:
        pytest.skip("only root lets another user in")
    state_dir.chmod(0o711)
    guest = pwd.getpwnam("daemon")
    with Valkey(state_dir, guest=guest) as valkey:
        ask = f"import socket; socket.socket(socket.AF_UNIX).connect({str(valkey.socket)!r})"
        for user, comes in ((guest, True), (pwd.getpwnam("nobody"), False)):
            tried = subprocess.run(
                ["/usr/bin/python3", "-c", ask], **as_user(user), cwd="/", capture_output=True
            )
            assert (tried.returncode == 0) is comes, tried.stderr
        listed = subprocess.run(
            ["cat", str(valkey.home / "accounts.acl"), str(state_dir / "broker_secret")],
            **as_user(guest),
            cwd="/",
            capture_output=True,
        )
        assert listed.stdout == b""


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
