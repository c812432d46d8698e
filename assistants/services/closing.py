"""The end of a turn: answer, citations, usage, receipt and audit event in one transaction."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from decimal import Decimal

from django.db import connection
from django.utils import timezone

from assistants import control, data
from assistants.exceptions import AccessWithdrawn, EgressRefused
from assistants.models import (
    Answer,
    Citation,
    Conversation,
    Generation,
    Incident,
    Message,
    rows,
)
from assistants.services import budgets, registry, reviews
from assistants.services.attempts import OUTPACED, Attempt, badge_of
from assistants.services.conversations import list_citations, read_versions, render_answer
from assistants.services.costs import cost_elsewhere, cost_of, reckon_usage
from assistants.services.egress import Crossing
from assistants.services.facts import get_facts
from assistants.services.generation import Result
from assistants.services.given import fingerprint, receipt_of
from assistants.services.guarding import Guard
from assistants.services.review_notes import say_usual_time
from assistants.types import Decision, Outcome, Passage, Prompt, Route, Sensitivity, Usage

_MARK = re.compile(r"\[([1-9][0-9]{0,2})\]")

STORED_AT_THE_END: tuple[str, ...] = (
    *("status", "text", "finish_reason", "error_code", "error_message", "zones", "prompt"),
    *("ended", "deployment", "prompt_tokens", "completion_tokens", "cost"),
    *("elsewhere", "receipt", "receipt_sha256", "draft", "fingerprint"),
)

RATCHET = """
update assistants_conversation set updated = now(),
    zones = array(select distinct unnest(zones || %s::varchar[]) as slug order by slug),
    detected = greatest(detected, %s::smallint)
