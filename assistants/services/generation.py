"""The middle of a turn: run the route's deployments until one finishes, and release the text."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from assistants import compute
from assistants.exceptions import AccessWithdrawn, LeaseLost, ProviderError
from assistants.models import Answer, new_id
from assistants.services import polishing
from assistants.services.attempts import (
    BLAMELESS,
    Attempt,
    Hedged,
    Run,
    Turn,
    announce,
    find_rival,
    run_until_stopped,
)
from assistants.services.release import Diverged, OutputBlocked, Release
from assistants.types import Decision, DeploymentSpec, FinishReason, Prompt, ReleaseMode

logger = logging.getLogger(__name__)


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
    decision: Decision | None = None  # why it is held, where policy has said so


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
    release = Release(turn.writer, turn.mode, turn.citable, turn.check)
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
    await turn.tell(("answer.status", {"step": "drafting"}))
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
            await announce(turn, drafted.attempt, fallback=True)
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
    error: ProviderError | Diverged = ProviderError("no deployment was tried")
    deployments = list(_to_try(permitted, writer))
    if not deployments:
        error = Diverged("the deployment that began this answer is not permitted any more")
    repeated = False
    while deployments:
        deployment = deployments.pop(0)
        attempt = Attempt(str(new_id()), deployment)
        hedged = Hedged(attempt, build_prompt, attempts)
        run = Run(turn, release, hedged, fallback=deployment is not permitted[0])
        run.rival = find_rival(turn.route, deployment, deployments, release)
        started = time.monotonic()
        try:
            try:
                finished = await run_until_stopped(run)
            finally:
                attempt, prompt = hedged.attempt, hedged.prompt
                deployment = attempt.deployment
                deployments = [each for each in deployments if not hedged.has_tried(each)]
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
            if not text.strip() and finished.reason is not FinishReason.STOP_SEQUENCE:
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
                if failure.code not in BLAMELESS:
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
