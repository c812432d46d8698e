"""Example cases of a policy: facts, and what has to come of them before it may be active."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assistants.control.policy.deciding import decide_policy, deciding_rule
from assistants.control.policy.parsing import Mistake, PolicyInvalid, Reader
from assistants.control.policy.rules import PolicyRules
from assistants.control.policy.vocabulary import KINDS
from assistants.types import (
    CLOUD,
    ON_PREM,
    Capability,
    Decision,
    Finding,
    Outcome,
    PolicyFacts,
    ReleaseMode,
    Sensitivity,
    Stage,
    Treatment,
    ZoneRules,
)

MOST_CASES = 500
LONGEST_TEXT = 4_000
_FACTS = (
    *("stage", "assistant", "department", "user", "groups", "sensitivity", "zones", "task"),
    *("deployment", "environment", "confidence", "risk"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """`text`, where there is one, is run through the guardrails; what they find comes beside the
    findings of `facts`. `rule` names the deciding one (empty: not asked), `release` likewise.
    """

    name: str
    facts: PolicyFacts
    outcome: Outcome
    text: str = ""
    rule: str = ""
    release: ReleaseMode | None = None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """`why` says in a sentence what differs; empty where it passed."""

    case: Case
    decision: Decision
    rule: str
    why: str

    @property
    def passed(self) -> bool:
        return not self.why


def parse_cases(given: Any) -> tuple[Case, ...]:
    """The cases of `[{"name", "facts", "text"?, "findings"?, "expect": {"outcome", "rule"?,
    "release"?}}]`. Raises PolicyInvalid with every mistake.
    """
    reader = Reader("case")
    cases: list[Case] = []
    if not isinstance(given, list):
        raise PolicyInvalid([Mistake("", "cases", "It has to be a list.")])
    if len(given) > MOST_CASES:
        raise PolicyInvalid([Mistake("", "cases", f"Keep it below {MOST_CASES} cases.")])
    for number, each in enumerate(given, start=1):
        reader.rule = f"number {number}"
        if not isinstance(each, Mapping):
            reader.fail("", "It is no object with “name”, “facts” and “expect”.")
            continue
        reader.refuse_unknown(each, ("name", "facts", "text", "findings", "expect"))
        reader.rule = name = reader.text(each, "name") or reader.rule
        if any(name == case.name for case in cases):
            reader.fail("name", "Another case has this name.")
        facts, expected = each.get("facts"), each.get("expect")
        if not isinstance(facts, Mapping) or not isinstance(expected, Mapping):
            reader.fail("facts", "Give “facts”, and what you “expect”, as objects.")
            continue
        reader.refuse_unknown(expected, ("outcome", "rule", "release"))
        if "outcome" not in expected:
            reader.fail("expect", "Say which outcome.")
        cases.append(
            Case(
                name,
                _parse_facts(facts, each.get("findings", []), reader),
                reader.choice(expected, "outcome", Outcome, Outcome.BLOCK),
                _text(each, reader),
                reader.text(expected, "rule"),
                reader.choice(expected, "release", ReleaseMode, None),
            )
        )
    if reader.mistakes:
        raise PolicyInvalid(reader.mistakes)
    return tuple(cases)


def check_case(
    chain: Sequence[PolicyRules], case: Case, findings: Sequence[Finding] = ()
) -> CaseResult:
    """What the chain makes of it. `findings` are what guardrails saw in its text."""
    facts = replace(case.facts, findings=(*case.facts.findings, *findings))
    decision = decide_policy(chain, facts)
    rule = deciding_rule(chain, facts)
    wrong = []
    if decision.outcome is not case.outcome:
        wrong.append(f"the outcome is {decision.outcome}, not {case.outcome}")
    if case.rule and rule != case.rule:
        wrong.append(f"the rule is “{rule}”, not “{case.rule}”" if rule else "no rule decides")
    if case.release and decision.release is not case.release:
        wrong.append(f"the release is {decision.release or 'not said'}, not {case.release}")
    why = "; ".join(wrong)
    return CaseResult(case, decision, rule, f"{why}. {decision.rule}" if why else "")


def _text(each: Mapping[str, Any], reader: Reader) -> str:
    text = each.get("text", "")
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        reader.fail("text", f"It has to be a text below {LONGEST_TEXT} characters.")
        return ""
    return text


def _parse_facts(facts: Mapping[str, Any], findings: Any, reader: Reader) -> PolicyFacts:
    reader.refuse_unknown(facts, _FACTS)
    if "stage" not in facts:
        reader.fail("stage", "Say at which stage.")
    stage = reader.choice(facts, "stage", Stage, Stage.INPUT)
    words = {level.name.lower(): level for level in Sensitivity}
    sensitivity = facts.get("sensitivity", "internal")
    if sensitivity not in words:
        reader.fail("sensitivity", f"“{sensitivity}” is none of {', '.join(words)}.")
    zone = ZoneRules(
        words.get(str(sensitivity), Sensitivity.RESTRICTED),
        frozenset({ON_PREM, CLOUD}),
        Treatment.REDACT,
        names=frozenset(reader.names(facts, "zones")),
    )
    return PolicyFacts(
        stage,
        zone,
        assistant=reader.text(facts, "assistant"),
        department=reader.text(facts, "department"),
        user=reader.text(facts, "user"),
        groups=frozenset(reader.names(facts, "groups")),
        task=reader.choice(facts, "task", Capability, None),
        findings=tuple(_parse_findings(findings, stage, reader)),
        deployment=reader.text(facts, "deployment"),
        environment=reader.text(facts, "environment"),
        confidence=reader.share(facts, "confidence", None),
        risk=reader.share(facts, "risk", None),
    )


def _parse_findings(given: Any, stage: Stage, reader: Reader) -> list[Finding]:
    if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
        reader.fail("findings", "It has to be a list of objects, such as {“kind”: “secret”}.")
        return []
    found = []
    for each in given:
        reader.refuse_unknown(each, ("kind", "severity", "failed"))
        failed = each.get("failed", False) is True
        kind = each.get("kind", "")
        if not failed and kind not in KINDS:
            reader.fail("findings", f"“{kind}” is none of {', '.join(KINDS)}.")
        severity = reader.share(each, "severity", 1.0)
        found.append(Finding("example", severity, "", str(kind), stage, failed=failed))
    return found
