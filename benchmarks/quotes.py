"""How well quotations answer: the demo's questions, asked as a person would ask them.

    python -m benchmarks.quotes [--fit] [--calibrate] [--collections]

Reported for each half of the questions: answerable ones whose expected words all stand in the
answer, and whose section is cited; unanswerable ones that were declined; and questions of another
department, which these documents do not answer. `--fit` makes `answerability.json` anew from the
first half only, `--calibrate` only what it says of answers being right. `--collections` adds
public ones (EVALS_DIR) with the relevant passages removed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistants.types import Delta, DeploymentSpec, Finished, FinishReason, Passage, Prompt, Scope
from benchmarks import database
from benchmarks.retrieval import CHECKOUT, EVALS_DIR

DEMO = CHECKOUT / "assistants" / "demo" / "documents"
QUESTIONS = CHECKOUT / "tests" / "questions"
ARTEFACT = CHECKOUT / "assistants" / "compute" / "answerability.json"
DEPARTMENTS = ("compliance", "clinical", "code")
GENERAL_WEIGHT = 0.3  # of the keyword side, where a question belongs to no department
COLLECTIONS = {"pubmedqa_l": 200, "liveqa_med_nih": 31}  # queries asked of each

# Of the answerable questions of the fitted half, so many may be declined, and so many doubted.
DECLINED = 0.05
DOUBTED = 0.2
RIDGE = 3.0
BINS = 6  # of the reliability curve, of equal weight


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with what was found; `kind`: answerable, unanswerable, elsewhere, removed."""

    kind: str
    number: int
    question: str
    passages: tuple[Passage, ...]
    section: str = ""
    expected: tuple[str, ...] = ()


def main(argv: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.quotes")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--collections", action="store_true")
    options = parser.parse_args(argv)
    database.start()
    asked = list(_ask_demo())
    halves = {
        name: [each for each in asked if each.number % 2 == rest]
        for rest, name in enumerate(("first half", "second half"))
    }
    if options.fit:
        fit(halves["first half"])
    if options.fit or options.calibrate:
        calibrate(*halves.values())
    for name, half in halves.items():
        report(name, half)
    report("all", asked)
    if options.collections:
        for name, queries in COLLECTIONS.items():
            if (EVALS_DIR / "rag" / name).is_dir():
                report(name, list(_ask_collection(EVALS_DIR / "rag" / name, queries)))
            else:
                print(f"{name}: not measured, there is no {EVALS_DIR} (set EVALS_DIR)")


# -- asking ---------------------------------------------------------------------------------------


def _ask_demo() -> Iterator[Asked]:
    from assistants import compute
    from assistants.models import Zone
    from assistants.services import documents
    from assistants.services.seeding import ASSISTANTS

    zones = {}
    for slug in ("general", *DEPARTMENTS):
        zones[slug] = Zone.objects.create(slug=slug, name=slug).pk
        documents.ingest_path(DEMO / slug, slug)
    records = [
        (path.stem, json.loads(line))
        for path in sorted(QUESTIONS.glob("*.jsonl"))
        for line in path.read_text().splitlines()
        if line.strip()
    ]
    vectors = compute.embed_texts([record["question"] for _, record in records])
    weights = {slug: demo.keyword_weight for slug, demo in ASSISTANTS.items()}
    for number, ((home, record), vector) in enumerate(zip(records, vectors, strict=True)):
        own = home if home in DEPARTMENTS else DEPARTMENTS[number % 3]
        other = DEPARTMENTS[(DEPARTMENTS.index(own) + 1 + number % 2) % 3]
        for department in (own, other):
            scope = Scope((zones["general"], zones[department]))
            passages = _search(scope, record["question"], vector, weights[department])
            if department == own:
                kind = "answerable" if record["document"] else "unanswerable"
                expected = tuple(record.get("contains", ()))
                section = record.get("section", "")
                yield Asked(kind, number, record["question"], passages, section, expected)
            elif home != "general":
                yield Asked("elsewhere", number, record["question"], passages)


def _search(
    scope: Scope, question: str, vector: Sequence[float], weight: float
) -> tuple[Passage, ...]:
    from assistants import data

    found = data.search(scope, None, question, vector, keyword_weight=weight)
    return tuple(passage for passage in found if data.is_relevant(passage.evidence))


