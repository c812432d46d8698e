"""Training the learned guardrail: made-up texts, and labelled ones that somebody has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from assistants import compute, control
from assistants.control import Labelled
from assistants.exceptions import InvalidRequest
from assistants.services.labelled import LabelledText, read_labelled

SEED = 7
DEMO = Path(__file__).resolve().parents[1] / "demo" / "documents"
SENTENCES = 40  # of one harmless document
MADE_UP = "made up by the generator"


def train_guardrail(
    files: Sequence[Path], out: Path | None = None, *, half: int | None = None
) -> dict[str, Any]:
    """Train on the generator's texts and the files' lines; write the artefact, return its card.

    `half` (0 or 1) takes only that half of each file's lines, chosen by a hash, near copies
    together, so that the other half can measure. Raises InvalidRequest for what cannot be read.
    """
    given = [each for path in files for each in read_labelled(path) if _is_in(each, half)]
    documents = [path.read_text("utf-8", "ignore") for path in sorted(DEMO.rglob("*.*"))]
    examples = [
        Labelled(made.text, made.label, made.text, document=made.kind == "document")
        for made in control.make_examples(SEED, documents)
    ]
    told = [f"{len(examples)} texts {MADE_UP} (seed {SEED})"]
    for each in given:
        examples += _examples(each)
    if given:
        part = "" if half is None else f", half {half}"
        told.append(f"{len(given)} labelled texts of {', '.join(p.name for p in files)}{part}")
    try:
        arrays, card = control.fit_guardrail(examples, compute.embed_texts, data=told)
    except ValueError as error:
        raise InvalidRequest(user_message=f"Nothing to train on: {error}.") from error
    control.write_guardrail(arrays, card, out)
    return card


def half_of(text: LabelledText) -> int:
    """0 or 1, the same for near copies."""
    return hashlib.sha256((text.cluster or text.text).encode()).digest()[0] % 2


def is_document(kind: str) -> bool:
    """Whether texts of this kind come to the assistant inside a document, not as a message."""
    return kind.startswith(("document", "indirect"))


def _is_in(text: LabelledText, half: int | None) -> bool:
    return half is None or half_of(text) == half


def _examples(each: LabelledText) -> Iterator[Labelled]:
    group = each.cluster or each.text
    if not is_document(each.kind) or not each.label:
        yield Labelled(each.text, each.label, group, given=True)
    if is_document(each.kind):
        for sentence in _sentences(each):
            yield Labelled(sentence, each.label, group, given=True, document=True)


def _sentences(each: LabelledText) -> list[str]:
    """A planted instruction counts by what it says first: code that follows is no instruction."""
    found = [s.text for s in control.split_sentences(each.text) if not s.code or not each.label]
    return found[:1] if each.label else found[:SENTENCES]
