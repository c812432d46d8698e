"""Policies and their drafts, as people write them. What holds is decided in `policy_stages`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import AbstractUser, Group
from django.db import IntegrityError, transaction

from assistants import control
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import Assistant, Policy, PolicyVersion
from assistants.services.second_person import check_permission

VIEW_POLICIES = "assistants.view_policy"
CHANGE_POLICIES = "assistants.change_policyversion"

Stage = PolicyVersion.Stage
RULE_KEYS = ("on_failure", "appeal", "rules")


def find_policy(level: str, target: str = "") -> Policy | None:
    """The policy of the organisation, of a department by its group or an assistant by its slug."""
    found = Policy.objects.select_related("department", "assistant").filter(level=level)
    if level == Policy.Level.DEPARTMENT:
        found = found.filter(department__name=target)
    elif level == Policy.Level.ASSISTANT:
        found = found.filter(assistant__slug=target)
    return found.first()


def create_policy(user: AbstractUser | None, level: str, target: str = "") -> Policy:
    """Raises InvalidRequest where there is one already, or no such department or assistant."""
    if user is not None:
        check_permission(user, CHANGE_POLICIES)
    policy = Policy(level=level)
    if level == Policy.Level.DEPARTMENT:
        policy.department = Group.objects.filter(name=target).first()
    elif level == Policy.Level.ASSISTANT:
        policy.assistant = Assistant.objects.filter(slug=target).first()
    elif level != Policy.Level.ORGANISATION:
        raise InvalidRequest(
            f"level {level!r}",
            user_message=f"“{level}” is no level. It is organisation, department or assistant.",
        )
    if level != Policy.Level.ORGANISATION and not (policy.department or policy.assistant):
        raise InvalidRequest(
            f"no {level} {target!r}",
            user_message=f"There is no {level} “{target}” here. Make it first, or name another.",
        )
    try:
        with transaction.atomic():
            policy.save(force_insert=True)
            record("policy.created", user, policy)
    except IntegrityError as error:
        raise InvalidRequest(
            f"policy {policy} exists",
            user_message="There is a policy for this already. Change that one.",
        ) from error
    return policy


def create_draft(
    user: AbstractUser | None,
    policy: Policy,
    rules: Mapping[str, Any] | None = None,
    cases: Sequence[Any] | None = None,
) -> PolicyVersion:
    """A new version to work on: of what is given, or of what is active now, or empty."""
    if user is not None:
        check_permission(user, CHANGE_POLICIES)
    with transaction.atomic():
        lock_policy(policy)
        base = get_active(policy)
        last = policy.versions.order_by("-number").values_list("number", flat=True).first()
        version = PolicyVersion.objects.create(
            policy=policy,
            number=(last or 0) + 1,
            rules=dict(rules) if rules is not None else (base.rules if base else {"rules": []}),
            cases=list(cases) if cases is not None else (base.cases if base else []),
            author_id=user.pk if user else None,
        )
        record("policy.drafted", user, policy, version=version.number)
    return version


def save_draft(
    user: AbstractUser,
    version_id: uuid.UUID,
    *,
    edits: int,
    rules: Mapping[str, Any] | None = None,
    cases: Sequence[Any] | None = None,
) -> PolicyVersion:
    """Put rules or cases, or both, in the place of a draft's.

    `edits` is that of the draft which the person looked at: InvalidRequest where somebody else
    has saved it since, or where it is no draft any more.
    """
    check_permission(user, CHANGE_POLICIES)
    with transaction.atomic():
        version = lock_version(version_id)
        if version.stage != Stage.DRAFT:
            raise InvalidRequest(
                f"{version} is {version.stage}",
                code="not_a_draft",
                user_message="This version has left its draft and stays as it is. "
                "Make a new draft of it.",
            )
        if version.edits != edits:
            raise InvalidRequest(
                f"{version} was edited",
                code="edited_meanwhile",
                user_message="Somebody has changed this draft meanwhile. Look at it anew; "
                "what you filled in was not saved.",
            )
        if rules is not None:
            version.rules = {key: rules[key] for key in RULE_KEYS if key in rules}
        if cases is not None:
            version.cases = list(cases)
        version.edits += 1
        version.save(update_fields=["rules", "cases", "edits"])
    return version


def delete_draft(user: AbstractUser, version_id: uuid.UUID) -> None:
    check_permission(user, CHANGE_POLICIES)
    with transaction.atomic():
        version = lock_version(version_id)
        if version.stage != Stage.DRAFT:
            raise InvalidRequest(
                f"{version} is {version.stage}",
                user_message="Only a draft can be deleted. What was in force is kept.",
            )
        version.delete()
        record("policy.draft_deleted", user, version.policy, version=version.number)


def get_active(policy: Policy) -> PolicyVersion | None:
    return _at_stage(policy, Stage.ACTIVE)


def get_shadow(policy: Policy) -> PolicyVersion | None:
    return _at_stage(policy, Stage.SHADOW)


def get_version(version_id: uuid.UUID) -> PolicyVersion:
    version = (
        PolicyVersion.objects.select_related(
            "policy__department", "policy__assistant", "author", "staged_by", "before"
        )
        .filter(pk=version_id)
        .first()
    )
    if version is None:
        raise NotFound(f"policy version {version_id}")
    return version


def lock_version(version_id: uuid.UUID) -> PolicyVersion:
    """The version as it is once its policy is locked: changes of one policy take turns."""
    found = PolicyVersion.objects.filter(pk=version_id).values_list("policy", flat=True).first()
    if found is None:
        raise NotFound(f"policy version {version_id}")
    Policy.objects.select_for_update().get(pk=found)
    return get_version(version_id)


def lock_policy(policy: Policy) -> None:
    Policy.objects.select_for_update().get(pk=policy.pk)


def record(action: str, user: AbstractUser | None, policy: Policy, **data: object) -> None:
    control.record_event(
        action=action,
        actor=user.get_username() if user else "",
        subject=f"{policy.level} {policy.target}".strip(),
        data=data,
    )


def _at_stage(policy: Policy, stage: str) -> PolicyVersion | None:
    return (
        policy.versions.select_related("before", "policy__department", "policy__assistant")
        .filter(stage=stage)
        .first()
    )
