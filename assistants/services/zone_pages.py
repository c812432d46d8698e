"""What an admin reads of zones: the list, what a change would do, and who may run where."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.contrib.auth.models import AbstractUser, User
from django.db.models import Count, QuerySet

from assistants import data
from assistants.models import (
    Answer,
    Assistant,
    Conversation,
    Deployment,
    Zone,
    ZoneChange,
)
from assistants.services.moves import list_looser
from assistants.services.second_person import (
    VIEW_ZONES,
    check_permission,
    get_organisation,
    takes_two,
)
from assistants.services.zones import (
    Difference,
    ZoneState,
    decide_zone_change,
    get_state,
    list_differences,
)
from assistants.types import ON_PREM, Treatment, ZoneRules

PEOPLE_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Cell:
    """What one deployment may be given of one zone: how, or the sentence why not."""

    deployment: str
    permitted: bool
    says: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    zone: Zone
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Zones by deployments; `deployments` are in the order of each row's cells."""

    deployments: list[Deployment]
    rows: list[MatrixRow]


@dataclass(frozen=True, slots=True)
class People:
    """So many, and the first of them by name."""

    number: int
    names: list[str]


@dataclass(frozen=True, slots=True)
class ZoneEntry:
    """One line of the list of zones."""

    contents: data.ZoneContents
    waiting: int


@dataclass(frozen=True, slots=True)
class ZonePreview:
    """What a change of a zone would do. `looser` are sentences; `opened` and `closed` cells."""

    changed: list[Difference]
    looser: list[str]
    takes_two: bool
    at_once: list[Difference]
    contents: data.ZoneContents
    conversations: int
    gain: People
    lose: People
    opened: list[Cell]
    closed: list[Cell]
    assistants: list[str]


@dataclass(frozen=True, slots=True)
class MovePreview:
    """What the move of a document would do."""

    target: Zone
    looser: list[str]
    takes_two: bool
    chunks: int
    answers: int
    gain: People
    lose: People
    opened: list[Cell]
    closed: list[Cell]
    assistants_before: list[str]
    assistants_after: list[str]


def get_matrix(user: AbstractUser) -> Matrix:
    """What may run where. Deployments that are switched off are there too."""
    check_permission(user, VIEW_ZONES)
    deployments = list(Deployment.objects.all())
    rows = [
        MatrixRow(zone, [_cell(zone.rules, deployment) for deployment in deployments])
        for zone in Zone.objects.all()
    ]
    return Matrix(deployments, rows)


def list_zone_entries() -> dict[int, ZoneEntry]:
    """Of every zone, by its primary key."""
    contents = data.count_zone_contents()
    waiting = dict(
        ZoneChange.objects.filter(status=ZoneChange.Status.WAITING)
        .values_list("zone")
        .annotate(number=Count("pk"))
        .values_list("zone", "number")
    )
    return {
        zone: ZoneEntry(contents.get(zone, data.ZoneContents()), waiting.get(zone, 0))
        for zone in Zone.objects.values_list("pk", flat=True)
    }


def get_contents(zone: Zone) -> data.ZoneContents:
    return data.count_zone_contents().get(zone.pk, data.ZoneContents())


def list_cells(zone: Zone) -> list[Cell]:
    """Which models may see this zone, and which may not."""
    return [_cell(zone.rules, deployment) for deployment in Deployment.objects.all()]


def list_readers(zone: Zone) -> People:
    return _people(_readers([group.name for group in zone.readers.all()]))


def list_assistants(zone: Zone) -> list[str]:
    """Names of the assistants that look for passages in it."""
    return list(Assistant.objects.filter(zones=zone).values_list("name", flat=True))


