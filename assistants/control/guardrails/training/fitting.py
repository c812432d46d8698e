"""Fits the learned guardrail: the same examples give the same bytes.

Thresholds and calibration come from scores that each example got from a model that had not seen
it (four parts, near copies in the same part), never from the training scores.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assistants.control.guardrails.features import WIDTH, Array, hashed
from assistants.control.guardrails.learned import DOCUMENT, MESSAGE, QUICK

PARTS = 4
STEPS = 120
PENALTY, EMBEDDING_PENALTY = 3e-6, 2e-5  # of the squares of the weights
# Of the harmless examples, at the threshold. A sentence that is cut from a document is a fact
# lost, and each document has many; without the embedding, the second look comes later.
FALSE_POSITIVES = {MESSAGE: 0.01, QUICK: 0.005, DOCUMENT: 0.002}
BINS = 10

Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One line of training. `group` holds near copies together; `given` says that a person
    labelled it, whereas the others are made up. `document` is for a sentence of a document.
    """

    text: str
    label: int
    group: str
    given: bool = False
    document: bool = False


@dataclass(frozen=True, slots=True)
class _Fitted:
    pieces: Array
    embedding: Array
    bias: float

    def score(self, rows: _Rows) -> Array:
        logits = rows.sums(self.pieces) + self.bias
        if self.embedding.size:
            logits = logits + rows.embeddings @ self.embedding
        return logits


class _Rows:
    """The features of some texts, in one sparse matrix."""

    def __init__(self, features: Sequence[tuple[Array, Array]], embeddings: Array) -> None:
        self.places = np.concatenate([places for places, _ in features])
        self.values = np.concatenate([values for _, values in features])
        self.row = np.repeat(np.arange(len(features)), [len(places) for places, _ in features])
        self.count = len(features)
        self.embeddings = embeddings

    def sums(self, weights: Array) -> Array:
        terms = weights[self.places] * self.values
        return np.bincount(self.row, terms, minlength=self.count)


def fit(
    examples: Sequence[Labelled], embed: Embed, *, data: Sequence[str]
) -> tuple[dict[str, Array], dict[str, Any]]:
    """The artefact's arrays and its card. `data` says, for people, what the examples are.

    Raises ValueError when a model would have no attack or nothing harmless to learn from.
    """
    messages = [each for each in examples if not each.document]
    sentences = [each for each in examples if each.document]
    arrays: dict[str, Array] = {}
    figures: dict[str, Any] = {}
    vectors = np.asarray(embed([each.text for each in messages]), dtype=np.float64)
    none = np.zeros((len(messages), 0))
    for name, used, embeddings in (
        (MESSAGE, messages, vectors),
        (QUICK, messages, none),
        (DOCUMENT, sentences, np.zeros((len(sentences), 0))),
    ):
        labels = np.array([each.label for each in used])
        if not 0 < labels.sum() < len(labels):
            raise ValueError(f"{name}: both attacks and harmless texts are needed")
        fitted, unseen = _cross_fit(used, embeddings)
        quantised, scale = _quantise(fitted.pieces)
        arrays |= {
            f"{name}_pieces": quantised,
            f"{name}_scale": np.array(scale, dtype=np.float32),
            f"{name}_embedding": fitted.embedding.astype(np.float16),
            f"{name}_bias": np.array(fitted.bias, dtype=np.float32),
        }
        figures[name] = _judge(used, labels, unseen, FALSE_POSITIVES[name])
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode() + arrays[name].tobytes())
    card = {"version": digest.hexdigest()[:12], "data": list(data), "models": figures}
    return arrays, card


def write(arrays: dict[str, Array], card: dict[str, Any], path: Path) -> None:
    """The artefact, and its card beside it. The same arrays give the same bytes."""
    np.savez_compressed(path, **{name: arrays[name] for name in sorted(arrays)})  # type: ignore[arg-type]
    path.with_suffix(".json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n")


def _cross_fit(used: Sequence[Labelled], embeddings: Array) -> tuple[_Fitted, Array]:
    """The model of all examples, and for each example the score of one that had not seen it."""
    features = [hashed(each.text) for each in used]
    part = np.array([_part(each.group) for each in used])
    unseen = np.zeros(len(used))
    for number in range(PARTS):
        seen = [int(i) for i in np.flatnonzero(part != number)]
        left_out = [int(i) for i in np.flatnonzero(part == number)]
        if left_out:
            model = _fit([used[i] for i in seen], [features[i] for i in seen], embeddings[seen])
            rows = _Rows([features[i] for i in left_out], embeddings[left_out])
            unseen[left_out] = model.score(rows)
    return _fit(used, features, embeddings), unseen


