"""A note from a dialogue: quoted, or written by a model and then traced back to what was said.

No statement is made up here: a quoted one is made of pieces of the dialogue, verbatim, and a
written one that nothing in the dialogue stands behind is marked, never dropped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from assistants.data.notes.checking import (
    Mark,
    MarkKind,
    check_statement,
    find_medicines,
    find_omissions,
    overlap,
)
from assistants.data.notes.dialogue import Point, Utterance, find_points, list_spoken
from assistants.data.notes.reading import content_of, find_measures, split_words
from assistants.data.notes.templates import LEAD, NoteSection, NoteTemplate

Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]

# Of a point's fitness for a section, 0 to about 1.6; below the last it is in no section.
_CUE, _SPEAKER, _WEIGHTY = 0.12, 0.1, 0.12
_MOST_CUES = 2
BELONGS = 0.5  # benchmarks/notes.py: lower tells more and is longer
# A statement's link: meaning and words, in equal parts; below it, nothing stands behind it.
LINKED = 0.45
MOST_LINKS = 3
_LEADS = re.compile(
    r"\b(?:doctor|dr|clinician|physician|nurse|provider|agent|analyst|adviser|officer)\b", re.I
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of a note with where it comes from: seconds of the recording, and the numbers
    of the utterances, from 0. `source` is what was said there. `by_hand`: a person wrote it.
    """

    section: str
    text: str
    start: float | None
    end: float | None
    utterances: tuple[int, ...] = ()
    source: str = ""
    marks: tuple[Mark, ...] = ()
    by_hand: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class NoteDraft:
    statements: tuple[Statement, ...]
    omissions: tuple[Mark, ...] = field(default=())


def draft_by_quoting(
    template: NoteTemplate, utterances: Sequence[Utterance], embed: Embed
) -> NoteDraft:
    """The telling points of a dialogue under the sections they fit, in the order they were said."""
    points = find_points(utterances)
    statements = []
    if points:
        fit = _fit(template, points, find_lead(utterances), embed)
        best = fit.argmax(axis=1)
        statements = [
            _quote(template, template.sections[best[number]].key, point)
            for number, point in enumerate(points)
            if fit[number, best[number]] >= BELONGS and not point.asks
        ]
    return _finish(template, statements, list_spoken(utterances))


def trace_statements(
    template: NoteTemplate,
    utterances: Sequence[Utterance],
    written: Sequence[tuple[str, str]],
    embed: Embed,
) -> NoteDraft:
    """Link what a model wrote, pairs of a section's key and a sentence, to what was said, and check
    it against that.
    """
    spoken = list_spoken(utterances)
    traced = trace([text for _, text in written], spoken, embed)
    statements = [
        _linked(template, section, text, sources)
        for (section, text), sources in zip(written, traced, strict=True)
    ]
    return _finish(template, statements, spoken)


def check_by_hand(
    template: NoteTemplate,
    utterances: Sequence[Utterance],
    section: str,
    text: str,
    linked: Sequence[int],
) -> Statement:
    """A statement that a person wrote or changed, with the marks that it then deserves. Where it
    was linked to utterances it is compared with them first, else with all that was said.
    """
    spoken = list_spoken(utterances)
    near = [point for point in spoken if set(point.utterances) <= set(linked)] if linked else []
    return _linked(template, section, text, near or _by_words(text, spoken), by_hand=True)


def trace(texts: Sequence[str], spoken: Sequence[Point], embed: Embed) -> list[list[Point]]:
    """For each text the points that stand behind it, best first; [] where none does.

    Cosine of embeddings and the share of its words, in equal parts.
    """
    if not texts or not spoken:
        return [[] for _ in texts]
    vectors = np.asarray(embed([*texts, *(point.text for point in spoken)]), dtype=np.float32)
    cosine = vectors[: len(texts)] @ vectors[len(texts) :].T
    traced = []
    for row, text in zip(cosine, texts, strict=True):
        words = np.array([overlap(text, point.text) for point in spoken])
        scores = (row + words) / 2
        order = [int(n) for n in np.argsort(-scores, kind="stable") if scores[n] >= LINKED]
        traced.append(_enough(text, [spoken[number] for number in order]))
    return traced


def find_lead(utterances: Sequence[Utterance]) -> str | None:
    """Who leads the talk: by name (a doctor, an agent), else who asks most; None if nobody does."""
    speakers = dict.fromkeys(each.speaker for each in utterances)
    if len(speakers) < 2:
        return None
    named = [speaker for speaker in speakers if _LEADS.search(speaker)]
    if len(named) == 1:
        return named[0]
    asked = {
        speaker: sum(each.text.count("?") for each in utterances if each.speaker == speaker)
        for speaker in speakers
    }
    most = max(asked.values())
    leaders = [speaker for speaker, count in asked.items() if count == most]
    return leaders[0] if most and len(leaders) == 1 else None


