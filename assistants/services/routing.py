"""Which deployment a turn goes to: all that is known of each, put before `control.decide_route`.

The what-if page asks the same function, so that it tells what would really happen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from assistants import compute, control, data
from assistants.models import Answer, Message
from assistants.services import budgets, registry
from assistants.services.costs import estimate_cost
from assistants.types import (
    Capability,
    DeploymentSpec,
    Difficulty,
    Load,
    Passage,
    PromptMessage,
    Route,
    ZoneRules,
)

_ANSWERED = (Answer.Status.COMPLETED, Answer.Status.STOPPED, Answer.Status.HELD)


@dataclass(frozen=True, slots=True)
class AnsweredBefore:
    """The answer that a message follows, as far as routing cares."""

    deployment: str
    task: str
    zones: frozenset[str]


@dataclass(frozen=True, slots=True)
class Request:
    """What a route is planned for. `zone` is the effective one of all that goes into the prompt.

    `refuse` tells why a deployment may not be given that, if more than its zone has a say.
    `answer_id` is whose costs are set aside; without it nothing is set aside and no probe taken.
    """

    text: str
    task: Capability
    has_documents: bool
    zone: ZoneRules
    payer: budgets.Payer
    refuse: Callable[[DeploymentSpec], str | None] | None = None
    passages: Sequence[Passage] = ()
    history: Sequence[PromptMessage] = ()
    before: AnsweredBefore | None = None
    answer_id: str = ""


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """A route and what it was decided from. `costs` are at most, in euro, by slug."""

    route: Route
    difficulty: Difficulty
    candidates: Sequence[control.Candidate]
    costs: dict[str, Decimal] = field(default_factory=dict)


def plan_route(request: Request) -> RoutePlan:
    """Decide the route, and set aside what the answer may cost. Raises NoRoute."""
    difficulty = control.decide_difficulty(request.text, request.task)
    states = budgets.list_states(request.payer, but=request.answer_id)
    candidates, costs = list_candidates(request, states)

    def decide(candidates: Sequence[control.Candidate]) -> Route:
        return control.decide_route(
            request.task,
            candidates,
            difficulty=difficulty,
            has_documents=request.has_documents,
            preferred=_preferred(request),
            notice=control.decide_notice(states),
            tie=request.answer_id,
            zone=request.zone,
        )

    route = decide(candidates)
    if refusal := _reserve(request, route, costs):
        # Others have taken what was left a moment ago.
        candidates = [
            replace(each, budget_refusal=each.budget_refusal or refusal) for each in candidates
        ]
        route = decide(candidates)
    return RoutePlan(route, difficulty, candidates, costs)


def list_candidates(
    request: Request, states: Sequence[control.BudgetState]
) -> tuple[list[control.Candidate], dict[str, Decimal]]:
    """Every enabled deployment with what is known of it, and what it may cost."""
    deployments = registry.list_deployments()
    loads = compute.get_loads(
        [deployment.slug for deployment in deployments], probe=bool(request.answer_id)
    )
    if loads is None:  # by what this process has learned itself
        loads = {each.slug: Load(compute.is_healthy(each.slug)) for each in deployments}
    refuse = request.refuse or (lambda each: data.refusal(request.zone, each.place))
    size = _size(request)
    costs = {each.slug: estimate_cost(each, size) for each in deployments}
    return [
        control.Candidate(
            deployment,
            zone_refusal=refuse(deployment),
            healthy=loads[deployment.slug].healthy,
            budget_refusal=control.decide_refusal(states, costs[deployment.slug]),
            latency_ms=loads[deployment.slug].latency_ms,
            in_flight=loads[deployment.slug].in_flight,
        )
        for deployment in deployments
    ], costs


def get_answered_before(message: Message) -> AnsweredBefore | None:
    """Of the answer that this message follows, if it is one; under the rights of whoever asks."""
    if message.parent_id is None:
        return None
    found = (
        Answer.objects.filter(pk=message.parent_id, status__in=_ANSWERED, deployment__isnull=False)
        .values_list("deployment__slug", "receipt__task", "zones")
        .first()
    )
    if found is None:
        return None
    deployment, task, zones = found
    return AnsweredBefore(deployment, task or "", frozenset(zones))


def _preferred(request: Request) -> str:
    """The deployment that a conversation stays with, until its work or its zone is another."""
    before = request.before
    if before is None or before.task != request.task:
        return ""
    return before.deployment if request.zone.names <= before.zones else ""


def _reserve(request: Request, route: Route, costs: dict[str, Decimal]) -> str | None:
    """Set aside what the route may cost; where it begins with what is free, nothing."""
    if not request.answer_id or control.is_free(route.deployments[0]):
        return None
    dearest = max(costs[deployment.slug] for deployment in route.deployments)
    return budgets.reserve(request.payer, request.answer_id, dearest)


def _size(request: Request) -> int:
    """Of the prompt, in characters, before it is cut to what a deployment can read."""
    history = sum(len(message.text) for message in request.history)
    return len(request.text) + history + sum(len(passage.text) for passage in request.passages)
