"""The data plane: what is stored, found, redacted. It knows no model and no policy."""

from assistants.data.blocks import DraftChunk, ParsedDocument, page_of
from assistants.data.chunking import chunk_document
from assistants.data.documents import (
    PIPELINE,
    ReadyVersion,
    get_section,
    get_version,
    index_version,
    index_versions,
    list_versions,
    receive_version,
    remove_document,
    restore_document,
)
from assistants.data.ingestion import (
    ClaimedVersion,
    advance_versions,
    claim_versions,
    count_waiting,
    fail_version,
    get_outcomes,
    hold_version,
    is_anything_due,
    postpone_versions,
    reject_claimed,
    renew_claim,
)
from assistants.data.layout import Part, Section, Span, lay_out
from assistants.data.lexemes import get_search_vector
from assistants.data.listing import (
    DEAD_LETTERS,
    DocumentEntry,
    count_documents,
    count_open,
    list_documents,
)
from assistants.data.parsing import detect, parse_document
from assistants.data.privacy import (
    QUASI_IDENTIFIERS,
    SensitiveSpan,
    classify_sensitivity,
    find_structured_spans,
)
from assistants.data.relevance import is_relevant
from assistants.data.retention import ExpiredVersion, delete_expired_versions, delete_version
from assistants.data.roles import as_app, as_owner, grant_rights
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
    "DEAD_LETTERS",
    "MARKED_UP",
    "NO_ZONE",
    "PIPELINE",
    "QUASI_IDENTIFIERS",
    "ClaimedVersion",
    "DocumentEntry",
    "DraftChunk",
    "ExpiredVersion",
    "HeldVersion",
    "ParsedDocument",
    "Part",
    "ReadyVersion",
    "Section",
    "SensitiveSpan",
    "Span",
    "ZoneContents",
    "advance_versions",
    "as_app",
    "as_owner",
    "check_move",
    "chunk_document",
    "claim_versions",
    "classify_sensitivity",
    "confirm_version",
    "count_chunks",
    "count_documents",
    "count_open",
    "count_waiting",
    "count_zone_contents",
    "days_in_words",
    "delete_expired_versions",
    "delete_version",
    "detect",
    "fail_version",
    "find_structured_spans",
    "get_held_version",
    "get_outcomes",
    "get_scope",
    "get_search_vector",
    "get_section",
    "get_version",
    "grant_rights",
    "hold_version",
    "index_version",
    "index_versions",
    "is_anything_due",
    "is_relevant",
    "join_zones",
    "lay_out",
    "list_documents",
    "list_held_versions",
    "list_versions",
    "lock_document",
    "loosens",
    "move_document",
    "page_of",
    "parse_document",
    "postpone_versions",
    "receive_version",
    "refusal",
    "reject_claimed",
    "reject_held_version",
    "remove_document",
    "renew_claim",
    "restore_document",
    "rights_of",
    "rights_of_system",
    "search",
]
