"""What documents name and how it hangs together: found at ingestion, followed by links."""

from assistants.data.graph.links import DocumentLinks, LinkedPlace, list_links
from assistants.data.graph.store import IndexedText, rebuild_links, record_links
from assistants.data.graph.widening import find_linked

__all__ = [
    "DocumentLinks",
    "IndexedText",
    "LinkedPlace",
    "find_linked",
    "list_links",
    "rebuild_links",
    "record_links",
]