def _ask_collection(folder: Path, queries: int) -> Iterator[Asked]:
    """Each query twice: as it is, and without the passages of its relevant documents."""
    from assistants import compute, data
    from assistants.services import evaluation

    collection = evaluation.read_collection(folder)
    with evaluation._throw_away_zone() as zone:
        names = evaluation._index(zone, collection.documents)
        chosen = list(collection.judgements.items())[:queries]
        vectors = compute.embed_texts([collection.queries[query] for query, _ in chosen])
        for number, ((query, judged), vector) in enumerate(zip(chosen, vectors, strict=True)):
            question = collection.queries[query]
            found = [
                passage
                for passage in data.search(
                    Scope((zone.pk,)), None, question, vector, keyword_weight=0.3, limit=24
                )
                if data.is_relevant(passage.evidence)
            ]
            without = [p for p in found if not judged.get(names[p.document_id], 0) > 0]
            if len(without) < len(found):
                yield Asked("answerable", number, question, tuple(found[:8]))
            yield Asked("removed", number, question, tuple(without[:8]))


# -- reporting ------------------------------------------------------------------------------------


async def _answer(asked: Asked) -> tuple[str, bool]:
    """The text, and whether the question was declined."""
    from assistants.compute.providers import provider_class

    provider = provider_class("quotes")(DeploymentSpec("quotes", "quotes", "on_prem", "", ""))
    prompt = Prompt((), asked.question, asked.passages, max_tokens=2_000)
    events = [event async for event in provider.generate(prompt)]
    text = "".join(event.text for event in events if isinstance(event, Delta))
    last = events[-1]
    return text, isinstance(last, Finished) and last.reason is FinishReason.ABSTAINED


def _plain(text: str) -> str:
    lines = (line.removeprefix(">").strip() for line in text.split("\n"))
    return " ".join(" ".join(lines).replace("\\", "").replace("**", "").replace("`", "").split())


def _told(asked: Asked, text: str) -> bool:
    return all(_plain(words).lower() in _plain(text).lower() for words in asked.expected)


def _cited(asked: Asked, text: str) -> bool:
    section = asked.section.split(" › ")[-1]
    return any(section in p.section and f"[{p.number}]" in text for p in asked.passages)


def report(name: str, questions: Sequence[Asked]) -> None:
    """One line a kind of question."""
    from assistants.compute.providers.quotes import UNSURE

    answers = [(asked, *asyncio.run(_answer(asked))) for asked in questions]
    print(f"\n{name}")

    def share(kind: str, holds: Callable[[Asked, str, bool], bool]) -> str:
        found = [holds(*answer) for answer in answers if answer[0].kind == kind]
        return f"{statistics.mean(found):.2f}" if found else "-"

    for kind in dict.fromkeys(asked.kind for asked in questions):
        number = sum(asked.kind == kind for asked in questions)
        line = f"  {kind:<13} n={number:<4} declined {share(kind, lambda a, t, d: d)}"
        line += f"  unsure {share(kind, lambda a, t, d: t.startswith(UNSURE))}"
        if kind == "answerable" and any(asked.expected for asked in questions):
            right = [text for asked, text, _ in answers if asked.kind == kind]
            line += f"  told {share(kind, lambda a, t, d: not d and _told(a, t))}"
            line += f"  section cited {share(kind, lambda a, t, d: not d and _cited(a, t))}"
            line += f"  words {statistics.median(len(text.split()) for text in right):.0f}"
        print(line, flush=True)


# -- fitting --------------------------------------------------------------------------------------


def fit(questions: Sequence[Asked]) -> None:
    """Ridge logistic regression; kinds weigh alike, but the answerable as much as all others.

    Each answerable question counts once more among the others, without the passages that tell.
    """
    from assistants.compute import answerability

    rows, kinds = [], []
    for asked in questions:
        rest = tuple(p for p in asked.passages if not _tells(asked, p))
        for kind, passages in ((asked.kind, asked.passages), ("removed", rest)):
            if passages and (kind != "removed" or asked.kind == "answerable"):
                rows.append(answerability.measure(passages))
                kinds.append(kind)
    features, labels = np.array(rows), np.array([kind == "answerable" for kind in kinds])
    others = {kind for kind in kinds if kind != "answerable"}
    shares: Mapping[str, float] = {"answerable": 1.0, **{kind: 1 / len(others) for kind in others}}
    weights = np.array([shares[kind] * len(kinds) / 2 / kinds.count(kind) for kind in kinds])
    mean, deviation = features.mean(0), features.std(0)
    solved = _solve((features - mean) / deviation, labels, weights)
    coefficients = solved[:-1] / deviation
    intercept = float(solved[-1] - (coefficients * mean).sum())
    chances = 1 / (1 + np.exp(-(features @ coefficients + intercept)))[labels]
    stored = answerability.read_card() | {
        "coefficients": {
            name: round(float(value), 3)
            for name, value in zip(answerability.FEATURES, coefficients, strict=True)
        },
        "intercept": round(intercept, 3),
        "abstain": round(float(np.quantile(chances, DECLINED)), 3),
        "unsure": round(float(np.quantile(chances, DOUBTED)), 3),
    }
    ARTEFACT.write_text(json.dumps(stored, indent=2) + "\n")
    answerability.load.cache_clear()
    print(f"fitted to {len(rows)} examples: {stored}")


