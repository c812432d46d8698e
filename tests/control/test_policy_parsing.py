"""What a policy may not say, told by rule and field; and what changes between two."""

from __future__ import annotations

from typing import Any

import pytest

from assistants.control.policy import (
    Level,
    PolicyInvalid,
    difference,
    find_idle,
    parse_cases,
    parse_policy,
)
from assistants.control.policy.vocabulary import KINDS
from tests.control.policies import policy, rule

SECRET = {"findings": ["secret"]}


def mistakes(*rules: Any, level: Level = Level.DEPARTMENT, **more: Any) -> list[tuple[str, str]]:
    """Where the mistakes are: (rule, field)."""
    with pytest.raises(PolicyInvalid) as caught:
        parse_policy({"rules": list(rules), **more}, level=level)
    told = [mistake.message for mistake in caught.value.mistakes]
    assert all(told)
    assert all(message in caught.value.user_message for message in told)
    return [(mistake.rule, mistake.field) for mistake in caught.value.mistakes]


@pytest.mark.parametrize(
    ("when", "field"),
    [
        ({"colour": ["red"]}, "colour"),
        ({"findings": ["witchcraft"]}, "findings"),
        ({"findings": []}, "findings"),
        ({"findings": "secret"}, "findings"),
        ({"findings": [7]}, "findings"),
        ({"findings": ["secret"], "severity_from": 1.5}, "severity_from"),
        ({"findings": ["secret"], "severity_from": True}, "severity_from"),
        ({"findings": ["secret"], "severity_from": float("nan")}, "severity_from"),
        ({"severity_from": 0.5}, "severity_from"),
        ({"stages": ["afterwards"]}, "stages"),
        ({"sensitivity_from": "very"}, "sensitivity_from"),
        ({"tasks": ["cooking"]}, "tasks"),
        ({"environments": ["moon"]}, "environments"),
        ({"users": ["x" * 200]}, "users"),
        ({"groups": ["a"], "except_groups": ["a"]}, "except_groups"),
        ({"confidence_below": 0, "stages": ["answer"]}, "confidence_below"),
        ({"confidence_below": 0.5}, "confidence_below"),
        ({"risk_from": 0.5, "stages": ["passage"]}, "risk_from"),
        ({"deployments": ["local"], "stages": ["input"]}, "stages"),
    ],
)
def test_a_condition_that_cannot_be_meant(when, field):
    assert ("Rule", field) in mistakes(rule(when=when, outcome="allow"))


@pytest.mark.parametrize(
    ("then", "field"),
    [
        ({"outcome": "shrug"}, "outcome"),
        ({"outcome": ["block"]}, "outcome"),
        ({"colour": "red"}, "colour"),
        ({"release": "sometime"}, "release"),
        ({"four_eyes": "yes"}, "four_eyes"),
        ({"message": 7}, "message"),
        ({"outcome": "review", "release": "token"}, "release"),
        ({"outcome": "block", "release": "block"}, "outcome"),
        ({"outcome": "block", "disclaimers": ["Mind it."]}, "outcome"),
        ({"outcome": "allow", "reviewers": "lawyers"}, "reviewers"),
        ({"outcome": "redact", "four_eyes": True}, "four_eyes"),
        ({"outcome": "allow", "release": "hold"}, "release"),
        ({"outcome": "allow", "message": "Fine."}, "message"),
    ],
)
def test_a_consequence_that_cannot_be_meant(then, field):
    assert ("Rule", field) in mistakes(rule(when=SECRET, **then))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"when": {}, "then": {"outcome": "allow"}}, "name"),
        ({"name": "Rule", "then": {}}, "outcome"),
        ({"name": "Rule"}, "then"),
        ({"name": "Rule", "when": [], "then": {"outcome": "allow"}}, "when"),
        ({"name": "Rule", "if": {}, "then": {"outcome": "allow"}}, "if"),
        ("no rule", ""),
    ],
)
def test_what_is_no_rule(given, field):
    assert field in [where for _, where in mistakes(given)]


def test_every_mistake_is_told_at_once():
    found = mistakes(
        rule("One", {"findings": ["witchcraft"]}, outcome="block"),
        rule("Two", {}, outcome="shrug"),
        on_failure="allow",
        title="Mine",
    )
    assert found == [
        ("", "title"),
        ("", "on_failure"),
        ("One", "findings"),
        ("Two", "outcome"),
    ]


def test_names_are_unique():
    one, two = rule("Keys", SECRET, outcome="block"), rule("keys", {"stages": ["input"]})
    assert mistakes(one, two) == [("keys", "name")]


def test_to_stop_everything_is_no_rule():
    assert mistakes(rule(outcome="block")) == [("Rule", "when")]


