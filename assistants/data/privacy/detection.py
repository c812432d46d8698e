"""Every sensitive span of a text: all detectors together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from assistants.data.privacy import content, people, tagger, views
from assistants.data.privacy.folding import Folded, fold
from assistants.data.privacy.spans import CERTAIN, QUASI_IDENTIFIERS, SensitiveSpan, settle
from assistants.data.privacy.structured import claims
from assistants.data.privacy.terms import TermList

ENTITY = 0.4  # of the network's shares, all that is a name of something: from here it counts
BESIDE = 0.2  # the same, beside a word that counts
DEPTH = 2  # codes inside of codes are followed so far
_CODED = 0.5  # what a decoded run has to hold, to count
_GAP = re.compile(r"[ \t,.\-/&'’()#]{0,3}\n?[ \t>|,]{0,4}")
_JOINED = frozenset({"ADDRESS"})
_ADDRESS = tagger.LABELS.index("ADDRESS")
_NO_TERMS = TermList()


def find_spans(
    text: str, terms: TermList | None = None, names: Iterable[str] = ()
) -> list[SensitiveSpan]:
    """All that identifies somebody or is secret, in order and without overlap.

    `terms` are a zone's own names; `names` are people already known (of the conversation, of the
    document's metadata), found by any of their parts. Pure and deterministic; time is linear in
    the text (about 3 ms for 500 characters). `QUASI_IDENTIFIERS` tells the types that only narrow
    down who is meant.
    """
    return settle(text, _claims(text, terms or _NO_TERMS, tuple(names), DEPTH))


def find_known(text: str, terms: TermList, names: Iterable[str] = ()) -> list[SensitiveSpan]:
    """Where these values stand again, in any case, spacing, inflection or disguise; no detector.

    `terms` are matched as a whole (type PROTECTED_TERM), `names` of people by any of their parts.
    The spans may overlap. Linear in the text, about ten times as fast as `find_spans`.
    """
    return list(_known(fold(text), terms, tuple(names), DEPTH))


def _known(
    folded: Folded, terms: TermList, names: tuple[str, ...], depth: int
) -> Iterator[SensitiveSpan]:
    views_of_it = [Folded(folded.text), views.backwards(folded.text)]
    if (plain := views.words(folded.text)) is not None:
        views_of_it.append(plain)
    for view in views_of_it:
        for span in terms.find(view):
            yield _original(folded, span if span.start < span.end else _ordered(span))
    for view in views_of_it[::2]:
        for span in people.again(view.text, names, tagger.flags_of):
            yield _original(folded, span)
    if depth:
        for run in views.decoded(folded.text):
            inner = _known(fold(run.text), terms, names, depth - 1)
            if found := next(inner, None):
                whole = SensitiveSpan(run.start, run.end, found.type, CERTAIN, "decoded")
                yield _original(folded, whole)


def _claims(text: str, terms: TermList, names: tuple[str, ...], depth: int) -> list[SensitiveSpan]:
    folded = fold(text)
    found = [*claims(folded), *terms.find(folded), *_disguised(folded, terms)]
    entities = [
        people.continued(folded.text, entity, tagger.flags_of)
        if entity.type == "PERSON"
        else entity
        for entity in _entities(folded.text)
    ]
    entities += people.beside_words(folded.text, tagger.flags_of)
    entities += people.pairs(folded.text, tagger.flags_of)
    entities += people.handles(folded.text, tagger.flags_of)
    people_found = [entity for entity in entities if entity.type == "PERSON"]
    called = [folded.text[person.start : person.end] for person in people_found]
    inside = {i for person in people_found for i in range(person.start, person.end)}
    again = people.again(folded.text, (*names, *called), tagger.flags_of)
    entities += (span for span in again if span.start not in inside)
    found += (_original(folded, entity) for entity in entities)
    found += _in_letters(folded, terms, (*names, *called))
    if depth:
        for run in views.decoded(folded.text):
            inner = _claims(run.text, terms, (*names, *called), depth - 1)
            if inner and (best := max(inner, key=lambda span: span.score)).score >= _CODED:
                whole = SensitiveSpan(
                    run.start, run.end, best.type, max(0.9, best.score), "decoded"
                )
                found.append(_original(folded, whole))
    return found


# -- names of all kinds ---------------------------------------------------------------------------


def _entities(text: str) -> Iterator[SensitiveSpan]:
    """The tagger's runs of one label.

    What it is sure of begins a run; neighbours that it is half sure of continue it, as a name or
    an address is worth more whole. Numbers beside a part of an address belong to it.
    """
    tagged = tagger.tag(text)
    if not tagged.tokens:
        return
    tokens = tagged.tokens
    best = (tagged.shares[:, 1:].argmax(axis=1) + 1).tolist()
    share = (1 - tagged.shares[:, 0]).tolist()
    counts = [sure >= ENTITY for sure in share]
    for steps in (range(1, len(tokens)), range(len(tokens) - 2, -1, -1)):
        back = -1 if steps.step > 0 else 1
        for i in steps:
            if counts[i] or not counts[i + back]:
                continue
            number = tokens[i].text.isdigit() and best[i + back] == _ADDRESS
            if share[i] >= (BESIDE if not number else BESIDE / 4):
                counts[i] = True
                best[i] = best[i + back]
    run: SensitiveSpan | None = None
    for token, label, sure, counted in zip(tokens, best, share, counts, strict=True):
        if not counted or token.text == "\n":
            continue
        type = tagger.LABELS[label]
        if run and type == "PERSON" and _is_first_name(text[run.start : run.end], run.type):
            run = replace(run, type=type) if text[run.end : token.start] == " " else run
        if run and run.type == type and _belongs(text[run.end : token.start], type):
            run = replace(run, end=token.end, score=max(run.score, _score(sure)))
            continue
        if run and _is_entity(text, run):
            yield run
        run = SensitiveSpan(token.start, token.end, type, _score(sure), "tagger")
    if run and _is_entity(text, run):
        yield run


# Half of a place's name: "New York", "Lower Saxony". Alone it is a word: "Status: New".
_DESCRIBES = frozenset(
    (
        *("new", "old", "great", "greater", "little", "upper", "lower", "inner", "outer"),
        *("north", "south", "east", "west", "northern", "southern", "eastern", "western"),
        *("central", "mid", "main", "left", "right"),
    )
)


def _is_first_name(word: str, type: str) -> bool:
    """Before a name even what looks like a place: Jane, Paris, Austin."""
    return type == "LOCATION" and bool(tagger.flags_of(word) & people.FIRST)


def _score(share: float) -> float:
    """Never as sure as a pattern."""
    return round(0.3 + 0.3 * share, 3)


def _belongs(between: str, type: str) -> bool:
    if type in _JOINED:
        return _GAP.fullmatch(between) is not None
    return not between or between in (" ", "-", "'", "’", ". ", "\u00a0")


def _is_entity(text: str, run: SensitiveSpan) -> bool:
    """Not made of marks alone, nor of words that only medicine knows.

    A person has a word that may be a name: not letters one by one (P T, E K G), nor words of the
    language in lower case only.
    """
    words = re.findall(r"[^\W\d_]+", text[run.start : run.end])
    if run.type not in QUASI_IDENTIFIERS and content.is_content(
        text, run.start, run.end, run.type, tagger.flags_of
    ):
        return False
    if not words:
        return run.type == "ADDRESS"
    known = [tagger.flags_of(word) for word in words]
    clinical = [bool(flags & people.CLINICAL and not flags & people.COMMON) for flags in known]
    if all(clinical):
        return False
    if run.type == "LOCATION" and all(
        word.lower() in _DESCRIBES or of_medicine
        for word, of_medicine in zip(words, clinical, strict=True)
    ):
        return False
    if run.type == "ORGANIZATION" and len(words) == 1 and words[0].islower():
        return not known[0] & people.ENGLISH
    if run.type != "PERSON":
        return True
    return any(
        len(word) > 1
        and (
            flags & people.NAME
            or not flags & people.ENGLISH
            or (word[0].isupper() and len(words) > 1)
        )
        for word, flags in zip(words, known, strict=True)
    )


# -- disguises ------------------------------------------------------------------------------------


def _disguised(folded: Folded, terms: TermList) -> Iterator[SensitiveSpan]:
    """Numbers in other spellings, and what stands there backwards: only what proves itself."""
    for view in views.numbers(folded.text):
        yield from _through(folded, view, lambda s: s.type not in _LOOSE)
    if (grouped := views.groups(folded.text)) is not None:
        yield from _through(folded, grouped, lambda s: s.type in _REVERSIBLE and s.score >= CERTAIN)
    if terms:
        for span in terms.find(views.words_backwards(folded.text)):
            yield replace(_original(folded, span), detector="backwards")
    if _BACKWARDS.search(folded.text):
        view = views.backwards(folded.text)
        spans = (*claims(view), *terms.find(view))
        yield from (
            replace(_original(folded, _ordered(span)), detector="backwards")
            for span in spans
            if span.score >= CERTAIN and span.type in _REVERSIBLE
        )
    elif terms:
        for span in terms.find(views.backwards(folded.text)):
            yield replace(_original(folded, _ordered(span)), detector="backwards")


_LOOSE = frozenset({"DATE", "YEAR", "AGE", "WEEKDAY", "ADDRESS", "ZIP_CODE", "URL", "USERNAME"})
_REVERSIBLE = frozenset(
    {"CREDIT_CARD", "IBAN_CODE", "EMAIL_ADDRESS", "US_SSN", "API_KEY", "PROTECTED_TERM"}
)
# A long number, or a mail address whose last part comes first.
_BACKWARDS = re.compile(r"\d(?:[ -]?\d){8}|[a-z]{2,4}\.[\w.-]{2,60}@\w")


def _ordered(span: SensitiveSpan) -> SensitiveSpan:
    """A view written backwards gives the last character first."""
    return replace(span, start=span.end - 1, end=span.start + 1)


def _in_letters(folded: Folded, terms: TermList, names: tuple[str, ...]) -> Iterator[SensitiveSpan]:
    """Names and terms with digits for letters: j0hn sm1th."""
    view = views.words(folded.text)
    if view is None:
        return
    spans: list[SensitiveSpan] = [
        *terms.find(view),
        *people.again(view.text, names, tagger.flags_of),
        *people.beside_words(view.text, tagger.flags_of),
        *(entity for entity in _entities(view.text) if entity.type == "PERSON"),
        *_named(view.text, folded.text),
    ]
    for span in spans:
        if folded.text[span.start : span.end] != view.text[span.start : span.end]:
            yield replace(_original(folded, span), detector="disguised")


def _named(view: str, plain: str) -> Iterator[SensitiveSpan]:
    for match in re.finditer(r"[^\W\d_]{3,}", view):
        if plain[match.start() : match.end()] != match[0]:
            flags = tagger.flags_of(match[0])
            if flags & people.NAME and not flags & people.ENGLISH:
                yield SensitiveSpan(match.start(), match.end(), "PERSON", 0.5, "disguised")


def _through(
    folded: Folded, view: Folded, wanted: Callable[[SensitiveSpan], bool]
) -> Iterator[SensitiveSpan]:
    for span in claims(view):
        if wanted(span):
            yield replace(_original(folded, span), detector="disguised")


def _original(folded: Folded, span: SensitiveSpan) -> SensitiveSpan:
    start, end = folded.original(span.start, span.end)
    return span if (start, end) == (span.start, span.end) else replace(span, start=start, end=end)
