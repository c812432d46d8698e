"""What changes from one version of a policy to another, and policies as they are written down."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from assistants.control.policy.rules import Condition, Consequence, PolicyRule, PolicyRules
from assistants.types import Sensitivity

NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs; `rule` is empty for the policy itself. Both values are in words."""

    rule: str
    field: str
    before: str
    after: str

    def __str__(self) -> str:
        where = f"“{self.rule}”, {self.field}" if self.rule else self.field
        return f"{where}: {self.before} → {self.after}"


def difference(old: PolicyRules, new: PolicyRules) -> tuple[Difference, ...]:
    """Every field that differs, in the order of the new rules; then the rules that are gone.

    Rules are the same by their name. Their order changes no decision, and is not told.
    """
    found = [
        Difference("", field, before or NOTHING, after or NOTHING)
        for field, before, after in (
            ("what could not be checked", str(old.on_failure), str(new.on_failure)),
            ("appeal", old.appeal, new.appeal),
        )
        if before != after
    ]
    before = {rule.name.casefold(): rule for rule in old.rules}
    for rule in new.rules:
        known = before.pop(rule.name.casefold(), None)
        if known is None:
            found.append(Difference(rule.name, "rule", NOTHING, say_short(rule)))
            continue
        was, now = describe_rule(known), describe_rule(rule)
        found += [
            Difference(rule.name, field, was.get(field, NOTHING), now.get(field, NOTHING))
            for field in dict.fromkeys((*was, *now))
            if was.get(field) != now.get(field)
        ]
    found += [Difference(rule.name, "rule", say_short(rule), NOTHING) for rule in before.values()]
    return tuple(found)


def describe_rule(rule: PolicyRule) -> dict[str, str]:
    """What is said of it, field by field, in words; what is not said is left out."""
    written = write_rule(rule)
    return {
        field.replace("_", " "): _in_words(value)
        for part in (written["when"], written["then"])
        for field, value in part.items()
    }


def say_short(rule: PolicyRule) -> str:
    """“when findings secret, stages input then outcome block”, on one line."""
    written = write_rule(rule)
    when, then = (
        ", ".join(f"{field.replace('_', ' ')} {_in_words(value)}" for field, value in part.items())
        for part in (written["when"], written["then"])
    )
    return f"when {when or 'always'} then {then}"


def write_policy(policy: PolicyRules) -> dict[str, Any]:
    """The mapping that `parse_policy` reads; what is not said is left out."""
    written: dict[str, Any] = {"on_failure": policy.on_failure.value}
    if policy.appeal:
        written["appeal"] = policy.appeal
    return {**written, "rules": [write_rule(rule) for rule in policy.rules]}


def write_rule(rule: PolicyRule) -> dict[str, Any]:
    when = _write(rule.when, Condition())
    if rule.when.findings:
        when["severity_from"] = rule.when.severity_from
    then = {"outcome": rule.then.outcome.value, **_write(rule.then, Consequence())}
    return {"name": rule.name, "when": when, "then": then}


def _write(part: Condition | Consequence, default: Condition | Consequence) -> dict[str, Any]:
    return {
        field.name: _plain(getattr(part, field.name))
        for field in fields(part)
        if getattr(part, field.name) != getattr(default, field.name)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(_plain(each) for each in value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Sensitivity):
        return value.name.lower()
    return value.value if isinstance(value, Enum) else value


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)
