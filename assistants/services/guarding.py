"""Guardrails in a turn: what is looked at, what policy says of it, and what follows.

`Guard` goes with one answer: the question, its passages, each block and the whole are checked, and
the strictest of what policy says holds. What was shown and may not stand is taken back: see
`settle`.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, Group
from django.db import transaction

from assistants import compute, control
from assistants.control import Checked
from assistants.exceptions import AssistantsError, InvalidRequest
from assistants.models import Answer, Assistant, GuardrailFinding, Incident
from assistants.services import egress, policies, registry
from assistants.services.prompts import ATTACHED, NOT_INSTRUCTIONS
from assistants.services.release import OutputBlocked
from assistants.types import (
    ALLOW,
    Capability,
    Decision,
    DeploymentSpec,
    Finding,
    Outcome,
    Passage,
    PolicyFacts,
    PromptMessage,
    ReleaseMode,
    Scope,
    Sensitivity,
    Stage,
    ZoneRules,
)

logger = logging.getLogger(__name__)

KEPT = 50  # findings of a turn that are recorded, the gravest
LEAST = 0.3  # a finding below is not recorded
LEFT_OUT = (
    "(What is attached here was left out: it holds instructions to the assistant, which policy "
    "does not let through. Say so.)"
)
LEAST_PASSAGE = 40  # characters that must be left of a passage
STRICTNESS = (ReleaseMode.TOKEN, ReleaseMode.BLOCK, ReleaseMode.HOLD)
OUTCOMES = (Outcome.ALLOW, Outcome.REDACT, Outcome.FALLBACK, Outcome.REVIEW, Outcome.BLOCK)
QUOTES = "quotes"  # the provider
_TYPES_OF_MODEL = 384  # dimensions of the embedding that the learned guardrail was trained on


class MessageBlocked(InvalidRequest):
    """Policy stops a message before it is stored."""

    code = "blocked"

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        super().__init__(decision.rule, user_message=decision.message)


class TurnBlocked(AssistantsError):
    """Policy stops a turn before anything is generated."""

    code = "blocked"
    permanent = True

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        super().__init__(decision.rule, user_message=decision.message)


# ---- Before a message is stored -----------------------------------------------------------------


def check_message(
    user: AbstractBaseUser,
    scope: Scope,
    assistant: Assistant,
    zones: Sequence[str],
    texts: Iterable[str],
) -> None:
    """The rules, and the classifier without an embedding: what is cheap enough for the web
    process. Raises MessageBlocked; what only needs a review is decided with the answer.
    """
    known = _known(assistant)
    for text in texts:
        checked = Checked(text, Stage.INPUT, department=known.department.name)
        facts = PolicyFacts(
            Stage.INPUT,
            egress.effective_rules(zones, None),
            assistant=known.slug,
            department=known.department.name,
            user=user.get_username(),
            groups=_groups_of(scope),
            findings=tuple(control.run_guardrails(checked)),
        )
        decision = control.decide_policy(policies.get_chain(known), facts)
        if decision.outcome is Outcome.BLOCK:
            raise MessageBlocked(decision)


def record_blocked(user: AbstractBaseUser, blocked: MessageBlocked) -> None:
    """That a message was stopped and why, without a word of it."""
    decision = blocked.decision
    with transaction.atomic():
        control.record_event(
            action="message.blocked",
            actor=user.get_username(),
            subject="",
            data={
                "rule": decision.rule[:500],
                "policy": decision.policy,
                "findings": [
                    {"guardrail": each.guardrail, "version": each.version, "kind": str(each.kind)}
                    for each in decision.findings
                    if each.severity >= LEAST
                ][:KEPT],
            },
        )


def check_edit(assistant_id: int | None, answer: Answer, text: str) -> Decision:
    """A reviewer's words in the place of an answer, by the same policy as any answer. That it
    should be reviewed is no objection: it is. The conversation is not theirs to read.
    """
    assistant = registry.get_assistants().get(assistant_id or 0)
    if assistant is None:
        gone = "The assistant is gone, and its policy with it. Reject the answer instead."
        return Decision(Outcome.BLOCK, gone, message=gone, code="blocked")
    checked = Checked(
        text,
        Stage.ANSWER,
        department=assistant.department.name,
        question=answer.message.text,
        system=assistant.prompt.text,
        known=[answer.message.text],
    )
    facts = PolicyFacts(
        Stage.ANSWER,
        egress.effective_rules(answer.zones, None),
        assistant=assistant.slug,
        department=assistant.department.name,
        user=answer.message.author.get_username(),
        findings=tuple(control.run_guardrails(checked)),
    )
    return control.decide_policy(policies.get_chain(assistant), facts)


def _known(assistant: Assistant) -> Assistant:
    """With its department, which the registry holds."""
    if assistant.tried_zones is not None:
        return assistant  # a version that is tried
    return registry.get_assistants().get(assistant.pk, assistant)


@registry.remembered
def _group_names() -> dict[int, str]:
    return dict(Group.objects.values_list("pk", "name"))


def _groups_of(scope: Scope) -> frozenset[str]:
    names = _group_names()
    return frozenset(names[key] for key in scope.group_ids if key in names)


# ---- With an answer -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with what policy said at its stage; `passage` is its number, if it is of one."""

    finding: Finding
    outcome: Outcome
    passage: int | None = None


