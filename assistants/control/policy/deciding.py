"""What policy says of a text. Pure: no I/O, no clock, no state.

Every rule that fits applies, and the strictest holds, whatever the order of rules and levels. So
a level below can only tighten, and a rule that is added never loosens anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistants.control.policy.rules import CERTAIN, Condition, Consequence, PolicyRules
from assistants.control.policy.vocabulary import (
    OUTCOME_WORDS,
    OUTCOMES,
    RELEASES,
    STAGES,
    in_words,
    join_words,
)
from assistants.types import ALLOW, Decision, Finding, Outcome, PolicyFacts, ReleaseMode

APPEAL = "If you think that this is wrong, tell your department’s reviewers."


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that fits, and the findings by which it does (none: by the rest of the facts).

    `rule` is empty where the policy's `on_failure` speaks.
    """

    policy: PolicyRules
    rule: str
    then: Consequence
    findings: tuple[Finding, ...] = ()


def decide_policy(chain: Sequence[PolicyRules], facts: PolicyFacts) -> Decision:
    """The decision of organisation, department and assistant together, the strictest of all.

    `Decision.rule` says in a sentence which rule of which policy and version it was and why. A
    review implies that the answer is held. Raises ValueError without any policy: nothing is
    allowed by nobody.
    """
    matches = list_matches(chain, facts)
    names = " + ".join(policy.label for policy in chain)
    if not matches:
        return Decision(
            Outcome.ALLOW, ALLOW.rule, findings=facts.findings, policy=names, severity=0.0
        )
    deciding = _strictest(matches)
    outcome = deciding.then.outcome
    releases = [match.then.release for match in matches if match.then.release]
    if outcome is Outcome.REVIEW:
        releases.append(ReleaseMode.HOLD)
    reviews = [match for match in matches if match.then.outcome is Outcome.REVIEW]
    stops = outcome is Outcome.BLOCK
    return Decision(
        outcome,
        rule=say_rule(deciding, facts),
        message=_message(deciding, facts, chain),
        code="" if outcome is Outcome.ALLOW else _CODES[outcome],
        findings=facts.findings,
        policy=names,
        release=max(releases, key=RELEASES.index, default=None) if not stops else None,
        disclaimers=() if stops else _disclaimers(matches),
        # The closest to the assistant knows best who can judge.
        reviewers=next((m.then.reviewers for m in reversed(reviews) if m.then.reviewers), "")
        if outcome is Outcome.REVIEW
        else "",
        severity=_severity(matches, deciding, facts),
        four_eyes=outcome is Outcome.REVIEW and any(match.then.four_eyes for match in reviews),
    )


_CODES = {
    Outcome.REDACT: "redacted",
    Outcome.FALLBACK: "fallback",
    Outcome.REVIEW: "review",
    Outcome.BLOCK: "blocked",
}


def list_matches(chain: Sequence[PolicyRules], facts: PolicyFacts) -> list[Match]:
    """Every rule that fits, from the organisation's to the assistant's, as they are written.

    Last, what could not be checked and what no policy speaks of: for both, what the strictest
    `on_failure` says.
    """
    if not chain:
        raise ValueError("no policy decides")
    levels = sorted(chain, key=lambda policy: policy.level)
    matches: list[Match] = []
    for policy in levels:
        for rule in policy.rules:
            if not _fits(rule.when, facts):
                continue
            if not rule.when.findings:
                matches.append(Match(policy, rule.name, rule.then))
                continue
            found = tuple(_found(rule.when, facts))
            if found:
                matches.append(Match(policy, rule.name, rule.then, found))
    unsure = tuple(_unsure(levels, facts))
    if unsure:
        strictest = max(levels, key=lambda policy: OUTCOMES.index(policy.on_failure))
        matches.append(Match(strictest, "", Consequence(strictest.on_failure), unsure))
    return matches


def deciding_rule(chain: Sequence[PolicyRules], facts: PolicyFacts) -> str:
    """The name of the rule that the decision names; empty where none fits, or by `on_failure`."""
    matches = list_matches(chain, facts)
    return _strictest(matches).rule if matches else ""


def say_rule(match: Match, facts: PolicyFacts) -> str:
    """Which rule of which version, why it fits, and what follows, in one sentence."""
    what = OUTCOME_WORDS[match.then.outcome]
    where = f"of the policy {match.policy.name}, version {match.policy.version}"
    if not match.rule:
        return f"What is not checked {what}, {where}: {_why(match, facts)}."
    return f"Rule “{match.rule}” {where}: {_why(match, facts)}; it {what}."