def test_the_same_condition_with_another_outcome_contradicts():
    one, two = rule("One", SECRET, outcome="block"), rule("Two", SECRET, outcome="redact")
    assert mistakes(one, two) == [("Two", "when")]


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (SECRET, {"findings": ["secret"], "severity_from": 0.8}),
        ({"findings": ["secret", "toxicity"]}, {"findings": ["toxicity"]}),
        (SECRET, {**SECRET, "stages": ["answer"]}),
        (SECRET, {**SECRET, "except_groups": ["a"]}),
        ({**SECRET, "sensitivity_from": "internal"}, {**SECRET, "sensitivity_from": "restricted"}),
    ],
)
def test_a_rule_that_never_changes_anything(wide, narrow):
    one, two = rule("Wide", wide, outcome="block"), rule("Narrow", narrow, outcome="redact")
    assert mistakes(one, two) == [("Narrow", "when")]
    assert mistakes(two, one) == [("Narrow", "when")]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ((SECRET, "redact"), ({**SECRET, "severity_from": 0.8}, "block")),
        (({**SECRET, "severity_from": 0.8}, "block"), (SECRET, "redact")),
        (({**SECRET, "groups": ["a"]}, "block"), ({**SECRET, "groups": ["b"]}, "block")),
        (({**SECRET, "except_groups": ["a"]}, "block"), (SECRET, "redact")),
    ],
)  # fmt: skip
def test_rules_that_belong_together(one, two):
    policy(rule("One", one[0], outcome=one[1]), rule("Two", two[0], outcome=two[1]))


def test_a_further_disclaimer_is_a_change():
    policy(
        rule("One", SECRET, outcome="redact"),
        rule("Two", {**SECRET, "stages": ["answer"]}, outcome="allow", disclaimers=["Mind it."]),
    )


def test_a_rule_that_is_idle_below_a_stricter_one():
    above = policy(rule("All keys", SECRET, outcome="block"))
    below = policy(
        rule("Keys", {**SECRET, "groups": ["a"]}, outcome="review"),
        rule("Brand", {"findings": ["brand"]}, outcome="review"),
    )
    assert find_idle(above.rules, below.rules) == [("Keys", "All keys")]
    assert find_idle(below.rules, above.rules) == []


def test_the_organisation_speaks_of_every_kind():
    found = mistakes(rule(when=SECRET, outcome="block"), level=Level.ORGANISATION)
    assert len(found) == len(KINDS) - 1


@pytest.mark.parametrize("given", [None, 7, [], "rules"])
def test_what_is_no_policy(given):
    with pytest.raises(PolicyInvalid):
        parse_policy(given)


@pytest.mark.parametrize(
    ("case", "field"),
    [
        ({"facts": {"stage": "later"}}, "stage"),
        ({"facts": {}}, "stage"),
        ({"facts": {"stage": "input", "mood": "good"}}, "mood"),
        ({"facts": {"stage": "input", "sensitivity": "much"}}, "sensitivity"),
        ({"facts": {"stage": "input", "risk": 2}}, "risk"),
        ({"findings": [{"kind": "witchcraft"}]}, "findings"),
        ({"findings": {}}, "findings"),
        ({"text": 7}, "text"),
        ({"expect": {}}, "expect"),
        ({"expect": {"outcome": "shrug"}}, "outcome"),
    ],
)
def test_a_case_that_cannot_be_meant(case, field):
    given = {"name": "One", "facts": {"stage": "input"}, "expect": {"outcome": "allow"}, **case}
    with pytest.raises(PolicyInvalid) as caught:
        parse_cases([given])
    assert ("One", field) in [(each.rule, each.field) for each in caught.value.mistakes]
    assert "case “One”" in caught.value.user_message


def test_the_difference_of_two_versions():
    old = policy(
        rule("Keys", {"findings": ["secret"], "stages": ["answer"]}, outcome="redact"),
        rule("Gone", {"findings": ["brand"]}, outcome="block"),
        on_failure="review",
    )
    new = policy(
        rule("New", {"findings": ["toxicity"]}, outcome="review", four_eyes=True),
        rule("keys", {"findings": ["secret"], "severity_from": 0.8}, outcome="block"),
    )
    assert [str(each) for each in difference(old, new)] == [
        "what could not be checked: review → block",
        "“New”, rule: – → when findings toxicity, severity from 0.5 "
        "then outcome review, four eyes yes",
        "“keys”, stages: answer → –",
        "“keys”, severity from: 0.5 → 0.8",
        "“keys”, outcome: redact → block",
        "“Gone”, rule: when findings brand, severity from 0.5 then outcome block → –",
    ]
    assert difference(old, old) == ()