def preview_zone(user: AbstractUser, zone: Zone | None, wanted: ZoneState) -> ZonePreview:
    """What saving would do; nothing is changed. `zone` of None is one that is not yet made."""
    check_permission(user, VIEW_ZONES)
    before = get_state(zone) if zone else None
    contents = data.count_zone_contents().get(zone.pk) if zone else None
    plan = (
        decide_zone_change(before, wanted, get_organisation().second_person_from)
        if before
        else None
    )
    opened, closed = _shift(
        before.rules if before else None, wanted.rules, zone.slug if zone else ""
    )
    old_readers = before.readers if before else ()
    return ZonePreview(
        changed=list_differences(before, wanted) if before else [],
        looser=plan.looser if plan else [],
        takes_two=bool(plan and plan.takes_two),
        at_once=list_differences(before, plan.at_once) if before and plan else [],
        contents=contents or data.ZoneContents(),
        conversations=_count_conversations(zone.slug) if zone else 0,
        gain=_people(_readers(wanted.readers).exclude(pk__in=_readers(old_readers))),
        lose=_people(_readers(old_readers).exclude(pk__in=_readers(wanted.readers))),
        opened=opened,
        closed=closed,
        assistants=list_assistants(zone) if zone else [],
    )


def preview_move(user: AbstractUser, document_id: uuid.UUID, target: Zone) -> MovePreview:
    """What moving a document would do; nothing is changed. Raises as the move itself would."""
    check_permission(user, VIEW_ZONES)
    document = data.get_document(document_id)
    data.check_move(document, target)
    looser = list_looser(document.zone, target)
    opened, closed = _shift(document.zone.rules, target.rules, target.slug)
    before, after = (
        _readers([group.name for group in zone.readers.all()]) for zone in (document.zone, target)
    )
    with data.rights_of_system():
        made = Answer.objects.filter(
            receipt__passages__contains=[{"document": str(document_id)}]
        ).count()
    return MovePreview(
        target=target,
        looser=looser,
        takes_two=bool(looser) and takes_two(document.zone.sensitivity),
        chunks=data.count_chunks(document_id),
        answers=made,
        gain=_people(after.exclude(pk__in=before)),
        lose=_people(before.exclude(pk__in=after)),
        opened=opened,
        closed=closed,
        assistants_before=list_assistants(document.zone),
        assistants_after=list_assistants(target),
    )


def _count_conversations(slug: str) -> int:
    with data.rights_of_system():
        return Conversation.objects.filter(zones__contains=[slug]).count()


def _cell(rules: ZoneRules, deployment: Deployment) -> Cell:
    reason = data.refusal(rules, deployment.spec.place)
    if reason:
        return Cell(deployment.slug, False, reason)
    if deployment.environment == ON_PREM:
        return Cell(deployment.slug, True, "as it is written, on the premises")
    where = f"in a cloud, {deployment.region}" if deployment.region else "in a cloud"
    how = "sealed" if rules.treatment is Treatment.REDACT else "as it is written"
    return Cell(deployment.slug, True, f"{how}, {where}")


def _shift(before: ZoneRules | None, after: ZoneRules, name: str) -> tuple[list[Cell], list[Cell]]:
    """The deployments that become possible, and those that become impossible; `before` of None
    is a zone that is not yet made: all are one or the other.
    """
    named = replace(after, names=frozenset({name} - {""}))
    opened: list[Cell] = []
    closed: list[Cell] = []
    for deployment in Deployment.objects.filter(enabled=True):
        was = _cell(before, deployment).permitted if before else None
        cell = _cell(named, deployment)
        if cell.permitted != was:
            (opened if cell.permitted else closed).append(cell)
    return opened, closed


def _readers(groups: Iterable[str]) -> QuerySet[User]:
    return User.objects.filter(groups__name__in=list(groups), is_active=True).distinct()


def _people(users: QuerySet[User]) -> People:
    names = list(users.order_by("username").values_list("username", flat=True)[: PEOPLE_SHOWN + 1])
    if len(names) <= PEOPLE_SHOWN:
        return People(len(names), names)
    return People(users.count(), names[:PEOPLE_SHOWN])
