"""What needs somebody, on the console's home: each with its page, for whoever may open that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import AbstractUser
from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from assistants import compute
from assistants.models import (
    DocumentVersion,
    Incident,
    PolicyVersion,
    ZoneChange,
    first_id_at,
)
from assistants.services import budgets, registry, reviews
from assistants.services.policy_drafts import VIEW_POLICIES
from assistants.services.second_person import VIEW_DOCUMENTS

SOON = timedelta(minutes=15)
INCIDENT_DAYS = 7
NEAR_LIMIT = 80  # per cent of a budget
MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class Attention:
    """`url` is a page's name in the console, `query` what narrows it. `urgent`: it costs somebody
    something now.
    """

    told: str
    url: str
    query: str = ""
    urgent: bool = False


def list_attention(user: AbstractUser) -> list[Attention]:
    """What waits for anybody of this person's permissions, the urgent first. Counted with the
    system's rights (services/home.py), never read.
    """
    found = [each for look in _LOOKS for each in look(user)]
    return sorted(found, key=lambda each: not each.urgent)


def _reviews(user: AbstractUser) -> Iterator[Attention]:
    if not reviews.may_see_queues(user):
        return
    waiting = reviews.count_waiting(user, soon=timezone.now() + SOON)
    page = "admin:assistants_reviewitem_changelist"
    if waiting.late:
        yield Attention(f"{_count(waiting.late, 'review is', 'reviews are')} late", page, "", True)
    if waiting.soon:
        yield Attention(
            f"{_count(waiting.soon, 'review is', 'reviews are')} due within 15 minutes", page
        )
    if waiting.later:
        yield Attention(f"{_count(waiting.later, 'review waits', 'reviews wait')}", page)


def _documents_and_incidents(user: AbstractUser) -> Iterator[Attention]:
    documents = user.has_perm(VIEW_DOCUMENTS)
    incidents = user.has_perm("assistants.view_incident")
    failed = held = taken_back = 0
    if documents:
        failed, held = _count_unread()
    if incidents:
        since = first_id_at(timezone.now() - timedelta(days=INCIDENT_DAYS))
        taken_back = Incident.objects.filter(pk__gte=since)[:MOST_COUNTED].count()
    if failed:
        yield Attention(
            f"{_count(failed, 'document', 'documents')} could not be read in",
            "admin:assistants_document_changelist",
            "status=failed",
            True,
        )
    if held:
        yield Attention(
            f"{_count(held, 'document is', 'documents are')} held: more sensitive than "
            f"{'its' if held == 1 else 'their'} zone",
            "admin:assistants_document_held",
        )
    if taken_back:
        yield Attention(
            f"{_count(taken_back, 'answer was', 'answers were')} taken back in the last "
            f"{INCIDENT_DAYS} days",
            "admin:assistants_incident_changelist",
        )


def _count_unread() -> tuple[int, int]:
    """Documents whose newest version failed, and those where it is held."""
    status = DocumentVersion.Status
    newer = DocumentVersion.objects.filter(
        document=OuterRef("document"), number__gt=OuterRef("number")
    )
    newest = DocumentVersion.objects.filter(
        ~Exists(newer), document__removed=None, status__in=[status.FAILED, status.HELD]
    )
    counted = dict(newest.values_list("status").annotate(number=Count("pk")).order_by())
    return counted.get(status.FAILED, 0), counted.get(status.HELD, 0)


def _deployments(user: AbstractUser) -> Iterator[Attention]:
    if not user.has_perm("assistants.view_deployment"):
        return
    slugs = [each.slug for each in registry.list_deployments()]
    page = "admin:assistants_deployment_changelist"
    try:
        loads = compute.get_loads(slugs, probe=False) or {}
    except compute.BROKER_DOWN:
        yield Attention("The broker does not answer: no model can be asked", page, "", True)
        return
    for slug in slugs:
        if slug in loads and not loads[slug].healthy:
            yield Attention(f"The model {slug} fails: others answer", page, f"q={slug}", True)


def _budgets(user: AbstractUser) -> Iterator[Attention]:
    if not user.has_perm("assistants.view_budget"):
        return
    for entry in budgets.list_entries():
        hard = entry.budget.hard_limit
        if not entry.budget.enabled or entry.share < NEAR_LIMIT:
            continue
        yield Attention(
            f"{entry.share} per cent of the budget of {entry.budget} are used",
            "admin:assistants_budget_changelist",
            "",
            hard is not None and entry.used >= hard,
        )


def _changes(user: AbstractUser) -> Iterator[Attention]:
    if not user.has_perm("assistants.view_zonechange"):
        return
    waiting = ZoneChange.objects.filter(status=ZoneChange.Status.WAITING)
    number = waiting.exclude(requested_by=user.pk)[:MOST_COUNTED].count()
    if number:
        yield Attention(
            f"{_count(number, 'change waits', 'changes wait')} for a second person",
            "admin:assistants_zonechange_changelist",
            "status__exact=waiting",
        )


def _shadows(user: AbstractUser) -> Iterator[Attention]:
    if not user.has_perm(VIEW_POLICIES):
        return
    shadows = PolicyVersion.objects.filter(stage=PolicyVersion.Stage.SHADOW, differing__gt=0)
    for version in shadows.select_related("policy__department", "policy__assistant"):
        yield Attention(
            f"In shadow, the policy {version.policy.name} decides {version.differing} of "
            f"{version.compared} times otherwise",
            "admin:assistants_policy_changelist",
        )


_LOOKS: tuple[Callable[[AbstractUser], Iterator[Attention]], ...] = (
    *(_reviews, _documents_and_incidents, _deployments, _budgets, _changes, _shadows),
)


def _count(number: int, one: str, many: str) -> str:
    shown = f"{number}" if number < MOST_COUNTED else f"{MOST_COUNTED} or more"
    return f"{shown} {one if number == 1 else many}"
