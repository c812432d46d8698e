"""What leaving costs: the gate's inspection, its verdict with the record, and the whole way.

    python -m benchmarks.egress

The gate alone: texts are the demo's documents, sealed by hand, as a payload; 50 known values that
do not stand in them, so that every check runs to its end. The whole way is what a request pays
between its prompt and the ticket: find and replace, encrypt the map, inspect, sign, record; 1, 20
and 100 requests at once, each of a conversation of its own, of 2,000 characters with a name, an
address and an account in them. Processor time beside wall time: the machine is shared.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import database

DOCUMENTS = Path(__file__).resolve().parents[1] / "assistants" / "demo" / "documents"
SIZES = (500, 4_000, 16_000)
KNOWN = 50
TIMES = 200
AT_ONCE = {1: 60, 20: 6, 100: 2}  # how often each is run
SENSITIVE = (
    "Please tell Ingrid Thorvaldsen, ingrid@thorvaldsen.example, account DE8937040044053201."
)


def main() -> None:
    database.start()
    from assistants.control.inspection import inspect

    known = make_values(KNOWN)
    print(f"{KNOWN} known values, {TIMES} texts of each size; ms")
    for size in SIZES:
        texts = make_texts(size, TIMES)
        payloads = [payload_of(text) for text in texts]

        def look(n: int, texts: list[str] = texts, payloads: list[str] = payloads) -> None:
            found = inspect(payloads[n], texts[n], known=known)
            assert not any("KNOWN" in finding.reason for finding in found), found

        report(f"inspection, {size:6,} characters", look)
    for size in SIZES:
        texts = make_texts(size, TIMES)

        def judge(n: int, texts: list[str] = texts) -> None:
            decide(texts[n], known)

        report(f"verdict,    {size:6,} characters", judge)
    measure_way()


def measure_way() -> None:
    """`egress.prepare`, as an answer calls it, on the worker's loop."""
    from assistants import data
    from assistants.exceptions import EgressRefused
    from assistants.models import Answer, Conversation, Message
    from assistants.services import egress
    from assistants.types import CLOUD, DeploymentSpec, Prompt, PromptMessage, Role
    from tests import factories

    user = factories.make_user("leaving", "leaving")
    assistant = factories.make_assistant("leaving")
    deployment = DeploymentSpec("cloud", "anthropic", CLOUD, "us", "model")
    several = itertools.cycle(make_texts(2_000, 100))
    kept: list[str] = []

    @data.rights_of_system()
    def subject() -> egress.Subject:
        chat = Conversation.objects.create(owner=user, assistant=assistant, zones=["general"])
        message = Message.objects.create(
            conversation=chat, author=user, text="", client_id=str(chat.pk), zones=["general"]
        )
        answer = Answer.objects.create(message=message, made_from=[])
        return egress.Subject(str(answer.pk), str(chat.pk), "leaving", (), ("general",))

    async def leave(n: int, subject: egress.Subject) -> float:
        text = f"{SENSITIVE}\n\n{next(several)}"
        prompt = Prompt((PromptMessage(Role.USER, text),), question=text)
        started = time.perf_counter()
        try:
            departure = await egress.prepare(subject, prompt, deployment, generation_id=str(n))
        except EgressRefused as refused:
            kept.append(refused.rule)
        else:
            assert departure.ticket
            assert "Thorvaldsen" not in departure.payload
        return 1000 * (time.perf_counter() - started)

    async def leave_all(subjects: list[egress.Subject]) -> list[float]:
        return await asyncio.gather(*(leave(n, each) for n, each in enumerate(subjects)))

    print(f"the whole way, {2_000 + len(SENSITIVE):,} characters, requests at once; ms")
    asyncio.run(leave_all([subject() for _ in range(5)]))
    for count, repeats in AT_ONCE.items():
        wall: list[float] = []
        busy = 0.0
        kept.clear()
        for _ in range(repeats):
            subjects = [subject() for _ in range(count)]
            before = database.Cost.now()
            wall += asyncio.run(leave_all(subjects))
            after = database.Cost.now()
            busy += after.own + after.database - before.own - before.database
        print(
            f"  {count:3} at once: p50 {statistics.median(wall):6.1f}  p95 {_p95(wall):6.1f}   "
            f"(processor, with the database: {1000 * busy / len(wall):.1f} a request; "
            f"{len(kept)} of {len(wall)} kept by the gate)",
            flush=True,
        )


def decide(text: str, known: list[str]) -> None:
    from assistants import control
    from assistants.types import CLOUD, DeploymentSpec, Outcome, Sensitivity, Treatment, ZoneRules

    verdict = control.check_egress(
        control.EgressRequest(
            payload=payload_of(text),
            text=text,
            purpose="benchmark",
            subject="",
            actor="",
            zones=("general",),
            rules=ZoneRules(Sensitivity.INTERNAL, frozenset({CLOUD}), Treatment.REDACT),
            zone_refusal=None,
            deployment=DeploymentSpec("cloud", "anthropic", CLOUD, "us", "model"),
            sealed=True,
            known=known,
        )
    )
    assert verdict.decision.outcome is Outcome.ALLOW, verdict.decision.rule


def report(name: str, run: Callable[[int], None]) -> None:
    for n in range(5):
        run(n)
    wall, busy = [], []
    for n in range(TIMES):
        started, cpu = time.perf_counter(), time.process_time()
        run(n)
        wall.append(1000 * (time.perf_counter() - started))
        busy.append(1000 * (time.process_time() - cpu))
    print(
        f"{name}: p50 {statistics.median(wall):6.1f}  p95 {_p95(wall):6.1f}   "
        f"(processor: p50 {statistics.median(busy):6.1f}  p95 {_p95(busy):6.1f})"
    )


def make_texts(size: int, count: int) -> list[str]:
    """Pieces of the demo's documents that hold no identifier."""
    pages = [
        path.read_text(encoding="utf-8")
        for path in sorted(DOCUMENTS.rglob("*"))
        if path.suffix in (".md", ".txt", ".py") and "client-memo" not in path.name
    ]
    whole = "\n\n".join(pages)
    step = (len(whole) - size) // count
    return [whole[n * step : n * step + size] for n in range(count)]


def make_values(count: int) -> list[str]:
    """Names, numbers and addresses that nobody has."""
    dice = random.Random(7)
    names = [f"{_name(dice, 6)} {_name(dice, 8)}" for _ in range(count - 4 * (count // 10))]
    tenth = range(count // 10)
    return [
        *names,
        *(f"+44 20 79{dice.randrange(10**2):02} {dice.randrange(10**4):04}" for _ in tenth),
        *(f"{dice.randrange(10**8):08}-{dice.randrange(10**3):03}" for _ in tenth),
        *(f"{_name(dice, 7).lower()}@{_name(dice, 8).lower()}.test" for _ in tenth),
        *(f"{dice.randint(1, 28)} March 19{dice.randint(30, 60)}" for _ in tenth),
    ]


def payload_of(text: str) -> str:
    return json.dumps({"messages": [{"role": "user", "text": text}], "max_tokens": 1024})


def _name(dice: random.Random, size: int) -> str:
    letters = ("bcdfghklmnprstvwz", "aeiou")
    return "".join(dice.choice(letters[n % 2]) for n in range(size)).title()


def _p95(times: list[float]) -> float:
    return sorted(times)[int(0.95 * len(times))]


if __name__ == "__main__":
    main()
