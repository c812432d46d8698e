"""From a file's or a form's mapping to a policy, with every mistake told at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, TypeVar

from assistants.control.policy.checking import find_contradictions
from assistants.control.policy.rules import (
    CERTAIN,
    Condition,
    Consequence,
    Level,
    PolicyRule,
    PolicyRules,
)
from assistants.control.policy.vocabulary import FAILURES, KINDS
from assistants.exceptions import InvalidRequest
from assistants.types import CLOUD, ON_PREM, Capability, Outcome, ReleaseMode, Sensitivity, Stage

MOST_RULES = 200
MOST_VALUES = 100  # in one list of a rule
LONGEST_NAME = 80
LONGEST_TEXT = 500

E = TypeVar("E", bound=Enum)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and where: the rule's name (empty: the policy itself) and its field.

    `what` is “rule”, or “case” for an example case.
    """

    rule: str
    field: str
    message: str
    what: str = "rule"

    def __str__(self) -> str:
        where = f"{self.what} “{self.rule}”" if self.rule else "the policy"
        return (
            f"{where}, {self.field}: {self.message}" if self.field else f"{where}: {self.message}"
        )


class PolicyInvalid(InvalidRequest):
    """A policy that cannot hold. `mistakes` names each rule and field."""

    code = "policy_invalid"

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        told = "\n".join(str(mistake) for mistake in self.mistakes)
        super().__init__(told, user_message=f"This policy cannot be used.\n{told}")


def parse_policy(
    mapping: Mapping[str, Any],
    *,
    level: Level = Level.ORGANISATION,
    name: str = "Organisation",
    version: int = 0,
    stored: bool = False,
) -> PolicyRules:
    """The policy that `mapping` describes: `{"on_failure", "appeal", "rules": [{"name", "when",
    "then"}]}`, as docs/policies.md has it.

    Raises PolicyInvalid with all mistakes: unknown keys, kinds and outcomes, conditions that can
    never be met, rules that contradict one another or never change anything, and, in an
    organisation's policy, a kind of finding that no rule speaks of. What is `stored` was checked
    before: how its rules stand to each other, and to kinds that came later, is not asked again.
    """
    reader = Reader()
    if not isinstance(mapping, Mapping):
        raise PolicyInvalid([Mistake("", "", "It is no object with “rules”.")])
    reader.refuse_unknown(mapping, ("on_failure", "appeal", "rules"))
    on_failure = reader.choice(mapping, "on_failure", Outcome, Outcome.BLOCK)
    if on_failure not in FAILURES:
        reader.fail(
            "on_failure", "What could not be checked is never let through: block or review."
        )
    appeal = reader.text(mapping, "appeal")
    rules = tuple(_parse_rules(mapping.get("rules", []), reader))
    if not stored and not reader.mistakes:
        reader.mistakes += [
            Mistake(rule, field, message) for rule, field, message in find_contradictions(rules)
        ]
    if level is Level.ORGANISATION and not stored and not reader.mistakes:
        reader.mistakes += _find_gaps(rules)
    if reader.mistakes:
        raise PolicyInvalid(reader.mistakes)
    return PolicyRules(rules, on_failure, appeal, level, name, version)


def _find_gaps(rules: Iterable[PolicyRule]) -> list[Mistake]:
    spoken_of = {kind for rule in rules for kind in rule.when.findings}
    return [
        Mistake(
            "",
            "rules",
            f"No rule speaks of “{kind}” ({KINDS[kind]}). Add one, if only to allow it: the "
            "organisation’s policy has to say what becomes of everything that is checked.",
        )
        for kind in KINDS
        if kind not in spoken_of
    ]


def _parse_rules(given: Any, reader: Reader) -> Iterable[PolicyRule]:
    if not isinstance(given, list):
        reader.fail("rules", "It has to be a list.")
        return
    if len(given) > MOST_RULES:
        reader.fail("rules", f"There are {len(given)}; more than {MOST_RULES} nobody understands.")
        return
    seen: set[str] = set()
    for number, each in enumerate(given, start=1):
        reader.rule = f"number {number}"
        if not isinstance(each, Mapping):
            reader.fail("", "It is no object with “name”, “when” and “then”.")
            continue
        reader.refuse_unknown(each, ("name", "when", "then"))
        name = reader.text(each, "name", longest=LONGEST_NAME)
        if not name:
            reader.fail("name", "Give it a name: people who are stopped by it will read that.")
        else:
            reader.rule = name
            if name.casefold() in seen:
                reader.fail("name", "Another rule has this name.")
            seen.add(name.casefold())
        when, then = each.get("when", {}), each.get("then")
        if not isinstance(when, Mapping):
            reader.fail("when", "It has to be an object.")
        elif not isinstance(then, Mapping):
            reader.fail("then", "Say what follows, such as {“outcome”: “review”}.")
        else:
            yield PolicyRule(name, _parse_condition(when, reader), _parse_consequence(then, reader))
    reader.rule = ""


