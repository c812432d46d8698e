"""Which deployments may take a request, in which order, and why. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assistants.exceptions import NoRoute
from assistants.types import ON_PREM, Capability, DeploymentSpec, Refusal, Route

_WORDS = {
    Capability.CHAT: "conversation",
    Capability.DRAFT: "drafting",
    Capability.GROUNDED_ANSWER: "answering from documents",
    Capability.CODE: "code",
    Capability.SUMMARY: "summaries",
    Capability.REASONING: "reasoning",
    Capability.RERANK: "reranking",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered deployment with what is known of it for this request.

    `zone_refusal` is the data plane's sentence on why the effective zone forbids it, or None.
    """

    deployment: DeploymentSpec
    zone_refusal: str | None = None
    healthy: bool = True


def decide_route(task: Capability, candidates: Sequence[Candidate]) -> Route:
    """Order the deployments that may take this task; raise NoRoute when there is none.

    A deployment is refused when the zone forbids it, when it does not declare itself good for
    the task, or when it does not answer at present. What is left is ordered by rank; a fallback
    can only come from this list. A task nobody is good for becomes a question to the documents,
    which can be answered without a model.
    """
    fit, refusals = _fit(task, candidates)
    if not fit and task is not Capability.GROUNDED_ANSWER:
        fit, _ = _fit(Capability.GROUNDED_ANSWER, candidates)
        if fit:
            rule = (
                f"No model that may see this is available for {_WORDS[task]}; "
                f"answered from documents by {fit[0].slug} instead."
            )
            return Route(tuple(fit), rule, Capability.GROUNDED_ANSWER, tuple(refusals))
    if not fit:
        reasons = "; ".join(f"{refusal.deployment}: {refusal.reason}" for refusal in refusals)
        raise NoRoute(f"no deployment for {task}: {reasons or 'none is registered'}")
    return Route(tuple(fit), _rule(task, fit[0], refusals), task, tuple(refusals))


def _fit(
    task: Capability, candidates: Sequence[Candidate]
) -> tuple[list[DeploymentSpec], list[Refusal]]:
    fit: list[DeploymentSpec] = []
    refusals: list[Refusal] = []
    for candidate in candidates:
        deployment = candidate.deployment
        if candidate.zone_refusal:
            refusals.append(Refusal(deployment.slug, candidate.zone_refusal))
        elif task not in deployment.capabilities:
            reason = f"not declared good enough for {_WORDS[task]}"
            refusals.append(Refusal(deployment.slug, reason))
        elif not candidate.healthy:
            refusals.append(Refusal(deployment.slug, "does not answer at present"))
        else:
            fit.append(deployment)
    fit.sort(key=lambda deployment: (deployment.rank, deployment.slug))
    return fit, refusals


def _rule(task: Capability, chosen: DeploymentSpec, refusals: Sequence[Refusal]) -> str:
    where = "on the premises" if chosen.environment == ON_PREM else f"in {chosen.place}"
    rule = f"{chosen.slug}, {where}, is the preferred deployment for {_WORDS[task]}"
    if refusals:
        others = "; ".join(f"{refusal.deployment}: {refusal.reason}" for refusal in refusals)
        rule += f" (not taken: {others})"
    return rule + "."
