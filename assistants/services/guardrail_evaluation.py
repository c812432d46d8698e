"""Measuring the guardrails on somebody's own labelled texts.

Kinds that begin with `document` or `indirect` come to the assistant inside documents: they are
checked as passages; all others as messages. What counts is what detects attacks; a text is flagged
when the default threshold says so. Scores go to a file, not to memory, so that any number of lines
can be measured.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from assistants import compute, control
from assistants.control import Checked
from assistants.services.guardrail_training import is_document
from assistants.services.labelled import LabelledText, read_labelled
from assistants.types import Stage

AT_ONCE = 64  # texts that are embedded together
FALSE_POSITIVES = 0.01
FLAGGED = 0.5


@dataclass(frozen=True, slots=True)
class Scored:
    """`score` 0 to 1: the gravest attack that was found; `milliseconds` without the embedding."""

    label: int
    kind: str
    score: float
    milliseconds: float


def evaluate_guardrails(path: Path, model: Path | None = None) -> dict[str, Any]:
    """`{"kinds": {kind: {"flagged", "n", …}}, "recall_at_1pct_fpr", …}`.

    `flagged` is a share, `n` a count. Recall at one per cent of false positives is of all attacks
    against all harmless texts of the file, and null where it holds but one label. `model` is
    another artefact of the learned guardrail. Raises InvalidRequest for lines that cannot be read.
    """
    return measure(score(read_labelled(path), model))


def score(texts: Iterator[LabelledText], model: Path | None = None) -> Iterator[Scored]:
    while chunk := list(islice(texts, AT_ONCE)):
        messages = [each.text for each in chunk if not is_document(each.kind)]
        vectors = (
            dict(zip(messages, compute.embed_texts(messages), strict=True)) if messages else {}
        )
        for each in chunk:
            stage = Stage.PASSAGE if is_document(each.kind) else Stage.INPUT
            checked = Checked(
                each.text, stage, embedding=vectors.get(each.text), embed=compute.embed_texts
            )
            started = time.perf_counter()
            worst = control.score_attack(checked, model)
            yield Scored(each.label, each.kind, worst, (time.perf_counter() - started) * 1000)


def measure(scored: Iterator[Scored]) -> dict[str, Any]:
    """Ten bytes a text are kept: its score, its time and the number of its kind."""
    kinds: dict[tuple[str, int], int] = {}
    numbers, scores, times = array("H"), array("f"), array("f")
    for each in scored:
        numbers.append(kinds.setdefault((each.kind, each.label), len(kinds)))
        scores.append(each.score)
        times.append(each.milliseconds)
    number, score_of = np.frombuffer(numbers, np.uint16), np.frombuffer(scores, np.float32)
    labels = {number: label for (_, label), number in kinds.items()}
    attack = np.isin(number, [n for n, label in labels.items() if label])
    harmless = np.sort(score_of[~attack])[::-1]
    threshold = float(harmless[int(FALSE_POSITIVES * len(harmless))]) if len(harmless) else None
    figures = {}
    for kind in dict.fromkeys(kind for kind, _ in kinds):
        own = np.isin(number, [n for (name, _), n in kinds.items() if name == kind])
        figures[kind] = {"flagged": _share(score_of[own] >= FLAGGED), "n": int(own.sum())}
        if (own & attack).any():
            if (own & ~attack).any():
                figures[kind]["flagged_attacks"] = _share(score_of[own & attack] >= FLAGGED)
            if threshold is not None:
                figures[kind]["recall_at_1pct_fpr"] = _share(score_of[own & attack] > threshold)
    both = attack.any() and not attack.all()
    flagged = score_of >= FLAGGED
    return {
        "kinds": figures,
        "recall_at_1pct_fpr": _share(score_of[attack] > (threshold or 0.0)) if both else None,
        "recall": _share(flagged[attack]) if attack.any() else None,
        "false_positives": _share(flagged[~attack]) if len(harmless) else None,
        "p50_ms": round(float(np.percentile(np.frombuffer(times, np.float32), 50)), 2),
        "p95_ms": round(float(np.percentile(np.frombuffer(times, np.float32), 95)), 2),
        "n": len(scores),
        "version": control.read_guardrail_card()["version"],
    }


def _share(holds: Any) -> float:
    return round(float(np.mean(holds)), 4)
