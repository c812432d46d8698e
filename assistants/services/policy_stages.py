"""Which version of a policy holds: activated, put in shadow, retired and taken back.

A version goes from draft, perhaps by shadow, to active, and is retired by the next. Every step
takes a reason and is in the audit trail; those of one policy take turns.
"""

from __future__ import annotations

import json
import uuid

from django.contrib.auth.models import AbstractUser, Group
from django.db import transaction
from django.utils import timezone

from assistants import control
from assistants.exceptions import InvalidRequest
from assistants.models import Assistant, Deployment, Policy, PolicyVersion, Zone
from assistants.services import policy_cases, registry
from assistants.services.policy_drafts import (
    create_draft,
    create_policy,
    find_policy,
    get_active,
    get_shadow,
    lock_policy,
    lock_version,
    record,
)
from assistants.services.second_person import check_permission, check_reason

ACTIVATE_POLICIES = "assistants.activate_policyversion"

Stage = PolicyVersion.Stage


def activate(
    user: AbstractUser | None,
    version_id: uuid.UUID,
    reason: str,
    *,
    instead_of: uuid.UUID | None,
) -> PolicyVersion:
    """Make it the one that holds, and retire the one before; everywhere within a second.

    `instead_of` is the version that was active when the person decided (None: none was). Raises
    PolicyInvalid where it cannot be used, and InvalidRequest unless every case passes, or where
    another is active by now: two who activate at once do not undo each other unseen.
    """
    if user is not None:
        check_permission(user, ACTIVATE_POLICIES)
    reason = check_reason(reason, "It says why this version holds.")
    with transaction.atomic():
        version = lock_version(version_id)
        active = get_active(version.policy)
        _check_seen(active, instead_of)
        if version.stage not in (Stage.DRAFT, Stage.SHADOW):
            raise InvalidRequest(
                f"{version} is {version.stage}",
                code="stage",
                user_message=f"This version is {version.get_stage_display()}. Activate a draft; "
                "what was active before comes back by “roll back”.",
            )
        _check(version)
        version.before = active
        _replace(active, version, user, reason)
        record(
            "policy.activated",
            user,
            version.policy,
            version=version.number,
            before=active.number if active else 0,
            sha256=control.sha256_of(_written(version)),
            reason=reason,
        )
    registry.forget()
    return version


def roll_back(
    user: AbstractUser | None, policy: Policy, reason: str, *, instead_of: uuid.UUID | None
) -> PolicyVersion:
    """The version that was active before `instead_of` holds again, at once.

    Its cases passed when it began, and are not run again. Raises InvalidRequest where another
    than `instead_of` is active by now, or there was none before.
    """
    if user is not None:
        check_permission(user, ACTIVATE_POLICIES)
    reason = check_reason(reason, "It says why the version before is better.")
    with transaction.atomic():
        lock_policy(policy)
        active = get_active(policy)
        _check_seen(active, instead_of)
        before = active.before if active else None
        if active is None or before is None:
            raise InvalidRequest(
                f"{policy} has no version before",
                code="nothing_before",
                user_message="There is no version before this one to go back to.",
            )
        _replace(active, before, user, reason)
        record(
            "policy.rolled_back",
            user,
            policy,
            version=before.number,
            before=active.number,
            reason=reason,
        )
    registry.forget()
    return before


def put_in_shadow(user: AbstractUser | None, version_id: uuid.UUID, reason: str) -> PolicyVersion:
    """Let it decide beside the active one, which alone holds. One in shadow before is retired."""
    if user is not None:
        check_permission(user, ACTIVATE_POLICIES)
    reason = check_reason(reason, "It says what is to be seen.")
    with transaction.atomic():
        version = lock_version(version_id)
        if version.stage != Stage.DRAFT:
            raise InvalidRequest(
                f"{version} is {version.stage}",
                code="stage",
                user_message="Only a draft goes into shadow. Make a new draft of this version.",
            )
        _check(version, cases=False)
        _replace(get_shadow(version.policy), version, user, reason, Stage.SHADOW)
        record("policy.shadowed", user, version.policy, version=version.number, reason=reason)
    registry.forget()
    return version


