"""The wire test: what a recording cloud sees of requests with planted values, faults injected.

    python -m benchmarks.wire [--requests 3000] [--seed 4]

The product runs as `make run` starts it, with a cloud that speaks Anthropic's protocol, fails now
and then in every known way, and keeps every byte it is sent. Afterwards each request's values are
looked for in all of these bytes, in every form that a receiver might read (`canaries.readings`).

What the model on the premises says does not matter here, so it has two of its layers and few words:
thousands of requests then take minutes, not hours, on two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks import canaries
from benchmarks import product as running
from benchmarks.canaries import Planted, make_requests, readings, seen_on_wire
from benchmarks.product import Product
from tests import cloud as clouds

AT_ONCE = 8
FAULTS = (
    *("401", "403", "429", "429_soon", "429_spend", "500", "529"),
    *("reset_before", "reset", "truncate", "overloaded_event", "garbage", "refusal"),
)
FAULT_SHARE = 0.06
TERMS = "\n".join(f"{firm} {end}" for firm in canaries.FIRMS for end in canaries.FIRM_ENDS)
USERS = {"compliance": "alice", "clinical": "carol", "code": "dave"}
ENDS = {"answer.completed", "answer.failed", "answer.blocked", "answer.held"}

SESSIONS = """
import json
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
made = {}
for name in ("alice", "carol", "dave"):
    user = User.objects.get(username=name)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = 'django.contrib.auth.backends.ModelBackend'
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    made[name] = session.session_key
print(json.dumps(made))
"""

FEW_WORDS = """
from assistants.models import Deployment
Deployment.objects.filter(slug="local").update(max_tokens=16)
"""


@dataclass
class Outcome:
    """How one conversation's last answer ended, and where it was made."""

    planted: Planted
    end: str = ""
    place: str = ""
    sealed: bool = False
    text: str = ""
    why: str = ""  # it failed, or what the gate said


@dataclass
class Report:
    outcomes: list[Outcome] = field(default_factory=list)
    bodies: int = 0
    leaked: list[tuple[Planted, str]] = field(default_factory=list)
    seconds: float = 0.0


async def ask(session: aiohttp.ClientSession, product: Product, planted: Planted) -> Outcome:
    outcome = Outcome(planted)
    async with session.ws_connect(product.socket_url, max_msg_size=0) as socket:
        conversation = None
        for number, text in enumerate(planted.messages):
            await socket.send_json(
                {
                    "type": "message.send",
                    "client_id": f"{time.time_ns()}-{number}",
                    "conversation": conversation,
                    "assistant": planted.department,
                    "text": text,
                    "attachments": [],
                }
            )
            async for received in socket:
                frame: dict[str, Any] = json.loads(received.data)
                kind = frame["type"]
                if kind == "message.accepted":
                    conversation = frame["conversation"]
                elif kind == "answer.route":
                    outcome.place = frame["badge"]["place"]
                    outcome.sealed = frame["badge"]["sealed"]
                elif kind in ENDS or kind in ("message.rejected", "error"):
                    outcome.end = kind
                    outcome.text = frame.get("text", "")
                    stayed = [
                        each["rule"]
                        for each in frame.get("egress", ())
                        if each["outcome"] != "allow"
                    ]
                    outcome.why = "; ".join(stayed) or frame.get("message", "")
                    break
    return outcome


async def run(product: Product, cloud: clouds.Cloud, requests: Sequence[Planted]) -> Report:
    """All requests, `AT_ONCE` at a time; then the search for what was planted."""
    keys = json.loads(product.manage("shell", "-v", "0", "-c", SESSIONS).splitlines()[-1])
    terms = product.state_dir / "terms.txt"  # a house names its clients
    terms.write_text(TERMS)
    product.manage("import_terms", str(terms), "--zone", "compliance")
    before = len(cloud.received)
    report = Report()
    waiting = iter(requests)
    rng = random.Random(7)
    began = time.monotonic()
    done = 0

    async def work() -> None:
        nonlocal done
        for planted in waiting:
            if rng.random() < FAULT_SHARE:
                cloud.faults.append(rng.choice(FAULTS))
            cookie = f"sessionid={keys[USERS[planted.department]]}"
            headers = {"Origin": product.url, "Cookie": cookie}
            async with aiohttp.ClientSession(headers=headers) as session:
                report.outcomes.append(await ask(session, product, planted))
            done += 1
            if done % 250 == 0:
                print(f"  {done} of {len(requests)} conversations", file=sys.stderr, flush=True)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    report.seconds = time.monotonic() - began
    received = cloud.received[before:]
    report.bodies = len(received)
    report.leaked = await asyncio.to_thread(find_leaks, requests, received)
    return report


