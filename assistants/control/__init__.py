"""The control plane: it decides and records; the services enforce. It knows no model's inside."""

from assistants.control.audit import list_events, record_event, verify_chain
from assistants.control.guardrails import check_input, check_output, has_output_guardrails
from assistants.control.limits import check_preview_rate, check_rate
from assistants.control.receipts import canonical_json, sha256_of, verify_receipt
from assistants.control.routing import Candidate, decide_route
from assistants.control.tasks import decide_task

__all__ = [
    "Candidate",
    "canonical_json",
    "check_input",
    "check_output",
    "check_preview_rate",
    "check_rate",
    "decide_route",
    "decide_task",
    "has_output_guardrails",
    "list_events",
    "record_event",
    "sha256_of",
    "verify_chain",
    "verify_receipt",
]
