"""Rules in plain words, for people who write no rules."""

from __future__ import annotations

from assistants.control.policy.rules import CERTAIN, Condition, Consequence
from assistants.control.policy.vocabulary import (
    OUTCOME_WORDS,
    RELEASE_WORDS,
    STAGES,
    in_words,
    join_words,
)
from assistants.types import Outcome


def say_condition(when: Condition) -> str:
    """“where a password … is found in the message, and the zone is restricted”."""
    said = []
    places = join_words([STAGES[stage] for stage in STAGES if stage in when.stages])
    if when.findings:
        found = join_words([in_words(kind) for kind in sorted(when.findings)])
        from_ = f" with a severity from {when.severity_from:g}" if _is_set(when) else ""
        said.append(f"{found} is found{f' in {places}' if places else ''}{from_}")
    elif places:
        said.append(f"it is about {places}")
    if when.sensitivity_from is not None:
        said.append(f"the zone is {when.sensitivity_from.name.lower()} or more sensitive")
    for names, words in (
        (when.zones, "the zone is"),
        (when.departments, "the department is"),
        (when.assistants, "the assistant is"),
        (when.users, "it is asked by"),
        (when.groups, "the asker is in"),
        (when.tasks, "the work is"),
        (when.deployments, "it is answered by"),
        (when.environments, "it runs in"),
    ):
        if names:
            listed = join_words(sorted(str(name) for name in names))
            said.append(f"{words} {listed.replace('_', ' ')}")
    if when.except_groups:
        said.append(f"the asker is not in {join_words(sorted(when.except_groups))}")
    if when.confidence_below is not None:
        said.append(f"the confidence is below {when.confidence_below:g}, or not known")
    if when.risk_from is not None:
        said.append(f"the risk is {when.risk_from:g} or more, or not known")
    return ", and ".join(said) or "always"


def say_consequence(then: Consequence) -> str:
    """“it waits for a reviewer of lawyers; two must agree”."""
    said = [f"it {OUTCOME_WORDS[then.outcome]}"]
    if then.reviewers:
        said[0] += f" of {then.reviewers}"
    if then.four_eyes:
        said.append("two must agree")
    if then.release and then.outcome is not Outcome.REVIEW:
        said.append(f"shown {RELEASE_WORDS[then.release]}")
    said += [f"with “{disclaimer}”" for disclaimer in then.disclaimers]
    return "; ".join(said)


def _is_set(when: Condition) -> bool:
    return when.severity_from != CERTAIN
