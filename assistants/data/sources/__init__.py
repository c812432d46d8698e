"""Sources: what they hold, and what of it is stored already. Nothing here decides or receives."""

from assistants.data.sources.changes import (
    Changed,
    Extent,
    Listing,
    NotTaken,
    Removed,
    Skipped,
)
from assistants.data.sources.reading import KEY_VARIABLE, check_source, list_changes
from assistants.data.sources.seen import Seen, load_seen, save_seen
from assistants.data.sources.stored import (
    SourceDocument,
    list_source_documents,
    receive_from_source,
)

__all__ = [
    "KEY_VARIABLE",
    "Changed",
    "Extent",
    "Listing",
    "NotTaken",
    "Removed",
    "Seen",
    "Skipped",
    "SourceDocument",
    "check_source",
    "list_changes",
    "list_source_documents",
    "load_seen",
    "receive_from_source",
    "save_seen",
]