where id = %s
"""

HELD_MESSAGE = "This answer waits for a reviewer. You will see it here when it is approved."

# The end of an answer for somebody who may not read it any more: what was shown is taken away.
WITHDRAWN: tuple[str, dict[str, object]] = (
    "answer.failed",
    {"code": AccessWithdrawn.code, "message": AccessWithdrawn.user_message, "retry": False},
)


def close_turn(
    answer: Answer,
    result: Result,
    *,
    route: Route | None,
    zones: Sequence[str],
    detected: Sensitivity | None = None,
    guard: Guard | None = None,
) -> tuple[str, dict[str, object]]:
    """Store how the answer ended; return its end frame. The answer is stored once: a second
    call for an answer that has ended changes nothing and returns the end frame of the first.

    It is stored under the asker's rights of this moment. If they may not read it any more, none
    of its text is kept, and the system notes so in their place.
    """
    with _rights_to_close(answer, result):
        stored = _store(answer, result, route=route, zones=zones, detected=detected, guard=guard)
        if stored is not None:
            return end_frame(answer, stored)
        ended = Answer.objects.filter(pk=answer.pk).first()
        if ended is not None:
            return end_frame(ended)
    if result.code == AccessWithdrawn.code:  # its conversation was deleted
        return WITHDRAWN
    return close_turn(
        answer, withdrawn(result), route=route, zones=zones, detected=detected, guard=guard
    )


def withdrawn(result: Result | None = None) -> Result:
    """The end of an answer that its asker may not read any more: what was generated is dropped."""
    return Result(
        Answer.Status.FAILED,
        code=AccessWithdrawn.code,
        message=AccessWithdrawn.user_message,
        prompt=result.prompt if result else None,
        attempts=result.attempts if result else [],
    )


def _rights_to_close(answer: Answer, result: Result) -> AbstractContextManager[object]:
    if result.code == AccessWithdrawn.code:
        return data.rights_of_system()
    return data.rights_of_asker(answer.pk)


def _store(
    answer: Answer,
    result: Result,
    *,
    route: Route | None,
    zones: Sequence[str],
    detected: Sensitivity | None,
    guard: Guard | None = None,
) -> list[Citation] | None:
    """The citations; None when the answer is not there to be ended."""
    message = answer.message
    prompt = result.prompt
    deployments = registry.get_deployment_keys()
    last = _last_run(result)
    shown = prompt.passages if prompt else ()
    cited = cited_passages(result.text, shown)
    answer.status = result.status
    answer.text = result.text
    answer.draft = result.draft
    answer.fingerprint = fingerprint(result.text)
    answer.finish_reason = result.finish_reason
    answer.error_code = result.code
    answer.error_message = result.message
    answer.zones = sorted(zones)
    answer.prompt = message.conversation.assistant.prompt
    answer.ended = timezone.now()
    if last:
        answer.deployment_id = deployments[last.deployment.slug]
        answer.prompt_tokens = last.usage.prompt_tokens
        answer.completion_tokens = last.usage.completion_tokens
    costs = (cost_of(each.deployment, _paid_usage(each)) for each in result.attempts)
    answer.cost = sum(costs, Decimal(0))
    answer.elsewhere = cost_elsewhere(
        registry.list_deployments(),
        {attempt.deployment.slug for attempt in result.attempts},
        last.usage if last else Usage(),
        prompt,
        result.text,
    )
    answer.receipt = build_receipt(
        answer, result, route=route, passages=shown, cited=cited, detected=detected, guard=guard
    )
    answer.receipt_sha256 = control.sha256_of(answer.receipt)
    stored: tuple[str, ...] = STORED_AT_THE_END
    if not answer.text and result.code != AccessWithdrawn.code:
        answer.made_from = []  # there is nothing to withhold
        stored += ("made_from",)
    if not rows.update(answer, stored, "status = %s", [Answer.Status.PENDING]):
        return None
    if result.code == AccessWithdrawn.code:
        # What was noted stands: the stream still holds what was shown before.
        Answer.objects.filter(pk=answer.pk, made_from=None).update(made_from=[])
    budgets.charge(answer)
    citations = [_citation(answer, passage) for passage in cited]
    generations = [
        _generation(answer, attempt, deployments[attempt.deployment.slug])
        for attempt in result.attempts
    ]
    rows.insert(*citations, *generations, *(guard.rows() if guard else ()))
    if guard and guard.incident:
        _record_incident(answer, guard.incident)
    ratchet(message.conversation, zones, detected)
    if message.conversation.origin == Conversation.Origin.TRIAL:
        pass  # nobody waits for it
    elif answer.status == Answer.Status.HELD:
        reviews.open_item(answer, _reason_to_hold(result, guard))
    elif answer.status == Answer.Status.COMPLETED:
        reviews.open_sample(answer)
    control.record_event(
        action=f"answer.{answer.status}",
        actor=message.author.get_username(),
        subject=str(answer.pk),
        data={"receipt_sha256": answer.receipt_sha256, "rule": route.rule if route else ""},
    )
    read_versions(citations)
    return citations


def end_frame(
    answer: Answer, cited: Iterable[Citation] | None = None
) -> tuple[str, dict[str, object]]:
    """The end of an answer's stream, from what is stored; `cited` saves looking it up again."""
    receipt = answer.receipt or {}
    facts = get_facts(receipt)
    status = Answer.Status(answer.status)
    if status in (Answer.Status.COMPLETED, Answer.Status.STOPPED):
        citations = list_citations(answer, cited)
        return "answer.completed", {
            "status": answer.status,
            "text": answer.text,
            "html": render_answer(answer.text, citations, facts.unrestored, facts.unsupported),
            "citations": citations,
            "receipt": {"id": str(answer.pk), "sha256": answer.receipt_sha256},
            "finish_reason": answer.finish_reason,
            "usage": {
                "prompt_tokens": answer.prompt_tokens,
                "completion_tokens": answer.completion_tokens,
            },
            "badge": receipt.get("badge"),
            "rule": receipt.get("rule", ""),
            "draft": render_answer(answer.draft, citations) if answer.draft else "",
            "reviewed": bool(receipt.get("reviews")),
            **asdict(facts),
        }
    if status is Answer.Status.HELD:
        return "answer.held", {"message": HELD_MESSAGE, "usual": say_usual_time(answer)}
    if status is Answer.Status.BLOCKED:
        return "answer.blocked", {
            "message": answer.error_message,
            "rule": receipt.get("rule", ""),
            "reviewed": bool(receipt.get("reviews")),
        }
    if answer.error_code == AccessWithdrawn.code:
        return WITHDRAWN
    return "answer.failed", {
        "code": answer.error_code,
        "message": answer.error_message,
        "retry": True,
    }


def cited_passages(text: str, passages: Sequence[Passage]) -> list[Passage]:
    """The passages whose number stands in the text as a mark, in order of number."""
    numbers = {int(number) for number in _MARK.findall(text)}
    return [passage for passage in passages if passage.number in numbers]


