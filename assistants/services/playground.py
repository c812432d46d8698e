"""Trying policy and guardrails on any text: nothing is stored, sent or asked of a model."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import AbstractUser

from assistants import compute, control, data
from assistants.control import Checked, Guardrail
from assistants.exceptions import InvalidRequest
from assistants.models import Assistant, PolicyVersion
from assistants.services import policies, policy_cases
from assistants.services.policy_drafts import VIEW_POLICIES
from assistants.services.second_person import check_permission
from assistants.types import Decision, Finding, Outcome, PolicyFacts, Stage

LONGEST_TEXT = 100_000  # characters


@dataclass(frozen=True, slots=True)
class Traced:
    """One guardrail that looks at the stage: what it found, and how long it took."""

    guardrail: Guardrail
    findings: tuple[Finding, ...]
    milliseconds: float

    @property
    def score(self) -> float:
        """The highest severity that it reports; 0 for none."""
        return max((finding.severity for finding in self.findings), default=0.0)

    @property
    def flagged(self) -> bool:
        """Whether it counts where a rule does not say from when; a failure does."""
        return self.score >= control.policy.CERTAIN or any(each.failed for each in self.findings)


@dataclass(frozen=True, slots=True)
class Decided:
    """What one chain of policies says; `name` is its label, `chain` the versions in it."""

    name: str
    chain: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the text; `kinds` are what was found in it, in words, or empty."""

    text: str
    kinds: str


@dataclass(frozen=True, slots=True)
class Tried:
    traced: list[Traced]
    decided: list[Decided]
    parts: list[Part]
    milliseconds: float


def read_upload(name: str, content: bytes) -> str:
    """The text of a file, as ingestion would read it. Raises DocumentRejected."""
    return data.parse_document(name, content, settings.MAX_UPLOAD_BYTES).text


def try_text(
    user: AbstractUser,
    text: str,
    stage: Stage,
    assistant: Assistant,
    versions: Sequence[PolicyVersion] = (),
) -> Tried:
    """Run the guardrails of the stage, then decide by what is active and by each version.

    Raises InvalidRequest without the permission, without a text, and for one that is too long.
    """
    check_permission(user, VIEW_POLICIES)
    if not text.strip():
        raise InvalidRequest("no text", user_message="Paste a text, or choose a file.")
    if len(text) > LONGEST_TEXT:
        raise InvalidRequest(
            f"{len(text)} characters",
            user_message=f"The text has {len(text):,} characters. Keep it below "
            f"{LONGEST_TEXT:,}, or measure on a file of lines.",
        )
    chains = list_chains(assistant, versions)
    compute.embed_texts(["warm up"])  # loading the model is not the guardrails' time
    traced = trace(text, stage, assistant)
    findings = tuple(found for each in traced for found in each.findings)
    facts = make_facts(stage, assistant, findings)
    return Tried(
        traced=traced,
        decided=[
            Decided(
                name,
                " + ".join(policy.label for policy in chain),
                control.decide_policy(chain, facts),
            )
            for name, chain in chains
        ],
        parts=list(highlight(text, findings)),
        milliseconds=sum(each.milliseconds for each in traced),
    )


def trace(text: str, stage: Stage, assistant: Assistant) -> list[Traced]:
    """Each guardrail of the stage by itself, cheap ones first, as a turn runs them."""
    checked = Checked(
        text,
        stage,
        department=assistant.department.name,
        system=assistant.prompt.text,
        embed=compute.embed_texts if stage is Stage.INPUT else None,
    )
    traced = []
    for guardrail in sorted(control.GUARDRAILS, key=lambda each: each.cost_ms):
        if stage not in guardrail.stages:
            continue
        began = time.perf_counter()
        findings = control.run_guardrails(checked, [guardrail])
        traced.append(Traced(guardrail, tuple(findings), (time.perf_counter() - began) * 1000))
    return traced


def make_facts(stage: Stage, assistant: Assistant, findings: tuple[Finding, ...]) -> PolicyFacts:
    """A text of the assistant's question zone, by nobody in particular."""
    return PolicyFacts(
        stage,
        assistant.question_zone.rules,
        assistant=assistant.slug,
        department=assistant.department.name,
        groups=frozenset({assistant.department.name}),
        findings=findings,
    )


def list_chains(
    assistant: Assistant, versions: Iterable[PolicyVersion] = ()
) -> list[tuple[str, Sequence[control.PolicyRules]]]:
    """What is active, then the same with each version in the place of its level.

    Raises PolicyInvalid for a version that cannot be read, InvalidRequest for one of another
    department or assistant.
    """
    active = policies.get_chain(assistant)
    chains: list[tuple[str, Sequence[control.PolicyRules]]] = [("Active", active)]
    for version in versions:
        if policies.key_of(version.policy) not in policies.list_keys(assistant):
            raise InvalidRequest(
                f"{version} and {assistant}",
                user_message=f"{version} is not a policy of {assistant.name}.",
            )
        rules = policy_cases.parse_rules(version)
        others = [each for each in active if each.level is not rules.level]
        name = f"{version} ({version.get_stage_display()})"
        chains.append((name, sorted([*others, rules], key=lambda each: each.level)))
    return chains


def flags(decision: Decision) -> bool:
    """Whether it does anything to the text: what a measurement counts as flagged."""
    return decision.outcome is not Outcome.ALLOW


def highlight(text: str, findings: Iterable[Finding]) -> Iterator[Part]:
    """The text in pieces, cut where a finding begins or ends."""
    spans = [
        (max(0, each.start), min(len(text), each.end), each.kind)
        for each in findings
        if each.end > each.start
    ]
    cuts = sorted({0, len(text), *(cut for start, end, _ in spans for cut in (start, end))})
    for start, end in itertools.pairwise(cuts):
        kinds = {kind for first, last, kind in spans if first <= start and end <= last}
        yield Part(text[start:end], ", ".join(control.policy.in_words(each) for each in kinds))


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies; 0 without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