def _part(group: str) -> int:
    return hashlib.sha256(b"part" + group.encode()).digest()[0] % PARTS


def _fit(
    used: Sequence[Labelled], features: Sequence[tuple[Array, Array]], embeddings: Array
) -> _Fitted:
    """Weighted logistic regression by L-BFGS; what people labelled weighs as much as the rest."""
    import torch

    torch.set_num_threads(1)  # sums in one order, so that the bytes are the same each time
    rows = _Rows(features, embeddings)
    labels = torch.tensor([float(each.label) for each in used], dtype=torch.float64)
    weights = torch.tensor(_weights(used), dtype=torch.float64)
    places, values = torch.from_numpy(rows.places), torch.from_numpy(rows.values).double()
    row, dense = torch.from_numpy(rows.row), torch.from_numpy(embeddings)
    pieces = torch.zeros(WIDTH, dtype=torch.float64, requires_grad=True)
    vector = torch.zeros(embeddings.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [pieces, vector, bias], max_iter=STEPS, line_search_fn="strong_wolfe"
    )

    def loss() -> Any:
        optimiser.zero_grad()
        terms = pieces[places] * values
        logits = torch.zeros(rows.count, dtype=torch.float64).index_add(0, row, terms)
        logits = logits + dense @ vector + bias
        errors = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, labels, weight=weights, reduction="sum"
        )
        total = errors + PENALTY * pieces.square().sum() + EMBEDDING_PENALTY * vector.square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    return _Fitted(pieces.detach().numpy(), vector.detach().numpy(), float(bias.item()))


def _weights(used: Sequence[Labelled]) -> list[float]:
    given = sum(each.given for each in used)
    of_given = min(4.0, (len(used) - given) / given) if given else 1.0
    weights = [of_given if each.given else 1.0 for each in used]
    total = sum(weights)
    return [weight / total for weight in weights]


def _quantise(weights: Array) -> tuple[Array, float]:
    scale = float(np.abs(weights).max()) / 127 or 1.0
    return np.round(weights / scale).astype(np.int8), scale


# -- thresholds and calibration -------------------------------------------------------------------


def _judge(
    used: Sequence[Labelled], labels: Array, unseen: Array, false_positives: float
) -> dict[str, Any]:
    """Threshold, calibration and reliability, from what people labelled where there is enough."""
    given = np.array([each.given for each in used])
    enough = min(given[labels == 1].sum(), given[labels == 0].sum()) >= 30
    chosen = given if enough else np.ones(len(used), dtype=bool)
    logits, truth = unseen[chosen], labels[chosen]
    harmless = np.sort(logits[truth == 0])
    threshold = float(harmless[min(len(harmless) - 1, int((1 - false_positives) * len(harmless)))])
    slope, shift = _platt(logits, truth)
    chances = 1 / (1 + np.exp(-np.clip(slope * logits + shift, -30, 30)))
    return {
        "threshold": round(threshold, 4),
        "slope": round(slope, 4),
        "shift": round(shift, 4),
        "recall": round(float((logits[truth == 1] > threshold).mean()), 4),
        "false_positives": round(float((logits[truth == 0] > threshold).mean()), 4),
        "brier": round(float(((chances - truth) ** 2).mean()), 4),
        "reliability": _reliability(chances, truth),
        "attacks": int(labels.sum()),
        "harmless": int((labels == 0).sum()),
        "judged_on": "labelled by people" if enough else "made up",
    }


def _platt(logits: Array, truth: Array) -> tuple[float, float]:
    """Newton's method on the two parameters, with Platt's targets in place of 0 and 1."""
    positives, negatives = truth.sum(), (truth == 0).sum()
    targets = np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    matrix = np.c_[logits, np.ones(len(logits))]
    solved = np.array([1.0, 0.0])
    for _ in range(100):
        chances = 1 / (1 + np.exp(-np.clip(matrix @ solved, -30, 30)))
        curvature = (matrix * (chances * (1 - chances))[:, None]).T @ matrix + np.eye(2) * 1e-6
        step = np.linalg.solve(curvature, matrix.T @ (chances - targets))
        solved = solved - step
        if np.abs(step).max() < 1e-9:
            break
    return float(solved[0]), float(solved[1])


def _reliability(chances: Array, truth: Array) -> list[dict[str, float]]:
    """For each tenth of the scale: the mean chance, the share of attacks, and how many texts."""
    bins = np.minimum((chances * BINS).astype(int), BINS - 1)
    return [
        {
            "chance": round(float(chances[bins == number].mean()), 4),
            "share": round(float(truth[bins == number].mean()), 4),
            "n": int((bins == number).sum()),
        }
        for number in range(BINS)
        if (bins == number).any()
    ]
