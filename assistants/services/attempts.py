"""One attempt at an answer: a deployment runs, perhaps with a rival beside it, and text comes.

What leaves the premises is sealed and let through by the gate before it is sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from assistants import compute, control
from assistants.exceptions import EgressRefused, ProviderError
from assistants.models import new_id
from assistants.services import egress, polishing
from assistants.services.costs import reckon_usage
from assistants.services.hedging import AllFailed, Events, Replayed, Spoken, first_to_speak
from assistants.services.release import CheckBlock, Release, no_check
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

# The outcome of an attempt that kept silent while another one, started beside it, spoke.
OUTPACED = "outpaced"
# Failures that say nothing of the deployment's health: what it was asked, or not even asked.
BLAMELESS = frozenset({OUTPACED, "stopped", "context_exceeded", EgressRefused.code})


@dataclass(slots=True)
class Attempt:
    """One generation on one deployment, as it is recorded. `sent` and `received` count characters,
    for where the deployment does not come to tell its usage.
    """

    generation_id: str
    deployment: DeploymentSpec
    begun: float = field(default_factory=time.monotonic)
    model: str = ""
    version: str = ""
    outcome: str = "started"
    usage: Usage = field(default_factory=Usage)
    first_token_ms: float | None = None
    duration_ms: float = 0.0
    crossing: egress.Crossing | None = None
    unrestored: list[str] = field(default_factory=list)
    sent: int = 0
    received: int = 0


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
    on whose behalf something leaves; `check` looks at each block before it is shown.
    """

    writer: compute.AnswerWriter
    route: Route
    mode: ReleaseMode
    citable: Collection[int]
    withdrawn: asyncio.Event
    subject: egress.Subject
    check: CheckBlock = no_check
    attempts: list[Attempt] = field(default_factory=list)
    telling: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def tell(self, *frames: tuple[str, dict[str, object]]) -> None:
        """Append, one after the other. Shielded: whoever is cancelled, as in a race, must not tear
        an append from its bookkeeping.
        """
        await asyncio.shield(self._tell(frames))

    async def _tell(self, frames: Sequence[tuple[str, dict[str, object]]]) -> None:
        async with self.telling:
            await self.writer.append(frames)


async def announce(turn: Turn, attempt: Attempt, *, fallback: bool) -> None:
    frame: dict[str, object] = {
        "badge": badge_of(attempt),
        "rule": turn.route.rule,
        "fallback": fallback,
        "notice": turn.route.notice,
        "egress": attempt.crossing.record if attempt.crossing else None,
    }
    await turn.tell(("answer.route", frame), ("answer.status", {"step": "waiting"}))


