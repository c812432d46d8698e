"""The console: what an admin registers and reads. Private chats are not part of it."""

from assistants.admin import (
    api_keys,
    assistants,
    audit,
    budgets,
    changes,
    documents,
    egress,
    guardrails,
    notes,
    people,
    policies,
    registry,
    reviews,
    sources,
    terms,
    zones,
)

__all__ = [
    "api_keys",
    "assistants",
    "audit",
    "budgets",
    "changes",
    "documents",
    "egress",
    "guardrails",
    "notes",
    "people",
    "policies",
    "registry",
    "reviews",
    "sources",
    "terms",
    "zones",
]
