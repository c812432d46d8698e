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

    def estimate(self, features: Sequence[float]) -> float:
        """The probability (0 to 1) that the question is answered."""
        products = (c * x for c, x in zip(self.coefficients, features, strict=True))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, self.intercept + sum(products)))))


@functools.cache
def load() -> Classifier:
    stored = json.loads(_ARTEFACT.read_text())
    return Classifier(
        version=stored["version"],
        coefficients=tuple(stored["coefficients"][name] for name in FEATURES),
        intercept=stored["intercept"],
        abstain=stored["abstain"],
        unsure=stored["unsure"],
    )


def measure(passages: Sequence[Passage]) -> tuple[float, ...]:
    """The `FEATURES` of passages in order of their score, at least one."""
    evidence = [passage.evidence for passage in passages]
    first, rest = evidence[0], [item.score for item in evidence[1:5]]
    return (
        first.cosine,
        max(item.cosine for item in evidence),
        first.score - (sum(rest) / len(rest) if rest else 0.0),
    )
