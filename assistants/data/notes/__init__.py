"""Notes of what was said: drafted from a dialogue, each statement linked to its seconds. Pure."""

from assistants.data.notes.checking import Mark, MarkKind, check_statement, find_omissions
from assistants.data.notes.dialogue import Utterance, Word, list_spoken
from assistants.data.notes.drafting import (
    NoteDraft,
    Statement,
    check_by_hand,
    draft_by_quoting,
    parse_written,
    trace_statements,
)
from assistants.data.notes.templates import (
    BUILT_IN,
    NoteSection,
    NoteTemplate,
    read_sections,
    write_sections,
)

__all__ = [
    "BUILT_IN",
    "Mark",
    "MarkKind",
    "NoteDraft",
    "NoteSection",
    "NoteTemplate",
    "Statement",
    "Utterance",
    "Word",
    "check_by_hand",
    "check_statement",
    "draft_by_quoting",
    "find_omissions",
    "list_spoken",
    "parse_written",
    "read_sections",
    "trace_statements",
    "write_sections",
]