def find_leaks(requests: Sequence[Planted], received: Sequence[bytes]) -> list[tuple[Planted, str]]:
    """Each planted value that any of the received bytes hold, with the piece that holds it."""
    leaks = []
    for piece in dict.fromkeys(piece for raw in dict.fromkeys(received) for piece in pieces(raw)):
        forms = ["\0".join(readings(piece))]
        for planted in requests:
            if planted.values and seen_on_wire(planted.values, forms):
                leaks.append((planted, piece))
    return leaks


def pieces(raw: bytes) -> Iterator[str]:
    """What a request holds: its head, and each paragraph of each string of its body. Most of them,
    instructions and passages, come again and again; looked at once, each can be looked at closely.
    """
    text = raw.decode("utf-8", "replace")
    head, _, body = text.partition("\r\n\r\n")
    yield re.sub(r"(?im)^(?:content-length|x-stainless-[\w-]+):.*$", "", head)
    try:
        strings = list(_strings(json.loads(body)))
    except ValueError:
        strings = [body]
    for string in strings:
        yield from string.split("\n\n")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, held in value.items():
            yield name
            yield from _strings(held)
    elif isinstance(value, list):
        for held in value:
            yield from _strings(held)


def tell(report: Report) -> None:
    sent = Counter(
        ("cloud" if outcome.place.startswith("cloud") else "premises", outcome.end)
        for outcome in report.outcomes
    )
    planted = [outcome for outcome in report.outcomes if outcome.planted.values]
    harmless = [outcome for outcome in report.outcomes if not outcome.planted.values]
    went = sum(outcome.place.startswith("cloud") for outcome in harmless)
    sealed = sum(outcome.sealed for outcome in planted)
    print(f"{len(report.outcomes)} conversations in {report.seconds:.0f} s")
    for (place, end), count in sorted(sent.items()):
        print(f"  {place:<10}{end:<20}{count:>6}")
    print(f"requests that the cloud saw: {report.bodies}")
    print(f"harmless ones that went to the cloud: {went} of {len(harmless)}")
    print(f"with a planted value, sealed to the cloud: {sealed} of {len(planted)}")
    for why, count in Counter(each.why for each in report.outcomes if each.why).most_common(20):
        print(f"  {count:>6}  {why}")
    print(f"planted values seen on the wire: {len(report.leaked)}")
    for (kind, disguise), count in sorted(
        Counter((each.kind, each.disguise) for each, _ in report.leaked).items()
    ):
        print(f"  {kind:<12}{disguise:<18}{count:>4}")


def make_small_model(folder: Path) -> Path:
    """The product's own chat model with two layers of its thirty; made from its weights."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from assistants.compute import weights

    whole = weights.prepare()
    model = AutoModelForCausalLM.from_pretrained(whole, num_hidden_layers=2)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(whole).save_pretrained(folder)
    return folder


def start_product(state_dir: Path, cloud: clouds.Cloud, **more: str) -> Product:
    """With the recorder for its cloud, and no server on the premises."""
    return running.start(
        state_dir,
        ANTHROPIC_API_KEY=cloud.key,
        ANTHROPIC_BASE_URL=cloud.url,
        ANTHROPIC_MODEL=clouds.MODEL,
        **more,
    )


async def measure(requests: int, seed: int) -> Report:
    cloud = clouds.Cloud(key="wire-test-key", tokens=8)
    async with clouds.serve(cloud):
        folder = running.make_folder("wire")
        model = make_small_model(folder / "model")
        product = start_product(folder / "state", cloud, LOCAL_MODEL=str(model))
        try:
            await asyncio.to_thread(product.wait_until_healthy)
            product.manage("shell", "-v", "0", "-c", FEW_WORDS)
            return await run(product, cloud, list(make_requests(requests, seed)))
        finally:
            await asyncio.to_thread(product.stop)
            shutil.rmtree(folder, ignore_errors=True)


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--show", type=int, default=5, help="how many leaks to print")
    options = parser.parse_args(arguments)
    report = asyncio.run(measure(options.requests, options.seed))
    tell(report)
    for planted, body in report.leaked[: options.show]:
        print(f"\n{planted}\n  {body[-1500:]}")


if __name__ == "__main__":
    main(sys.argv[1:])
