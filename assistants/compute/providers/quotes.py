"""A deployment that is no generative model: it answers with quotations, or says that it cannot.

Every quotation is verbatim: what stands in a block quote or a code block is the passage's own
text, but for line breaks inside a paragraph and for rows left out of a long table. Each is headed
by its document, its section and its citation mark. The same prompt gives the same answer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Sequence

from assistants.compute import answerability
from assistants.compute.clauses import Clause, Kind, cut, question_words, shorten, weigh
from assistants.types import (
    Delta,
    DeploymentSpec,
    Finished,
    FinishReason,
    GenerationEvent,
    Passage,
    Prompt,
    Started,
    Usage,
)

ABSTENTION = "The documents I may search for you do not answer this."
UNSURE = "I am not sure that the documents answer this. These passages come closest:"

# The paragraph with the answer is among the first three passages for nine questions in ten, and
# first for two in three (benchmarks/quotes.py). So several are quoted where scores are close.
PASSAGES = 5
CLOSE = 0.78  # of the first passage's score: quoted at all
AS_GOOD = 0.85  # quoted whole, not only its telling clauses
WHOLE = 3  # so many at most
TELLING = 0.5  # of the best clause's weight
CLAUSES = 2  # of a passage that is not quoted whole
WORDS_AROUND = 1.4  # tokens a word, about

_CITATION_LIKE = re.compile(r"\[([0-9]{1,3})\]")
_MARKUP = re.compile(r"([\\`*_\[\]<>#|])")
_FENCES = re.compile(r"`{3,}")


class Quotes:
    """The provider. Needs no weights and no network; `version` is that of its classifier."""

    def __init__(self, deployment: DeploymentSpec) -> None:
        self.deployment = deployment

    async def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationEvent, None]:
        classifier = answerability.load()
        yield Started(model="quotes", version=classifier.version)
        passages = prompt.passages
        chance = 0.0
        if passages:
            chance = classifier.estimate(answerability.measure(passages))
            if passages[0].linked_from == 0:
                chance = 1.0  # the question names this very passage
        answered = bool(passages) and chance >= classifier.abstain
        if answered:
            parts = list(quote(prompt.question, passages, prompt.max_tokens))
            if chance < classifier.unsure:
                parts.insert(0, UNSURE)
        else:
            parts = [ABSTENTION, *_places(passages)]
        words = 0
        for number, part in enumerate(parts):
            words += len(part.split())
            yield Delta(part if number == 0 else f"\n\n{part}")
            await asyncio.sleep(0)  # whoever stops the answer gets a turn
        yield Finished(
            FinishReason.STOP if answered else FinishReason.ABSTAINED,
            Usage(completion_tokens=round(words * WORDS_AROUND)),
        )


def quote(question: str, passages: Sequence[Passage], max_tokens: int) -> Iterator[str]:
    """Markdown blocks: for each passage worth quoting a head line, then its quotations."""
    words = question_words(
        question, [f"{passage.title} {passage.section} {passage.text}" for passage in passages]
    )
    first = max(passage.evidence.score for passage in passages)
    room = max_tokens / WORDS_AROUND
    for place, passage in enumerate(passages[:PASSAGES]):
        likeness = passage.evidence.score / first if first > 0 else 1.0
        if passage.linked_from == 0:
            likeness = 1.0
        if place and likeness < CLOSE:
            continue
        clauses = cut(passage.text, passage.title)
        if place and (place >= WHOLE or likeness < AS_GOOD):
            clauses = _telling(clauses, words)
        quotations = [_quotation(clause, shorten(clause, words)) for clause in clauses]
        room -= sum(len(quotation.split()) for quotation in quotations)
        if place and room < 0:
            return
        if quotations:
            yield f"{_place(passage)} [{passage.number}]"
            yield from _merged(clauses, quotations)


def _telling(clauses: Sequence[Clause], words: dict[str, float]) -> list[Clause]:
    """The clauses that hold most of the question's words, in the document's order."""
    weights = [weigh(clause.text, words) for clause in clauses]
    best = max(weights, default=0.0)
    order = sorted(range(len(clauses)), key=lambda place: (-weights[place], place))
    kept = [place for place in order if weights[place] >= TELLING * best][:CLAUSES]
    return [clauses[place] for place in sorted(kept)]


def _merged(clauses: Sequence[Clause], quotations: Sequence[str]) -> Iterator[str]:
    """Neighbouring prose and tables of one passage share one block quote."""
    run: list[str] = []
    for clause, quotation in zip(clauses, quotations, strict=True):
        if clause.kind is not Kind.VERBATIM:
            run.append(quotation)
            continue
        if run:
            yield "\n>\n".join(run)
            run = []
        yield quotation
    if run:
        yield "\n>\n".join(run)


def _quotation(clause: Clause, text: str) -> str:
    if clause.kind is Kind.VERBATIM:
        longest = max((len(run) for run in _FENCES.findall(text)), default=2)
        fence = "`" * (longest + 1)
        return f"{fence}{clause.language}\n{text}\n{fence}"
    # A mark in a quoted text is not a citation of this answer.
    text = _CITATION_LIKE.sub(r"\\[\1\\]", text)
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _place(passage: Passage) -> str:
    """ "**Title** › Section", on one line and without markup of its own."""
    title, section = (
        _MARKUP.sub(r"\\\1", " ".join(name.split())) for name in (passage.title, passage.section)
    )
    return f"**{title}** › {section}" if section else f"**{title}**"


def _places(passages: Sequence[Passage]) -> list[str]:
    """Where a person might look, clearly no answer and without citation marks."""
    places = list(dict.fromkeys(_place(passage) for passage in passages[:3]))
    if not places:
        return []
    return [
        "The nearest sections, which may be worth a look:",
        "\n".join(f"- {place}" for place in places),
    ]
