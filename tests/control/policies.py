"""Short ways to write policies and facts, for the tests."""

from __future__ import annotations

from typing import Any

from assistants.control.policy import Level, PolicyRules, parse_policy
from assistants.control.policy.shipping import list_shipped
from assistants.types import (
    Finding,
    PolicyFacts,
    Sensitivity,
    Stage,
    Treatment,
    ZoneRules,
)

ZONE = ZoneRules(
    Sensitivity.INTERNAL,
    frozenset({"on_prem", "cloud"}),
    Treatment.REDACT,
    names=frozenset({"general"}),
)


def rule(name: str = "Rule", when: dict[str, Any] | None = None, **then: Any) -> dict[str, Any]:
    return {"name": name, "when": when or {}, "then": {"outcome": "allow", **then}}


def policy(
    *rules: dict[str, Any],
    level: Level = Level.DEPARTMENT,
    name: str = "clinical",
    version: int = 1,
    **more: Any,
) -> PolicyRules:
    return parse_policy({"rules": list(rules), **more}, level=level, name=name, version=version)


def shipped(level: Level = Level.ORGANISATION, target: str = "") -> PolicyRules:
    (found,) = (each for each in list_shipped() if (each.level, each.target) == (level, target))
    return parse_policy(found.rules, level=level, name=target or "Organisation", version=1)


def facts(*findings: Finding, stage: Stage = Stage.INPUT, **more: Any) -> PolicyFacts:
    return PolicyFacts(stage, **{"zone": ZONE, "findings": findings, **more})


def finding(kind: str = "secret", severity: float = 1.0, **more: Any) -> Finding:
    return Finding("test", severity, "", kind, **more)
