"""The example cases of a policy version, run against the chain that it would be part of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db.models import QuerySet

from assistants import compute, control
from assistants.models import Policy, PolicyVersion
from assistants.services import policies
from assistants.types import Finding, Stage


def parse(version: PolicyVersion) -> control.PolicyRules:
    """Its rules, with everything checked that a version must not get wrong; its cases too.

    Raises PolicyInvalid with all mistakes of both.
    """
    mistakes: list[control.policy.Mistake] = []
    rules = None
    try:
        rules = parse_rules(version)
    except control.PolicyInvalid as invalid:
        mistakes += invalid.mistakes
    try:
        control.parse_cases(version.cases)
    except control.PolicyInvalid as invalid:
        mistakes += invalid.mistakes
    if mistakes or rules is None:
        raise control.PolicyInvalid(mistakes)
    return rules


def parse_rules(version: PolicyVersion) -> control.PolicyRules:
    """Raises PolicyInvalid with all mistakes of its rules."""
    policy = version.policy
    return control.parse_policy(
        version.rules,
        level=control.policy.Level[policy.level.upper()],
        name=policy.name,
        version=version.number,
    )


def find_mistakes(version: PolicyVersion) -> list[control.policy.Mistake]:
    try:
        parse(version)
    except control.PolicyInvalid as invalid:
        return list(invalid.mistakes)
    return []


def build_chain(version: PolicyVersion) -> list[control.PolicyRules]:
    """This version with the active ones of the levels above it. Raises PolicyInvalid."""
    rules = parse_rules(version)
    policy = version.policy
    above: list[control.PolicyRules] = []
    if policy.level != Policy.Level.ORGANISATION:
        above.append(_active(Policy.objects.filter(level=Policy.Level.ORGANISATION)))
    if policy.assistant:
        department = Policy.objects.filter(department=policy.assistant.department_id)
        if department.filter(versions__stage=PolicyVersion.Stage.ACTIVE).exists():
            above.append(_active(department))
    return [*above, rules]


def find_idle(version: PolicyVersion) -> list[str]:
    """Sentences on rules that change nothing, since a level above is as strict where they fit.

    They may be meant, for the day on which that one gets laxer. Raises PolicyInvalid.
    """
    *above, rules = build_chain(version)
    return [
        f"Rule “{name}” changes nothing at present: the rule “{upper}” of the policy "
        f"{policy.name} is as strict wherever it fits."
        for policy in above
        for name, upper in control.policy.find_idle(policy.rules, rules.rules)
    ]


def run_cases(version: PolicyVersion) -> list[control.policy.CaseResult]:
    """Each case with what came of it; a text is run through the guardrails of its stage.

    A case of a department's or an assistant's policy is about that one unless it says otherwise.
    Raises PolicyInvalid.
    """
    chain = build_chain(version)
    policy = version.policy
    department, assistant = "", ""
    if policy.department:
        department = policy.department.name
    elif policy.assistant:
        department, assistant = policy.assistant.department.name, policy.assistant.slug
    results = []
    for case in control.parse_cases(version.cases):
        facts = replace(
            case.facts,
            department=case.facts.department or department,
            assistant=case.facts.assistant or assistant,
        )
        about = replace(case, facts=facts)
        found = find_in_text(case.text, facts.stage, facts.department) if case.text else ()
        results.append(control.policy.check_case(chain, about, found))
    return results


def find_in_text(text: str, stage: Stage, department: str) -> Sequence[Finding]:
    """What the guardrails of this stage see in a text that stands alone."""
    return control.run_guardrails(
        control.Checked(text, stage, department=department, embed=compute.embed_texts)
    )


def _active(policy: QuerySet[Policy]) -> control.PolicyRules:
    version = (
        PolicyVersion.objects.select_related("policy__department", "policy__assistant")
        .filter(policy__in=policy, stage=PolicyVersion.Stage.ACTIVE)
        .first()
    )
    return policies.parse_version(version) if version else policies.get_shipped_organisation()
