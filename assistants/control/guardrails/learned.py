"""A small classifier of messages and of documents' sentences, for what rules do not foresee.

Logistic regression over hashed pieces of the text (`features`) and, where it is known, the
text's embedding. Three models stand in one artefact: `message` (with the embedding), `quick` (a
message without it, for where no embedding may be made) and `document` (a sentence of a document).
Trained by `manage.py train_guardrail`; what it was trained on, its thresholds and how well its
scores are calibrated stand in the card beside it.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assistants.control.guardrails.features import Array, hashed

ARTEFACT = Path(__file__).with_name("learned.npz")
CARD = Path(__file__).with_name("learned.json")
MESSAGE, QUICK, DOCUMENT = "message", "quick", "document"

# A long text is also looked at part by part: an attack in it must not drown.
PART = 800  # characters
STEP = 600
LONG = 1_200
EMBEDDED_PARTS = 2  # the most suspicious ones

Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """`pieces` holds a weight a place (int8 times `scale`), `embedding` 384 or none.

    `threshold` is the logit from which a text counts as an attack; `slope` and `shift` turn a
    logit into the chance of one (Platt, 1999).
    """

    pieces: Array
    scale: float
    embedding: Array
    bias: float
    threshold: float
    slope: float
    shift: float

    def score(self, text: str, embedding: Sequence[float] | None = None) -> float:
        """A logit. Raises ValueError when this model needs an embedding and gets none."""
        places, values = hashed(text)
        logit = float(self.pieces[places].astype(np.float32) @ values) * self.scale + self.bias
        if self.embedding.size:
            if embedding is None or len(embedding) != self.embedding.size:
                raise ValueError("this model needs the text's embedding")
            logit += float(np.asarray(embedding, dtype=np.float32) @ self.embedding)
        return logit

    def severity(self, logit: float) -> float:
        """0 to 1; 0.5 at the threshold."""
        return _sigmoid(logit - self.threshold)

    def risk(self, logit: float) -> float:
        """The calibrated chance that it is an attack, 0 to 1."""
        return _sigmoid(self.slope * logit + self.shift)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    version: str
    models: dict[str, Model]

    def score_message(
        self, text: str, embedding: Sequence[float] | None = None, embed: Embed | None = None
    ) -> tuple[Model, float]:
        """The model that could be used and its logit; of a long text, its worst part's."""
        quick = self.models[QUICK]
        parts = split(text)
        if embedding is None and embed is None:
            return quick, max(quick.score(part) for part in [text, *parts])
        model = self.models[MESSAGE]
        ranked = sorted(parts, key=quick.score, reverse=True)[:EMBEDDED_PARTS] if embed else []
        wanted = [*([text] if embedding is None else []), *ranked]
        made = list(embed(wanted)) if embed and wanted else []
        if embedding is None:
            embedding = made.pop(0)
        logits = [model.score(text, embedding)]
        logits += [model.score(part, vector) for part, vector in zip(ranked, made, strict=True)]
        return model, max(logits)

    def score_sentence(self, sentence: str) -> float:
        """The severity, 0 to 1, of a document's sentence as an instruction to the assistant."""
        model = self.models[DOCUMENT]
        return model.severity(model.score(sentence))


def split(text: str) -> list[str]:
    """The overlapping parts of a long text; none of a short one."""
    if len(text) <= LONG:
        return []
    return [text[start : start + PART] for start in range(0, min(len(text), 40_000) - 200, STEP)]


def load(path: Path | None = None) -> Learned:
    """The shipped one, or that at `path` (its card has the same name, ending in `.json`)."""
    return _load(path or ARTEFACT)


@functools.lru_cache(maxsize=4)
def _load(path: Path) -> Learned:
    card = read_card(path)
    with np.load(path, allow_pickle=False) as stored:
        models = {
            name: Model(
                pieces=stored[f"{name}_pieces"],
                scale=float(stored[f"{name}_scale"]),
                embedding=stored[f"{name}_embedding"].astype(np.float32),
                bias=float(stored[f"{name}_bias"]),
                threshold=figures["threshold"],
                slope=figures["slope"],
                shift=figures["shift"],
            )
            for name, figures in card["models"].items()
        }
    return Learned(card["version"], models)


def read_card(path: Path | None = None) -> dict[str, Any]:
    """What the artefact was trained on and how it did: see `training.fitting`."""
    found: dict[str, Any] = json.loads((path or ARTEFACT).with_suffix(".json").read_text())
    return found


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, logit))))
