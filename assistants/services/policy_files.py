"""Policies as files: exported, imported, compared and tested. JSON, since both ways are at hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.contrib.auth.models import AbstractUser, Group

from assistants import control
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import Assistant, Policy, PolicyVersion
from assistants.services import policy_cases
from assistants.services.policy_drafts import (
    RULE_KEYS,
    create_draft,
    create_policy,
    find_policy,
    get_active,
)

LARGEST_FILE = 2 * 1024 * 1024  # bytes
KEYS = ("level", "target", *RULE_KEYS, "cases")


def export_version(version: PolicyVersion) -> dict[str, Any]:
    """The file of a version, as `read_file` takes it."""
    policy = version.policy
    written: dict[str, Any] = {"level": str(policy.level)}
    if policy.target:
        written["target"] = policy.target
    return {**written, **version.rules, "cases": version.cases}


def write_file(version: PolicyVersion) -> str:
    return json.dumps(export_version(version), ensure_ascii=False, indent=2) + "\n"


def read_file(path: Path) -> dict[str, Any]:
    """Raises InvalidRequest with what to do for whatever is no policy's file."""
    try:
        with path.open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InvalidRequest(
            str(error), user_message=f"{path} cannot be read: {error.strerror or error}."
        ) from error
    return read_text(content, path.name)


def read_text(content: bytes, name: str) -> dict[str, Any]:
    if len(content) > LARGEST_FILE:
        raise InvalidRequest("large", user_message=f"{name} is larger than 2 MB: it is no policy.")
    try:
        given = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            str(error), user_message=f"{name} is no JSON: {error}. Export one to see the form."
        ) from error
    if not isinstance(given, Mapping):
        raise InvalidRequest(
            "no object", user_message=f"{name} holds no object. Export one to see the form."
        )
    unknown = [key for key in given if key not in KEYS]
    if unknown:
        raise InvalidRequest(
            f"{unknown}",
            user_message=f"{name} has “{unknown[0]}”, which is not known here. "
            f"Known are {', '.join(KEYS)}.",
        )
    if not isinstance(given.get("level"), str) or not isinstance(given.get("target", ""), str):
        raise InvalidRequest(
            "no level",
            user_message=f"{name} does not say whose policy it is: give “level” (organisation, "
            "department or assistant) and, but for the organisation, “target”.",
        )
    return dict(given)


def import_file(user: AbstractUser | None, given: Mapping[str, Any]) -> PolicyVersion | None:
    """A draft of what the file says; None where that holds already. Makes the policy if need be.

    Raises PolicyInvalid with every mistake; nothing is stored then.
    """
    level, target = given["level"], given.get("target", "")
    policy = find_policy(level, target)
    version = build_version(given, policy)
    policy_cases.parse(version)
    active = get_active(policy) if policy else None
    if active and (active.rules, active.cases) == (version.rules, version.cases):
        return None
    return create_draft(
        user, policy or create_policy(user, level, target), version.rules, version.cases
    )


def build_version(given: Mapping[str, Any], policy: Policy | None = None) -> PolicyVersion:
    """What the file says, as a version that is not stored."""
    level, target = given["level"], given.get("target", "")
    if level not in Policy.Level.values:
        raise InvalidRequest(
            f"level {level!r}",
            user_message=f"“{level}” is no level. It is organisation, department or assistant.",
        )
    policy = policy or find_policy(level, target) or Policy(level=level)
    if policy._state.adding and level == Policy.Level.DEPARTMENT:
        policy.department = Group.objects.filter(name=target).first()
    if policy._state.adding and level == Policy.Level.ASSISTANT:
        policy.assistant = Assistant.objects.filter(slug=target).first()
    rules = {key: given[key] for key in RULE_KEYS if key in given}
    return PolicyVersion(policy=policy, number=0, rules=rules, cases=given.get("cases", []))


def compare(old: PolicyVersion | None, new: PolicyVersion) -> list[control.policy.Difference]:
    """What changes from one to the other; from nothing where there is no old one."""
    after = policy_cases.parse_rules(new)
    before = (
        control.parse_policy(
            old.rules, level=after.level, name=after.name, version=old.number, stored=True
        )
        if old
        else control.PolicyRules(level=after.level, on_failure=after.on_failure)
    )
    return list(control.difference(before, after))


def find_version(level: str, target: str, number: int | None = None) -> PolicyVersion:
    """The version of this number, or the active one. Raises NotFound."""
    policy = find_policy(level, target)
    name = f"{level} {target}".strip()
    if policy is None:
        raise NotFound(name, user_message=f"There is no policy of {name}.")
    if number is None:
        version = get_active(policy)
    else:
        version = policy.versions.filter(number=number).first()
    if version is None:
        which = "active version" if number is None else f"version {number}"
        raise NotFound(name, user_message=f"The policy of {name} has no {which}.")
    return version
