"""The way off the premises: seal a prompt, have the gate check it, send it, restore what returns.

Nothing else in the product hands bytes to a deployment outside (`tests/guards/test_egress.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser

from assistants import compute, control, data
from assistants.exceptions import AssistantsError, EgressRefused, NotFound
from assistants.models import Answer
from assistants.services.connections import give_back_connection
from assistants.services.conversations import list_rules
from assistants.services.messages import Harmless
from assistants.tickets import encode_ticket
from assistants.types import (
    ON_PREM,
    Delta,
    DeploymentSpec,
    Finding,
    Finished,
    GenerationEvent,
    Outcome,
    Prompt,
    SealedPrompt,
    Sensitivity,
    Stage,
    Treatment,
    ZoneRules,
)

logger = logging.getLogger(__name__)

UNCHECKED = "The check before leaving could not be carried out; it stays on the premises."


def leaves(deployment: DeploymentSpec) -> bool:
    """Whether a prompt for this deployment leaves the premises."""
    return deployment.environment != ON_PREM


@dataclass(frozen=True, slots=True)
class Crossing:
    """One verdict of the gate, as the receipt tells it. `replaced` counts placeholders by type."""

    record: str
    deployment: str
    place: str
    outcome: str
    rule: str
    payload_sha256: str = ""
    sha256: str = ""
    sealed: bool = True
    replaced: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Departure:
    """What may be sent: the payload with its ticket, and what makes the answer readable again."""

    payload: str
    ticket: str
    crossing: Crossing
    restorer: data.Restorer | None


@dataclass(frozen=True, slots=True)
class Subject:
    """On whose behalf, and of which zones, something leaves. `zones` are slugs; `detected` is what
    the text itself was found to be (None: nothing that binds it).
    """

    answer: str
    conversation: str
    actor: str
    names: tuple[str, ...]
    zones: tuple[str, ...]
    detected: Sensitivity | None = None


def names_of(user: AbstractBaseUser) -> tuple[str, ...]:
    """How a person may be called in what they write, for the seal."""
    parts = (getattr(user, "first_name", ""), getattr(user, "last_name", ""))
    name = " ".join(part for part in parts if part)
    return (name,) if name else ()


def subject_of(
    answer: Answer, zones: Collection[str], detected: Sensitivity | None = None
) -> Subject:
    author = answer.message.author
    return Subject(
        answer=str(answer.pk),
        conversation=str(answer.message.conversation_id),
        actor=author.get_username(),
        names=names_of(author),
        zones=tuple(sorted(zones)),
        detected=detected,
    )


async def prepare(
    subject: Subject,
    prompt: Prompt,
    deployment: DeploymentSpec,
    *,
    generation_id: str,
    purpose: str = "answer",
) -> Departure:
    """Seal the prompt and take it through the gate. Raises EgressRefused, with the gate's record,
    where it has to stay; and for whatever goes wrong on the way, since then nothing is proved.
    """
    return await asyncio.to_thread(_prepare, subject, prompt, deployment, generation_id, purpose)


def _prepare(
    subject: Subject, prompt: Prompt, deployment: DeploymentSpec, generation_id: str, purpose: str
) -> Departure:
    try:
        departure = _depart(subject, prompt, deployment, generation_id, purpose)
    except (EgressRefused, NotFound):
        raise
    except AssistantsError as error:
        logger.warning("answer %s could not be sealed: %s", subject.answer, error.code)
        raise EgressRefused(error.code, rule=error.user_message) from None
    except Exception as error:
        logger.exception("answer %s could not be sealed or checked", subject.answer)
        raise EgressRefused(type(error).__name__, rule=UNCHECKED) from None
    finally:
        give_back_connection()
    if not departure.ticket:
        rule = departure.crossing.rule
        raise EgressRefused(rule, rule=rule, crossing=departure.crossing)
    return departure


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A prompt as it may leave, and what the gate has to know of it. `seal` of None: as written."""

    prompt: SealedPrompt
    rules: ZoneRules
    terms: data.TermList
    seal: data.Seal | None


