"""Policies: what is allowed, in rules that people write, test and can take back."""

from assistants.control.policy.cases import Case, CaseResult, check_case, parse_cases
from assistants.control.policy.checking import find_idle
from assistants.control.policy.deciding import Match, decide_policy, deciding_rule, list_matches
from assistants.control.policy.differences import (
    Difference,
    describe_rule,
    difference,
    say_short,
    write_policy,
)
from assistants.control.policy.parsing import OPEN_LISTS, Mistake, PolicyInvalid, parse_policy
from assistants.control.policy.rules import (
    CERTAIN,
    Condition,
    Consequence,
    Level,
    PolicyRule,
    PolicyRules,
)
from assistants.control.policy.saying import say_condition, say_consequence
from assistants.control.policy.shipping import Shipped, list_shipped
from assistants.control.policy.vocabulary import (
    KINDS,
    OUTCOME_WORDS,
    OUTCOMES,
    RELEASE_WORDS,
    RELEASES,
    STAGES,
    in_words,
)

__all__ = [
    "CERTAIN",
    "KINDS",
    "OPEN_LISTS",
    "OUTCOMES",
    "OUTCOME_WORDS",
    "RELEASES",
    "RELEASE_WORDS",
    "STAGES",
    "Case",
    "CaseResult",
    "Condition",
    "Consequence",
    "Difference",
    "Level",
    "Match",
    "Mistake",
    "PolicyInvalid",
    "PolicyRule",
    "PolicyRules",
    "Shipped",
    "check_case",
    "decide_policy",
    "deciding_rule",
    "describe_rule",
    "difference",
    "find_idle",
    "in_words",
    "list_matches",
    "list_shipped",
    "parse_cases",
    "parse_policy",
    "say_condition",
    "say_consequence",
    "say_short",
    "write_policy",
]
