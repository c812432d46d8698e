"""What an answer under review was made from: its passages, opened for its reviewers.

The receipt names every passage that was in the prompt. A reviewer may have no right to a document
of its own: of it they get these passages and what stands around them, for this item, and sealed
where they may not read its zone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from assistants import compute, data
from assistants.models import Answer, Citation, DocumentVersion
from assistants.types import Evidence, Passage, Scope

CONTEXT_CHARACTERS = 400
QUOTED_TOKENS = 700
# It is known which passages the answer was made from, and a person looks at what is quoted.
_CHOSEN = Evidence(cosine=1.0, keyword=1.0, coverage=1.0, score=1.0)


@dataclass(frozen=True, slots=True)
class OpenedPassage:
    """`before` and `after` stand around the passage; `url` is "" where the reader has no right to
    the document.
    """

    passage: Passage
    before: str
    after: str
    cited: bool
    readable: bool
    url: str


def open_passages(answer: Answer, scope: Scope) -> list[OpenedPassage]:
    """In the order of their numbers. One whose document is gone is left out."""
    receipt: dict[str, Any] = answer.receipt or {}
    cited = set(answer.citations.values_list("number", flat=True))
    opened = []
    for used in receipt.get("passages", ()):
        found = _open(used, used["number"] in cited, scope)
        if found:
            opened.append(found)
    return opened


def _open(used: dict[str, Any], cited: bool, scope: Scope) -> OpenedPassage | None:
    with data.rights_of_system():
        zone = (
            DocumentVersion.objects.filter(pk=used["version"])
            .values_list("zone_id", "zone__slug")
            .first()
        )
    if zone is None:
        return None
    zone_id, slug = zone
    only = Scope((zone_id,), (slug,))
    start, end = used["start"], used["end"]
    with data.rights_of(only):
        version = (
            DocumentVersion.objects.select_related("document")
            .defer("content")
            .filter(pk=used["version"])
            .first()
        )
        if version is None:  # moved a moment ago
            return None
        section = data.get_section(only, version.pk, start)
    readable = zone_id in scope.zone_ids
    first = max(0, start - CONTEXT_CHARACTERS)
    return OpenedPassage(
        passage=Passage(
            number=used["number"],
            chunk_id="",
            document_id=str(version.document_id),
            version_id=str(version.pk),
            title=version.document.title,
            section=section,
            text=version.text[start:end],
            zone=slug,
            start=start,
            end=end,
            evidence=_CHOSEN,
        ),
        before=version.text[first:start],
        after=version.text[end : end + CONTEXT_CHARACTERS],
        cited=cited,
        readable=readable,
        url=f"/documents/{version.document_id}/?version={version.pk}"
        f"&start={start}&end={end}#passage"
        if readable
        else "",
    )


def quote_passages(question: str, opened: Collection[OpenedPassage]) -> str:
    """The answer in the documents' own words, Markdown with citation marks; "" without passages.

    The cited ones come first: they are what the answer stands on.
    """
    order = sorted(opened, key=lambda each: (not each.cited, each.passage.number))
    passages = [each.passage for each in order]
    return "\n\n".join(compute.quote(question, passages, QUOTED_TOKENS)) if passages else ""


def cite(answer: Answer, numbers: Collection[int], opened: Collection[OpenedPassage]) -> None:
    """Have exactly these passages cited, as far as the answer was made from them."""
    answer.citations.exclude(number__in=numbers).delete()
    known = set(answer.citations.values_list("number", flat=True))
    Citation.objects.bulk_create(
        Citation(
            answer=answer,
            number=passage.number,
            version_id=passage.version_id,
            document=passage.document_id,
            title=passage.title,
            section=passage.section,
            start=passage.start,
            end=passage.end,
        )
        for passage in (each.passage for each in opened)
        if passage.number in numbers and passage.number not in known
    )
