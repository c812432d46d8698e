"""The console: what an admin registers and reads. Private chats are not part of it."""

from assistants.admin import (
    api_keys,
    audit,
    budgets,
    changes,
    documents,
    egress,
    guardrails,
    notes,
    people,
    policies,
    prompts,
    registry,
    reviews,
    sources,
    terms,
    zones,
)

__all__ = [
    "api_keys",
    "audit",
    "budgets",
    "changes",
    "documents",
    "egress",
    "guardrails",
    "notes",
    "people",
    "policies",
    "prompts",
    "registry",
    "reviews",
    "sources",
    "terms",
    "zones",
]
