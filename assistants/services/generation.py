"""The middle of a turn: run the route's deployments until one finishes, and release the text."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass, field

from assistants import compute
from assistants.exceptions import AccessWithdrawn, LeaseLost, ProviderError
from assistants.models import Answer, new_id
from assistants.services.prompts import CHARACTERS_PER_TOKEN
from assistants.services.release import Diverged, OutputBlocked, Release
from assistants.services.stopping import StopSequences
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
    attempts: list[Attempt] = field(default_factory=list)


def badge_of(attempt: Attempt) -> dict[str, object]:
    """What the page says about where, and by what, an answer was made."""
    deployment = attempt.deployment
    return {
        "deployment": deployment.slug,
        "provider": deployment.provider,
        "model": attempt.model or deployment.model,
        "version": attempt.version or deployment.version,
        "environment": deployment.environment,
        "region": deployment.region,
        "grounded": deployment.provider == "quotes",
    }


async def generate_answer(
    writer: compute.AnswerWriter,
    route: Route,
    mode: ReleaseMode,
    build_prompt: Callable[[DeploymentSpec], Prompt],
    citable: Collection[int],
    withdrawn: asyncio.Event,
) -> Result:
    """Try the route's deployments in order. Nothing released yet: the next one takes over.

    Once text is out, only the deployment that began may go on: it is asked once more, and its
    text must begin with what was released. Whatever it is that fails, the released text stands.
    `withdrawn`, set together with the writer's `stop`, ends it without another word.
    """
    attempts: list[Attempt] = []
    error: ProviderError | Diverged = ProviderError("no deployment was tried")
    deployments = list(_to_try(route, writer))
    if not deployments:
        error = Diverged("the deployment that began this answer is not permitted any more")
    release = Release(writer, mode, citable)
    repeated = False
    while deployments:
        deployment = deployments.pop(0)
        prompt = build_prompt(deployment)
        attempt = Attempt(str(new_id()), deployment)
        attempts.append(attempt)
        await _announce(writer, route, attempt)
        started = time.monotonic()
        try:
            finished = await _run_until_stopped(writer, release, prompt, attempt, started)
            if withdrawn.is_set():
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
            if not text.strip() and finished.reason is not FinishReason.STOP_SEQUENCE:
                raise ProviderError(f"{deployment.slug} sent no text", code="empty")
            attempt.outcome, attempt.usage = finished.reason, finished.usage
            compute.record_outcome(deployment.slug, True)
            held = mode is ReleaseMode.HOLD
            return Result(
                Answer.Status.HELD if held else Answer.Status.COMPLETED,
                text,
                finished.reason,
                prompt=prompt,
                attempts=attempts,
            )
        except LeaseLost:
            raise
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


def _failed(text: str, error: ProviderError | Diverged, attempts: list[Attempt]) -> Result:
    interrupted = bool(text)
    return Result(
        Answer.Status.INTERRUPTED if interrupted else Answer.Status.FAILED,
        text,
        code=Diverged.code if interrupted else error.code,
        message=Diverged.user_message if interrupted else error.user_message,
        retry=True,
        attempts=attempts,
    )


def _to_try(route: Route, writer: compute.AnswerWriter) -> list[DeploymentSpec]:
    """All of the route, or only the deployment whose text is out already."""
    if not any(frame.type == "answer.delta" for frame in writer.earlier):
        return list(route.deployments)
    routes = [frame for frame in writer.earlier if frame.type == "answer.route"]
    badge = routes[-1].data["badge"] if routes else {}
    began = badge.get("deployment") if isinstance(badge, dict) else None
    return [deployment for deployment in route.deployments if deployment.slug == began]


async def _announce(writer: compute.AnswerWriter, route: Route, attempt: Attempt) -> None:
    fallback = attempt.deployment is not route.deployments[0]
    frame = {"badge": badge_of(attempt), "rule": route.rule, "fallback": fallback}
    await writer.append([("answer.route", frame), ("answer.status", {"step": "waiting"})])


async def _run_until_stopped(
    writer: compute.AnswerWriter,
    release: Release,
    prompt: Prompt,
    attempt: Attempt,
    started: float,
) -> Finished | None:
    """The generation's end, or None when the asker stopped it."""
    generating = asyncio.ensure_future(_generate(release, prompt, attempt, started))
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


async def _generate(release: Release, prompt: Prompt, attempt: Attempt, started: float) -> Finished:
    events = compute.generate(prompt, attempt.deployment, generation_id=attempt.generation_id)
    stop, written = StopSequences(prompt.stop), 0
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Delta):
                if attempt.first_token_ms is None:
                    attempt.first_token_ms = (time.monotonic() - started) * 1000
                written += len(event.text)
                await release.feed(stop.feed(event.text))
                if stop.met:  # the provider goes unheard from here on, and so does what it counted
                    return Finished(FinishReason.STOP_SEQUENCE, _estimate(prompt, written))
            elif isinstance(event, Started):
                attempt.model, attempt.version = event.model, event.version
            else:
                await release.feed(stop.finish())
                return event
    raise ProviderError("the generation ended without an end", code="interrupted")


def _estimate(prompt: Prompt, written: int) -> Usage:
    """The tokens of a generation that was cut short, by the characters read and written."""
    read = sum(len(message.text) for message in prompt.messages)
    return Usage(math.ceil(read / CHARACTERS_PER_TOKEN), math.ceil(written / CHARACTERS_PER_TOKEN))