@dataclass(slots=True)
class Hedged:
    """The attempt that counts, with its prompt; after a race, the one that won it."""

    attempt: Attempt
    build_prompt: Callable[[DeploymentSpec], Prompt]
    attempts: list[Attempt]
    prompt: Prompt = field(init=False)

    def __post_init__(self) -> None:
        self.begin(self.attempt)

    def begin(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        self.attempt, self.prompt = attempt, self.build_prompt(attempt.deployment)
        attempt.sent = sum(len(message.text) for message in self.prompt.messages)

    def settle(self, attempt: Attempt, prompt: Prompt) -> None:
        """This one counts; the last of the attempts is the one that the answer is told of."""
        self.attempts.remove(attempt)
        self.attempts.append(attempt)
        self.attempt, self.prompt = attempt, prompt

    def has_tried(self, deployment: DeploymentSpec) -> bool:
        return any(attempt.deployment is deployment for attempt in self.attempts)


def find_rival(
    route: Route,
    deployment: DeploymentSpec,
    others: Sequence[DeploymentSpec],
    release: Release | polishing.Collected,
) -> DeploymentSpec | None:
    """Who is started beside this one if it keeps silent: the next of the route, if at all.

    Never once text is out, nor one that costs something while a budget is nearly used up.
    """
    if not (deployment.hedge_after_ms and others) or release.released:
        return None
    return None if route.notice and not control.is_free(others[0]) else others[0]


@dataclass(slots=True)
class Run:
    """One deployment's run, and that of a rival which may be started beside it."""

    turn: Turn
    release: Release | polishing.Collected
    hedged: Hedged
    fallback: bool
    rival: DeploymentSpec | None = None


async def run_until_stopped(run: Run) -> Finished | None:
    """The generation's end, or None when the asker stopped it."""
    generating = asyncio.ensure_future(_generate(run))
    stopping = asyncio.ensure_future(run.turn.writer.stop.wait())
    try:
        await asyncio.wait({generating, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if generating.done():
            return generating.result()
        return None
    finally:
        stopping.cancel()
        generating.cancel()
        await asyncio.gather(generating, stopping, return_exceptions=True)


async def _generate(run: Run) -> Finished:
    hedged, release = run.hedged, run.release
    if run.rival is None:
        events = _open(run, hedged.attempt, hedged.prompt)
        return await _release_all(events, release, hedged.attempt, hedged.prompt)
    first = hedged.attempt
    spoken = await _race(run, run.rival)
    async with aclosing(spoken.events):
        if hedged.attempt is not first:
            await announce(run.turn, hedged.attempt, fallback=True)
        return await _release_all(spoken.events, release, hedged.attempt, hedged.prompt)


async def _open(run: Run, attempt: Attempt, prompt: Prompt, *, tell: bool = True) -> Events:
    """The deployment's events. What leaves is sealed and let through by the gate first."""
    deployment, generation_id = attempt.deployment, attempt.generation_id
    if egress.leaves(deployment):
        await run.turn.tell(("answer.status", {"step": "sealing"}))
        try:
            departure = await egress.prepare(
                run.turn.subject, prompt, deployment, generation_id=generation_id
            )
        except EgressRefused as refused:
            attempt.crossing = refused.crossing
            raise
        attempt.crossing = departure.crossing
        attempt.unrestored = departure.restorer.unknown if departure.restorer else []
        events = egress.generate(departure, deployment, generation_id=generation_id)
    else:
        events = compute.generate(prompt, deployment, generation_id=generation_id)
    async with aclosing(events):
        if tell:
            await announce(run.turn, attempt, fallback=run.fallback)
        async for event in events:
            yield event


async def _race(run: Run, rival: DeploymentSpec) -> Spoken:
    """Whoever of the two speaks first is the attempt that counts. Raises ProviderError."""
    hedged = run.hedged
    runs = [(hedged.attempt, hedged.prompt)]

    def open_first() -> Events:
        return _open(run, *runs[0])

    def open_rival() -> Events:
        hedged.begin(Attempt(str(new_id()), rival))
        runs.append((hedged.attempt, hedged.prompt))
        return _open(run, *runs[1], tell=False)

    try:
        after = runs[0][0].deployment.hedge_after_ms / 1000
        spoken = await first_to_speak([open_first, open_rival], after)
    except AllFailed as lost:
        *others, last = lost.failed
        _note_ends(runs, {number: lost.failed[number].code for number in others})
        hedged.settle(*runs[last])
        raise lost.failed[last] from lost
    except asyncio.CancelledError:
        _note_ends(runs, dict.fromkeys(range(len(runs) - 1), "stopped"))
        raise
    ends = {number: error.code for number, error in spoken.failed.items()}
    _note_ends(runs, ends | dict.fromkeys(spoken.silent, OUTPACED))
    hedged.settle(*runs[spoken.number])
    return spoken


def _note_ends(runs: Sequence[tuple[Attempt, Prompt]], ends: Mapping[int, str]) -> None:
    """How those ended that do not count."""
    for number, outcome in ends.items():
        attempt = runs[number][0]
        attempt.outcome = outcome
        attempt.duration_ms = (time.monotonic() - attempt.begun) * 1000
        if outcome not in BLAMELESS:
            compute.record_outcome(attempt.deployment.slug, False)


async def _release_all(
    events: Events | Replayed,
    release: Release | polishing.Collected,
    attempt: Attempt,
    prompt: Prompt,
) -> Finished:
    stop = StopSequences(prompt.stop)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Delta):
                if attempt.first_token_ms is None:
                    attempt.first_token_ms = (time.monotonic() - attempt.begun) * 1000
                attempt.received += len(event.text)
                await release.feed(stop.feed(event.text))
                if stop.met:  # the provider goes unheard from here on, and so does what it counted
                    return Finished(
                        FinishReason.STOP_SEQUENCE, reckon_usage(attempt.sent, attempt.received)
                    )
            elif isinstance(event, Started):
                attempt.model, attempt.version = event.model, event.version
            else:
                await release.feed(stop.finish())
                return event
    raise ProviderError("the generation ended without an end", code="interrupted")
