"""Whether the sources say what an answer says, sentence by sentence.

A sentence is supported when the passages that it cites (where it cites none: all of them) hold
most of its words, each of its numbers and names, and do not say the contrary. Words are compared
by their stems; a rough rule that errs on the side of doubt, since a mark costs a reader a look,
and a claim that no source makes may cost more.
"""

# ruff: noqa: E501 (a form is read in one line)

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistants.control.guardrails.checked import Checked, Guardrail, Kind
from assistants.control.guardrails.patterns import bare
from assistants.control.guardrails.sentences import Sentence, split_sentences
from assistants.control.guardrails.words import content_words
from assistants.types import Finding, Passage, Stage

NAME, VERSION = "groundedness", "1"
NOT_SUPPORTED = "Not supported by the sources"
COVERED = 0.55  # of a sentence's words, in what it cites
_CLAIM = 3  # different words that carry meaning make a claim
_QUOTED = 3  # words make a quotation
_CLOSE = 0.6  # of a sentence's words in one sentence of a source: that one speaks of the same
_MARK = re.compile(r"\[([1-9][0-9]{0,2})\]")
_NUMBER = re.compile(r"(?<![\w.])[+-]?\d[\d.,\u00a0' ]*\d|(?<![\w])\d")
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][a-zà-ÿ]{2,}\b|\b[A-Z]{2,}[A-Z0-9-]*\b")
_NEGATION = re.compile(
    r"(?i)\b(?:not|never|no|none|neither|nor|without|cannot|unless|except|forbidden|prohibited)\b|n't\b"
)
_OF_ITSELF = re.compile(
    r"(?i)\b(?:the|these|your|my|available|provided)\s(?:documents?|passages?|sources?|texts?)\b.{0,60}"
    r"\b(?:do(?:es)?\snot|don't|doesn't|no|not|never|cannot)\b|^(?:I\s(?:do\snot|don't|cannot|can't)|sorry\b|"
    r"note\b|please\s(?:check|ask|consult)|if\syou\s(?:need|have|want)|let\sme\sknow|in\ssummary|here\s(?:is|are)\b)"
)
_QUOTATION = re.compile(r"[“\"]([^“”\"\n]{25,600})[”\"]")
_ENCODED = re.compile(r"(?<![\w/])[A-Za-z0-9+/=]{40,}(?![\w/])")


@dataclass(frozen=True, slots=True)
class Doubt:
    """A sentence that the sources do not support. `contrary` says that they say otherwise."""

    start: int
    end: int
    reason: str
    contrary: bool = False


@dataclass(frozen=True, slots=True)
class Grounding:
    """`claims` counts the sentences that say something, `doubts` those of them without support."""

    claims: int
    doubts: tuple[Doubt, ...]

    @property
    def supported(self) -> float:
        """The share of claims that are supported; 1 where nothing is claimed."""
        return 1 - len(self.doubts) / self.claims if self.claims else 1.0


@dataclass(frozen=True, slots=True)
class _Source:
    words: frozenset[str]
    sentences: tuple[tuple[frozenset[str], bool], ...]  # words, and whether negated
    numbers: frozenset[str]
    lower: str


def ground(text: str, passages: Sequence[Passage]) -> Grounding:
    """Each sentence of an answer against what it cites."""
    doubts, claims = [], 0
    for sentence in split_sentences(text):
        if sentence.code or not _claims(sentence.text):
            continue
        claims += 1
        doubt = _doubt(sentence, passages)
        if doubt:
            doubts.append(doubt)
    return Grounding(claims, tuple(doubts))


def check_grounding(checked: Checked) -> Iterator[Finding]:
    """A finding a sentence, then one for the whole; a quotation that is none counts as contrary."""
    if not checked.grounded or not checked.passages:
        return
    found = ground(checked.text, checked.passages)
    doubts = [*found.doubts, *_misquoted(checked)]
    for doubt in doubts:
        severity = 0.7 if doubt.contrary else 0.5
        yield _finding(checked, severity, doubt.reason, doubt.start, doubt.end)
    encoded = _ENCODED.search(checked.text)
    if encoded and not any(encoded[0] in passage.text for passage in checked.passages):
        yield _finding(checked, 0.85, "is encoded, which no source is", *encoded.span())
    if doubts:
        share = min(1.0, len(doubts) / max(1, found.claims))
        contrary = any(doubt.contrary for doubt in doubts)
        severity = 0.3 + 0.5 * share + (0.1 if contrary else 0.0)
        reason = f"{len(doubts)} of {max(found.claims, len(doubts))} sentences are not supported"
        yield _finding(checked, min(severity, 0.95), reason)


def find_misquoted(text: str, passages: Sequence[Passage]) -> list[tuple[int, int]]:
    """The places of quotations (block quotes, and long ones between marks) that stand in no source."""
    return [(doubt.start, doubt.end) for doubt in _misquotations(text, passages)]


