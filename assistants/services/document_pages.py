"""What a user reads of documents: the list, one document, one passage. Under their rights now."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.contrib.auth.models import AbstractBaseUser

from assistants import data, markdown
from assistants.models import DocumentVersion

# Around an opened passage: so many characters of the document before and after it, about.
CONTEXT_CHARACTERS = 1200


@dataclass(frozen=True, slots=True)
class ZoneDocuments:
    slug: str
    name: str
    documents: list[data.DocumentEntry]


@dataclass(frozen=True, slots=True)
class DocumentView:
    version: DocumentVersion
    title: str
    sections: list[data.Section]
    superseded: bool
    marked: bool


@dataclass(frozen=True, slots=True)
class PassageView:
    """`html` is rendered and sanitised, "" where the text is no Markdown."""

    title: str
    section: str
    before: str
    passage: str
    after: str
    html: str
    version_number: int
    version_date: datetime
    superseded: bool
    document_url: str


def list_by_zone(user: AbstractBaseUser) -> list[ZoneDocuments]:
    """Zones without documents are left out."""
    entries = data.list_documents(data.get_scope(user))
    return [
        ZoneDocuments(slug, name, list(group))
        for (slug, name), group in groupby(entries, key=lambda e: (e.zone, e.zone_name))
    ]


def get_document(
    user: AbstractBaseUser,
    document_id: uuid.UUID,
    version_id: uuid.UUID | None = None,
    start: int = 0,
    end: int = 0,
) -> DocumentView:
    """A document laid out for reading, its characters `start` to `end` marked. Raises NotFound."""
    version = data.get_version(data.get_scope(user), document_id, version_id)
    start, end = _within(version.text, start, end)
    return DocumentView(
        version=version,
        title=version.document.title,
        sections=data.lay_out(version.text, version.media_type, start, end),
        superseded=_superseded(version),
        marked=start < end,
    )


def get_passage(
    user: AbstractBaseUser,
    document_id: uuid.UUID,
    version_id: uuid.UUID | None,
    start: int,
    end: int,
) -> PassageView:
    """A passage with what stands around it. Raises NotFound."""
    scope = data.get_scope(user)
    version = data.get_version(scope, document_id, version_id)
    text = version.text
    start, end = _within(text, start, end)
    # from the beginning of a line to the end of one
    first = text.rfind("\n", 0, max(0, start - CONTEXT_CHARACTERS)) + 1
    last = text.find("\n", end + CONTEXT_CHARACTERS)
    return PassageView(
        title=version.document.title,
        section=data.get_section(scope, version.pk, start),
        before=text[first:start],
        passage=text[start:end],
        after=text[end : last if last >= 0 else len(text)],
        html=markdown.render_passage(text, start, end, context=CONTEXT_CHARACTERS)
        if version.media_type in data.MARKED_UP
        else "",
        version_number=version.number,
        version_date=version.created,
        superseded=_superseded(version),
        document_url=f"/documents/{version.document_id}/"
        f"?version={version.pk}&start={start}&end={end}#passage",
    )


def _within(text: str, start: int, end: int) -> tuple[int, int]:
    start = min(max(0, start), len(text))
    return start, min(max(start, end), len(text))


def _superseded(version: DocumentVersion) -> bool:
    return version.status == DocumentVersion.Status.INDEXED and not version.current
