"""The data plane: what is stored, found, redacted. It knows no model and no policy."""

from assistants.data.blocks import DraftChunk, ParsedDocument, page_of
from assistants.data.chunking import chunk_document
from assistants.data.documents import (
    PIPELINE,
    DocumentEntry,
    get_received,
    get_section,
    get_version,
    index_version,
    list_documents,
    list_waiting,
    receive_version,
    reject_version,
)
from assistants.data.layout import Part, Section, Span, lay_out
from assistants.data.lexemes import get_search_vector
from assistants.data.parsing import detect, parse_document
from assistants.data.privacy import (
    QUASI_IDENTIFIERS,
    SensitiveSpan,
    classify_sensitivity,
    find_structured_spans,
)
from assistants.data.relevance import is_relevant
from assistants.data.scope import get_scope, rights_of, rights_of_system
from assistants.data.search import search
from assistants.data.structure import MARKED_UP
from assistants.data.zone_contents import (
    HeldVersion,
    ZoneContents,
    check_move,
    confirm_version,
    count_chunks,
    count_zone_contents,
    get_held_version,
    list_held_versions,
    lock_document,
    move_document,
    reject_held_version,
)
from assistants.data.zones import NO_ZONE, days_in_words, join_zones, loosens, refusal

__all__ = [
    "MARKED_UP",
    "NO_ZONE",
    "PIPELINE",
    "QUASI_IDENTIFIERS",
    "DocumentEntry",
    "DraftChunk",
    "HeldVersion",
    "ParsedDocument",
    "Part",
    "Section",
    "SensitiveSpan",
    "Span",
    "ZoneContents",
    "check_move",
    "chunk_document",
    "classify_sensitivity",
    "confirm_version",
    "count_chunks",
    "count_zone_contents",
    "days_in_words",
    "detect",
    "find_structured_spans",
    "get_held_version",
    "get_received",
    "get_scope",
    "get_search_vector",
    "get_section",
    "get_version",
    "index_version",
    "is_relevant",
    "join_zones",
    "lay_out",
    "list_documents",
    "list_held_versions",
    "list_waiting",
    "lock_document",
    "loosens",
    "move_document",
    "page_of",
    "parse_document",
    "receive_version",
    "refusal",
    "reject_held_version",
    "reject_version",
    "rights_of",
    "rights_of_system",
    "search",
]
