"""Rules that cannot be meant: they contradict themselves or each other, or change nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

from assistants.control.policy.rules import Condition, Consequence, PolicyRule
from assistants.control.policy.vocabulary import OUTCOMES, RELEASES
from assistants.types import Outcome, ReleaseMode, Stage

# Fields that list alternatives: empty fits all.
_SETS = [
    field.name
    for field in fields(Condition)
    if field.name
    not in ("severity_from", "sensitivity_from", "except_groups", "confidence_below", "risk_from")
]
_BEFORE_A_ROUTE = {Stage.INPUT, Stage.PASSAGE}
_WITH_CONFIDENCE = {Stage.ANSWER}
_WITH_RISK = {Stage.INPUT, Stage.ANSWER}


def find_contradictions(rules: Sequence[PolicyRule]) -> Iterator[tuple[str, str, str]]:
    """Each as (rule, field, message)."""
    for rule in rules:
        for field, message in (*_impossible(rule.when), *_inconsistent(rule.when, rule.then)):
            yield rule.name, field, message
    for number, rule in enumerate(rules):
        for other_number, other in enumerate(rules):
            if other is rule or not covers(other.when, rule.when):
                continue
            same = covers(rule.when, other.when)
            if same and rule.then.outcome != other.then.outcome:
                if number > other_number:
                    yield (
                        rule.name,
                        "when",
                        f"It fits exactly where the rule “{other.name}” does, which says something "
                        "else. Keep one of the two.",
                    )
            elif as_strict(other.then, rule.then) and (not same or number > other_number):
                yield (
                    rule.name,
                    "when",
                    f"It never changes anything: wherever it fits, the rule “{other.name}” fits "
                    "too and is as strict.",
                )


def find_idle(above: Sequence[PolicyRule], rules: Sequence[PolicyRule]) -> list[tuple[str, str]]:
    """Rules that change nothing below those `above`, each with the one that is as strict there."""
    found = []
    for rule in rules:
        for upper in above:
            if covers(upper.when, rule.when) and as_strict(upper.then, rule.then):
                found.append((rule.name, upper.name))
                break
    return found


def covers(wide: Condition, narrow: Condition) -> bool:
    """Whether `wide` fits wherever `narrow` does."""
    for name in _SETS:
        asked = getattr(wide, name)
        if asked and not (getattr(narrow, name) and getattr(narrow, name) <= asked):
            return False
    if wide.findings and wide.severity_from > narrow.severity_from:
        return False
    if not wide.except_groups <= narrow.except_groups:
        return False
    return (
        _reaches(wide.sensitivity_from, narrow.sensitivity_from)
        and _reaches(wide.risk_from, narrow.risk_from)
        and _reaches(_negative(wide.confidence_below), _negative(narrow.confidence_below))
    )


def as_strict(one: Consequence, other: Consequence) -> bool:
    """Whether `one` asks for at least all that `other` does."""
    stops = one.outcome is Outcome.BLOCK
    if OUTCOMES.index(one.outcome) < OUTCOMES.index(other.outcome):
        return False
    if not stops and _release(one) < _release(other):
        return False
    if not stops and not set(other.disclaimers) <= set(one.disclaimers):
        return False
    if one.outcome is other.outcome is Outcome.REVIEW and (
        (other.four_eyes and not one.four_eyes) or other.reviewers not in ("", one.reviewers)
    ):
        return False
    return not (one.outcome is other.outcome and other.message not in ("", one.message))


def _release(then: Consequence) -> int:
    return RELEASES.index(then.release or ReleaseMode.TOKEN)


def _reaches(wide: float | None, narrow: float | None) -> bool:
    return wide is None or (narrow is not None and wide <= narrow)


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _impossible(when: Condition) -> Iterator[tuple[str, str]]:
    if when.groups & when.except_groups:
        yield (
            "except_groups",
            f"{', '.join(sorted(when.groups & when.except_groups))} is asked for and excepted.",
        )
    if when.confidence_below == 0:
        yield "confidence_below", "No confidence is below 0, so the rule could never fit."
    if when.confidence_below is not None and when.stages != _WITH_CONFIDENCE:
        yield (
            "confidence_below",
            "A confidence is known of a whole answer only: name the stage “answer”, alone.",
        )
    if when.risk_from is not None and not (when.stages and when.stages <= _WITH_RISK):
        yield (
            "risk_from",
            "A risk is known of the message and of the whole answer: name the stage “input” or "
            "“answer” or both, and no other.",
        )
    early = when.stages & _BEFORE_A_ROUTE
    if (when.deployments or when.environments) and early:
        yield (
            "stages",
            f"Which model answers is not known yet at “{', '.join(sorted(early))}”. "
            "Name gateway, block or answer.",
        )


def _inconsistent(when: Condition, then: Consequence) -> Iterator[tuple[str, str]]:
    reviews = then.outcome is Outcome.REVIEW
    if reviews and then.release not in (None, ReleaseMode.HOLD):
        yield "release", "What waits for a reviewer is not shown before. Leave it out, or hold."
    if then.outcome is Outcome.BLOCK and (then.release or then.disclaimers):
        yield "outcome", "What is stopped is not shown: it has no release and no disclaimer."
    if then.outcome is Outcome.BLOCK and not when.findings and not _narrows(when):
        yield "when", "It would stop everything. Say when."
    if not reviews and (then.reviewers or then.four_eyes):
        field = "reviewers" if then.reviewers else "four_eyes"
        yield field, "Only a rule with the outcome “review” has reviewers."
    if then.release is ReleaseMode.HOLD and not reviews:
        yield "release", "Held answers wait for a reviewer: that is the outcome “review”."
    if then.outcome is Outcome.REDACT and not when.findings:
        yield "outcome", "Only what was found can be replaced, and the rule names no findings."
    if then.outcome is Outcome.ALLOW and then.message:
        yield "message", "Nobody is told of what is allowed. Use a disclaimer."


def _narrows(when: Condition) -> bool:
    return when != Condition(stages=when.stages)
