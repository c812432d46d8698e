"""What a guardrail is given, and what a guardrail is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from assistants.types import Finding, Passage, Stage


class Kind(StrEnum):
    """What guardrails find; policies name these."""

    PROMPT_INJECTION = "prompt_injection"
    JAILBREAK = "jailbreak"
    PROMPT_EXTRACTION = "prompt_extraction"
    SECRET = "secret"  # the name of a kind
    PERSONAL_DATA = "personal_data"
    OFF_TOPIC = "off_topic"
    MEDICAL_ADVICE = "medical_advice"
    LEGAL_ADVICE = "legal_advice"
    TOXICITY = "toxicity"
    CODE_HAZARD = "code_hazard"
    BRAND = "brand"
    UNGROUNDED = "ungrounded"
    INDIRECT_INJECTION = "indirect_injection"


@dataclass(frozen=True, slots=True)
class Checked:
    """A text on its way, with what is known around it.

    `embedding` is the text's own, of length 1, where it is known already; `embed` makes one for
    each of several texts, where the stage may pay for it (None: it may not). `passages` are what
    an answer was made from, or may be. `system` is the assistant's system prompt, which an answer
    must not repeat. `known` are texts that the asker gave: what stands there is theirs to see.
    """

    text: str
    stage: Stage
    department: str = ""
    question: str = ""
    passages: Sequence[Passage] = ()
    system: str = ""
    known: Sequence[str] = ()
    grounded: bool = False
    embedding: Sequence[float] | None = None
    embed: Callable[[Sequence[str]], Sequence[Sequence[float]]] | None = None


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One check. `cost_ms` is what a thousand characters take, about; cheap ones run first.

    `threshold` is the least severity that it reports. `check` is pure; whatever it raises counts
    as a finding.
    """

    name: str
    version: str
    kinds: frozenset[Kind]
    stages: frozenset[Stage]
    cost_ms: float
    threshold: float
    check: Callable[[Checked], Sequence[Finding]]
