"""What was said, cut into points: a sentence, or a question with the short answer it got."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from assistants.data.notes.reading import content_of, split_words

# Ends of sentences as recognisers and typists write them, with a space before them or not.
_SENTENCE = re.compile(r"\S.*?(?:[.?!]+(?=\s|$)|$)", re.S)
_ASKS = re.compile(
    r"^(?:and |so |okay |now |um |uh |,)*(?:any|do|does|did|are|is|was|were|have|has|had|can|could"
    r"|what|when|where|which|who|how|why|would|will|should)\b",
    re.I,
)
_ANSWERS = re.compile(
    r"^\W*(?:um |uh |oh |well )*(?:no|yes|yeah|yep|nope|nah|none|never|not|sure|correct|right|mm|"
    r"i do|i don|i did|i have|it is|it was|nothing|sometimes|always)\b",
    re.I,
)
# Lightly cut: what stands before the matter, and the "okay?" after it.
_LEAD = re.compile(
    r"^(?:[\s,.;:–-]*\b(?:um+|uh+|mm-?hmm|hmm|oh|ah|okay|ok|alright|all right|right|well|so|"
    r"and then|and|but|now|yeah|you know|i mean|like|let's see|good|great)\b"
    r"(?=[\s,.;:–-]))+[\s,.;:–-]*",
    re.I,
)
_TAIL = re.compile(
    r"[\s,;–-]*\b(?:okay|ok|all right|alright|right|you know|um|uh)\b[\s,]*([?.!]*)\s*$", re.I
)
LONGEST_ANSWER = 14  # words; a longer one stands by itself
UNCLEAR = 0.5  # of a word's probability, below which the recogniser was guessing


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word; `probability` is 0 to 1 as the recogniser gives it."""

    text: str
    start: float
    end: float
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one speaker said without a break, with the seconds it took in the recording."""

    speaker: str
    text: str
    start: float
    end: float
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """What a note may quote. `parts` are pieces of utterances, verbatim: one, or the question and
    its answer; `utterances` are their numbers, from 0. `unclear` are the words that the recogniser
    was not sure of.
    """

    parts: tuple[str, ...]
    utterances: tuple[int, ...]
    speakers: tuple[str, ...]
    start: float
    end: float
    unclear: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return " – ".join(self.parts)

    @property
    def asks(self) -> bool:
        """A question that nobody answered in short."""
        return len(self.parts) == 1 and self.parts[0].endswith("?")


@dataclass(frozen=True, slots=True)
class _Sentence:
    text: str
    number: int
    speaker: str
    start: float
    end: float
    unclear: tuple[str, ...]

    @property
    def asks(self) -> bool:
        """That it ends with "okay?" makes no question."""
        text = _TAIL.sub("", self.text)
        if _ASKS.match(text):
            return not text.endswith((".", "!"))
        return text == self.text and text.endswith("?")


def find_points(utterances: Sequence[Utterance]) -> list[Point]:
    """Every point of a dialogue, in order; a sentence that says nothing of a matter is none."""
    sentences = [
        sentence
        for number, utterance in enumerate(utterances)
        for sentence in _split(number, utterance)
    ]
    points: list[Point] = []
    index = 0
    while index < len(sentences):
        one = sentences[index]
        other = sentences[index + 1] if index + 1 < len(sentences) else None
        if other and _belong(one, other):
            points.append(_point(one, other))
            index += 2
        else:
            points.append(_point(one))
            index += 1
    return [point for point in points if _says_something(point)]


def list_spoken(utterances: Sequence[Utterance]) -> list[Point]:
    """As `find_points`, with nothing left out: what a statement of a note is compared with."""
    sentences = [s for number, each in enumerate(utterances) for s in _split(number, each)]
    paired = [
        _point(one, other) for one, other in itertools.pairwise(sentences) if _belong(one, other)
    ]
    return [*(_point(sentence) for sentence in sentences), *paired]


def _belong(one: _Sentence, other: _Sentence) -> bool:
    """A question and the short answer that it got from somebody else."""
    if not one.asks or other.number == one.number:
        return False
    if one.speaker and one.speaker == other.speaker:
        return False
    return len(split_words(other.text)) <= LONGEST_ANSWER or _ANSWERS.match(other.text) is not None


def _says_something(point: Point) -> bool:
    telling = len(content_of(point.text))
    return telling >= 2 or (telling == 1 and (len(point.parts) > 1 or len(point.text.split()) > 3))


def _point(*sentences: _Sentence) -> Point:
    return Point(
        parts=tuple(_cut(sentence.text) for sentence in sentences),
        utterances=tuple(dict.fromkeys(sentence.number for sentence in sentences)),
        speakers=tuple(dict.fromkeys(sentence.speaker for sentence in sentences)),
        start=sentences[0].start,
        end=max(sentence.end for sentence in sentences),
        unclear=tuple(word for sentence in sentences for word in sentence.unclear),
    )


def _cut(text: str) -> str:
    """A piece of the text; all of it where nothing would be left."""
    shorter = _LEAD.sub("", text)
    if tail := _TAIL.search(shorter):
        shorter = shorter[: tail.start()]
    return shorter.strip(" ,;–-") or text


def _split(number: int, utterance: Utterance) -> list[_Sentence]:
    """With the seconds of each: by its words where known, else by its share of the text."""
    text = utterance.text
    found = []
    for match in _SENTENCE.finditer(text):
        said = match.group().strip()
        if not said:
            continue
        words = _words_of(utterance, match.start(), match.end())
        if words:
            start, end = words[0].start, words[-1].end
        else:
            length, size = utterance.end - utterance.start, max(len(text), 1)
            start = utterance.start + length * match.start() / size
            end = utterance.start + length * match.end() / size
        unclear = tuple(word.text.strip(" .,?!") for word in words if word.probability < UNCLEAR)
        found.append(_Sentence(said, number, utterance.speaker, start, end, unclear))
    return found


def _words_of(utterance: Utterance, start: int, end: int) -> list[Word]:
    """The words at these characters; none where the words are not the text's (edited)."""
    spelled = [word.text.strip() for word in utterance.words]
    if not spelled or " ".join(spelled) != " ".join(utterance.text.split()):
        return []
    found, at = [], 0
    for word, each in zip(utterance.words, spelled, strict=True):
        at = utterance.text.index(each, at)
        if start <= at < end:
            found.append(word)
        at += len(each)
    return found
