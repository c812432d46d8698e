"""What policy says of a text: the strictest rule of all levels, whatever their order."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistants.control.policy import (
    Level,
    PolicyInvalid,
    check_case,
    decide_policy,
    difference,
    list_shipped,
    parse_cases,
    parse_policy,
    write_policy,
)
from assistants.control.policy.vocabulary import KINDS, OUTCOMES, RELEASES
from assistants.types import (
    Decision,
    Finding,
    Outcome,
    PolicyFacts,
    ReleaseMode,
    Sensitivity,
    Stage,
)
from tests.control.policies import ZONE, facts, finding, policy, rule, shipped

LEVELS = list(Level)


class TestOneRule:
    def test_it_fits_where_all_it_names_is_so(self):
        when = {
            "stages": ["answer"],
            "findings": ["secret"],
            "severity_from": 0.7,
            "sensitivity_from": "confidential",
            "zones": ["clinical", "code"],
            "departments": ["code"],
            "assistants": ["code"],
            "users": ["dave"],
            "groups": ["code"],
            "except_groups": ["interns"],
            "tasks": ["code"],
            "deployments": ["local"],
            "environments": ["on_prem"],
            "confidence_below": 0.5,
        }
        chain = [policy(rule(when=when, outcome="block"))]
        zone = ZONE.__class__(
            Sensitivity.RESTRICTED, ZONE.residency, ZONE.treatment, names=frozenset({"code"})
        )
        fitting: dict[str, Any] = {
            "stage": Stage.ANSWER,
            "zone": zone,
            "findings": (finding("secret", 0.7),),
            "assistant": "code",
            "department": "code",
            "user": "dave",
            "groups": frozenset({"code", "staff"}),
            "task": "code",
            "deployment": "local",
            "environment": "on_prem",
            "confidence": 0.4,
        }
        assert decide_policy(chain, PolicyFacts(**fitting)).outcome is Outcome.BLOCK
        for name, other in {
            "stage": Stage.BLOCK,
            "zone": ZONE,
            "findings": (finding("secret", 0.69),),
            "assistant": "other",
            "department": "other",
            "user": "alice",
            "groups": frozenset({"code", "interns"}),
            "task": None,
            "deployment": "",
            "environment": "cloud",
            "confidence": 0.5,
        }.items():
            decision = decide_policy(chain, PolicyFacts(**{**fitting, name: other}))
            assert decision.outcome is Outcome.ALLOW, name

    @pytest.mark.parametrize("condition", [{"confidence_below": 0.5}, {"risk_from": 0.5}])
    def test_what_is_not_known_counts_as_the_worst(self, condition):
        chain = [policy(rule(when={"stages": ["answer"], **condition}, outcome="review"))]
        asked = facts(stage=Stage.ANSWER)
        assert decide_policy(chain, asked).outcome is Outcome.REVIEW

    @pytest.mark.parametrize("severity", [math.nan, math.inf, 7.0])
    def test_a_severity_that_is_none_counts_as_the_worst(self, severity):
        chain = [policy(rule(when={"findings": ["secret"]}, outcome="block"))]
        decision = decide_policy(chain, facts(finding(severity=severity)))
        assert (decision.outcome, decision.severity) == (Outcome.BLOCK, 1.0)

    def test_the_decision_names_policy_version_and_rule_in_a_sentence(self):
        chain = [
            shipped(),
            policy(rule("No keys", {"findings": ["secret"]}, outcome="block"), version=7),
        ]
        decision = decide_policy(chain, facts(finding(severity=0.9)))
        assert decision.rule == (
            "Rule “No keys” of the policy clinical, version 7: the message seems to hold a "
            "password, key or other secret (severity 0.90); it is stopped."
        )
        assert decision.policy == "Organisation v1 + clinical v7"
        assert decision.code == "blocked"
        assert "policy “clinical”, version 7, rule “No keys”" in decision.message
        assert "tell your department’s reviewers" in decision.message

    def test_it_may_say_what_people_are_told_and_how_they_appeal(self):
        chain = [
            policy(
                rule(when={"findings": ["secret"]}, outcome="block", message="No keys here."),
                appeal="Call 4711.",
            )
        ]
        message = decide_policy(chain, facts(finding())).message
        assert message == "No keys here. (policy “clinical”, version 1, rule “Rule”.) Call 4711."


class TestTheChain:
    def test_a_lower_level_does_not_loosen(self):
        lax = policy(rule(when={"findings": ["jailbreak"]}, outcome="allow"))
        decision = decide_policy([shipped(), lax], facts(finding("jailbreak")))
        assert decision.outcome is Outcome.BLOCK

    def test_release_disclaimers_and_four_eyes_add_up(self):
        secret = {"findings": ["secret"]}
        chain = [
            policy(
                rule(when=secret, outcome="review", reviewers="lawyers"),
                rule("Said", outcome="allow", disclaimers=["One.", "Two."], release="block"),
            ),
            policy(
                rule(when=secret, outcome="review", four_eyes=True),
                rule("Said", outcome="allow", disclaimers=["Two.", "Three."]),
                level=Level.ASSISTANT,
                name="ward",
            ),
        ]
        decision = decide_policy(chain, facts(finding(severity=0.8)))
        assert decision.outcome is Outcome.REVIEW
        assert decision.release is ReleaseMode.HOLD
        assert decision.disclaimers == ("One.", "Two.", "Three.")
        assert (decision.reviewers, decision.four_eyes, decision.severity) == ("lawyers", True, 0.8)

    def test_without_a_finding_only_the_context_decides(self):
        chain = [policy(rule(outcome="allow", release="block", disclaimers=["Check it."]))]
        decision = decide_policy(chain, facts())
        assert decision.release is ReleaseMode.BLOCK
        assert decision.disclaimers == ("Check it.",)

    def test_without_a_policy_nothing_is_decided(self):
        with pytest.raises(ValueError, match="no policy"):
            decide_policy([], facts())


class TestFailure:
    @pytest.mark.parametrize(
        ("upper", "lower", "expected"),
        [
            ("review", "review", Outcome.REVIEW),
            ("review", "block", Outcome.BLOCK),
            ("block", "review", Outcome.BLOCK),
        ],
    )
    def test_it_is_the_strictest_that_a_level_says(self, upper, lower, expected):
        chain = [
            policy(on_failure=upper),
            policy(on_failure=lower, level=Level.ASSISTANT, name="ward"),
        ]
        decision = decide_policy(chain, facts(finding(severity=0.0, failed=True)))
        assert decision.outcome is expected
        assert decision.severity == 1.0
        assert "could not be checked by test" in decision.rule

    def test_a_rule_that_allows_the_kind_does_not_let_it_through(self):
        chain = [policy(rule(when={"findings": ["secret"], "severity_from": 0}, outcome="allow"))]
        failed = facts(finding("secret", failed=True))
        assert decide_policy(chain, failed).outcome is Outcome.BLOCK

    def test_what_no_rule_speaks_of_is_a_failure(self):
        decision = decide_policy([shipped()], facts(finding("a_new_kind", 0.6)))
        assert decision.outcome is Outcome.BLOCK
        assert "no rule speaks of what was found in the message: a new kind" in decision.rule

    @given(st.data())
    @settings(max_examples=60, deadline=None)
    def test_it_is_never_allowed(self, data):
        chain = data.draw(chains())
        asked = data.draw(some_facts())
        failed = PolicyFacts(
            asked.stage, asked.zone, findings=(*asked.findings, finding(failed=True))
        )
        assert decide_policy(chain, failed).outcome in (Outcome.REVIEW, Outcome.BLOCK)


# ---- Properties ------------------------------------------------------------------------------

kinds = st.sampled_from(sorted(KINDS))
severities = st.floats(0, 1).map(lambda value: round(value, 2))


@st.composite
def some_rules(draw: st.DrawFn) -> list[dict[str, Any]]:
    made = []
    for number in range(draw(st.integers(0, 4))):
        when: dict[str, Any] = {}
        if draw(st.booleans()):
            when["findings"] = sorted(draw(st.sets(kinds, min_size=1, max_size=4)))
            when["severity_from"] = draw(severities)
        if draw(st.booleans()):
            when["stages"] = sorted(draw(st.sets(st.sampled_from(list(Stage)), min_size=1)))
        if draw(st.booleans()):
            when["groups"] = ["code"]
        if draw(st.booleans()):
            when["sensitivity_from"] = draw(st.sampled_from(["internal", "restricted"]))
        outcome = draw(st.sampled_from(OUTCOMES))
        then: dict[str, Any] = {"outcome": str(outcome)}
        if outcome not in (Outcome.BLOCK, Outcome.REVIEW):
            then["release"] = draw(st.sampled_from(["token", "block"]))
            then["disclaimers"] = [draw(st.sampled_from(["A", "B", "C"]))]
        if outcome is Outcome.REVIEW:
            then["four_eyes"] = draw(st.booleans())
            then["reviewers"] = draw(st.sampled_from(["", "lawyers"]))
        made.append({"name": f"rule {number}", "when": when, "then": then})
    return made


@st.composite
def one_policy(draw: st.DrawFn, level: Level = Level.DEPARTMENT):
    """One of those that can be parsed."""
    while True:
        rules = draw(some_rules())
        while rules:
            try:
                return parse_policy(
                    {
                        "rules": rules + (_every_kind() if level is Level.ORGANISATION else []),
                        "on_failure": draw(st.sampled_from(["review", "block"])),
                    },
                    level=level,
                    name=level.name,
                    version=1,
                )
            except PolicyInvalid as invalid:
                names = {mistake.rule for mistake in invalid.mistakes}
                rules = [each for each in rules if each["name"] not in names]
        return parse_policy(
            {"rules": _every_kind() if level is Level.ORGANISATION else []},
            level=level,
            name=level.name,
        )


def _every_kind() -> list[dict[str, Any]]:
    when = {"findings": sorted(KINDS), "severity_from": 0.95}
    return [{"name": "every kind", "when": when, "then": {"outcome": "block"}}]


@st.composite
def chains(draw: st.DrawFn):
    return [draw(one_policy(level)) for level in LEVELS[: draw(st.integers(1, 3))]]


@st.composite
def some_facts(draw: st.DrawFn) -> PolicyFacts:
    found = draw(st.lists(st.tuples(kinds, severities), max_size=4))
    return PolicyFacts(
        draw(st.sampled_from(list(Stage))),
        ZONE,
        groups=draw(st.sampled_from([frozenset(), frozenset({"code"})])),
        findings=tuple(Finding("test", severity, "", kind) for kind, severity in found),
    )


def strictness(decision: Decision) -> tuple[int, int, bool]:
    release = RELEASES.index(decision.release) if decision.release else 0
    if decision.outcome is Outcome.BLOCK:
        release = len(RELEASES)
    return OUTCOMES.index(decision.outcome), release, decision.four_eyes


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_a_lower_level_never_loosens(data):
    chain, asked = data.draw(chains()), data.draw(some_facts())
    for length in range(1, len(chain)):
        upper, lower = decide_policy(chain[:length], asked), decide_policy(chain, asked)
        assert strictness(lower)[0] >= strictness(upper)[0]
        assert strictness(lower)[1] >= strictness(upper)[1]
        if lower.outcome is upper.outcome:
            assert lower.four_eyes >= upper.four_eyes
        if lower.outcome is not Outcome.BLOCK:
            assert set(lower.disclaimers) >= set(upper.disclaimers)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_the_order_of_rules_levels_and_findings_changes_nothing(data):
    chain, asked = data.draw(chains()), data.draw(some_facts())
    seed = data.draw(st.integers(0, 99))

    def shuffled(values):
        return tuple(random.Random(seed).sample(list(values), len(values)))

    mixed = [
        type(each)(
            shuffled(each.rules), each.on_failure, each.appeal, each.level, each.name, each.version
        )
        for each in shuffled(chain)
    ]
    other = PolicyFacts(
        asked.stage, asked.zone, groups=asked.groups, findings=shuffled(asked.findings)
    )
    one, two = decide_policy(chain, asked), decide_policy(mixed, other)
    assert strictness(one) == strictness(two)
    assert set(one.disclaimers) == set(two.disclaimers)
    assert one.severity == two.severity


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_further_finding_never_loosens(data):
    chain, asked = data.draw(chains()), data.draw(some_facts())
    kind, severity = data.draw(kinds), data.draw(severities)
    more = PolicyFacts(
        asked.stage,
        asked.zone,
        groups=asked.groups,
        findings=(*asked.findings, finding(kind, severity)),
    )
    one, two = decide_policy(chain, asked), decide_policy(chain, more)
    assert strictness(two)[:2] >= strictness(one)[:2]


@given(one_policy())
@settings(max_examples=60, deadline=None)
def test_a_policy_is_written_as_it_is_read(found):
    read = parse_policy(
        write_policy(found), level=found.level, name=found.name, version=found.version
    )
    assert read == found
    assert difference(found, read) == ()


# ---- What ships ------------------------------------------------------------------------------


@pytest.mark.parametrize("each", list_shipped(), ids=lambda each: each.target or "organisation")
def test_what_ships_passes_its_own_cases(each):
    """Those with a text are run through the guardrails by services.policies."""
    chain = [shipped()]
    if each.level is not Level.ORGANISATION:
        chain.append(shipped(each.level, each.target))
    cases = parse_cases(each.cases)
    assert cases
    for case in cases:
        assert check_case(chain, case).why == "", case.name


def test_a_case_says_what_differs():
    (case,) = parse_cases(
        [
            {
                "name": "A key",
                "facts": {"stage": "answer"},
                "findings": [{"kind": "secret", "severity": 0.6}],
                "expect": {"outcome": "block", "rule": "No keys", "release": "hold"},
            }
        ]
    )
    chain = [policy(rule("Keys", {"findings": ["secret"]}, outcome="redact"))]
    result = check_case(chain, case)
    assert not result.passed
    assert result.why.startswith(
        "the outcome is redact, not block; the rule is “Keys”, not “No keys”; "
        "the release is not said, not hold. Rule “Keys” of the policy clinical, version 1"
    )