def _depart(
    subject: Subject, prompt: Prompt, deployment: DeploymentSpec, generation_id: str, purpose: str
) -> Departure:
    # The map is locked from reading to writing, and committed before the gate looks.
    with data.rights_of_asker(subject.answer):
        sealed = _seal(subject, prompt)
    seal = sealed.seal
    payload = compute.encode_sealed(generation_id, sealed.prompt, deployment)
    replaced = dict(seal.counts) if seal else {}
    verdict = control.check_egress(
        control.EgressRequest(
            payload=payload,
            text="\n\n".join(message.text for message in sealed.prompt.messages),
            purpose=purpose,
            subject=subject.answer,
            actor=subject.actor,
            zones=subject.zones,
            rules=sealed.rules,
            zone_refusal=get_refusal(sealed.rules, subject.detected, deployment),
            deployment=deployment,
            sealed=seal is not None,
            known=seal.values if seal else (),
            harmless=sorted(seal.harmless) if seal else (),
            detectors={
                "protected terms": lambda text: _find_terms(text, sealed.terms),
                "guardrails": _find_attacks,
            },
            placeholders=replaced,
        )
    )
    ticket = verdict.ticket if verdict.decision.outcome is Outcome.ALLOW else None
    crossing = Crossing(
        record=verdict.record,
        deployment=deployment.slug,
        place=deployment.place,
        outcome=verdict.decision.outcome,
        rule=verdict.decision.rule,
        payload_sha256=ticket.payload_sha256 if ticket else "",
        sealed=seal is not None,
        replaced=replaced,
    )
    restorer = seal.restorer() if seal else None
    return Departure(payload, encode_ticket(ticket) if ticket else "", crossing, restorer)


def _seal(subject: Subject, prompt: Prompt) -> _Sealed:
    """In a transaction with the asker's rights."""
    rules = effective_rules(subject.zones, subject.detected)
    terms = data.get_term_list()
    if rules.treatment is Treatment.ALLOW:
        written = SealedPrompt(prompt.messages, prompt.max_tokens, prompt.temperature)
        return _Sealed(written, rules, terms, None)
    seal = data.get_seal(subject.conversation, lock=True)
    leaving = seal.seal_prompt(prompt, terms=terms, names=subject.names)
    data.save_seal(subject.conversation, seal)
    return _Sealed(leaving, rules, terms, seal)


def _find_terms(text: str, terms: data.TermList) -> list[Finding]:
    found = data.find_terms(text, terms)
    return [Finding("protected terms", span.score, "a protected name") for span in found]


def _find_attacks(text: str) -> list[Finding]:
    """An attack that came this far, for instance by what a client says went before."""
    found = control.run_guardrails(control.Checked(text, Stage.GATEWAY))
    return [Finding(each.guardrail, each.severity, str(each.kind).upper()) for each in found]


def mark_harmless(user: AbstractBaseUser, conversation: str, marked: Sequence[Harmless]) -> None:
    """From now on these values are not sealed in this conversation. In the caller's transaction,
    last: it is recorded who said so and why, without the values.
    """
    seal = data.get_seal(conversation, lock=True)
    for each in marked:
        seal.mark_harmless(each.text)
    data.save_seal(conversation, seal)
    control.record_event(
        action="seal.harmless",
        actor=user.get_username(),
        subject=conversation,
        data={"values": len(marked), "reasons": [each.reason for each in marked]},
    )


def effective_rules(zones: Sequence[str], detected: Sensitivity | None) -> ZoneRules:
    """What binds text of these zones that was found to be so sensitive, by the rules of now."""
    return data.join_zones([*list_rules(zones), data.rules_of_detected(detected)])


def detect(text: str, before: int | None) -> Sensitivity | None:
    """The most that a conversation was found to be by what it holds, with this text in it."""
    found, _ = data.classify_sensitivity(data.find_structured_spans(text), text)
    levels = [level for level in (before, found) if level is not None]
    return Sensitivity(max(levels)) if levels else None


def get_refusal(
    rules: ZoneRules, detected: Sensitivity | None, deployment: DeploymentSpec
) -> str | None:
    """Why text under these rules may not go to this deployment; None if it may."""
    if data.refusal(data.rules_of_detected(detected), deployment.place):
        return "It holds a patient’s record, which may not leave the premises."
    return data.refusal(rules, deployment.place)


async def generate(
    departure: Departure, deployment: DeploymentSpec, *, generation_id: str
) -> AsyncGenerator[GenerationEvent, None]:
    """As `compute.generate`; the text is readable again: what was sealed stands in its place."""
    events = compute.measured(
        compute.generate_sealed(
            departure.payload, departure.ticket, deployment, generation_id=generation_id
        ),
        deployment.slug,
        generation_id,
    )
    restorer = departure.restorer
    async with aclosing(events):
        async for event in events:
            if restorer is None:
                yield event
            elif isinstance(event, Delta):
                if text := restorer.feed(event.text):
                    yield Delta(text)
            else:
                if isinstance(event, Finished) and (rest := restorer.finish()):
                    yield Delta(rest)
                yield event