def build_receipt(
    answer: Answer,
    result: Result,
    *,
    route: Route | None,
    passages: Sequence[Passage],
    cited: Sequence[Passage],
    detected: Sensitivity | None,
    guard: Guard | None = None,
) -> dict[str, object]:
    """All that made this answer, by id, version and hash; no text, so that it may be shown."""
    message: Message = answer.message
    last = _last_run(result)
    return {
        "format": 2,
        "answer": str(answer.pk),
        "message": str(message.pk),
        "conversation": str(message.conversation_id),
        "asked_by": message.author.get_username(),
        "assistant": message.conversation.assistant.slug,
        "question_sha256": _sha256(message.text),
        **receipt_of(message),
        "answer_sha256": _sha256(answer.text),
        "draft_sha256": _sha256(answer.draft) if answer.draft else None,
        "prompt": str(answer.prompt) if answer.prompt else None,
        "prompt_sha256": prompt_sha256(result.prompt) if result.prompt else None,
        "badge": badge_of(last) if last else None,
        "task": str(route.task) if route else None,
        "rule": _rule(answer, result, route),
        "refusals": [
            {"deployment": refusal.deployment, "reason": refusal.reason}
            for refusal in (route.refusals if route else ())
        ],
        "zones": list(answer.zones),
        "passages": [
            {
                "number": passage.number,
                "document": passage.document_id or None,  # of what was attached
                "version": passage.version_id or None,
                "start": passage.start,
                "end": passage.end,
                "linked_from": passage.linked_from,
                "sha256": _sha256(passage.text),
            }
            for passage in passages
        ],
        "cited": [passage.number for passage in cited],
        "attempts": [
            {
                "generation": attempt.generation_id,
                "deployment": attempt.deployment.slug,
                "outcome": str(attempt.outcome),
                "prompt_tokens": attempt.usage.prompt_tokens,
                "completion_tokens": attempt.usage.completion_tokens,
            }
            for attempt in result.attempts
        ],
        "detected": detected.name.lower() if detected else None,
        "egress": [_crossing(attempt.crossing) for attempt in result.attempts if attempt.crossing],
        **(guard.receipt() if guard else {}),
        "unrestored": sorted({name for attempt in result.attempts for name in attempt.unrestored}),
        "status": str(answer.status),
        "finish_reason": str(answer.finish_reason),
        "cost_euro": f"{answer.cost:.6f}",
        "asked": message.created.isoformat(),
        "ended": answer.ended.isoformat() if answer.ended else None,
    }


def _rule(answer: Answer, result: Result, route: Route | None) -> str:
    """Which rule chose the route; of what policy stopped, which rule did."""
    if answer.status == Answer.Status.BLOCKED and result.decision:
        return result.decision.rule
    return route.rule if route else ""


def _reason_to_hold(result: Result, guard: Guard | None) -> Decision:
    """What policy said; else the assistant's own release mode holds each answer."""
    if result.decision:
        return result.decision
    if guard and guard.decision.outcome is Outcome.REVIEW:
        return guard.decision
    return reviews.HELD


def _record_incident(answer: Answer, incident: Incident) -> None:
    """Something was shown that should not have been: the trail says so, too."""
    control.record_event(
        action="answer.withdrawn",
        actor=answer.message.author.get_username(),
        subject=str(answer.pk),
        data={
            "kinds": incident.kinds,
            "outcome": str(incident.outcome),
            "rule": incident.rule,
            "shown": incident.shown,
            "sha256": incident.sha256,
        },
    )


def _last_run(result: Result) -> Attempt | None:
    """Whose text it is; else the last attempt that ran: one that the gate refused did not."""
    if result.attempt:
        return result.attempt
    ran = (each for each in reversed(result.attempts) if each.outcome != EgressRefused.code)
    return next(ran, None)


def _crossing(crossing: Crossing) -> dict[str, object]:
    """One verdict of the gate. It holds no text: types and counts, ids and hashes."""
    return {**asdict(crossing), "replaced": dict(crossing.replaced)}


def prompt_sha256(prompt: Prompt) -> str:
    """The hash of exactly what the model was given."""
    return control.sha256_of([[message.role, message.text] for message in prompt.messages])


def ratchet(conversation: Conversation, zones: Sequence[str], detected: Sensitivity | None) -> None:
    """Raise the conversation, in one statement, so that two answers cannot undo each other.

    Zones only ever come in, so those that were there when the answer began are there still.
    """
    if set(zones) <= set(conversation.zones) and (detected or 0) <= (conversation.detected or 0):
        return
    with connection.cursor() as cursor:
        cursor.execute(RATCHET, [list(zones), detected, conversation.pk])


def _paid_usage(attempt: Attempt) -> Usage:
    """What an attempt is charged for. One that was cut off tells no usage, and is paid for all
    the same: it is reckoned from what was sent and what came.
    """
    began = attempt.outcome == OUTPACED or attempt.received
    if attempt.usage != Usage() or not began:
        return attempt.usage
    return reckon_usage(attempt.sent, attempt.received)


def _citation(answer: Answer, passage: Passage) -> Citation:
    return Citation(
        answer=answer,
        number=passage.number,
        chunk_id=passage.chunk_id or None,
        version_id=passage.version_id or None,
        document=passage.document_id or None,
        title=passage.title,
        section=passage.section,
        start=passage.start,
        end=passage.end,
    )


def _generation(answer: Answer, attempt: Attempt, deployment: int) -> Generation:
    return Generation(
        id=attempt.generation_id,
        answer=answer,
        deployment_id=deployment,
        model=attempt.model,
        version=attempt.version,
        outcome=str(attempt.outcome),
        prompt_tokens=attempt.usage.prompt_tokens,
        completion_tokens=attempt.usage.completion_tokens,
        first_token_ms=attempt.first_token_ms,
        duration_ms=attempt.duration_ms,
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
