"""Attacks on the assistant: rules for the forms that are known, a classifier for the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from assistants.control.guardrails import learned, planted
from assistants.control.guardrails.attacks import Hit, find_attacks
from assistants.control.guardrails.checked import Checked, Guardrail, Kind
from assistants.control.guardrails.sentences import split_sentences
from assistants.types import Finding, Stage

NAME, LEARNED = "attacks", "learned attacks"
VERSION = "1"
KINDS = frozenset({Kind.PROMPT_INJECTION, Kind.JAILBREAK, Kind.PROMPT_EXTRACTION})
REASON = "reads like an attack on the assistant"
# Above this share of a threshold a message is embedded, where that costs extra.
WORTH_EMBEDDING = 0.1
BELOW = 0.49
# Without an embedding, a message is stopped only where there is little doubt: it is looked at with
# one before it is answered.
SURE = 0.8

_JAILBREAK = re.compile(
    r"(?i)\b(?:you are now|from now on|act as|pretend|role-?play|simulate|stay in character|mode|"
    r"unfiltered|uncensored|no rules|evil|without (?:any )?restrictions)\b"
)
_EXTRACTION = re.compile(
    r"(?i)\b(?:prompt|instructions|password|passphrase|passcode|secret|code word|access code|key|"
    r"the user'?s?|birth|e-?mail|address|configuration|guidelines|token|pin)\b"
)


def check_by_rules(checked: Checked) -> list[Finding]:
    return [_finding(NAME, VERSION, checked, hit) for hit in _worst(find_attacks(checked.text))]


def check_learned(checked: Checked) -> Iterator[Finding]:
    """With the text's embedding where it is known, or may be made and the words are suspicious."""
    model = learned.load()
    embed = checked.embed
    if checked.embedding is None and embed is not None:
        quick = model.models[learned.QUICK]
        logit = model.score_message(checked.text)[1]
        if quick.severity(logit) < WORTH_EMBEDDING:
            return
    used, logit = model.score_message(checked.text, checked.embedding, embed)
    severity = used.severity(logit)
    blind = checked.embedding is None and embed is None
    if severity >= (SURE if blind else learned_attacks.threshold):
        yield _finding(
            LEARNED, model.version, checked, Hit(kind_of(checked.text), severity, REASON)
        )


def estimate_risk(checked: Checked) -> float:
    """The calibrated chance, 0 to 1, that a message is an attack."""
    model, logit = learned.load().score_message(checked.text, checked.embedding)
    chance = model.risk(logit)
    return max([chance, *(hit.severity for hit in find_attacks(checked.text))])


def score_attack(checked: Checked, artefact: Path | None = None) -> float:
    """How much a text looks like an attack, 0 to 1, also below the threshold of 0.5: to measure
    with. `artefact` is another one than the shipped. A passage counts by its worst sentence.
    """
    model = learned.load(artefact)
    if checked.stage is Stage.PASSAGE:
        found = planted.find_planted(checked.text, model=model)
        sentences = [each.text for each in split_sentences(checked.text) if not each.code]
        below = max((model.score_sentence(each) for each in sentences), default=0.0)
        return max([min(below, BELOW), *(severity for _, _, severity, _ in found)])
    used, logit = model.score_message(checked.text, checked.embedding, checked.embed)
    hits = find_attacks(checked.text)
    return max([used.severity(logit), *(hit.severity for hit in hits)])


def kind_of(text: str) -> Kind:
    """What sort of attack it is, by its words, when it is one."""
    if _JAILBREAK.search(text):
        return Kind.JAILBREAK
    return Kind.PROMPT_EXTRACTION if _EXTRACTION.search(text) else Kind.PROMPT_INJECTION


def _worst(hits: list[Hit]) -> list[Hit]:
    """One of each kind: the most severe."""
    worst: dict[Kind, Hit] = {}
    for hit in hits:
        if hit.kind not in worst or hit.severity > worst[hit.kind].severity:
            worst[hit.kind] = hit
    return list(worst.values())


def _finding(name: str, version: str, checked: Checked, hit: Hit) -> Finding:
    return Finding(
        name, hit.severity, hit.reason, hit.kind, checked.stage, hit.start, hit.end, version
    )


attacks = Guardrail(
    NAME, VERSION, KINDS, frozenset({Stage.INPUT, Stage.GATEWAY}), 1.0, 0.5, check_by_rules
)
learned_attacks = Guardrail(
    LEARNED,
    "",
    KINDS,
    frozenset({Stage.INPUT}),
    3.0,
    0.5,
    lambda checked: list(check_learned(checked)),
)