def calibrate(fitted: Sequence[Asked], measured: Sequence[Asked]) -> None:
    """How often an answer is right at each chance: Platt's method on one half, looked at on the
    other. Half of what is asked has its answer in the documents, as far as is assumed here.
    """
    from assistants.compute import answerability

    log_odds, labels, weights = _outcomes(fitted)
    slope, intercept = _solve(log_odds[:, None], labels, weights, ridge=0.0)
    stored = answerability.read_card()
    stored["right"] = {"slope": round(float(slope), 3), "intercept": round(float(intercept), 3)}
    ARTEFACT.write_text(json.dumps(stored, indent=2) + "\n")
    answerability.load.cache_clear()
    log_odds, labels, weights = _outcomes(measured)
    said = np.array([answerability.load().calibrate(1 / (1 + np.exp(-x))) for x in log_odds])
    order = np.argsort(said)
    total = weights[order].cumsum() / weights.sum()
    points = []
    for least in range(BINS):
        chosen = order[(total > least / BINS) & (total <= (least + 1) / BINS)]
        if len(chosen):
            share = np.average([said[chosen], labels[chosen]], axis=1, weights=weights[chosen])
            points.append(
                {
                    "chance": round(float(share[0]), 3),
                    "share": round(float(share[1]), 3),
                    "n": len(chosen),
                }
            )
    stored["reliability"] = points
    stored["brier"] = round(float(np.average((said - labels) ** 2, weights=weights)), 4)
    ARTEFACT.write_text(json.dumps(stored, indent=2) + "\n")
    print(f"calibrated: {stored['right']}, Brier {stored['brier']}, {points}")


def _outcomes(questions: Sequence[Asked]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of what is quoted: the log odds told, whether the answer stands in it, and its weight."""
    from assistants.compute import answerability

    classifier = answerability.load()
    found: list[tuple[float, bool, str]] = []
    for asked in questions:
        text, declined = asyncio.run(_answer(asked))
        if asked.passages and not declined:
            chance = classifier.estimate(answerability.measure(asked.passages))
            told = asked.kind == "answerable" and _told(asked, text)
            found.append((float(np.log(chance / (1 - chance))), told, asked.kind))
    kinds = [kind == "answerable" for *_, kind in found]
    share = {True: len(found) / 2 / sum(kinds), False: len(found) / 2 / (len(found) - sum(kinds))}
    return (
        np.array([odds for odds, *_ in found]),
        np.array([told for _, told, _ in found]),
        np.array([share[kind] for kind in kinds]),
    )


def _tells(asked: Asked, passage: Passage) -> bool:
    return any(_plain(words).lower() in _plain(passage.text).lower() for words in asked.expected)


def _solve(
    features: np.ndarray, labels: np.ndarray, weights: np.ndarray, ridge: float = RIDGE
) -> np.ndarray:
    """Newton's method; the intercept comes last and is not shrunk."""
    matrix = np.c_[features, np.ones(len(features))]
    shrink = np.eye(matrix.shape[1]) * ridge
    shrink[-1, -1] = 0.0
    solved = np.zeros(matrix.shape[1])
    for _ in range(50):
        chances = 1 / (1 + np.exp(-matrix @ solved))
        curvature = (matrix * (weights * chances * (1 - chances))[:, None]).T @ matrix + shrink
        slope = matrix.T @ (weights * (chances - labels)) + shrink @ solved
        solved -= np.linalg.solve(curvature, slope)
    return solved


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