def _parse_condition(when: Mapping[str, Any], reader: Reader) -> Condition:
    reader.refuse_unknown(when, [field.name for field in fields(Condition)])
    if "severity_from" in when and "findings" not in when:
        reader.fail("severity_from", "It belongs to findings, and the rule names none.")
    sensitivity = when.get("sensitivity_from")
    words = {level.name.lower(): level for level in Sensitivity}
    if sensitivity is not None and sensitivity not in words:
        reader.fail("sensitivity_from", f"“{sensitivity}” is none of {_listed(words)}.")
    return Condition(
        stages=frozenset(reader.choices(when, "stages", Stage)),
        findings=frozenset(reader.names(when, "findings", KINDS)),
        severity_from=reader.share(when, "severity_from", CERTAIN),
        sensitivity_from=words.get(sensitivity) if isinstance(sensitivity, str) else None,
        tasks=frozenset(reader.choices(when, "tasks", Capability)),
        environments=frozenset(reader.names(when, "environments", (ON_PREM, CLOUD))),
        confidence_below=reader.share(when, "confidence_below", None),
        risk_from=reader.share(when, "risk_from", None),
        **{name: frozenset(reader.names(when, name)) for name in OPEN_LISTS},
    )


# What these lists name is in the database: whether it exists, services.policies says.
OPEN_LISTS = (
    *("zones", "assistants", "departments", "users", "groups", "except_groups", "deployments"),
)


def _parse_consequence(then: Mapping[str, Any], reader: Reader) -> Consequence:
    reader.refuse_unknown(then, [field.name for field in fields(Consequence)])
    if "outcome" not in then:
        reader.fail("outcome", f"Say which: {_listed(Outcome)}.")
    four_eyes = then.get("four_eyes", False)
    if not isinstance(four_eyes, bool):
        reader.fail("four_eyes", "It is true or false.")
    return Consequence(
        outcome=reader.choice(then, "outcome", Outcome, Outcome.BLOCK),
        release=reader.choice(then, "release", ReleaseMode, None),
        disclaimers=tuple(reader.names(then, "disclaimers", longest=LONGEST_TEXT)),
        reviewers=reader.text(then, "reviewers", longest=150),
        four_eyes=four_eyes is True,
        message=reader.text(then, "message"),
    )


class Reader:
    """Reads one field at a time and notes what is wrong with it, of the rule it is at."""

    def __init__(self, what: str = "rule") -> None:
        self.rule = ""
        self._what = what
        self.mistakes: list[Mistake] = []

    def fail(self, field: str, message: str) -> None:
        self.mistakes.append(Mistake(self.rule, field, message, self._what))

    def refuse_unknown(self, mapping: Mapping[str, Any], known: Iterable[str]) -> None:
        for key in mapping:
            if key not in (known := tuple(known)):
                self.fail(str(key), f"This is not known here. Known are {_listed(known)}.")

    def text(self, mapping: Mapping[str, Any], field: str, *, longest: int = LONGEST_TEXT) -> str:
        given = mapping.get(field, "")
        if not isinstance(given, str):
            self.fail(field, "It has to be a text.")
            return ""
        given = " ".join(given.split())
        if len(given) > longest:
            self.fail(field, f"Keep it below {longest} characters.")
        return given

    def choice(
        self, mapping: Mapping[str, Any], field: str, kind: type[E], default: E | None
    ) -> Any:
        given = mapping.get(field)
        if given is None and field not in mapping:
            return default
        try:
            return kind(given)
        except ValueError:
            self.fail(field, f"“{given}” is none of {_listed(kind)}.")
            return default

    def choices(self, mapping: Mapping[str, Any], field: str, kind: type[E]) -> list[E]:
        found = self.names(mapping, field, [str(each.value) for each in kind])
        return [kind(each) for each in found]

    def names(
        self,
        mapping: Mapping[str, Any],
        field: str,
        known: Iterable[str] | None = None,
        *,
        longest: int = 150,
    ) -> list[str]:
        """A list of texts; with `known`, of those."""
        if field not in mapping:
            return []
        given = mapping[field]
        if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
            self.fail(field, "It has to be a list of texts.")
            return []
        if not given:
            self.fail(field, "The list is empty, so the rule could never fit. Leave it out.")
        if len(given) > MOST_VALUES:
            self.fail(field, f"Keep it below {MOST_VALUES} entries.")
        found = [" ".join(each.split()) for each in given]
        if not all(found) or any(len(each) > longest for each in found):
            self.fail(field, f"Each entry has 1 to {longest} characters.")
        if known is None:
            return found
        known = tuple(known)
        for each in found:
            if each not in known:
                self.fail(field, f"“{each}” is none of {_listed(known)}.")
        return [each for each in found if each in known]

    def share(self, mapping: Mapping[str, Any], field: str, default: Any) -> Any:
        given = mapping.get(field, default)
        if field not in mapping:
            return default
        number = isinstance(given, int | float) and not isinstance(given, bool)
        if not number or not math.isfinite(given) or not 0 <= given <= 1:
            self.fail(field, "It has to be a number from 0 to 1.")
            return default
        return float(given)


def _listed(words: Iterable[Any]) -> str:
    return ", ".join(str(getattr(word, "value", word)) for word in words)
