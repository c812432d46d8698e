"""The middle of a turn: run the route's deployments until one finishes, and release the text."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from assistants import compute
from assistants.exceptions import AccessWithdrawn, EgressRefused, LeaseLost, ProviderError
from assistants.models import Answer, new_id
from assistants.services import egress, polishing
from assistants.services.release import Diverged, OutputBlocked, Release
from assistants.types import (
    Delta,
    DeploymentSpec,
    Finished,
    FinishReason,
    Prompt,
    ReleaseMode,
    Route,
    Started,
    Usage,
)

logger = logging.getLogger(__name__)

NOTHING_GENERATED = "The model sent no text. Please ask again, perhaps in other words."


@dataclass(slots=True)
class Attempt:
    """One generation on one deployment, as it is recorded."""

    generation_id: str
    deployment: DeploymentSpec
    model: str = ""
    version: str = ""
    outcome: str = "started"
    usage: Usage = field(default_factory=Usage)
    first_token_ms: float | None = None
    duration_ms: float = 0.0
    crossing: egress.Crossing | None = None
    unrestored: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Result:
    """How the answer ended. `text` is what readers have seen; in `hold` mode, what they may not."""

    status: Answer.Status
    text: str = ""
    finish_reason: str = ""
    code: str = ""
    message: str = ""
    retry: bool = False
    prompt: Prompt | None = None
    attempt: Attempt | None = None  # whose text it is, where one finished
    draft: str = ""  # what it was polished from
    attempts: list[Attempt] = field(default_factory=list)


def badge_of(attempt: Attempt) -> dict[str, object]:
    """What the page says about where, and by what, an answer was made."""
    deployment, crossing = attempt.deployment, attempt.crossing
    return {
        "deployment": deployment.slug,
        "provider": deployment.provider,
        "model": attempt.model or deployment.model,
        "version": attempt.version or deployment.version,
        "environment": deployment.environment,
        "region": deployment.region,
        "place": deployment.place,
        "grounded": deployment.provider == "quotes",
        "sealed": bool(crossing and crossing.sealed),
        "replaced": dict(crossing.replaced) if crossing else {},
    }


@dataclass(slots=True)
class Turn:
    """What the generations of one answer share.

    `withdrawn`, set together with the writer's `stop`, ends it without another word. `subject` is
    on whose behalf something leaves.
    """

    writer: compute.AnswerWriter
    route: Route
    mode: ReleaseMode
    citable: Collection[int]
    withdrawn: asyncio.Event
    subject: egress.Subject
    attempts: list[Attempt] = field(default_factory=list)


async def generate_answer(
    turn: Turn, build_prompt: Callable[[DeploymentSpec], Prompt], *, polish: bool = False
) -> Result:
    """Try the route's deployments in order. Nothing released yet: the next one takes over.

    What is bound for another environment is sealed and checked first; what the gate refuses stays
    here, and the next deployment of the route is tried. With `polish`, a deployment here drafts,
    and of the whole prompt only the draft is sent to one outside.

    Once text is out, only the deployment that began may go on: it is asked once more, and its
    text must begin with what was released. Whatever it is that fails, the released text stands.
    """
    release = Release(turn.writer, turn.mode, turn.citable)
    here, outside = polishing.split_route(turn.route)
    if polish and outside:
        return await _polish(turn, release, build_prompt, here, outside)
    return await _try(turn, release, build_prompt, turn.route.deployments)


async def _polish(
    turn: Turn,
    release: Release,
    build_prompt: Callable[[DeploymentSpec], Prompt],
    here: Sequence[DeploymentSpec],
    outside: Sequence[DeploymentSpec],
) -> Result:
    """The draft is the answer wherever there is nothing to polish, or nobody to polish it."""
    await turn.writer.append([("answer.status", {"step": "drafting"})])
    collected = polishing.Collected()
    drafted = await _try(turn, collected, build_prompt, here)
    if drafted.status is not Answer.Status.COMPLETED or drafted.prompt is None:
        return drafted
    draft = polishing.Draft(drafted.text, drafted.finish_reason, drafted.prompt)
    if draft.worth_polishing:

        def build_polish(deployment: DeploymentSpec) -> Prompt:
            return polishing.build_polish(draft, deployment)

        polished = await _try(turn, release, build_polish, outside)
        polished.draft = draft.text
        if polished.text or polished.status is not Answer.Status.FAILED:
            return polished
        if turn.withdrawn.is_set():
            return polished
        if drafted.attempt:
            await _announce(turn, drafted.attempt, fallback=True)
    await release.feed(draft.text)
    held = turn.mode is ReleaseMode.HOLD
    drafted.status = Answer.Status.HELD if held else Answer.Status.COMPLETED
    drafted.text = await release.finish()
    return drafted


async def _try(
    turn: Turn,
    release: Release | polishing.Collected,
    build_prompt: Callable[[DeploymentSpec], Prompt],
    permitted: Sequence[DeploymentSpec],
) -> Result:
    writer, attempts = turn.writer, turn.attempts
    error: ProviderError | Diverged | EgressRefused = ProviderError("no deployment was tried")
    deployments = list(_to_try(permitted, writer))
    if not deployments:
        error = Diverged("the deployment that began this answer is not permitted any more")
    repeated = False
    while deployments:
        deployment = deployments.pop(0)
        prompt = build_prompt(deployment)
        attempt = Attempt(str(new_id()), deployment)
        attempts.append(attempt)
        started = time.monotonic()
        try:
            departure = await _depart(writer, prompt, attempt, turn.subject)
            await _announce(turn, attempt, fallback=deployment is not permitted[0])
            started = time.monotonic()
            finished = await _run_until_stopped(
                writer, release, prompt, attempt, started, departure
            )
            if turn.withdrawn.is_set():
                attempt.outcome = AccessWithdrawn.code
                return Result(
                    Answer.Status.FAILED,
                    code=AccessWithdrawn.code,
                    message=AccessWithdrawn.user_message,
                    prompt=prompt,
                    attempts=attempts,
                )
            if finished is None:
                attempt.outcome = "stopped"
                text = await release.keep()
                return Result(
                    Answer.Status.STOPPED,
                    text,
                    FinishReason.STOPPED_BY_USER,
                    prompt=prompt,
                    attempts=attempts,
                )
            text = await release.finish()
            if not text.strip():
                raise ProviderError(f"{deployment.slug} sent no text", code="empty")
            attempt.outcome, attempt.usage = finished.reason, finished.usage
            compute.record_outcome(deployment.slug, True)
            held = release.withholds
            return Result(
                Answer.Status.HELD if held else Answer.Status.COMPLETED,
                text,
                finished.reason,
                prompt=prompt,
                attempt=attempt,
                attempts=attempts,
            )
        except LeaseLost:
            raise
        except EgressRefused as refused:
            logger.info("answer %s stays on the premises: %s", turn.subject.answer, refused.rule)
            attempt.outcome, error = refused.code, refused
            attempt.crossing = refused.crossing
        except OutputBlocked as blocked:
            attempt.outcome = blocked.code
            return Result(
                Answer.Status.BLOCKED,
                await release.keep(),
                code=blocked.code,
                message=blocked.user_message,
                prompt=prompt,
                attempts=attempts,
            )
        except (ProviderError, Diverged) as failure:
            logger.warning(
                "generation %s on %s: %s", attempt.generation_id, deployment.slug, failure
            )
            attempt.outcome, error = failure.code, failure
            if isinstance(failure, ProviderError):
                # A prompt that is too long says nothing of the deployment's health.
                if failure.code != "context_exceeded":
                    compute.record_outcome(deployment.slug, False)
                if await release.keep():
                    deployments = [] if repeated or failure.permanent else [deployment]
                    repeated = True
            else:
                deployments = []
            release.restart()
        finally:
            attempt.duration_ms = (time.monotonic() - started) * 1000
    return _failed(release.released, error, attempts)


def _failed(
    text: str, error: ProviderError | Diverged | EgressRefused, attempts: list[Attempt]
) -> Result:
    interrupted = bool(text)
    return Result(
        Answer.Status.INTERRUPTED if interrupted else Answer.Status.FAILED,
        text,
        code=Diverged.code if interrupted else error.code,
        message=Diverged.user_message if interrupted else error.user_message,
        retry=True,
        attempts=attempts,
    )


def _to_try(
    permitted: Sequence[DeploymentSpec], writer: compute.AnswerWriter
) -> list[DeploymentSpec]:
    """All of them, or only the deployment whose text is out already."""
    if not any(frame.type == "answer.delta" for frame in writer.earlier):
        return list(permitted)
    routes = [frame for frame in writer.earlier if frame.type == "answer.route"]
    badge = routes[-1].data["badge"] if routes else {}
    began = badge.get("deployment") if isinstance(badge, dict) else None
    return [deployment for deployment in permitted if deployment.slug == began]


async def _announce(turn: Turn, attempt: Attempt, *, fallback: bool) -> None:
    frame = {
        "badge": badge_of(attempt),
        "rule": turn.route.rule,
        "fallback": fallback,
        "egress": attempt.crossing.record if attempt.crossing else None,
    }
    await turn.writer.append([("answer.route", frame), ("answer.status", {"step": "waiting"})])


async def _run_until_stopped(
    writer: compute.AnswerWriter,
    release: Release | polishing.Collected,
    prompt: Prompt,
    attempt: Attempt,
    started: float,
    departure: egress.Departure | None,
) -> Finished | None:
    """The generation's end, or None when the asker stopped it."""
    generating = asyncio.ensure_future(_generate(release, prompt, attempt, started, departure))
    stopping = asyncio.ensure_future(writer.stop.wait())
    try:
        await asyncio.wait({generating, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if generating.done():
            return generating.result()
        return None
    finally:
        stopping.cancel()
        generating.cancel()
        await asyncio.gather(generating, stopping, return_exceptions=True)


async def _depart(
    writer: compute.AnswerWriter, prompt: Prompt, attempt: Attempt, subject: egress.Subject
) -> egress.Departure | None:
    """Sealed and let through by the gate; None for a deployment on the premises."""
    if not egress.leaves(attempt.deployment):
        return None
    await writer.append([("answer.status", {"step": "sealing"})])
    departure = await egress.prepare(
        subject, prompt, attempt.deployment, generation_id=attempt.generation_id
    )
    attempt.crossing = departure.crossing
    return departure


async def _generate(
    release: Release | polishing.Collected,
    prompt: Prompt,
    attempt: Attempt,
    started: float,
    departure: egress.Departure | None,
) -> Finished:
    if departure is None:
        events = compute.generate(prompt, attempt.deployment, generation_id=attempt.generation_id)
    else:
        events = egress.generate(departure, attempt.deployment, generation_id=attempt.generation_id)
        attempt.unrestored = departure.restorer.unknown if departure.restorer else []
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Delta):
                if attempt.first_token_ms is None:
                    attempt.first_token_ms = (time.monotonic() - started) * 1000
                await release.feed(event.text)
            elif isinstance(event, Started):
                attempt.model, attempt.version = event.model, event.version
            else:
                return event
    raise ProviderError("the generation ended without an end", code="interrupted")
