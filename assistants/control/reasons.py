"""Why a route is as it is, in sentences that a person understands. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from assistants.exceptions import NoRoute
from assistants.types import (
    ON_PREM,
    Capability,
    DeploymentSpec,
    Difficulty,
    Refusal,
    Treatment,
    ZoneRules,
)

WORDS = {
    Capability.CHAT: "conversation",
    Capability.DRAFT: "drafting",
    Capability.GROUNDED_ANSWER: "answering from documents",
    Capability.CODE: "code",
    Capability.SUMMARY: "summaries",
    Capability.REASONING: "reasoning",
    Capability.RERANK: "reranking",
}

_NEEDS = {
    (Capability.CHAT, Difficulty.EASY): "it is small talk",
    (Capability.CHAT, Difficulty.HARD): "the question needs reasoning",
    (Capability.DRAFT, Difficulty.EASY): "it is simple drafting",
    (Capability.DRAFT, Difficulty.HARD): "it is demanding drafting",
    (Capability.GROUNDED_ANSWER, Difficulty.EASY): "the question is one to the documents",
    (Capability.GROUNDED_ANSWER, Difficulty.HARD): "the question to the documents needs reasoning",
    (Capability.CODE, Difficulty.EASY): "it is about code",
    (Capability.CODE, Difficulty.HARD): "it is demanding work on code",
    (Capability.SUMMARY, Difficulty.EASY): "it asks for a summary",
    (Capability.SUMMARY, Difficulty.HARD): "it asks for a demanding summary",
    (Capability.REASONING, Difficulty.EASY): "the question needs reasoning",
    (Capability.REASONING, Difficulty.HARD): "the question needs reasoning",
}

_KEPT = "Your message is kept; please ask your administrator, or try again in the next period."

# By what the first of a route went before the second.
_BECAUSE = {
    "fit": "{second} is less suited",
    "stays": "it answered before in this conversation",
    "slow": "{second} is slower than it should be at present",
    "full": "{second} is busy at present",
    "away": "for that the premises go before the cloud",
    "price": "it costs less than {second}",
    "rank": "it is preferred to {second}",
    "kind": "{second} is as good",
    "share": "it shares the work with {second}",
    "slug": "{second} is as good",
}


def say_rule(
    task: Capability,
    difficulty: Difficulty,
    deployments: Sequence[DeploymentSpec],
    *,
    zone: ZoneRules | None,
    because: str,
    refusals: Sequence[Refusal],
    notice: str = "",
) -> str:
    """`because` is the mark by which the first deployment goes before the second."""
    chosen = deployments[0]
    reasons = [_NEEDS[task, difficulty]]
    if chosen.environment != ON_PREM and zone is not None:
        reasons.append(_permission(zone))
    rule = f"Answered {_where(chosen)} because {' and '.join(reasons)}"
    if len(deployments) > 1:
        rule += f"; {_BECAUSE[because].format(second=deployments[1].slug)}"
    return _end(rule, refusals, notice)


def say_substitute(
    task: Capability,
    served: Capability,
    chosen: DeploymentSpec,
    refusals: Sequence[Refusal],
    notice: str = "",
) -> str:
    """For a task that nobody is good for, and that was taken as another."""
    how = "from documents" if served is Capability.GROUNDED_ANSWER else "as conversation"
    rule = (
        f"No model that may see this is available for {WORDS[task]}; "
        f"answered {how} {_where(chosen)} instead"
    )
    return _end(rule, refusals, notice)


def refused_by_all(task: Capability, refusals: Sequence[Refusal], unpaid: str = "") -> NoRoute:
    """The error, with every reason. `unpaid` says which budget stands in the way, if one does."""
    reasons = "; ".join(f"{refusal.deployment}: {refusal.reason}" for refusal in refusals)
    error = NoRoute(
        f"no deployment for {task}: {reasons or 'none is registered'}",
        user_message=f"{unpaid} {_KEPT}" if unpaid else None,
    )
    error.refusals = tuple(refusals)
    return error


def _where(deployment: DeploymentSpec) -> str:
    if deployment.environment == ON_PREM:
        return f"on the premises ({deployment.slug})"
    region = f", {deployment.region}" if deployment.region else ""
    return f"in the cloud ({deployment.slug}{region})"


def _permission(zone: ZoneRules) -> str:
    names = sorted(zone.names)
    how = "sealed processing" if zone.treatment is Treatment.REDACT else "processing"
    if not names:
        return f"no zone forbids {how} there"
    if len(names) == 1:
        return f"its zone, {names[0]}, permits {how} there"
    listed = ", ".join(names[:-1]) + f" and {names[-1]}"
    return f"its zones, {listed}, permit {how} there"


def _end(rule: str, refusals: Sequence[Refusal], notice: str) -> str:
    sentences = [f"{rule}."]
    if refusals:
        others = "; ".join(f"{each.deployment} ({_inside(each.reason)})" for each in refusals)
        sentences.append(f"Not taken: {others}.")
    return " ".join(sentence for sentence in (*sentences, notice) if sentence)


def _inside(reason: str) -> str:
    """A sentence as it stands inside another one."""
    reason = reason.rstrip(".")
    return "t" + reason[1:] if reason.startswith("The ") else reason
