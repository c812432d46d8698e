"""Attached files as passages, for where nothing but quoting can answer: cut, compared with the
question, and opened again from a citation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from assistants import compute, data
from assistants.exceptions import NotFound
from assistants.models import Citation, Message
from assistants.services.document_pages import CONTEXT_CHARACTERS, PassageView
from assistants.services.retrieval import embed_question, embed_texts
from assistants.types import Evidence, Passage

PASSAGES = 5
CHARACTERS = 900  # of a passage, where a paragraph is not longer
_PARAGRAPH = re.compile(r"\S(?:.|\n(?![ \t]*\n))*")


def find_attached(message: Message, question: str) -> list[Passage]:
    """The best passages of the files that go with a message, the best first, numbered from 1."""
    cut = [
        (turn, start, end)
        for turn in message.given
        if turn.get("file")
        for start, end in _cut(text_of(turn))
    ]
    if not cut:
        return []
    model = data.get_embedding_spec()
    texts = [text_of(turn)[start:end] for turn, start, end in cut]
    vector = compute.run(embed_question(question, model))
    cosines = [
        sum(a * b for a, b in zip(vector, each, strict=True)) for each in embed_texts(texts, model)
    ]
    best = sorted(range(len(cut)), key=lambda index: (-cosines[index], index))[:PASSAGES]
    return [
        _passage(number, *cut[index], cosines[index]) for number, index in enumerate(best, start=1)
    ]


def get_attached_passage(message: Message, citation: Citation) -> PassageView:
    """What an answer cites of a file that went with its question. Raises NotFound."""
    named = (turn for turn in message.given if turn.get("file") == citation.title)
    turn = next(named, None)
    if turn is None:
        raise NotFound(f"citation {citation.number} of answer {citation.answer_id}")
    text = text_of(turn)
    start, end = min(citation.start, len(text)), min(citation.end, len(text))
    return PassageView(
        title=citation.title,
        section="attached to the question",
        recognised=turn.get("recognised"),
        before=text[max(0, start - CONTEXT_CHARACTERS) : start],
        passage=text[start:end],
        after=text[end : end + CONTEXT_CHARACTERS],
        html="",
        version_number=1,
        version_date=message.created,
        superseded=False,
        superseded_on=None,
        document_url="",
    )


def text_of(turn: Mapping[str, Any]) -> str:
    """The file's text, out of the marks around it."""
    text = str(turn["text"])
    return text[text.index("\n") + 1 : text.rindex("\n</file>")]


def _cut(text: str) -> Iterator[tuple[int, int]]:
    """Whole paragraphs, several together while they are short; a long one in pieces."""
    begun = ended = -1
    for found in _PARAGRAPH.finditer(text):
        if begun >= 0 and found.end() - begun > CHARACTERS:
            yield from _pieces(begun, ended)
            begun = -1
        begun = found.start() if begun < 0 else begun
        ended = found.end()
    if begun >= 0:
        yield from _pieces(begun, ended)


def _pieces(start: int, end: int) -> Iterator[tuple[int, int]]:
    for at in range(start, end, 2 * CHARACTERS):
        yield at, min(at + 2 * CHARACTERS, end)


def _passage(number: int, turn: Mapping[str, Any], start: int, end: int, cosine: float) -> Passage:
    return Passage(
        number=number,
        chunk_id="",
        document_id="",
        version_id="",
        title=turn["file"],
        section="",
        text=text_of(turn)[start:end],
        zone=turn["made_from"][0],
        start=start,
        end=end,
        evidence=Evidence(cosine, 0.0, 0.0, max(cosine, 0.0)),
        linked_from=0 if number == 1 else None,  # it was attached to be read
    )


def merge(attached: Sequence[Passage], found: Sequence[Passage]) -> list[Passage]:
    """What is attached first; then what was found in documents that were named, numbered on."""
    more = [replace(each, number=len(attached) + n) for n, each in enumerate(found, start=1)]
    return [*attached, *more]
