"""Guardrails: checks of a text on its way, one small module each; policy decides what follows.

`GUARDRAILS` are all of them, whatever the stage. To add one, write a module with a `Guardrail`
and name it here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assistants.control.guardrails import advice, learned, manners, messages, running
from assistants.control.guardrails.addresses import outside_addresses
from assistants.control.guardrails.checked import Checked, Guardrail, Kind
from assistants.control.guardrails.code import code_hazards
from assistants.control.guardrails.grounding import (
    NOT_SUPPORTED,
    find_misquoted,
    ground,
    groundedness,
)
from assistants.control.guardrails.leaks import own_prompt, personal_data, secrets
from assistants.control.guardrails.messages import estimate_risk, score_attack
from assistants.control.guardrails.planted import defuse, planted_instructions
from assistants.control.guardrails.scope import scope
from assistants.control.guardrails.sentences import split_sentences
from assistants.control.guardrails.training import Example, fitting, make_examples
from assistants.control.guardrails.training.fitting import Labelled
from assistants.types import Finding

__all__ = [
    "GUARDRAILS",
    "NOT_SUPPORTED",
    "Checked",
    "Example",
    "Guardrail",
    "Kind",
    "Labelled",
    "defuse",
    "estimate_risk",
    "find_misquoted",
    "fit_guardrail",
    "ground",
    "make_examples",
    "read_guardrail_card",
    "run_guardrails",
    "score_attack",
    "split_sentences",
    "write_guardrail",
]

GUARDRAILS: list[Guardrail] = [
    messages.attacks,
    messages.learned_attacks,
    planted_instructions,
    secrets,
    personal_data,
    own_prompt,
    outside_addresses,
    advice.medical_advice,
    advice.legal_advice,
    manners.toxicity,
    manners.house_style,
    code_hazards,
    groundedness,
    scope,
]


def run_guardrails(
    checked: Checked, guardrails: Sequence[Guardrail] | None = None
) -> list[Finding]:
    """The findings at this text's stage; one that `failed` for each check that could not run."""
    return running.run(GUARDRAILS if guardrails is None else guardrails, checked)


read_guardrail_card = learned.read_card
fit_guardrail = fitting.fit


def write_guardrail(arrays: Mapping[str, Any], card: dict[str, Any], path: Path | None) -> None:
    """To `path`, or in place of the shipped one."""
    fitting.write(dict(arrays), card, path or learned.ARTEFACT)
