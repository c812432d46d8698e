"""The control plane: it decides and records; the services enforce. It knows no model's inside."""

from assistants.control.audit import record_event, verify_chain
from assistants.control.budgets import (
    BudgetState,
    decide_notice,
    decide_refusal,
    euro,
    say_used_up,
)
from assistants.control.guardrails import check_input, check_output, has_output_guardrails
from assistants.control.limits import check_rate
from assistants.control.reasons import WORDS
from assistants.control.receipts import sha256_of, verify_receipt
from assistants.control.routing import Candidate, decide_route, is_free
from assistants.control.tasks import decide_difficulty, decide_task

__all__ = [
    "WORDS",
    "BudgetState",
    "Candidate",
    "check_input",
    "check_output",
    "check_rate",
    "decide_difficulty",
    "decide_notice",
    "decide_refusal",
    "decide_route",
    "decide_task",
    "euro",
    "has_output_guardrails",
    "is_free",
    "record_event",
    "say_used_up",
    "sha256_of",
    "verify_chain",
    "verify_receipt",
]
