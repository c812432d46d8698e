"""The control plane: it decides and records; the services enforce. It knows no model's inside."""

from assistants.control import policy
from assistants.control.audit import list_events, record_event, verify_chain
from assistants.control.budgets import (
    BudgetState,
    decide_notice,
    decide_refusal,
    euro,
    say_used_up,
)
from assistants.control.egress import EgressRequest, EgressVerdict, check_egress
from assistants.control.guardrails import (
    GUARDRAILS,
    NOT_SUPPORTED,
    Checked,
    Guardrail,
    Labelled,
    defuse,
    estimate_risk,
    find_misquoted,
    fit_guardrail,
    ground,
    make_examples,
    read_guardrail_card,
    run_guardrails,
    score_attack,
    split_sentences,
    write_guardrail,
)
from assistants.control.ledger import verify_ledger
from assistants.control.limits import check_preview_rate, check_rate
from assistants.control.policy import (
    PolicyInvalid,
    PolicyRules,
    decide_policy,
    difference,
    parse_cases,
    parse_policy,
)
from assistants.control.reasons import WORDS
from assistants.control.receipts import canonical_json, sha256_of, verify_receipt
from assistants.control.routing import Candidate, decide_route, is_free
from assistants.control.signing import get_egress_public_key
from assistants.control.tasks import decide_difficulty, decide_task

__all__ = [
    "GUARDRAILS",
    "NOT_SUPPORTED",
    "WORDS",
    "BudgetState",
    "Candidate",
    "Checked",
    "EgressRequest",
    "EgressVerdict",
    "Guardrail",
    "Labelled",
    "PolicyInvalid",
    "PolicyRules",
    "canonical_json",
    "check_egress",
    "check_preview_rate",
    "check_rate",
    "decide_difficulty",
    "decide_notice",
    "decide_policy",
    "decide_refusal",
    "decide_route",
    "decide_task",
    "defuse",
    "difference",
    "estimate_risk",
    "euro",
    "find_misquoted",
    "fit_guardrail",
    "get_egress_public_key",
    "ground",
    "is_free",
    "list_events",
    "make_examples",
    "parse_cases",
    "parse_policy",
    "policy",
    "read_guardrail_card",
    "record_event",
    "run_guardrails",
    "say_used_up",
    "score_attack",
    "sha256_of",
    "split_sentences",
    "verify_chain",
    "verify_ledger",
    "verify_receipt",
    "write_guardrail",
]
