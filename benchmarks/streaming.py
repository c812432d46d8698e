"""What the product adds to a model server's stream, beside calling that server directly.

    python -m benchmarks.streaming

A scripted model server stamps each token with the time at which it sends it (one machine, one
monotonic clock), so that the latency of every token is known on both paths. All streams start at
once. CPU is that of all processes of the product, web, workers, broker and database together, and
not that of the model server or of this client; in ms a token, which is also in seconds for
1,000 tokens.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks import product as running
from benchmarks.product import CHECKOUT, Product
from benchmarks.upstream import read_stamp

TOKENS = 200
# Delay between two tokens in ms, and the numbers of streams with how often each is run.
SPEEDS: tuple[tuple[float, dict[int, int]], ...] = (
    (5.0, {1: 10, 20: 4, 50: 2, 100: 2, 300: 1}),
    (0.0, {1: 10, 50: 2, 300: 1}),
)
# Milliseconds to the first token, p50, at 5 ms a token: what the product aims at.
AIMS = {"plain": {1: 40, 20: 150, 100: 1000}, "retrieval": {1: 80, 20: 300, 100: 2000}}
START_SECONDS = 600  # the first start reads and embeds the demo's documents
QUESTION = "What is the limit for gifts from business partners?"

SETUP = """
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from assistants.models import Assistant, PromptVersion, Zone
prompt, _ = PromptVersion.objects.get_or_create(name='plain', number=1, defaults={'text': 'Chat.'})
group, _ = Group.objects.get_or_create(name='bench')
Assistant.objects.get_or_create(slug='plain', defaults=dict(name='Plain', department=group,
    prompt=prompt, question_zone=Zone.objects.get(slug='general')))
user, _ = User.objects.get_or_create(username='bench')
user.set_unusable_password(); user.save()
user.groups.set([group, Group.objects.get(name='compliance')])
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = 'django.contrib.auth.backends.ModelBackend'
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
print(session.session_key)
"""


@dataclass
class Run:
    """One path at one number of streams; times in milliseconds."""

    path: str
    streams: int
    first: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    tokens: int = 0
    lost: int = 0
    errors: int = 0
    seconds: float = 0.0
    cpu_seconds: float | None = None


@dataclass
class Reader:
    """Takes one stream's text, piece by piece."""

    asked: float
    first: float | None = None
    latencies: list[float] = field(default_factory=list)
    rest: str = ""

    def take(self, text: str) -> None:
        now = time.monotonic()
        if self.first is None:
            self.first = (now - self.asked) * 1000
        *whole, self.rest = (self.rest + text).split(" ")
        self.latencies += [(now - read_stamp(stamp)) * 1000 for stamp in whole]


async def ask_directly(session: aiohttp.ClientSession, url: str, message: str) -> Reader:
    reader = Reader(time.monotonic())
    body = {
        "model": "scripted",
        "stream": True,
        "messages": [{"role": "user", "content": message}],
    }
    async with session.post(url + "/chat/completions", json=body) as reply:
        async for line in reply.content:
            if line.startswith(b"data: {"):
                choices = json.loads(line[6:])["choices"]
                text = choices[0]["delta"].get("content") if choices else None
                if text:
                    reader.take(text)
    return reader


async def ask_product(
    socket: aiohttp.ClientWebSocketResponse, assistant: str, message: str, number: int
) -> Reader:
    reader = Reader(time.monotonic())
    frame: dict[str, Any] = {
        "type": "message.send",
        "client_id": f"{time.time_ns()}-{number}",
        "conversation": None,
        "assistant": assistant,
        "text": message,
        "attachments": [],
    }
    await socket.send_json(frame)
    expected = 0
    async for received in socket:
        if received.type is not aiohttp.WSMsgType.TEXT:
            break
        frame = json.loads(received.data)
        if "id" in frame:
            expected += 1
            if frame["id"] != expected:
                raise AssertionError(f"frame {frame['id']} came where {expected} was due")
        if frame["type"] == "answer.delta":
            reader.take(frame["text"])
        elif frame["type"] == "answer.completed":
            return reader
        elif frame["type"] in ("answer.failed", "message.rejected", "error"):
            raise AssertionError(f"{frame}")
    raise AssertionError("the socket closed")


def summarise(path: str, readers: Sequence[Reader | BaseException], seconds: float) -> Run:
    run = Run(path, len(readers), seconds=seconds)
    for reader in readers:
        if isinstance(reader, BaseException):
            run.errors += 1
            print(f"  {type(reader).__name__}: {reader}", file=sys.stderr)
            continue
        run.first.append(reader.first or 0.0)
        run.latencies += reader.latencies
        run.tokens += len(reader.latencies)
        run.lost += TOKENS - len(reader.latencies)
    return run


async def run_direct(url: str, streams: int, delay_ms: float) -> Run:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        await ask_directly(session, url, "[tokens=1] [stamp]")
        started = time.monotonic()
        message = f"[stamp] [delay={delay_ms:g}]"
        readers = await asyncio.gather(
            *(ask_directly(session, url, message) for _ in range(streams)), return_exceptions=True
        )
        return summarise("direct", readers, time.monotonic() - started)