@dataclass(slots=True)
class Guard:
    """The checks of one answer. `decision` is the strictest so far; `mode` how it may be shown."""

    answer: Answer
    assistant: Assistant
    user: str
    groups: frozenset[str]
    question: str
    mode: ReleaseMode
    rules: ZoneRules | None = None
    task: Capability | None = None
    risk: float | None = None
    confidence: float | None = None
    passages: Sequence[Passage] = ()
    known: Sequence[str] = ()
    grounded: bool = False
    decision: Decision = ALLOW
    disclaimers: tuple[str, ...] = ()
    found: list[Found] = field(default_factory=list)
    incident: Incident | None = None
    replaced: bool = False  # the text is not the one that was checked
    _chain: policies.Chain = ()

    # -- on a thread, with the database -------------------------------------------------------

    def check_question(
        self,
        embedding: Sequence[float] | None,
        *,
        searched: bool,
        passages: Sequence[Passage],
        zones: Sequence[str],
        detected: Sensitivity | None,
        task: Capability,
    ) -> Decision:
        """The whole look at a question. Raises TurnBlocked."""
        self.rules, self.task = egress.effective_rules(zones, detected), task
        self._chain = policies.get_chain(self.assistant)
        usable = embedding if embedding and len(embedding) == _TYPES_OF_MODEL else None
        checked = Checked(
            self.question,
            Stage.INPUT,
            department=self.assistant.department.name,
            passages=passages,
            grounded=searched,
            embedding=usable,
            embed=_embed,
        )
        findings = control.run_guardrails(checked)
        self.risk = control.estimate_risk(checked)
        decision = self._decide(Stage.INPUT, findings)
        self._note(decision, findings)
        if decision.outcome is Outcome.BLOCK:
            raise TurnBlocked(decision)
        return decision

    def screen(self, passages: Sequence[Passage], zones: Sequence[str]) -> list[Passage]:
        """The passages without the instructions that somebody planted in them; a passage of which
        nothing is left, or that policy wants reviewed, is dropped. Each is a finding.
        """
        self.rules = egress.effective_rules([*zones, *(each.zone for each in passages)], None)
        kept: list[Passage] = []
        for passage in passages:
            checked = Checked(passage.text, Stage.PASSAGE, question=self.question)
            findings = control.run_guardrails(checked)
            if not findings:
                kept.append(passage)
                continue
            decision = self._decide(Stage.PASSAGE, findings)
            self.found += [Found(each, decision.outcome, passage.number) for each in findings]
            # With an instruction in play, nothing is shown before its check.
            self._tighten(ReleaseMode.BLOCK)
            if decision.outcome in (Outcome.ALLOW, Outcome.FALLBACK):
                kept.append(passage)
                continue
            whole = any(each.failed or each.end <= each.start for each in findings)
            text = control.defuse(passage.text, findings)
            left = text.replace("[…]", "").strip()
            if not whole and decision.outcome is not Outcome.REVIEW and len(left) >= LEAST_PASSAGE:
                kept.append(replace(passage, text=text))
        return kept

    def screen_attached(
        self, history: Sequence[PromptMessage], zones: Sequence[str]
    ) -> list[PromptMessage]:
        """The history, where what is attached is without the instructions that somebody planted in
        it; what policy wants reviewed, or cannot be mended, is left out, and said to be. Each is a
        finding.
        """
        return [
            self._screen_one(message, zones) if message.text.startswith(ATTACHED) else message
            for message in history
        ]

    def _screen_one(self, message: PromptMessage, zones: Sequence[str]) -> PromptMessage:
        self.rules = egress.effective_rules(zones, None)
        # What we wrote around it speaks of instructions, too.
        text = message.text.replace(NOT_INSTRUCTIONS, "")
        checked = Checked(text, Stage.PASSAGE, question=self.question)
        findings = control.run_guardrails(checked)
        if not findings:
            return message
        decision = self._decide(Stage.PASSAGE, findings)
        self.found += [Found(each, decision.outcome) for each in findings]
        self._tighten(ReleaseMode.BLOCK)
        if decision.outcome in (Outcome.ALLOW, Outcome.FALLBACK):
            return message
        whole = any(each.failed or each.end <= each.start for each in findings)
        if whole or decision.outcome is Outcome.REVIEW:
            return replace(message, text=LEFT_OUT)
        return replace(message, text=f"{control.defuse(text, findings)}\n{NOT_INSTRUCTIONS}")

    def expect(self, passages: Sequence[Passage], known: Sequence[str], *, grounded: bool) -> None:
        """What the answer will be made of."""
        self.passages, self.known, self.grounded = passages, known, grounded

    def check_answer(
        self, text: str, made_by: DeploymentSpec | None, *, declined: bool = False
    ) -> Decision:
        """The whole answer; the strictest of all stages is `decision` from then on. `declined`
        says that it leaves the question open.
        """
        cited = self.grounded and bool(self.passages)
        if made_by and made_by.provider == QUOTES:
            self.grounded = False  # its sentences are the sources' own
        findings = control.run_guardrails(self._checked(text, Stage.ANSWER))
        if cited:
            right = compute.estimate_right(self.passages, declined=declined)
            supported = 1.0 if declined else control.ground(text, self.passages).supported
            self.confidence = right * (supported if self.grounded else 1.0)
        place = (made_by.slug, made_by.environment) if made_by else ("", "")
        decision = self._decide(Stage.ANSWER, findings, *place)
        self._note(decision, findings)
        return decision

    # -- on the event loop, without it ------------------------------------------------------------

    def check_block(self, text: str) -> Outcome:
        """A settled block, before it is shown. Raises OutputBlocked.

        What sources do not support is weighed as in the whole answer: shown once, it would have
        to be taken back.
        """
        findings = control.run_guardrails(self._checked(text, Stage.BLOCK))
        facts = self._facts(Stage.BLOCK, findings)
        decision = control.decide_policy(self._chain, facts)
        ungrounded = tuple(each for each in findings if each.kind == "ungrounded")
        if ungrounded and decision.outcome is Outcome.ALLOW:
            whole = self._facts(Stage.ANSWER, ungrounded)
            decision = control.decide_policy(self._chain, whole)
        if decision.outcome is not Outcome.ALLOW:
            self._note(decision, findings)
        if decision.outcome is Outcome.BLOCK:
            raise OutputBlocked(decision.rule, user_message=decision.message)
        return decision.outcome

    # -- what is kept ---------------------------------------------------------------------------

    def rows(self) -> list[GuardrailFinding | Incident]:
        """For the turn's end: the findings, and the incident if there was one."""
        rows: list[GuardrailFinding | Incident] = [
            GuardrailFinding(
                answer=self.answer,
                guardrail=each.finding.guardrail[:60],
                version=each.finding.version[:40],
                kind=str(each.finding.kind)[:40],
                severity=each.finding.severity,
                reason=each.finding.reason[:300],
                stage=each.finding.stage,
                outcome=each.outcome,
                passage=each.passage,
                start=each.finding.start,
                end=each.finding.end,
                failed=each.finding.failed,
            )
            for each in self._gravest()
        ]
        return [*rows, *([self.incident] if self.incident else [])]

    def receipt(self) -> dict[str, Any]:
        """For the receipt: by kind and version, with places; no text."""
        return {
            "guardrails": [
                {
                    "guardrail": each.finding.guardrail,
                    "version": each.finding.version,
                    "kind": str(each.finding.kind),
                    "severity": f"{each.finding.severity:.3f}",
                    "stage": str(each.finding.stage),
                    "outcome": str(each.outcome),
                    "passage": each.passage,
                    "start": each.finding.start,
                    "end": each.finding.end,
                    "failed": each.finding.failed,
                }
                for each in self._gravest()
            ],
            "policy": {
                "names": self.decision.policy,
                "outcome": str(self.decision.outcome),
                "rule": self.decision.rule,
                "release": str(self.mode),
            },
            "disclaimers": list(self.disclaimers),
            "withdrawn": self.incident is not None,
            "replaced": self.replaced,
            "risk": _decimal(self.risk),
            "confidence": _decimal(self.confidence),
        }

    def _gravest(self) -> list[Found]:
        recorded = [each for each in self.found if each.finding.severity >= LEAST]
        gravest = sorted(recorded, key=lambda each: -each.finding.severity)[:KEPT]
        return [each for each in recorded if each in gravest]

    # -- deciding ---------------------------------------------------------------------------------

    def _checked(self, text: str, stage: Stage) -> Checked:
        return Checked(
            text,
            stage,
            department=self.assistant.department.name,
            question=self.question,
            passages=self.passages,
            system=self.assistant.prompt.text,
            known=self.known,
            grounded=self.grounded,
        )

    def _facts(
        self,
        stage: Stage,
        findings: Sequence[Finding],
        deployment: str = "",
        environment: str = "",
    ) -> PolicyFacts:
        if self.rules is None:
            raise ValueError("the question comes first")
        return PolicyFacts(
            stage,
            self.rules,
            assistant=self.assistant.slug,
            department=self.assistant.department.name,
            user=self.user,
            groups=self.groups,
            task=self.task,
            findings=tuple(findings),
            deployment=deployment,
            environment=environment,
            confidence=self.confidence,
            risk=self.risk,
        )

    def _decide(
        self,
        stage: Stage,
        findings: Sequence[Finding],
        deployment: str = "",
        environment: str = "",
    ) -> Decision:
        facts = self._facts(stage, findings, deployment, environment)
        return policies.decide(self.assistant, facts, subject=self.answer.pk)

    def _note(self, decision: Decision, findings: Sequence[Finding]) -> None:
        self.found += [Found(each, decision.outcome) for each in findings]
        self.disclaimers = tuple(dict.fromkeys([*self.disclaimers, *decision.disclaimers]))
        if decision.release:
            self._tighten(decision.release)
        if OUTCOMES.index(decision.outcome) >= OUTCOMES.index(self.decision.outcome):
            self.decision = decision

    def _tighten(self, mode: ReleaseMode) -> None:
        self.mode = max(self.mode, mode, key=STRICTNESS.index)

    def withdraw(self, decision: Decision, shown: str) -> None:
        """Note that what was shown is taken back."""
        self.incident = Incident(
            answer=self.answer,
            kinds=sorted({str(each.kind) for each in decision.findings if each.severity >= 0.5}),
            outcome=decision.outcome,
            rule=decision.rule[:500],
            shown=len(shown),
            sha256=hashlib.sha256(shown.encode()).hexdigest(),
        )


def make_guard(answer: Answer, scope: Scope) -> Guard:
    """Before anything of a turn is decided."""
    message = answer.message
    assistant = _known(message.conversation.assistant)
    return Guard(
        answer=answer,
        assistant=assistant,
        user=message.author.get_username(),
        groups=_groups_of(scope),
        question=message.text,
        mode=ReleaseMode(assistant.release_mode),
        known=[message.text],
    )


def _decimal(value: float | None) -> str | None:
    """As a receipt holds it."""
    return None if value is None else f"{value:.3f}"


def _embed(texts: Sequence[str]) -> list[Sequence[float]]:
    return [compute.run(compute.embed_query(text)) for text in texts]
