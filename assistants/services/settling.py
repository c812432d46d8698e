"""The last check of an answer, and what follows: shown, taken back, replaced, or kept for a person.

Text that is already out and may not stand is withdrawn by a frame of its own, and that is an
incident. What follows it is the answer's text from its beginning.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from assistants import compute
from assistants.models import Answer, new_id
from assistants.services import registry
from assistants.services.attempts import Attempt
from assistants.services.facts import UNGROUNDED, WITHDRAWN
from assistants.services.generation import Result
from assistants.services.guarding import QUOTES, Guard
from assistants.types import (
    ON_PREM,
    Decision,
    Delta,
    DeploymentSpec,
    Finding,
    Finished,
    FinishReason,
    Outcome,
    Prompt,
    ReleaseMode,
)

logger = logging.getLogger(__name__)

NOT_SHOWN = (
    "The sources do not support the answer that was made, so it is not shown. Please ask in other "
    "words, or look at the documents."
)
REMOVED = "[removed]"
REDACTED = frozenset({"secret", "personal_data"})
_CHECKED = frozenset(
    {Answer.Status.COMPLETED, Answer.Status.HELD, Answer.Status.STOPPED, Answer.Status.INTERRUPTED}
)


def settle(guard: Guard, result: Result, writer: compute.AnswerWriter) -> Result:
    """Check the whole answer and let what policy says come true; blocks, on a trusted worker.

    The result's text is what readers may see; for a held answer, what the reviewer sees.
    """
    if result.status is Answer.Status.BLOCKED:
        return _block(guard, result, writer, guard.decision)
    if result.status not in _CHECKED or not result.text:
        return result
    held = result.status is Answer.Status.HELD
    said = guard.check_answer(
        result.text,
        result.attempt.deployment if result.attempt else None,
        declined=result.finish_reason is FinishReason.ABSTAINED,
    )
    outcome = said.outcome
    if outcome is Outcome.BLOCK:
        return _block(guard, result, writer, said)
    if outcome is Outcome.FALLBACK and result.prompt is not None:
        _fall_back(result, result.prompt)
        guard.replaced = True
    elif outcome is Outcome.REDACT:
        result.text = redact(result.text, said.findings)
        guard.replaced = True
    if held or guard.decision.outcome is Outcome.REVIEW or guard.mode is ReleaseMode.HOLD:
        return _hold(guard, result, writer)
    _show(guard, result.text, writer, said)
    result.decision = said
    return result


def redact(text: str, findings: Sequence[Finding]) -> str:
    """The text without its secrets and personal data; all of it where a place is unknown."""
    for finding in sorted(findings, key=lambda each: -each.start):
        if finding.kind in REDACTED and finding.severity >= 0.5:
            if finding.end <= finding.start:
                return REMOVED
            text = text[: finding.start] + REMOVED + text[finding.end :]
    return text


def _block(
    guard: Guard, result: Result, writer: compute.AnswerWriter, decision: Decision
) -> Result:
    _take_back(guard, writer, decision)
    return Result(
        Answer.Status.BLOCKED,
        code="blocked",
        message=decision.message or result.message,
        prompt=result.prompt,
        attempt=result.attempt,
        attempts=result.attempts,
        decision=decision,
    )


def _hold(guard: Guard, result: Result, writer: compute.AnswerWriter) -> Result:
    """`guard.decision` says who decides."""
    _take_back(guard, writer, guard.decision)
    result.status = Answer.Status.HELD
    if guard.decision.outcome is Outcome.REVIEW:
        result.decision = guard.decision
    return result


def _show(guard: Guard, text: str, writer: compute.AnswerWriter, decision: Decision) -> None:
    """Let the readers have this text, whatever they had so far."""
    released = writer.released
    if text == released:
        return
    if not text.startswith(released):
        _take_back(guard, writer, decision)
        released = ""
    compute.run(writer.append([("answer.delta", {"text": text[len(released) :]})]))


def _take_back(guard: Guard, writer: compute.AnswerWriter, decision: Decision) -> None:
    if writer.released:
        guard.withdraw(decision, writer.released)
        told = decision.message or WITHDRAWN
        compute.run(writer.append([("answer.withdrawn", {"message": told})]))


def _fall_back(result: Result, prompt: Prompt) -> None:
    """Quote the documents in place of what they do not support."""
    quotes = next(
        (each for each in registry.list_deployments() if each.provider == QUOTES),
        None,
    )
    if result.attempt:
        result.attempt.outcome = UNGROUNDED
    result.attempt = None
    result.text, result.finish_reason = NOT_SHOWN, FinishReason.ABSTAINED
    if quotes is None or quotes.environment != ON_PREM:
        return
    attempt = Attempt(str(new_id()), quotes)
    text, finished = compute.run(_quote(prompt, quotes, attempt))
    if text:
        result.text, result.finish_reason, result.attempt = text, finished.reason, attempt
        attempt.outcome, attempt.usage = finished.reason, finished.usage
        result.attempts.append(attempt)


async def _quote(prompt: Prompt, quotes: DeploymentSpec, attempt: Attempt) -> tuple[str, Finished]:
    parts: list[str] = []
    finished = Finished(FinishReason.ABSTAINED)
    async for event in compute.generate(prompt, quotes, generation_id=attempt.generation_id):
        if isinstance(event, Delta):
            parts.append(event.text)
        elif isinstance(event, Finished):
            finished = event
        else:
            attempt.model, attempt.version = event.model, event.version
    return "".join(parts), finished
