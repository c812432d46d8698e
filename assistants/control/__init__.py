"""The control plane: it decides and records; the services enforce. It knows no model's inside."""

from assistants.control.audit import list_events, record_event, verify_chain
from assistants.control.budgets import (
    BudgetState,
    decide_notice,
    decide_refusal,
    euro,
    say_used_up,
)
from assistants.control.egress import EgressRequest, EgressVerdict, check_egress
from assistants.control.guardrails import check_input, check_output, has_output_guardrails
from assistants.control.ledger import verify_ledger
from assistants.control.limits import check_preview_rate, check_rate
from assistants.control.reasons import WORDS
from assistants.control.receipts import canonical_json, sha256_of, verify_receipt
from assistants.control.reviews import (
    CLAIM_SECONDS,
    OPEN,
    SHOWN,
    Review,
    ReviewAction,
    ReviewKind,
    ReviewRefused,
    ReviewState,
    check_reviewer,
    cohens_kappa,
    decide_due,
    draws_sample,
    is_safe_in_bulk,
    risk_of,
    step_review,
)
from assistants.control.routing import Candidate, decide_route, is_free
from assistants.control.signing import get_egress_public_key
from assistants.control.tasks import decide_difficulty, decide_task

__all__ = [
    "CLAIM_SECONDS",
    "OPEN",
    "SHOWN",
    "WORDS",
    "BudgetState",
    "Candidate",
    "EgressRequest",
    "EgressVerdict",
    "Review",
    "ReviewAction",
    "ReviewKind",
    "ReviewRefused",
    "ReviewState",
    "canonical_json",
    "check_egress",
    "check_input",
    "check_output",
    "check_preview_rate",
    "check_rate",
    "check_reviewer",
    "cohens_kappa",
    "decide_difficulty",
    "decide_due",
    "decide_notice",
    "decide_refusal",
    "decide_route",
    "decide_task",
    "draws_sample",
    "euro",
    "get_egress_public_key",
    "has_output_guardrails",
    "is_free",
    "is_safe_in_bulk",
    "list_events",
    "record_event",
    "risk_of",
    "say_used_up",
    "sha256_of",
    "step_review",
    "verify_chain",
    "verify_ledger",
    "verify_receipt",
]