def parse_written(template: NoteTemplate, text: str) -> list[tuple[str, str]]:
    """A model's note as pairs of section and sentence: headings that name a section, and lines."""
    keys = {section.title.lower(): section.key for section in template.sections}
    keys |= {section.key.lower(): section.key for section in template.sections}
    found: list[tuple[str, str]] = []
    section = ""
    for raw in text.splitlines():
        line = raw.strip().lstrip("#*-•0123456789. ").strip().strip("*").strip()
        heading, colon, rest = line.partition(":")
        key = keys.get(heading.strip("* ").lower())
        if key:
            section, line = key, rest.strip("* ")
        elif colon and not section:
            continue
        if section and line:
            found += [(section, part) for part in _sentences(line) if content_of(part)]
    return found


def _sentences(line: str) -> list[str]:
    return [part.strip() for part in re.split(r"(?<=[.!?])\s+(?=[A-Z])", line) if part.strip()]


def _fit(
    template: NoteTemplate, points: Sequence[Point], lead: str | None, embed: Embed
) -> np.ndarray[Any, Any]:
    """How well each point (rows) fits each section (columns)."""
    examples = [
        (n, each) for n, section in enumerate(template.sections) for each in section.examples
    ]
    texts = [*(each for _, each in examples), *(point.text for point in points)]
    vectors = np.asarray(embed(texts), dtype=np.float32)
    cosine = vectors[len(examples) :] @ vectors[: len(examples)].T
    fit = np.zeros((len(points), len(template.sections)))
    for column, section in enumerate(template.sections):
        of_section = [n for n, (owner, _) in enumerate(examples) if owner == column]
        # The mean of the two best: one example alone may fit by chance.
        fit[:, column] = np.sort(cosine[:, of_section], axis=1)[:, -2:].mean(axis=1)
        for row, point in enumerate(points):
            fit[row, column] += _evidence(section, point, lead)
    fit += np.array([[_weight(point)] for point in points])
    return fit


def _evidence(section: NoteSection, point: Point, lead: str | None) -> float:
    text = f" {' '.join(split_words(point.text))} "
    cues = sum(f" {cue} " in text for cue in section.cues)
    bonus = _CUE * min(cues, _MOST_CUES)
    if section.said_by and lead is not None:
        # What is asked and answered is the other's matter.
        by_lead = len(point.parts) == 1 and lead in point.speakers
        bonus += _SPEAKER if by_lead == (section.said_by == LEAD) else -_SPEAKER
    return bonus


def _weight(point: Point) -> float:
    """What a note may not miss weighs more: figures with units, medicines."""
    telling = any(measure.unit for measure in find_measures(point.text))
    telling = telling or bool(find_medicines(point.text))
    return (_WEIGHTY if telling else 0.0) + min(len(content_of(point.text)), 8) * 0.015


def _quote(template: NoteTemplate, section: str, point: Point) -> Statement:
    return Statement(
        section=section,
        text=point.text,
        start=point.start,
        end=point.end,
        utterances=point.utterances,
        source=point.text,
        marks=tuple(check_statement(point.text, [point], clinical=template.clinical)),
    )


def _linked(
    template: NoteTemplate,
    section: str,
    text: str,
    sources: Sequence[Point],
    *,
    by_hand: bool = False,
) -> Statement:
    if not sources:
        reason = "Nothing in the recording stands behind this."
        return Statement(
            section, text, None, None, marks=(Mark(MarkKind.UNSUPPORTED, reason),), by_hand=by_hand
        )
    return Statement(
        section=section,
        text=text,
        start=sources[0].start,
        end=sources[0].end,
        utterances=tuple(sorted({number for point in sources for number in point.utterances})),
        source=" … ".join(dict.fromkeys(point.text for point in sources)),
        marks=tuple(check_statement(text, sources, clinical=template.clinical)),
        by_hand=by_hand,
    )


def _enough(text: str, sources: Sequence[Point]) -> list[Point]:
    """As many as tell something of the text that those before do not."""
    taken: list[Point] = []
    for point in sources:
        heard = " ".join(each.text for each in taken)
        if not taken or overlap(text, f"{heard} {point.text}") > overlap(text, heard):
            taken.append(point)
        if len(taken) == MOST_LINKS:
            break
    return taken


def _by_words(text: str, spoken: Sequence[Point]) -> list[Point]:
    """The points that share most words with a text; none that shares less than a third."""
    scored = sorted(
        ((overlap(text, point.text), -n) for n, point in enumerate(spoken)), reverse=True
    )
    near = [spoken[-n] for score, n in scored[:8] if score >= 1 / 3]
    return _enough(text, near) if content_of(text) else []


def _finish(
    template: NoteTemplate, statements: Sequence[Statement], spoken: Sequence[Point]
) -> NoteDraft:
    order = {section.key: number for number, section in enumerate(template.sections)}
    kept = sorted(statements, key=lambda each: order[each.section])  # stable: as they were said
    omitted = find_omissions(spoken, [each.text for each in kept]) if template.clinical else []
    return NoteDraft(tuple(kept), tuple(omitted))