async def run_product(
    product: Product, cookie: str, assistant: str, streams: int, delay_ms: float
) -> Run:
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Origin": product.url, "Cookie": f"sessionid={cookie}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        sockets = await asyncio.gather(
            *(session.ws_connect(product.socket_url, max_msg_size=0) for _ in range(streams))
        )
        message = f"{QUESTION} [stamp] [delay={delay_ms:g}]"
        before, started = cpu_seconds(product), time.monotonic()
        readers = await asyncio.gather(
            *(
                ask_product(socket, assistant, message, number)
                for number, socket in enumerate(sockets)
            ),
            return_exceptions=True,
        )
        elapsed = time.monotonic() - started
        run = summarise("plain" if assistant == "plain" else "retrieval", readers, elapsed)
        run.cpu_seconds = cpu_seconds(product) - before
        await asyncio.gather(*(socket.close() for socket in sockets))
        return run


def cpu_seconds(product: Product) -> float:
    """User and system time of every process that carries the product's state directory."""
    marker = f"STATE_DIR={product.state_dir}".encode()
    ticks = 0
    parents: dict[int, int] = {}
    spent: dict[int, int] = {}
    marked: set[int] = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rsplit(") ", 1)[1].split()
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        pid = int(folder.name)
        parents[pid] = int(fields[1])
        spent[pid] = int(fields[11]) + int(fields[12])
        if marker in environment:
            marked.add(pid)
    for pid in parents:
        ancestor = pid
        while ancestor and ancestor not in marked:
            ancestor = parents.get(ancestor, 0)
        if ancestor:
            ticks += spent[pid]
    return ticks / os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def report(run: Run, direct: Run) -> None:
    first = statistics.median(run.first) if run.first else float("nan")
    base = statistics.median(direct.first) if direct.first else float("nan")
    cpu = ""
    if run.cpu_seconds is not None and run.tokens:
        cpu = f"{run.cpu_seconds / run.tokens * 1000:.3f}"
    print(
        f"{run.path:<10}{run.streams:>8}{first:>10.0f}{first - base:>8.0f}"
        f"{percentile(run.latencies, 0.5) - percentile(direct.latencies, 0.5):>10.1f}"
        f"{percentile(run.latencies, 0.99) - percentile(direct.latencies, 0.99):>10.1f}"
        f"{run.tokens / run.seconds:>11.0f}{cpu:>12}{run.lost:>6}{run.errors:>8}",
        flush=True,
    )


async def measure(product: Product, url: str, cookie: str) -> None:
    print("warming up …", flush=True)
    for assistant in ("plain", "compliance"):
        for _ in range(3):
            await run_product(product, cookie, assistant, 5, 0)
    measured: dict[tuple[str, int], float] = {}
    for delay_ms, counts in SPEEDS:
        speed = f"{delay_ms:g} ms a token" if delay_ms else "full speed"
        print(f"\nmodel server at {speed}, {TOKENS} tokens an answer, all streams at once; in ms")
        print(
            f"{'path':<10}{'streams':>8}{'TTFT p50':>10}{'added':>8}{'+tok p50':>10}"
            f"{'+tok p99':>10}{'tokens/s':>11}{'CPU ms/tok':>12}{'lost':>6}{'errors':>8}"
        )
        for streams, repeats in counts.items():
            direct = merge([await run_direct(url, streams, delay_ms) for _ in range(repeats)])
            report(direct, direct)
            for assistant in ("plain", "compliance"):
                runs = []
                for _ in range(repeats):
                    runs.append(await run_product(product, cookie, assistant, streams, delay_ms))
                run = merge(runs)
                report(run, direct)
                if delay_ms and run.first:
                    measured[run.path, streams] = statistics.median(run.first)
    print("\nfirst token, p50, against what is aimed at (ms)")
    for path, aims in AIMS.items():
        told = (
            f"{n} streams {measured.get((path, n), float('nan')):.0f} / {aim}"
            for n, aim in aims.items()
        )
        print(f"{path:<10}{', '.join(told)}")


def merge(runs: Sequence[Run]) -> Run:
    merged = runs[0]
    for run in runs[1:]:
        merged.first += run.first
        merged.latencies += run.latencies
        merged.tokens += run.tokens
        merged.lost += run.lost
        merged.errors += run.errors
        merged.seconds += run.seconds
        if merged.cpu_seconds is not None:
            merged.cpu_seconds += run.cpu_seconds or 0.0
    return merged


def main() -> None:
    folder = running.make_folder("bench")
    port = running.free_port()
    command = [sys.executable, "-m", "benchmarks.upstream", "--port", str(port)]
    upstream = subprocess.Popen([*command, "--tokens", str(TOKENS)], cwd=CHECKOUT)
    url = f"http://127.0.0.1:{port}/v1"
    product = running.start(folder / "state", LOCAL_MODEL_URL=url)
    try:
        product.wait_until_healthy(START_SECONDS)
        urllib.request.urlopen(url + "/models", timeout=5).close()
        cookie = product.manage("shell", "-c", SETUP).split()[-1]
        asyncio.run(measure(product, url, cookie))
    finally:
        product.stop()
        upstream.terminate()
        upstream.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