def _strictest(matches: Sequence[Match]) -> Match:
    """The first of the strictest outcome; of reviews, the closest to the assistant."""
    strictest = max(OUTCOMES.index(match.then.outcome) for match in matches)
    equal = [match for match in matches if OUTCOMES.index(match.then.outcome) == strictest]
    return max(equal, key=lambda match: (bool(match.rule), match.policy.level))


def _fits(when: Condition, facts: PolicyFacts) -> bool:
    """All but the findings."""
    return (
        (not when.stages or facts.stage in when.stages)
        and (when.sensitivity_from is None or facts.zone.sensitivity >= when.sensitivity_from)
        and (not when.zones or bool(when.zones & facts.zone.names))
        and (not when.assistants or facts.assistant in when.assistants)
        and (not when.departments or facts.department in when.departments)
        and (not when.users or facts.user in when.users)
        and (not when.groups or bool(when.groups & facts.groups))
        and not when.except_groups & facts.groups
        and (not when.tasks or facts.task in when.tasks)
        and (not when.deployments or facts.deployment in when.deployments)
        and (not when.environments or facts.environment in when.environments)
        and (
            when.confidence_below is None
            or facts.confidence is None
            or facts.confidence < when.confidence_below
        )
        and (when.risk_from is None or facts.risk is None or facts.risk >= when.risk_from)
    )


def _found(when: Condition, facts: PolicyFacts) -> Iterator[Finding]:
    for finding in facts.findings:
        if (
            not finding.failed
            and finding.kind in when.findings
            and _gravity(finding) >= when.severity_from
        ):
            yield finding


def _unsure(chain: Sequence[PolicyRules], facts: PolicyFacts) -> Iterator[Finding]:
    if not facts.findings:
        return
    spoken_of = {kind for policy in chain for rule in policy.rules for kind in rule.when.findings}
    for finding in facts.findings:
        if finding.failed or (finding.kind not in spoken_of and _gravity(finding) >= CERTAIN):
            yield finding


def _gravity(finding: Finding) -> float:
    """Its severity within 0 and 1; whatever is no number counts as the worst."""
    if finding.failed or not finding.severity <= 1:
        return 1.0
    return max(0.0, finding.severity)


def _why(match: Match, facts: PolicyFacts) -> str:
    place = STAGES[facts.stage]
    if not match.rule:
        failed = [each.guardrail for each in match.findings if each.failed]
        if failed:
            return f"{place} could not be checked by {join_words(sorted(set(failed)), 'and')}"
        kinds = join_words(_kinds(match.findings), "and")
        return f"no rule speaks of what was found in {place}: {kinds}"
    if match.findings:
        worst = max(_gravity(finding) for finding in match.findings)
        kinds = join_words(_kinds(match.findings), "and")
        return f"{place} seems to hold {kinds} (severity {worst:.2f})"
    return f"it fits {place}"


def _kinds(findings: Sequence[Finding]) -> list[str]:
    return list(dict.fromkeys(in_words(finding.kind) for finding in findings))


def _message(match: Match, facts: PolicyFacts, chain: Sequence[PolicyRules]) -> str:
    """For the person: what happened, by which policy, and what they can do."""
    then = match.then
    if then.outcome is Outcome.ALLOW:
        return ""
    levels = sorted(chain, key=lambda policy: policy.level, reverse=True)
    appeal = next((policy.appeal for policy in levels if policy.appeal), APPEAL)
    named = f"policy “{match.policy.name}”, version {match.policy.version}"
    named = f"{named}, rule “{match.rule}”" if match.rule else named
    told = then.message
    if not told:
        why = _why(match, facts)
        told = f"{why[0].upper()}{why[1:]}. {_EFFECT[then.outcome]}"
    if then.outcome in (Outcome.BLOCK, Outcome.REVIEW):
        return f"{told} ({named}.) {appeal}"
    return f"{told} ({named}.)"


_EFFECT = {
    Outcome.REDACT: "It is replaced.",
    Outcome.FALLBACK: "The documents are quoted instead.",
    Outcome.REVIEW: "It waits for a reviewer.",
    Outcome.BLOCK: "So it was stopped.",
}


def _disclaimers(matches: Sequence[Match]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(said for match in matches for said in match.then.disclaimers))


def _severity(matches: Sequence[Match], deciding: Match, facts: PolicyFacts) -> float:
    """The worst of what was found by a rule of this outcome; by none, the risk, or the middle."""
    outcome = deciding.then.outcome
    if outcome is Outcome.ALLOW:
        return 0.0
    found = [
        _gravity(finding)
        for match in matches
        if match.then.outcome is outcome
        for finding in match.findings
    ]
    return min(1.0, max(found, default=CERTAIN if facts.risk is None else facts.risk))
