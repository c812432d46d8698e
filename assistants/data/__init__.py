"""The data plane: what is stored, found, redacted. It knows no model and no policy."""

from assistants.data.blocks import DraftChunk, ParsedDocument
from assistants.data.chunking import chunk_document
from assistants.data.parsing import parse_document
from assistants.data.lexemes import get_search_vector
from assistants.data.relevance import is_relevant
from assistants.data.scope import get_scope, rights_of, rights_of_system
from assistants.data.search import search
from assistants.data.zones import NO_ZONE, join_zones, refusal

__all__ = [
    "NO_ZONE",
    "DraftChunk",
    "ParsedDocument",
    "chunk_document",
    "get_scope",
    "get_search_vector",
    "is_relevant",
    "join_zones",
    "parse_document",
    "refusal",
    "rights_of",
    "rights_of_system",
    "search",
]
