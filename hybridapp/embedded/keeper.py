"""Keeps parts running until told to stop, and then leaves none."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence

from hybridapp.embedded.log import Log, Relay
from hybridapp.embedded.process import Command, Part, PartFailed, kill_group

FIRST_PAUSE = 0.5  # seconds before a dead part is started again; doubles while it keeps dying
LONGEST_PAUSE = 15.0
STEADY = 30.0  # seconds after which a part counts as well again
UP_WITHIN = 60.0  # seconds; a database may have to replay its log first


class Keeper:
    """Starts children from the main thread, so that the kernel ends them with this process."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.stopping = asyncio.Event()
        self.hurry = asyncio.Event()
        self.kept: dict[str, asyncio.Task[None]] = {}
        self.running: dict[str, tuple[asyncio.subprocess.Process, Command]] = {}

    async def keep(self, part: Part) -> None:
        """Start a part, and again whenever it ends. Returns when it is up; raises PartFailed."""
        up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.kept[part.name] = asyncio.create_task(self._keep(part, up))
        try:
            await asyncio.wait_for(up, UP_WITHIN)
        except TimeoutError:
            raise PartFailed(f"The {part.name} did not start; see the log above.") from None

    async def once(self, name: str, command: Command) -> list[str]:
        """Run a step to its end. Returns the lines it has for us only; raises PartFailed."""
        process, relay = await self._start(name, command)
        try:
            code = await process.wait()
        finally:
            self._bury(name, process)
        await relay.closed.wait()
        if code != 0:
            raise PartFailed(f"The step `{name}` {_how(code)}; see the log above.")
        return relay.withheld

    async def stop(self, stages: Sequence[Sequence[str]], patience: float) -> None:
        """End the parts, stage by stage; what does not end within `patience` seconds is killed."""
        self.stopping.set()
        for stage in stages:
            names = [name for name in stage if name in self.kept]
            for name in names:
                if name in self.running:
                    process, command = self.running[name]
                    process.send_signal(command.stop)
            await self._ended(names, patience)

    async def _ended(self, names: Sequence[str], patience: float) -> None:
        if not names:
            return
        ended = asyncio.ensure_future(asyncio.wait([self.kept[name] for name in names]))
        hurry = asyncio.create_task(self.hurry.wait())
        await asyncio.wait({ended, hurry}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        for name in names:
            if name in self.running:
                self.log.say("run", f"{name} takes too long to end and is killed")
                kill_group(self.running[name][0].pid, signal.SIGKILL)
        await ended

    async def _keep(self, part: Part, up: asyncio.Future[None]) -> None:
        pause = FIRST_PAUSE
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                why = await self._run(part, up)
            except PartFailed as error:
                if not up.done():
                    up.set_exception(error)
                    return
                why = f"cannot start ({error})"
            if self.stopping.is_set():
                return
            if time.monotonic() - began > STEADY:
                pause = FIRST_PAUSE
            self.log.say("run", f"{part.name} {why}; it is started again in {pause:g} s")
            await self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _run(self, part: Part, up: asyncio.Future[None]) -> str:
        command = await asyncio.to_thread(part.prepare)
        process, _ = await self._start(part.name, command)
        bringing_up = asyncio.create_task(self._bring_up(part, process.pid, up))
        try:
            return _how(await process.wait())
        finally:
            bringing_up.cancel()
            self._bury(part.name, process)

    async def _bring_up(self, part: Part, pid: int, up: asyncio.Future[None]) -> None:
        while not await asyncio.to_thread(part.answers, pid):
            await self._sleep(0.05)
        await asyncio.to_thread(part.ready)
        if not up.done():
            up.set_result(None)

    async def _start(self, name: str, command: Command) -> tuple[asyncio.subprocess.Process, Relay]:
        # A pipe of our own: asyncio's would let a grandchild that holds it delay `wait`.
        read, write = os.pipe()
        loop = asyncio.get_running_loop()
        _, relay = await loop.connect_read_pipe(
            lambda: Relay(self.log, name, command.withhold), os.fdopen(read, "rb")
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *command.argv, **command.options(), stdout=write, stderr=write
            )
        finally:
            os.close(write)
        self.running[name] = (process, command)
        if self.stopping.is_set():
            process.send_signal(command.stop)
        return process, relay

    def _bury(self, name: str, process: asyncio.subprocess.Process) -> None:
        """Whatever a part started ends with it."""
        kill_group(process.pid, signal.SIGKILL)
        self.running.pop(name, None)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return


def _how(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit status {code}"
