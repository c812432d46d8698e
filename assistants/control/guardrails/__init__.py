"""Guardrails: checks of a text on its way, one small module each; policy decides what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assistants.control.guardrails.checked import Checked, Guardrail, Kind
from assistants.control.guardrails.learned import ARTEFACT
from assistants.control.guardrails.sentences import split_sentences
from assistants.control.guardrails.training import Example, fitting, make_examples
from assistants.control.guardrails.training.fitting import Labelled

__all__ = [
    "Checked",
    "Example",
    "Guardrail",
    "Kind",
    "Labelled",
    "fit_guardrail",
    "make_examples",
    "split_sentences",
    "write_guardrail",
]

fit_guardrail = fitting.fit


def write_guardrail(arrays: Mapping[str, Any], card: dict[str, Any], path: Path | None) -> None:
    """To `path`, or in place of the shipped one."""
    fitting.write(dict(arrays), card, path or ARTEFACT)
