"""The steps of `make run`, from an empty folder to a product that answers."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import secrets
import shlex
import signal
import socket
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assistants.conf import CHECKOUT
from hybridapp.embedded import environments, programs
from hybridapp.embedded.clouds import NO_ACCOUNT, Clouds, find_user
from hybridapp.embedded.keeper import Keeper
from hybridapp.embedded.log import Log
from hybridapp.embedded.postgres import Postgres
from hybridapp.embedded.process import (
    Command,
    Part,
    PartFailed,
    handles_signal,
    own_state_dir,
)
from hybridapp.embedded.valkey import Valkey

STOP_ORDER = ((*programs.WORKERS, "demo"), ("web",), ("broker", "database"))
TRUSTED_WORKERS = ("trusted", "ingest", "speech", "dictation", "beat")
PATIENCE = 5.0  # seconds for a part to end by itself
# Letters and digits that are not mistaken for each other.
READABLE = "abcdefghjkmnpqrstuvwxyz23456789"


class Supervisor:
    def __init__(self, log: Log, environment: Mapping[str, str]) -> None:
        self.log = log
        self.state_dir = Path(environment.get("STATE_DIR") or CHECKOUT / ".state").resolve()
        self.host = environment.get("HOST") or "127.0.0.1"
        self.port = _port(environment.get("PORT") or "8000")
        demo = _is_on(environment.get("DEMO_CLOUD", ""))
        demo_port = environment.get("DEMO_CLOUD_PORT") or str(self.port % 65535 + 1)
        self.clouds = Clouds(environment, _port(demo_port) if demo else 0)
        self.services = self.clouds.told()
        self.env = {
            **environments.without_cloud_keys(environment),
            **self.services,
            "STATE_DIR": str(self.state_dir),
            "PYTHONUNBUFFERED": "1",
            # Root is fine here: what must not run as root, the database, does not.
            # And a module that its package imports may be run as a program all the same.
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges,"
            "ignore::RuntimeWarning:runpy",
            "OMP_NUM_THREADS": environment.get("OMP_NUM_THREADS", "1"),
        }
        # Threads of numeric libraries: only what computes for long gets more than one.
        cores = os.cpu_count() or 1
        self.all_cores = {"OMP_NUM_THREADS": environment.get("OMP_NUM_THREADS", str(cores))}
        # The two processes that transcribe share them.
        half = {"OMP_NUM_THREADS": environment.get("OMP_NUM_THREADS", str(max(1, cores // 2)))}
        self.cores = dict.fromkeys(("model", "ingest", "dictation"), self.all_cores)
        self.cores["speech"] = half
        self.keeper = Keeper(log)
        self.stopped_at = 0.0
        self.password = ""
        self.users: list[str] = []

    async def run(self) -> None:
        """Until a signal, or the end of the parent. Raises PartFailed when it cannot start."""
        own_state_dir(self.state_dir)
        with self._lock():
            self._check_ports()
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self._signalled, signal.Signals(number).name)
            watch = asyncio.create_task(self._watch_parent())
            product = asyncio.create_task(self._start())
            stopping = asyncio.create_task(self.keeper.stopping.wait())
            try:
                await asyncio.wait({product, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if product.done():
                    product.result()
                    await stopping
            finally:
                product.cancel()
                await asyncio.gather(product, return_exceptions=True)
                watch.cancel()
                await self.keeper.stop(STOP_ORDER, PATIENCE)
                self._services_file.unlink(missing_ok=True)
                self.log.say("run", "everything has ended")

    async def _start(self) -> None:
        began = time.monotonic()
        await self._keep_broker()
        # Side by side: loading the model takes as long as everything else together.
        await _at_once(
            self._bring_model(),
            self._bring_database(),
            self._collect_static(),
            self._keep_cloud_worker(),
            self._keep_demo_cloud(),
        )
        self._write_services()
        await _at_once(
            *(self._keep_program(name) for name in TRUSTED_WORKERS),
            self._open(),
        )
        await self._wait_until_healthy()
        self._welcome(time.monotonic() - began)

    async def _open(self) -> None:
        """The web process. At the first start last: who finds it healthy finds the documents."""
        stamp = self.state_dir / "seeded"
        if stamp.exists():
            await _at_once(self._seed(), self._keep_program("web"))
        else:
            await self._seed()
            await self._keep_program("web")
            stamp.touch()

    async def _bring_model(self) -> None:
        await self._step("weights", programs.WEIGHTS)
        await self._keep_program("model")

    async def _bring_database(self) -> None:
        if not self.env.get("DATABASE_URL"):
            postgres = Postgres(self.state_dir)
            await self.keeper.keep(postgres)
            self.services["DATABASE_URL"] = postgres.url
            self.services["MIGRATION_DATABASE_URL"] = postgres.owner_url
            self.env |= self.services
        await self._step("migrate", programs.MIGRATE)

    async def _keep_broker(self) -> None:
        self.clouds.user = await asyncio.to_thread(find_user)
        if not self.env.get("REDIS_URL"):
            valkey = Valkey(self.state_dir, guest=self.clouds.user)
            await self.keeper.keep(valkey)
            self.env["REDIS_URL"] = self.services["REDIS_URL"] = valkey.url
            self.clouds.redis_url = valkey.cloud_url

    async def _keep_cloud_worker(self) -> None:
        if not self.clouds.redis_url:
            self.log.say("run", NO_ACCOUNT)
            return
        self.log.say("run", self.clouds.about_the_worker())
        await self.keeper.keep(self.clouds.worker(self.env, self.state_dir))

    async def _keep_demo_cloud(self) -> None:
        if self.clouds.demo_port:
            await self.keeper.keep(self.clouds.demo(self.env))

    async def _keep_program(self, name: str) -> None:
        argv = programs.WORKERS.get(name) or programs.web(self.host, self.port)
        env = self.env | self.cores.get(name, {})
        env = environments.of_program(name, env)
        await self.keeper.keep(Part(name, Command(programs.run(argv), env)))

    async def _step(self, name: str, argv: tuple[str, ...], **more: str) -> list[str]:
        """Run one of the steps before the start. Returns the lines that are for us only."""
        command = Command(programs.run(argv), self.env | more, withhold="{")
        return await self.keeper.once(name, command)

    async def _collect_static(self) -> None:
        """Only when a source changed: it compresses every file."""
        stamp, mark = self.state_dir / "static.stamp", _fingerprint()
        if stamp.exists() and stamp.read_text() == mark:
            return
        await self._step("static", programs.STATIC)
        stamp.write_text(mark)

    async def _seed(self) -> None:
        """On an empty database this makes the demo's users, with a password told once.

        Until it is told it is kept, should the first start be interrupted.
        """
        given = self.env.get("DEMO_PASSWORD")
        interrupted = self._untold_password.exists()
        if interrupted:
            password = self._untold_password.read_text()
        elif given:
            password = given
        else:
            password = _new_password()
            self._untold_password.write_text(password)
        later = asyncio.get_running_loop().call_later(
            5, self.log.say, "run", "the demo's documents are read and embedded, once: a minute"
        )
        try:
            lines = await self._step(
                "seed", programs.SEED, DEMO_PASSWORD=password, **self.all_cores
            )
        finally:
            later.cancel()
        result = json.loads(lines[-1]) if lines else {}
        self.users = list(result.get("users") or [])
        if interrupted or result.get("password"):
            self.password = "the one in DEMO_PASSWORD" if password == given else password

    @property
    def _untold_password(self) -> Path:
        return self.state_dir / "untold_password"

    def _write_services(self) -> None:
        """For `manage.py` with the same STATE_DIR (see `assistants.conf`)."""
        self._services_file.write_text(json.dumps(self.services))

    @property
    def _services_file(self) -> Path:
        return self.state_dir / "services.json"

    async def _wait_until_healthy(self) -> None:
        told = time.monotonic()
        while True:
            missing = await self._ask_health()
            if not missing:
                return
            if time.monotonic() - told > 20:
                told = time.monotonic()
                self.log.say("run", f"still waiting for {', '.join(missing)}")
            await asyncio.sleep(0.2)

    async def _ask_health(self) -> list[str]:
        """The parts that are not ready, each with its reason."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        allowed = self.env.get("ALLOWED_HOSTS", "").split(",")[0].strip(" .*") or "localhost"
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection(host, self.port)
                try:
                    writer.write(f"GET /healthz HTTP/1.0\r\nHost: {allowed}\r\n\r\n".encode())
                    body = (await reader.read()).partition(b"\r\n\r\n")[2]
                finally:
                    writer.close()
            parts = json.loads(body)["parts"]
        except (OSError, TimeoutError, ValueError, KeyError):
            return ["web (does not answer yet)"]
        return [f"{name} ({p['detail']})" for name, p in parts.items() if not p["ready"]]

    def _welcome(self, seconds: float) -> None:
        manage = f"STATE_DIR={shlex.quote(str(self.state_dir))} .venv/bin/python manage.py"
        demo = self.clouds.demo_url
        again = f"as before; to set another: {manage} changepassword alice"
        self.log.show(
            _box(
                f"hybridapp is ready after {seconds:.0f} s at http://{self._address}/",
                "",
                f"users      {', '.join(self.users)}",
                f"password   {self.password or again}",
                *([f"demo cloud {demo}/ shows what it was sent; it is a stand-in"] if demo else []),
                "stop       Ctrl-C",
            )
        )
        self._untold_password.unlink(missing_ok=True)

    @property
    def _address(self) -> str:
        return _address(self.host, self.port)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One product a state directory. The kernel lifts the lock however we end."""
        with (self.state_dir / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise PartFailed(
                    f"another `make run` uses {self.state_dir}. Stop it, or set STATE_DIR to "
                    "another folder (and PORT to another port)."
                ) from None
            yield

    def _check_ports(self) -> None:
        _check_port(self.host, self.port, "PORT")
        if self.clouds.demo_port:
            _check_port("127.0.0.1", self.clouds.demo_port, "DEMO_CLOUD_PORT")

    def _signalled(self, name: str) -> None:
        if not self.keeper.stopping.is_set():
            self._stop(f"{name}: stopping; once more to hurry")
        # The same request may arrive twice, from `make` and from the terminal.
        elif time.monotonic() - self.stopped_at > 1:
            self.keeper.hurry.set()

    def _stop(self, why: str) -> None:
        self.stopped_at = time.monotonic()
        self.log.say("run", why)
        self.keeper.stopping.set()

    async def _watch_parent(self) -> None:
        parent = os.getppid()
        handled = handles_signal(parent, signal.SIGINT)
        while not self.keeper.stopping.is_set():
            await asyncio.sleep(0.5)
            if os.getppid() != parent:
                self._stop("the process that started this has ended: stopping")
            # GNU make passes TERM on, but on INT it resets that handler and only waits for us. What
            # it, or another parent, does with other signals says nothing.
            elif handled and not handles_signal(parent, signal.SIGINT):
                self._stop("make was interrupted: stopping")


async def _at_once(*steps: Coroutine[Any, Any, object]) -> None:
    """All steps side by side; the first failure cancels the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _is_on(text: str) -> bool:
    return text.strip().lower() in {"1", "true", "yes", "on"}


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise PartFailed(f"PORT is {text!r}; it must be a number from 1 to 65535.")
    return int(text)


def _check_port(host: str, port: int, variable: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as test:
        test.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            test.bind((host, port))
        except OSError as error:
            raise PartFailed(
                f"{_address(host, port)} cannot be used ({os.strerror(error.errno or 0)}). "
                f"Set another port, for example: make run {variable}={port % 65535 + 1}"
            ) from None


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _new_password() -> str:
    return "-".join("".join(secrets.choice(READABLE) for _ in range(4)) for _ in range(4))


def _fingerprint() -> str:
    """Of everything that the collected static files are made from."""
    sources = [CHECKOUT / "requirements.txt", CHECKOUT / "hybridapp" / "staticfiles.py"]
    for folder in ("static", "assistants/static"):
        sources += sorted((CHECKOUT / folder).rglob("*"))
    stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in sources]
    return hashlib.sha256(repr(stats).encode()).hexdigest()


def _box(*lines: str) -> str:
    width = max(map(len, lines)) + 2
    middle = [f"│ {line:<{width - 1}}│" for line in lines]
    return "\n".join(["", f"┌{'─' * width}┐", *middle, f"└{'─' * width}┘", ""])
