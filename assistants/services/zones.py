"""Zones as people change them.

What gets stricter holds at once. What gets looser takes a reason and, from the sensitivity that
the organisation has set, a second person; until then the zone is the join of old and new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from django.contrib.auth.models import AbstractUser, Group
from django.core.exceptions import ValidationError
from django.db import transaction

from assistants import control, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import Organisation, Zone, ZoneChange
from assistants.services import registry
from assistants.services.second_person import (
    ADD_ZONES,
    CHANGE_ORGANISATION,
    CHANGE_ZONES,
    check_permission,
    check_reason,
    get_organisation,
)
from assistants.types import CLOUD, ON_PREM, Sensitivity, Treatment, ZoneRules

TREATMENTS = {
    Treatment.ALLOW: "as it is written",
    Treatment.REDACT: "sealed: what is sensitive is replaced",
    Treatment.DENY: "never",
}


@dataclass(frozen=True, slots=True)
class ZoneState:
    """All of a zone that a person decides. `readers` are names of groups, `raise_to` a slug."""

    name: str
    description: str
    sensitivity: int
    residency: tuple[str, ...]
    treatment: str
    retention_days: int | None
    readers: tuple[str, ...]
    on_detection: str
    raise_to: str

    @property
    def rules(self) -> ZoneRules:
        return ZoneRules(
            sensitivity=Sensitivity(self.sensitivity),
            residency=frozenset(self.residency),
            treatment=Treatment(self.treatment),
            retention_days=self.retention_days,
        )

    def with_changes(self, changes: Mapping[str, Any]) -> ZoneState:
        """Raises InvalidRequest for a field that a zone does not have."""
        unknown = set(changes) - {field.name for field in fields(self)}
        if unknown:
            raise InvalidRequest(f"fields {sorted(unknown)}")
        ordered: dict[str, Any] = {
            key: tuple(sorted(value)) if key in ("residency", "readers") else value
            for key, value in changes.items()
        }
        return replace(self, **ordered)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that changes, in words."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ZonePlan:
    """What becomes of a wanted change: what holds at once, and what is looser than before.

    `looser` are sentences. With `takes_two`, the way from `at_once` to what is wanted waits.
    """

    at_once: ZoneState
    looser: list[str]
    takes_two: bool


@dataclass(frozen=True, slots=True)
class ZoneOutcome:
    """What a change did: the fields that hold now, and what waits for a second person, if any."""

    zone: Zone
    changed: list[Difference]
    waiting: ZoneChange | None = None


def get_state(zone: Zone) -> ZoneState:
    return ZoneState(
        name=zone.name,
        description=zone.description,
        sensitivity=zone.sensitivity,
        residency=tuple(sorted(zone.residency)),
        treatment=zone.treatment,
        retention_days=zone.retention_days,
        readers=tuple(sorted(group.name for group in zone.readers.all())),
        on_detection=zone.on_detection,
        raise_to=zone.raise_to.slug if zone.raise_to else "",
    )


def decide_zone_change(before: ZoneState, after: ZoneState, second_person_from: int) -> ZonePlan:
    """Pure: what of the change holds at once, what is looser, and whether that takes two."""
    looser = data.loosens(before.rules, after.rules, set(after.readers) - set(before.readers))
    two = bool(looser) and max(before.sensitivity, after.sensitivity) >= second_person_from
    if not two:
        return ZonePlan(after, looser, takes_two=False)
    joined = data.join_zones([before.rules, after.rules])
    at_once = after.with_changes(
        {
            "sensitivity": int(joined.sensitivity),
            "residency": joined.residency,
            "treatment": str(joined.treatment),
            "retention_days": joined.retention_days,
            "readers": set(before.readers) & set(after.readers),
        }
    )
    return ZonePlan(at_once, looser, takes_two=True)


def create_zone(user: AbstractUser, slug: str, state: ZoneState) -> Zone:
    """A zone without documents. Raises InvalidRequest for a slug or a field that will not do."""
    check_permission(user, ADD_ZONES)
    with transaction.atomic():
        zone = Zone(slug=slug)
        _store(zone, state)
        control.record_event(
            action="zone.created",
            actor=user.get_username(),
            subject=zone.slug,
            data={"after": as_json(state)},
        )
    registry.forget()
    return zone


def change_zone(
    user: AbstractUser, slug: str, changes: Mapping[str, Any], reason: str = ""
) -> ZoneOutcome:
    """Change fields of a zone (those of ZoneState); a loosening needs a reason, or two persons.

    Raises InvalidRequest where the user may not, a reason is missing, or a change waits already.
    """
    check_permission(user, CHANGE_ZONES)
    with transaction.atomic():
        zone = lock_zone(slug)
        before = get_state(zone)
        wanted = before.with_changes(changes)
        plan = decide_zone_change(before, wanted, get_organisation().second_person_from)
        if plan.looser:
            reason = check_reason(reason, " ".join(plan.looser))
        if plan.takes_two and zone.changes.filter(**WAITING_ZONE).exists():
            raise InvalidRequest(
                "a change waits",
                code="change_waits",
                user_message="A change of this zone waits for a second person already. "
                "It has to be decided or withdrawn first.",
            )
        _store(zone, plan.at_once)
        waiting = _record_loosening(user, zone, before, wanted, plan, reason)
        changed = list_differences(before, plan.at_once)
        if changed:
            control.record_event(
                action="zone.changed",
                actor=user.get_username(),
                subject=zone.slug,
                data=_changed_json(before, plan.at_once) | {"reason": reason},
            )
        if waiting:
            control.record_event(
                action="zone.change_requested",
                actor=user.get_username(),
                subject=zone.slug,
                data={
                    "change": str(waiting.pk),
                    "before": waiting.before,
                    "after": waiting.after,
                    "reason": reason,
                },
            )
    registry.forget()
    return ZoneOutcome(zone, changed, waiting)


WAITING_ZONE = {
    "status": ZoneChange.Status.WAITING,
    "kind": ZoneChange.Kind.CHANGE_ZONE,
}


def apply_zone_change(change: ZoneChange) -> None:
    """Carry out what waited, in the transaction of whoever decided it.

    Raises InvalidRequest where the zone is no longer what the change was asked for.
    """
    zone = lock_zone(change.zone.slug)
    now = get_state(zone)
    if any(as_json(now)[field] != value for field, value in change.before.items()):
        raise InvalidRequest(
            f"change {change.pk} is out of date",
            code="out_of_date",
            user_message="The zone has been changed since this was asked for. "
            "Refuse it, and have it asked for again.",
        )
    _store(zone, now.with_changes(change.after))


def change_organisation(
    user: AbstractUser,
    second_person_from: int,
    *,
    review_minutes: int | None = None,
    review_escalation: Group | None = None,
) -> None:
    """From which sensitivity on a loosening takes two, how long reviews may wait and who decides
    what is escalated (None for the minutes leaves both). Raising the first loosens every zone
    below, so it is recorded with what it was.
    """
    check_permission(user, CHANGE_ORGANISATION)
    with transaction.atomic():
        organisation = get_organisation()
        before = _written(organisation)
        organisation.second_person_from = second_person_from
        if review_minutes is not None:
            organisation.review_minutes = review_minutes
            organisation.review_escalation = review_escalation
        organisation.save()
        after = _written(organisation)
        changed = [name for name in after if after[name] != before[name]] or list(after)
        control.record_event(
            action="organisation.changed",
            actor=user.get_username(),
            subject="organisation",
            data={
                "before": {name: before[name] for name in changed},
                "after": {name: after[name] for name in changed},
            },
        )


def _written(organisation: Organisation) -> dict[str, object]:
    escalation = organisation.review_escalation
    return {
        "second_person_from": organisation.second_person_from,
        "review_minutes": organisation.review_minutes,
        "review_escalation": escalation.name if escalation else None,
    }


def lock_zone(slug: str) -> Zone:
    zone = Zone.objects.select_for_update(of=("self",)).filter(slug=slug).first()
    if zone is None:
        raise NotFound(f"zone {slug}")
    return zone


def _record_loosening(
    user: AbstractUser,
    zone: Zone,
    before: ZoneState,
    wanted: ZoneState,
    plan: ZonePlan,
    reason: str,
) -> ZoneChange | None:
    """The row of a loosening, if there is one; returned where it waits."""
    if not plan.looser:
        return None
    start = plan.at_once if plan.takes_two else before
    change = ZoneChange(
        kind=ZoneChange.Kind.CHANGE_ZONE,
        zone=zone,
        reason=reason,
        requested_by_id=user.pk,
        status=ZoneChange.Status.WAITING if plan.takes_two else ZoneChange.Status.APPLIED,
        **_changed_json(start, wanted),
    )
    change.save(force_insert=True)
    return change if plan.takes_two else None


def _store(zone: Zone, state: ZoneState) -> None:
    zone.name, zone.description = state.name, state.description
    zone.sensitivity, zone.treatment = state.sensitivity, state.treatment
    zone.residency, zone.retention_days = list(state.residency), state.retention_days
    zone.on_detection = state.on_detection
    zone.raise_to = _raised_zone(zone, state)
    readers = list(Group.objects.filter(name__in=state.readers))
    missing = set(state.readers) - {group.name for group in readers}
    if missing:
        raise InvalidRequest(
            f"groups {sorted(missing)}",
            user_message=f"There is no group {', '.join(sorted(missing))} (any more).",
        )
    try:
        zone.full_clean()
    except ValidationError as error:
        raise InvalidRequest(str(error), user_message=" ".join(error.messages)) from error
    zone.save()
    if {group.pk for group in readers} != {group.pk for group in zone.readers.all()}:
        zone.readers.set(readers)


def _raised_zone(zone: Zone, state: ZoneState) -> Zone | None:
    """The zone that documents are raised to; it must be stricter, or raising would loosen."""
    raised = Zone.objects.filter(slug=state.raise_to).first() if state.raise_to else None
    if state.on_detection == Zone.OnDetection.RAISE and raised is None:
        raise InvalidRequest(
            "raise to no zone", user_message="Name the zone that documents are to be moved to."
        )
    if raised is not None and (
        raised.sensitivity <= state.sensitivity or data.loosens(state.rules, raised.rules)
    ):
        raise InvalidRequest(
            f"{raised.slug} is not stricter than {zone.slug}",
            user_message=f"{raised.name} must be more sensitive than this zone and in nothing "
            "looser, or documents would be moved out of their protection.",
        )
    return raised


# -- in words -------------------------------------------------------------------------------------

_LABELS = {
    "name": "Name",
    "description": "Description",
    "sensitivity": "Sensitivity",
    "residency": "May be processed",
    "treatment": "Leaves the premises",
    "retention_days": "Is kept",
    "readers": "Readers",
    "on_detection": "A document that proves more sensitive",
    "raise_to": "Is moved to",
}


def as_json(state: ZoneState) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(state).items()
    }


def _changed_json(before: ZoneState, after: ZoneState) -> dict[str, dict[str, Any]]:
    old, new = as_json(before), as_json(after)
    changed = [key for key in old if old[key] != new[key]]
    return {
        "before": {key: old[key] for key in changed},
        "after": {key: new[key] for key in changed},
    }


def list_differences(before: ZoneState, after: ZoneState) -> list[Difference]:
    changed = _changed_json(before, after)
    return describe_change(changed["before"], changed["after"])


def describe_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """The fields of a stored change, in words."""
    return [
        Difference(label, _in_words(field, before.get(field)), _in_words(field, after[field]))
        for field, label in _LABELS.items()
        if field in after
    ]


def describe_state(state: ZoneState) -> list[Difference]:
    """All fields of a zone, in words; as a change from nothing to what is."""
    now = as_json(state)
    return [Difference(label, "", _in_words(field, now[field])) for field, label in _LABELS.items()]


def _in_words(field: str, value: Any) -> str:
    if field == "sensitivity":
        return Sensitivity(value).name.lower()
    if field == "residency":
        return places_in_words(value)
    if field == "treatment":
        return TREATMENTS[Treatment(value)]
    if field == "retention_days":
        return data.days_in_words(value)
    if field == "readers":
        return ", ".join(value) or "nobody"
    if field == "on_detection":
        return str(Zone.OnDetection(value).label)
    return str(value or "–")


def places_in_words(places: Iterable[str]) -> str:
    """Where a residency lets text be processed: it always may on the premises."""
    outside = sorted(place for place in places if place.split(":")[0] != ON_PREM)
    named = [
        "any cloud" if place == CLOUD else f"a cloud in {place.partition(':')[2]}"
        for place in outside
    ]
    return "on the premises" + (f", or in {' or '.join(named)}" if named else " only")
