"""What the egress gate costs: the inspection, and the whole verdict with its record.

Texts are the demo's documents, sealed by hand, as a payload; 50 known values that do not stand in
them, so that every check runs to its end. Processor time beside wall time: the machine is shared.
"""

from __future__ import annotations

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
