"""What would become of a message: its zone, what would be replaced, who would answer and why.

An admin asks in somebody's place. The same functions decide as in a turn, but no model is asked
anything, nothing is set aside, and no text is kept. Of what that person may read, only the number
of passages and their zones are told; that somebody asked is in the audit trail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import AbstractUser, User

from assistants import control, data
from assistants.exceptions import InvalidRequest, NoRoute
from assistants.models import Assistant
from assistants.services import egress, registry, routing
from assistants.services.assistant_states import get_refusal
from assistants.services.budgets import Payer
from assistants.services.conversations import ZoneLabel, label_zones, list_assistants
from assistants.services.messages import check_message
from assistants.services.retrieval import find_passages
from assistants.services.second_person import VIEW_ZONES, check_permission
from assistants.types import ON_PREM, Capability, DeploymentSpec, Difficulty, Passage, Treatment

ASK_WHAT_IF = (VIEW_ZONES, "assistants.view_deployment")


@dataclass(frozen=True, slots=True)
class Choice:
    """One deployment: its place in the route from 1, or None and why it is refused."""

    slug: str
    where: str
    place: int | None
    refusal: str
    healthy: bool
    latency_ms: float | None
    in_flight: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class WhatIf:
    """`task` is in words. `passages` counts what would be used, by zone. `sealed` is the admin's
    own text as it would leave, `replaced` counts its placeholders by type; both are empty where
    nothing would leave, or as it is written.
    """

    task: str
    difficulty: Difficulty
    zone: ZoneLabel
    passages: dict[str, int]
    choices: list[Choice]
    rule: str
    notice: str
    replaced: dict[str, int]
    sealed: str


def ask_what_if(admin: AbstractUser, user: User, assistant: Assistant, text: str) -> WhatIf:
    """What a first message of this user to this assistant would lead to.

    Raises InvalidRequest for an admin without the permissions, for a user who may not use the
    assistant, and for a text that could not be sent. That it was asked is recorded, the text not.
    """
    check_permission(admin, *ASK_WHAT_IF)
    text = check_message("what-if", text)
    if not list_assistants(user).filter(pk=assistant.pk).exists():
        raise InvalidRequest(
            f"{user} and {assistant.slug}",
            code="not_a_member",
            user_message=f"{user} may not use the assistant {assistant.name}: it is for members of "
            f"the department {assistant.department.name}.",
        )
    zone_ids = registry.get_zones_of(assistant)
    task = control.decide_task(text, has_documents=bool(zone_ids))
    passages: Sequence[Passage] = ()
    if zone_ids and task is not Capability.CHAT:
        passages = find_passages(assistant, data.get_scope(user), zone_ids, text).passages
    slugs = sorted({assistant.question_zone.slug, *(passage.zone for passage in passages)})
    detected = egress.detect(text, None)
    zone = egress.effective_rules(slugs, detected)
    request = routing.Request(
        text=text,
        task=task,
        has_documents=bool(zone_ids),
        zone=zone,
        refuse=lambda each: (
            egress.get_refusal(zone, detected, each) or get_refusal(assistant, each)
        ),
        payer=Payer(user.pk, assistant.department_id),
        passages=passages,
    )
    try:
        plan = routing.plan_route(request)
        route, candidates, costs = plan.route, plan.candidates, plan.costs
        order = {spec.slug: place for place, spec in enumerate(route.deployments, start=1)}
        refusals = {refusal.deployment: refusal.reason for refusal in route.refusals}
        rule, notice = route.rule, route.notice
    except NoRoute as refused:
        candidates, costs = routing.list_candidates(request, ())
        order, notice, rule = {}, "", refused.user_message
        refusals = {refusal.deployment: refusal.reason for refusal in refused.refusals}
    choices = [
        Choice(
            slug=each.deployment.slug,
            where=_where(each.deployment),
            place=order.get(each.deployment.slug),
            refusal=refusals.get(each.deployment.slug, ""),
            healthy=each.healthy,
            latency_ms=each.latency_ms,
            in_flight=each.in_flight,
            cost=costs[each.deployment.slug],
        )
        for each in candidates
    ]
    choices.sort(key=lambda choice: (choice.place is None, choice.place or 0, choice.slug))
    leaves = any(
        each.deployment.slug in order and each.deployment.environment != ON_PREM
        for each in candidates
    )
    sealed = ""
    replaced: dict[str, int] = {}
    if leaves and zone.treatment is Treatment.REDACT:
        sealed, replaced = preview_seal(text, egress.names_of(user))
    control.record_event(
        action="what_if.asked",
        actor=admin.get_username(),
        subject=user.get_username(),
        data={"assistant": assistant.slug, "zones": slugs},
    )
    return WhatIf(
        task=control.WORDS[task],
        difficulty=control.decide_difficulty(text, task),
        zone=label_zones(slugs, detected),
        passages=dict(Counter(passage.zone for passage in passages)),
        choices=choices,
        rule=rule,
        notice=notice,
        replaced=replaced,
        sealed=sealed,
    )


def _where(deployment: DeploymentSpec) -> str:
    if deployment.environment == ON_PREM:
        return "on the premises"
    return f"in the cloud, {deployment.region}" if deployment.region else "in the cloud"


def preview_seal(text: str, names: Sequence[str]) -> tuple[str, dict[str, int]]:
    """The text as a new conversation's first message would leave, and how many placeholders of
    each type there are. Empty where it cannot be sealed: then it stays.
    """
    seal = data.Seal()
    try:
        return seal.seal_text(text, terms=data.get_term_list(), names=names), dict(seal.counts)
    except data.SealFailed:
        return "", {}
