"""Policies as values: what `parse_policy` makes and `decide_policy` reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from assistants.types import Capability, Outcome, ReleaseMode, Sensitivity, Stage

# From here on a finding counts where a rule does not say from when.
CERTAIN = 0.5


class Level(IntEnum):
    """Whose policy it is; ordered from what holds for all to what holds for one."""

    ORGANISATION = 0
    DEPARTMENT = 1
    ASSISTANT = 2


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule fits: all that is named must be so. What is empty or None is not asked.

    A rule that names `findings` fits where one of these kinds was found with at least the
    severity `severity_from`. `zones` are slugs, one of which must be among the joined ones;
    `groups` are the asker's, of whom none may be in `except_groups`. What a confidence or a risk
    is compared with counts as the worst where it is not known.
    """

    stages: frozenset[Stage] = frozenset()
    findings: frozenset[str] = frozenset()
    severity_from: float = CERTAIN
    sensitivity_from: Sensitivity | None = None
    zones: frozenset[str] = frozenset()
    assistants: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    except_groups: frozenset[str] = frozenset()
    tasks: frozenset[Capability] = frozenset()
    deployments: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()
    confidence_below: float | None = None
    risk_from: float | None = None


@dataclass(frozen=True, slots=True)
class Consequence:
    """What follows where a rule fits. `message` is for the person it concerns; empty: a sentence
    is made from the findings.
    """

    outcome: Outcome = Outcome.ALLOW
    release: ReleaseMode | None = None
    disclaimers: tuple[str, ...] = ()
    reviewers: str = ""
    four_eyes: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True)
class PolicyRule:
    name: str
    when: Condition
    then: Consequence


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """One version of one policy. `appeal` says what a person can do who was stopped wrongly.

    `on_failure` is what becomes of a text that a guardrail could not check, or in which something
    was found that no policy speaks of.
    """

    rules: tuple[PolicyRule, ...] = ()
    on_failure: Outcome = Outcome.BLOCK
    appeal: str = ""
    level: Level = Level.ORGANISATION
    name: str = "Organisation"
    version: int = 0

    @property
    def label(self) -> str:
        """As receipts and records name it."""
        return f"{self.name} v{self.version}"
