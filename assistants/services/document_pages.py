"""What a user reads of documents: the list, one document, one passage. Under their rights now."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.contrib.auth.models import AbstractBaseUser, AbstractUser

from assistants import data, markdown
from assistants.models import DocumentVersion, Zone
from assistants.services.documents import may_remove

# Around an opened passage: so many characters of the document before and after it, about.
CONTEXT_CHARACTERS = 1200
DOCUMENTS_A_PAGE = 50

Status = DocumentVersion.Status
# What the list can be narrowed to; the statuses are those of the newest version.
STATES: dict[str, tuple[str, ...]] = {
    "": (),
    "reading": data.OPEN,
    "attention": data.DEAD_LETTERS,
    "searchable": (Status.INDEXED,),
    "removed": (),
}
STAGES = {
    Status.RECEIVED: "waiting",
    Status.VALIDATED: "checked",
    Status.PARSED: "read",
    Status.CLASSIFIED: "classified",
    Status.CHUNKED: "cut into passages",
    Status.EMBEDDED: "embedded",
}


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One line of the list. `stage` counts from 1 while it is on its way, in `stage_name`."""

    entry: data.DocumentEntry
    stage: int
    stage_name: str
    removable: bool


@dataclass(frozen=True, slots=True)
class ZoneDocuments:
    slug: str
    name: str
    rows: list[DocumentRow]


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """A page of the list. `reading` and `attention` count all that the user may see, not only it.

    Zones without documents on this page are left out of `groups`; `zones` are all that the
    user may read, and so may add documents to.
    """

    groups: list[ZoneDocuments]
    zones: list[Zone]
    total: int
    number: int
    pages: int
    reading: int
    attention: int


@dataclass(frozen=True, slots=True)
class DocumentView:
    """`versions` are all there are, the newest first; `removable` by this user."""

    version: DocumentVersion
    title: str
    sections: list[data.Section]
    superseded: bool
    marked: bool
    versions: list[DocumentVersion]
    removable: bool


@dataclass(frozen=True, slots=True)
class PassageView:
    """`html` is rendered and sanitised, "" where the text is no Markdown. `page` counts from 1.
    `recognised`: how sure text that was recognised in pictures is, 0 to 1; else None.
    """

    title: str
    section: str
    before: str
    passage: str
    after: str
    html: str
    version_number: int
    version_date: datetime
    superseded: bool
    superseded_on: datetime | None
    document_url: str
    page: int | None = None
    recognised: float | None = None


def get_page(
    user: AbstractUser, *, zone: str = "", query: str = "", state: str = "", number: int = 1
) -> DocumentPage:
    """`state` is one of `STATES`. A number beyond the last page is the last page."""
    scope = data.get_scope(user)
    found = data.get_document_list(
        scope,
        zone=zone,
        query=query,
        statuses=STATES.get(state, ()),
        removed=state == "removed",
        page=number,
        size=DOCUMENTS_A_PAGE,
    )
    groups = [
        ZoneDocuments(slug, name, [_row(user, entry) for entry in group])
        for (slug, name), group in groupby(found.entries, key=lambda e: (e.zone, e.zone_name))
    ]
    return DocumentPage(
        groups=groups,
        zones=list(Zone.objects.filter(pk__in=scope.zone_ids)),
        total=found.total,
        number=found.offset // DOCUMENTS_A_PAGE + 1,
        pages=max(1, -(-found.total // DOCUMENTS_A_PAGE)),
        reading=found.reading,
        attention=found.attention,
    )


def _row(user: AbstractUser, entry: data.DocumentEntry) -> DocumentRow:
    stages = list(STAGES)
    stage = stages.index(Status(entry.status)) + 1 if entry.status in stages else 0
    name = STAGES.get(Status(entry.status), "")
    if stage == 1 and entry.attempts:
        name = "waits to be tried again"
    return DocumentRow(entry, stage, name, may_remove(user, entry.created_by))


def get_document(
    user: AbstractUser,
    document_id: uuid.UUID,
    version_id: uuid.UUID | None = None,
    start: int = 0,
    end: int = 0,
) -> DocumentView:
    """A document laid out for reading, its characters `start` to `end` marked. Raises NotFound."""
    scope = data.get_scope(user)
    version = data.get_version(scope, document_id, version_id)
    start, end = _within(version.text, start, end)
    return DocumentView(
        version=version,
        title=version.document.title,
        sections=data.lay_out(version.text, version.media_type, start, end),
        superseded=_superseded(version),
        marked=start < end,
        versions=data.list_versions(scope, document_id),
        removable=may_remove(user, version.document.created_by_id),
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
        superseded_on=version.valid_until if _superseded(version) else None,
        document_url=f"/documents/{version.document_id}/"
        f"?version={version.pk}&start={start}&end={end}#passage",
        page=data.page_of(version.pages, start),
        recognised=version.recognised,
    )


def _within(text: str, start: int, end: int) -> tuple[int, int]:
    start = min(max(0, start), len(text))
    return start, min(max(start, end), len(text))


def _superseded(version: DocumentVersion) -> bool:
    indexed = version.status == DocumentVersion.Status.INDEXED
    return indexed and not version.current and version.document.removed is None
