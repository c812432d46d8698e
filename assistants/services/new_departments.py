"""A new department's assistant, from one form: its group and people, a zone, a policy, a draft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from django.contrib.auth.models import AbstractUser, Group, User
from django.db import transaction
from django.utils.text import slugify

from assistants import control, data
from assistants.exceptions import InvalidRequest
from assistants.models import AssistantVersion, DocumentVersion, Policy, Zone
from assistants.services import assistant_states, assistant_versions, policy_drafts, registry, zones
from assistants.services.assistant_states import AssistantState
from assistants.services.second_person import check_permission
from assistants.types import ON_PREM, Treatment

ADD_GROUPS = "auth.add_group"
CHANGE_USERS = "auth.change_user"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the form says. `department` is an existing group's name unless `new_department` is."""

    slug: str
    department: str
    state: AssistantState
    new_department: str = ""
    people: Sequence[User] = ()
    new_zone: str = ""
    own_policy: bool = False
    questions: Sequence[dict[str, str]] = field(default_factory=list)


def create_department_assistant(user: AbstractUser, wanted: Wanted) -> AssistantVersion:
    """All of it, or none: the draft. Raises InvalidRequest with what to do."""
    try:
        with transaction.atomic():
            department = _department(user, wanted)
            if wanted.people:
                _add_people(user, department, wanted.people)
            state = wanted.state
            if wanted.new_zone:
                zone = _zone(user, wanted, department)
                state = replace(state, zones=tuple(sorted({*state.zones, zone.slug})))
            version = assistant_versions.create_assistant(
                user, wanted.slug, department, state, wanted.questions
            )
            if wanted.own_policy:
                policy = policy_drafts.create_policy(user, Policy.Level.ASSISTANT, wanted.slug)
                policy_drafts.create_draft(user, policy)
    finally:
        registry.forget()  # also where it was taken back
    return version


def find_notices(version: AssistantVersion) -> list[str]:
    """What would surprise its people: zones that the department may not read, nobody in it."""
    department = version.assistant.department
    state = assistant_states.read_state(version)
    notices = []
    unread = Zone.objects.filter(slug__in=state.zones).exclude(readers=department)
    for zone in unread:
        notices.append(
            f"The department {department.name} may not read the zone {zone.name}: unless its "
            "people may by another group, they find nothing there."
        )
    with data.rights_of_system():
        filled = set(
            DocumentVersion.objects.filter(current=True, zone__slug__in=state.zones)
            .values_list("zone__slug", flat=True)
            .distinct()
        )
    for zone in Zone.objects.filter(slug__in=set(state.zones) - filled):
        notices.append(
            f"The zone {zone.name} holds no document that can be searched yet: whoever reads it "
            "uploads some under Documents, or a source brings them."
        )
    if not department.user_set.filter(is_active=True).exists():
        notices.append(f"Nobody is in the department {department.name} yet.")
    policies = Policy.objects.filter(assistant=version.assistant, versions__stage="draft")
    if policies.exists():
        notices.append(
            "Its own policy is still a draft: until that is activated, the "
            "organisation's and the department's hold alone."
        )
    return notices


def _department(user: AbstractUser, wanted: Wanted) -> Group:
    if not wanted.new_department:
        found = Group.objects.filter(name=wanted.department).first()
        if found is None:
            raise InvalidRequest(
                f"department {wanted.department}",
                user_message="There is no such department any more. Choose another.",
            )
        return found
    check_permission(user, ADD_GROUPS)
    made, created = Group.objects.get_or_create(name=wanted.new_department.strip())
    if created:
        control.record_event(
            action="group.created",
            actor=user.get_username(),
            subject=made.name,
            data={"permissions": []},
        )
    return made


def _add_people(user: AbstractUser, department: Group, people: Sequence[User]) -> None:
    check_permission(user, CHANGE_USERS)
    for each in people:
        each.groups.add(department)
        control.record_event(
            action="user.changed",
            actor=user.get_username(),
            subject=each.get_username(),
            data={
                "groups": sorted(each.groups.values_list("name", flat=True)),
                "active": each.is_active,
                "staff": each.is_staff,
                "superuser": each.is_superuser,
            },
        )


def _zone(user: AbstractUser, wanted: Wanted, department: Group) -> Zone:
    """As strict as a zone can be, read by the department alone."""
    slug = slugify(wanted.new_zone)[:50]
    if not slug or Zone.objects.filter(slug=slug).exists():
        raise InvalidRequest(
            f"zone {slug!r}",
            user_message=f"There is a zone “{slug}” already: tick it, or choose another name."
            if slug
            else "Give the zone a name with letters in it.",
        )
    state = zones.ZoneState(
        name=wanted.new_zone.strip(),
        description="",
        sensitivity=3,
        residency=(ON_PREM,),
        treatment=str(Treatment.DENY),
        retention_days=None,
        readers=(department.name,),
        on_detection=str(Zone.OnDetection.HOLD),
        raise_to="",
    )
    return zones.create_zone(user, slug, state)