def retire(user: AbstractUser, version_id: uuid.UUID, reason: str) -> PolicyVersion:
    """End its shadow, or, of a department or an assistant, that it holds.

    The organisation always has a policy: there only another version ends an active one.
    """
    check_permission(user, ACTIVATE_POLICIES)
    reason = check_reason(reason, "It says why it ends.")
    with transaction.atomic():
        version = lock_version(version_id)
        if version.stage not in (Stage.ACTIVE, Stage.SHADOW):
            raise InvalidRequest(
                f"{version} is {version.stage}",
                code="stage",
                user_message=f"This version is {version.get_stage_display()}: "
                "there is nothing to end.",
            )
        if version.stage == Stage.ACTIVE and version.policy.level == Policy.Level.ORGANISATION:
            raise InvalidRequest(
                f"{version} is the organisation's",
                code="needs_a_policy",
                user_message="The organisation always has a policy. Activate another version "
                "instead.",
            )
        was = version.stage
        _stage(version, Stage.RETIRED, user, reason)
        record(
            "policy.retired", user, version.policy, version=version.number, was=was, reason=reason
        )
    registry.forget()
    return version


def find_unknown(version: PolicyVersion) -> list[str]:
    """Sentences on what its rules name and is not here: a misspelt group would never fit."""
    known = {
        "zones": set(Zone.objects.values_list("slug", flat=True)),
        "assistants": set(Assistant.objects.values_list("slug", flat=True)),
        "deployments": set(Deployment.objects.values_list("slug", flat=True)),
    }
    groups = set(Group.objects.values_list("name", flat=True))
    known.update({"departments": groups, "groups": groups, "except_groups": groups})
    told = []
    for rule in version.rules.get("rules", []):
        for field, names in known.items():
            missing = sorted(set(rule["when"].get(field, [])) - names)
            if missing:
                told.append(
                    f"Rule “{rule['name']}”, {field.replace('_', ' ')}: there is no "
                    f"{', '.join(missing)} here."
                )
        reviewers = rule["then"].get("reviewers", "")
        if reviewers and reviewers not in groups:
            told.append(f"Rule “{rule['name']}”: there is no group {reviewers} to review.")
    return told


def _written(version: PolicyVersion) -> str:
    """Its content as a text, the same for the same content: receipts hash no floats."""
    return json.dumps({"rules": version.rules, "cases": version.cases}, sort_keys=True)


def _check(version: PolicyVersion, *, cases: bool = True) -> None:
    """Raises PolicyInvalid or InvalidRequest for a version that must not decide."""
    policy_cases.parse(version)
    unknown = find_unknown(version)
    if unknown:
        raise InvalidRequest(
            f"{version}: {unknown}", code="unknown_names", user_message="\n".join(unknown)
        )
    if not cases:
        return
    results = policy_cases.run_cases(version)
    failed = [result for result in results if not result.passed]
    if not results or failed:
        told = "\n".join(f"Case “{each.case.name}”: {each.why}" for each in failed)
        raise InvalidRequest(
            f"{version}: {len(failed)} cases fail",
            code="cases_fail",
            user_message=f"It cannot hold yet. {told}"
            if failed
            else "It cannot hold yet: give at least one example case, so that it is known to do "
            "what it should.",
        )


def _check_seen(active: PolicyVersion | None, seen: uuid.UUID | None) -> None:
    if (active.pk if active else None) != seen:
        raise InvalidRequest(
            f"{active} is active by now",
            code="activated_meanwhile",
            user_message="Another version has been activated meanwhile. "
            "Look at the differences anew.",
        )


def _replace(
    current: PolicyVersion | None,
    version: PolicyVersion,
    user: AbstractUser | None,
    reason: str,
    stage: str = Stage.ACTIVE,
) -> None:
    """The current one goes first: at no moment are there two."""
    if current is not None:
        _stage(current, Stage.RETIRED, user, f"Replaced by version {version.number}: {reason}")
    _stage(version, stage, user, reason)


def _stage(version: PolicyVersion, stage: str, user: AbstractUser | None, reason: str) -> None:
    version.stage, version.reason = stage, reason
    version.staged_by_id = user.pk if user else None
    version.staged = timezone.now()
    version.save(update_fields=["stage", "reason", "staged_by", "staged", "before"])


def sync_shipped() -> None:
    """Put the policies that ship in force where there is none yet; for a start of the product."""
    for shipped in control.policy.list_shipped():
        level = shipped.level.name.lower()
        if find_policy(level, shipped.target) is not None:
            continue
        if shipped.target and not Group.objects.filter(name=shipped.target).exists():
            continue
        with transaction.atomic():
            policy = create_policy(None, level, shipped.target)
            version = create_draft(None, policy, shipped.rules, shipped.cases)
            _stage(version, Stage.ACTIVE, None, "It comes with the product.")
            record("policy.activated", None, policy, version=version.number, before=0)
    registry.forget()
