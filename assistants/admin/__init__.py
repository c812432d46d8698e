"""The console: what an admin registers and reads. Private chats are not part of it."""

from assistants.admin import (
    audit,
    budgets,
    changes,
    documents,
    egress,
    people,
    registry,
    sources,
    terms,
    zones,
)

__all__ = [
    "audit",
    "budgets",
    "changes",
    "documents",
    "egress",
    "people",
    "registry",
    "sources",
    "terms",
    "zones",
]
