"""The console: what an admin registers and reads. Private chats are not part of it."""

from assistants.admin import (
    audit,
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
    "changes",
    "documents",
    "egress",
    "people",
    "registry",
    "sources",
    "terms",
    "zones",
]
