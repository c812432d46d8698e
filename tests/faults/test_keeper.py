"""The supervisor's core on small programs: restart, orderly stop, nothing left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hybridapp.embedded.keeper import Keeper
from hybridapp.embedded.log import Log
from hybridapp.embedded.process import Command, Part, PartFailed
from hybridapp.embedded.supervisor import Supervisor
from tests.faults.processes import descendants, handles, wait_for_ends

PATIENCE = 10.0


class Lines(Log):
    """A log that can be awaited."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.news = asyncio.Event()

    def say(self, name: str, text: str) -> None:
        self.said.append((name, text))
        self.news.set()

    def show(self, text: str) -> None:
        self.say("", text)

    async def wait_for(self, name: str, text: str, times: int = 1) -> None:
        async with asyncio.timeout(PATIENCE):
            while sum(n == name and text in t for n, t in self.said) < times:
                self.news.clear()
                await self.news.wait()


def python(code: str) -> Command:
    return Command((sys.executable, "-c", code), dict(os.environ))


STEADY = "import signal; print('up', flush=True); signal.pause()"
STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork():
    print('up', flush=True)
signal.pause()
"""


async def test_a_part_that_dies_is_started_again_and_says_why():
    log = Lines()
    keeper = Keeper(log)
    await keeper.keep(Part("steady", python(STEADY)))
    await log.wait_for("steady", "up")
    first = keeper.running["steady"][0].pid

    os.kill(first, signal.SIGKILL)

    await log.wait_for("steady", "up", times=2)
    assert keeper.running["steady"][0].pid != first
    await log.wait_for("run", "steady was ended by SIGKILL; it is started again in 0.5 s")
    await keeper.stop([["steady"]], PATIENCE)
    assert keeper.running == {}


async def test_a_part_that_keeps_dying_is_started_less_and_less_often():
    log = Lines()
    keeper = Keeper(log)
    await keeper.keep(Part("brief", python("raise SystemExit(3)")))
    await log.wait_for("run", "brief ended with exit status 3; it is started again in 0.5 s")
    await log.wait_for("run", "brief ended with exit status 3; it is started again in 1 s")
    await keeper.stop([["brief"]], PATIENCE)


async def test_what_ignores_the_request_is_killed_with_what_it_started():
    log = Lines()
    keeper = Keeper(log)
    await keeper.keep(Part("stubborn", python(STUBBORN)))
    await log.wait_for("stubborn", "up")
    leader = keeper.running["stubborn"][0].pid
    ends = handles([leader, *descendants(leader)])
    assert len(ends) == 2

    await keeper.stop([["stubborn"]], patience=0.2)

    assert wait_for_ends(ends, PATIENCE) == []


async def test_a_second_request_hurries():
    log = Lines()
    keeper = Keeper(log)
    await keeper.keep(Part("stubborn", python(STUBBORN)))
    await log.wait_for("stubborn", "up")
    keeper.hurry.set()
    async with asyncio.timeout(PATIENCE):
        await keeper.stop([["stubborn"]], patience=3600)


async def test_a_step_that_fails_is_an_error_that_names_it():
    keeper = Keeper(Lines())
    with pytest.raises(PartFailed, match=r"The step `migrate` ended with exit status 7"):
        await keeper.once("migrate", python("raise SystemExit(7)"))


async def test_what_a_step_tells_the_supervisor_stays_out_of_the_log():
    log = Lines()
    command = Command(
        (sys.executable, "-c", 'print("working"); print(\'{"password": "p"}\')'), {}, withhold="{"
    )
    assert await Keeper(log).once("seed", command) == ['{"password": "p"}']
    assert log.said == [("seed", "working")]


async def test_a_part_that_cannot_be_prepared_is_an_error_at_the_start(tmp_path: Path):
    class Broken(Part):
        def prepare(self) -> Command:
            raise PartFailed("the data is of another version")

    with pytest.raises(PartFailed, match="another version"):
        await Keeper(Lines()).keep(Broken("database", python("")))


WORDY = """
from hybridapp.embedded.log import Log
log = Log()
for number in range(20_000):
    log.say("web", f"line {number} of many")
log.close()
"""


def test_a_reader_that_stops_reading_does_not_stop_the_product():
    read, write = os.pipe()  # holds 64 KiB, and nobody reads
    try:
        done = subprocess.run([sys.executable, "-c", WORDY], stdout=write, timeout=PATIENCE)
    finally:
        os.close(read)
        os.close(write)
    assert done.returncode == 0


async def test_a_password_made_up_is_told_even_if_the_first_start_is_interrupted(tmp_path: Path):
    log = Lines()
    used: list[str] = []

    def start(answer: str | None) -> Supervisor:
        """One start whose seeding answers so, or is interrupted."""
        supervisor = Supervisor(log, {"STATE_DIR": str(tmp_path)})

        async def once(name: str, command: Command) -> list[str]:
            used.append(command.env["DEMO_PASSWORD"])
            if answer is None:
                raise PartFailed("interrupted")
            return [answer]

        supervisor.keeper.once = once  # type: ignore[method-assign]
        return supervisor

    with pytest.raises(PartFailed):
        await start(None)._seed()
    second = start('{"users": ["alice"], "password": null}')
    await second._seed()
    second._welcome(1.0)
    third = start('{"users": ["alice"], "password": null}')
    await third._seed()
    third._welcome(1.0)

    boxes = [text for name, text in log.said if name == ""]
    assert f"password   {used[0]} " in boxes[0]
    assert "password   as before" in boxes[1]
    assert used[0] not in boxes[1]
    assert used[2] != used[0]
    assert os.listdir(tmp_path) == []


# It watches this process, which changes its handlers when told to, as make does or a test runner.
WATCHER = """
import asyncio, os
from hybridapp.embedded.log import Log
from hybridapp.embedded.supervisor import Supervisor

async def main():
    watching = asyncio.create_task(supervisor._watch_parent())
    await asyncio.sleep(0)
    print('up', flush=True)
    await watching
    print('stopping', flush=True)

supervisor = Supervisor(Log(), {})
asyncio.run(main())
"""
PARENT = """
import signal, subprocess, sys
signal.signal(signal.SIGALRM, lambda *_: None)
child = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=subprocess.PIPE, text=True)
assert child.stdout.readline() == 'up\\n'
signal.signal(getattr(signal, sys.argv[2]), signal.SIG_DFL)
try:
    print(child.wait(3))
except subprocess.TimeoutExpired:
    print('goes on')
    child.kill()
"""


@pytest.mark.parametrize(("dropped", "end"), [("SIGALRM", "goes on"), ("SIGINT", "0")])
def test_only_a_dropped_handler_for_ctrl_c_means_that_make_was_interrupted(dropped, end):
    done = subprocess.run(
        [sys.executable, "-c", PARENT, WATCHER, dropped], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip().splitlines()[-1:] == [end], done.stderr