def _claims(sentence: str) -> bool:
    if sentence.startswith("#") or sentence.endswith((":", "?")) or _OF_ITSELF.search(sentence):
        return False
    return (
        len({word for word in content_words(_MARK.sub(" ", sentence)) if not word[0].isdigit()})
        >= _CLAIM
    )


def _doubt(sentence: Sentence, passages: Sequence[Passage]) -> Doubt | None:
    cited = {int(number) for number in _MARK.findall(sentence.text)}
    chosen = [passage for passage in passages if passage.number in cited] or list(passages)
    sources = [_read(f"{passage.title}\n{passage.section}\n{passage.text}") for passage in chosen]
    said = _MARK.sub(" ", sentence.text)
    words = set(content_words(said))

    def doubt(reason: str, *, contrary: bool = False) -> Doubt:
        return Doubt(sentence.start, sentence.end, reason, contrary)

    numbers = {_number(match[0]) for match in _NUMBER.finditer(re.sub(r"^\s*\d+[.)]\s", "", said))}
    known = frozenset().union(*(source.numbers for source in sources))
    if numbers - known:
        return doubt("names a number that its sources do not", contrary=True)
    names = [
        name for name in _NAME.findall(said) if not any(name.lower() in s.lower for s in sources)
    ]
    if names:
        return doubt("names somebody or something that its sources do not")
    best = max((len(words & source.words) / len(words) for source in sources), default=0.0)
    together = len(words & frozenset().union(*(source.words for source in sources))) / len(words)
    if max(best, together - 0.15) < COVERED:
        return doubt("says what its sources do not")
    closest = max(
        (
            (len(words & each) / len(words), negated)
            for s in sources
            for each, negated in s.sentences
        ),
        default=(0.0, False),
    )
    same = {
        negated
        for s in sources
        for each, negated in s.sentences
        if len(words & each) / len(words) >= max(_CLOSE, closest[0] - 0.05)
    }
    if closest[0] >= _CLOSE and bool(_NEGATION.search(said)) not in same:
        return doubt("says the contrary of its source", contrary=True)
    return None


@functools.lru_cache(maxsize=512)
def _read(text: str) -> _Source:
    sentences = tuple(
        (frozenset(content_words(each.text)), bool(_NEGATION.search(each.text)))
        for each in split_sentences(text)
    )
    return _Source(
        frozenset(content_words(text)),
        sentences,
        frozenset(_number(match[0]) for match in _NUMBER.finditer(text)) | _spelt(text),
        text.lower(),
    )


_SPELT = {
    word: str(value)
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ]
    )
}


def _spelt(text: str) -> frozenset[str]:
    return frozenset(_SPELT[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _SPELT)


def _number(text: str) -> str:
    """1,000 and 1'000 and 1000.0 alike."""
    plain = re.sub(r"[,\u00a0' ](?=\d{3}(?:\D|$))", "", text).strip("+., '\u00a0")
    return re.sub(r"\.0+$", "", plain)


def _misquoted(checked: Checked) -> Iterator[Doubt]:
    yield from _misquotations(checked.text, checked.passages)


def _misquotations(text: str, passages: Sequence[Passage]) -> Iterator[Doubt]:
    sources = [bare(f"{passage.title} {passage.text}") for passage in passages]
    for start, end, quoted in _quotations(text):
        parts = [bare(part) for part in re.split(r"\[…\]|…|\.\.\.|\[\.\.\.\]", quoted)]
        if any(part and not any(part in source for source in sources) for part in parts):
            yield Doubt(
                start, end, "is shown as a quotation and stands in no source", contrary=True
            )


def _quotations(text: str) -> Iterator[tuple[int, int, str]]:
    for match in re.finditer(r"(?m)^[ ]{0,3}>[ ]?(.*)$", text):
        for piece in re.split(r"\s*\|\s*", match[1].replace("\\", "").replace("**", "")):
            if len(bare(piece).split()) >= _QUOTED:
                yield *match.span(), piece
    for match in _QUOTATION.finditer(text):
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        if line.lstrip().startswith(">"):
            continue  # a quotation within a block quote, which was looked at
        if len(match[1].split()) >= 5:
            yield *match.span(), match[1]


def _finding(
    checked: Checked, severity: float, reason: str, start: int = 0, end: int = 0
) -> Finding:
    return Finding(
        NAME, round(severity, 3), reason, Kind.UNGROUNDED, checked.stage, start, end, VERSION
    )


groundedness = Guardrail(
    NAME,
    VERSION,
    frozenset({Kind.UNGROUNDED}),
    frozenset({Stage.BLOCK, Stage.ANSWER}),
    1.0,
    0.3,
    lambda checked: list(check_grounding(checked)),
)
