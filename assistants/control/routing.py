"""Which deployments may take a request, in which order, and why. Pure: no I/O, no clock."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from assistants.control.reasons import WORDS, refused_by_all, say_rule, say_substitute
from assistants.types import (
    ON_PREM,
    Capability,
    DeploymentSpec,
    Difficulty,
    Refusal,
    Route,
    ZoneRules,
)

# Work that leans on the passages where there are some: whoever takes it then has to be good
# enough for answering from documents, and whoever is may take its place.
_LEANING = frozenset({Capability.SUMMARY, Capability.REASONING})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered deployment with what is known of it for this request.

    `zone_refusal` is the data plane's sentence on why the effective zone forbids it, or None;
    `budget_refusal` the sentence on why nobody pays for it any more. `latency_ms` and `in_flight`
    are as in `Load`.
    """

    deployment: DeploymentSpec
    zone_refusal: str | None = None
    healthy: bool = True
    budget_refusal: str | None = None
    latency_ms: float | None = None
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a request asks of a deployment, and of the order of those that may take it."""

    task: Capability
    difficulty: Difficulty
    has_documents: bool
    preferred: str
    notice: str
    tie: str


# What a place in the order is compared by, the most important first. Lower goes first.
_BY_PRICE = ("fit", "stays", "slow", "full", "away", "price", "rank", "kind", "share", "slug")
_BY_RANK = ("fit", "stays", "slow", "full", "rank", "price", "away", "kind", "share", "slug")


def decide_route(
    task: Capability,
    candidates: Sequence[Candidate],
    *,
    difficulty: Difficulty = Difficulty.EASY,
    has_documents: bool = True,
    preferred: str = "",
    notice: str = "",
    tie: str = "",
    zone: ZoneRules | None = None,
) -> Route:
    """Order the deployments that may take this task; raise NoRoute when there is none.

    First what is permitted: a deployment is refused when the zone forbids it, when a budget is
    used up, when it does not declare itself good for the task, or when it does not answer at
    present. A fallback can only come from what is left.

    That is ordered by fit; then the one that answered before in this conversation, unless it is
    slow or full; then by latency budget and capacity. What is easy then goes to the premises,
    to the cheapest, to the lowest rank, in this order, and so does everything once a budget's
    soft limit is reached; what is hard goes by rank, then by price. Equal deployments (provider,
    model and place) share requests by their free capacity. The same arguments give the same
    order.

    `preferred` is the slug of the one that answered in this conversation before, if that should go
    on; `notice` the sentence that a budget's soft limit is reached; `tie` any text that differs
    between requests, by which equal deployments share them; `zone`, the effective one, is only
    told in the rule.

    A task nobody is good for becomes a question to the documents, which can be answered without a
    model, or conversation where there are none.
    """
    wanted = _Wanted(task, difficulty, has_documents, preferred, notice, tie)
    fit, refusals = _fit(wanted, candidates)
    told = notice if _may_cost(candidates) else ""
    if not fit:
        served = Capability.GROUNDED_ANSWER if has_documents else Capability.CHAT
        fit, _ = _fit(replace(wanted, task=served, preferred=""), candidates)
        if not fit:
            raise refused_by_all(task, refusals, _unpaid(candidates))
    elif task in fit[0].deployment.capabilities:
        served = task
    else:
        served = Capability.GROUNDED_ANSWER
        reason = f"not declared good enough for {WORDS[task]}"
        refusals += [Refusal(each.deployment.slug, reason) for each in fit]
    deployments = tuple(each.deployment for each in fit)
    if served is task:
        rule = say_rule(
            task,
            difficulty,
            deployments,
            zone=zone,
            because=_first_difference(wanted, fit),
            refusals=refusals,
            notice=told,
        )
    else:
        rule = say_substitute(task, served, deployments[0], refusals, told)
    return Route(deployments, rule, served, tuple(refusals), told)


def is_free(deployment: DeploymentSpec) -> bool:
    """Whether its answers cost nothing, so that no budget speaks of it."""
    return not (deployment.input_price or deployment.output_price)


def _may_cost(candidates: Sequence[Candidate]) -> bool:
    """Whether money makes a difference: something that costs could be taken, but for budgets."""
    return any(not is_free(each.deployment) and not each.zone_refusal for each in candidates)


def _unpaid(candidates: Sequence[Candidate]) -> str:
    """The budget that keeps a deployment from being taken, which nothing else forbids."""
    refusals = (
        each.budget_refusal
        for each in candidates
        if not each.zone_refusal and not is_free(each.deployment)
    )
    return next((refusal for refusal in refusals if refusal), "")


def _fit(wanted: _Wanted, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Refusal]]:
    fit: list[Candidate] = []
    refusals: list[Refusal] = []
    for candidate in candidates:
        reason = _refusal(wanted, candidate)
        if reason:
            refusals.append(Refusal(candidate.deployment.slug, reason))
        else:
            fit.append(candidate)
    return sorted(fit, key=lambda candidate: _place(wanted, candidate)), refusals


def _refusal(wanted: _Wanted, candidate: Candidate) -> str | None:
    """Why it may not, or cannot, take the request; what is permitted is asked first."""
    deployment = candidate.deployment
    if candidate.zone_refusal:
        return candidate.zone_refusal
    if candidate.budget_refusal and not is_free(deployment):
        return candidate.budget_refusal
    leans = wanted.has_documents and wanted.task in _LEANING
    needed = Capability.GROUNDED_ANSWER if leans else wanted.task
    if needed not in deployment.capabilities:
        return f"not declared good enough for {WORDS[needed]}"
    if not candidate.healthy:
        return "does not answer at present"
    return None


def _place(wanted: _Wanted, candidate: Candidate) -> tuple[float | str, ...]:
    marks = _marks(wanted, candidate)
    return tuple(marks[name] for name in _order(wanted))


def _order(wanted: _Wanted) -> tuple[str, ...]:
    thrifty = wanted.difficulty is Difficulty.EASY or wanted.notice
    return _BY_PRICE if thrifty else _BY_RANK


def _marks(wanted: _Wanted, candidate: Candidate) -> dict[str, float | str]:
    deployment = candidate.deployment
    budget = deployment.latency_budget_ms
    slow = bool(budget and candidate.latency_ms and candidate.latency_ms > budget)
    full = bool(deployment.capacity and candidate.in_flight >= deployment.capacity)
    stays = (
        deployment.slug == wanted.preferred
        and not (slow or full)
        and (not wanted.notice or is_free(deployment))
    )
    return {
        "fit": _misfit(wanted, deployment),
        "stays": not stays,
        "slow": slow,
        "full": full,
        "away": deployment.environment != ON_PREM,
        "price": deployment.input_price + deployment.output_price,
        "rank": deployment.rank,
        "kind": f"{deployment.provider} {deployment.model} {deployment.place}",
        "share": _share(wanted.tie, candidate),
        "slug": deployment.slug,
    }


def _misfit(wanted: _Wanted, deployment: DeploymentSpec) -> int:
    """How far a deployment is from what the task would have best; 0 is good enough.

    One that only quotes does for easy questions once money is short; it never reasons.
    """
    good_at = deployment.capabilities
    hard = wanted.difficulty is Difficulty.HARD or wanted.task is Capability.REASONING
    misfit = int(hard and Capability.REASONING not in good_at)
    from_documents = wanted.task is Capability.GROUNDED_ANSWER or wanted.task not in good_at
    only_quotes = not good_at - {Capability.GROUNDED_ANSWER, Capability.RERANK}
    if from_documents and only_quotes and (hard or not wanted.notice):
        misfit += 1
    if wanted.task not in good_at:
        misfit += 2
    return misfit


def _share(tie: str, candidate: Candidate) -> float:
    """A draw, weighted by free capacity, that is the same for the same request.

    Each deployment draws -ln(u) / w with u uniform in (0, 1), and the least goes first: it is
    first with a probability in proportion to its w (Efraimidis and Spirakis, "Weighted random
    sampling with a reservoir", 2006). u comes from a hash, so that counts which are a moment old
    do not send a whole crowd to the same place.
    """
    text = f"{tie}\n{candidate.deployment.slug}".encode()
    number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
    uniform = (number + 1) / (2**64 + 1)
    weight = max(candidate.deployment.capacity, 1) / (1 + max(candidate.in_flight, 0))
    return -math.log(uniform) / weight


def _first_difference(wanted: _Wanted, fit: Sequence[Candidate]) -> str:
    """By which mark the first went before the second; empty when it is alone."""
    if len(fit) < 2:
        return ""
    first, second = (_marks(wanted, candidate) for candidate in fit[:2])
    return next((name for name in _order(wanted) if first[name] != second[name]), "")
