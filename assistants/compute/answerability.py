"""Whether the passages found are likely to answer the question. Pure; a logistic classifier.

Its coefficients stand in `answerability.json` with what they were fitted to; `python -m
benchmarks.quotes --fit` makes that file anew. Found passages always look somewhat alike, so this
separates questions that are far from the documents, and only some of those that are near.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistants.types import Passage

FEATURES = (
    "first_cosine",  # -1 to 1
    "best_cosine",
    "margin",  # of the first score over the mean of the next four
)
_ARTEFACT = Path(__file__).with_name("answerability.json")


@dataclass(frozen=True, slots=True)
class Classifier:
    """`coefficients` belong to `FEATURES`; below `abstain` the passages do not answer, and below
    `unsure` they may not.
    """

    version: str
    coefficients: tuple[float, ...]
    intercept: float
    abstain: float
    unsure: float
    right: tuple[float, float] = (1.0, 0.0)  # slope and intercept, on the scale of log odds

    def estimate(self, features: Sequence[float]) -> float:
        """The probability (0 to 1) that the question is answered."""
        products = (c * x for c, x in zip(self.coefficients, features, strict=True))
        return _logistic(self.intercept + sum(products))

    def calibrate(self, chance: float) -> float:
        """How often what is quoted at such a chance holds the whole answer, 0 to 1 (Platt 1999)."""
        slope, intercept = self.right
        chance = min(max(chance, 1e-6), 1 - 1e-6)
        return _logistic(slope * math.log(chance / (1 - chance)) + intercept)


@functools.cache
def load() -> Classifier:
    stored = read_card()
    return Classifier(
        version=stored["version"],
        coefficients=tuple(stored["coefficients"][name] for name in FEATURES),
        intercept=stored["intercept"],
        abstain=stored["abstain"],
        unsure=stored["unsure"],
        right=(stored["right"]["slope"], stored["right"]["intercept"]),
    )


def read_card() -> dict[str, Any]:
    """What stands in the artefact; `reliability` compares what it says with what was so, for
    questions that it was not fitted to: `chance` said, `share` right, `n` answers.
    """
    card: dict[str, Any] = json.loads(_ARTEFACT.read_text())
    return card


def estimate_right(passages: Sequence[Passage], *, declined: bool = False) -> float:
    """How likely an answer made of these passages, at least one, is right: 0 to 1, calibrated.

    One that declines is right where they do not answer the question.
    """
    classifier = load()
    named = passages[0].linked_from == 0  # the question names this very passage
    chance = 1.0 if named else classifier.estimate(measure(passages))
    return 1 - chance if declined else classifier.calibrate(chance)


def _logistic(odds: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))


def measure(passages: Sequence[Passage]) -> tuple[float, ...]:
    """The `FEATURES` of passages in order of their score, at least one."""
    evidence = [passage.evidence for passage in passages]
    first, rest = evidence[0], [item.score for item in evidence[1:5]]
    return (
        first.cosine,
        max(item.cosine for item in evidence),
        first.score - (sum(rest) / len(rest) if rest else 0.0),
    )
