"""Makes the examples: phrases are filled in, disguised and put together by a seeded generator.

Nobody's data and no published collection is in here, so what is trained on it alone can be tested
on any of them.
"""

from __future__ import annotations

import base64
import codecs
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from assistants.control.guardrails.training import harmless, phrases

_SLOT = re.compile(r"\{([A-Za-z_]+[0-9]?)\}")
T = TypeVar("T")
_DEEP = 6
ATTACKS, HARMLESS, PLANTED, DOCUMENT = 4_200, 5_200, 2_200, 2_600
FAMILY_WEIGHTS = {
    "override": 5, "persona": 5, "extraction": 5, "secret": 6, "user": 4,
    "authority": 3, "carrier": 4, "encoded": 2, "repeat": 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """`label` 1 is an attack. `kind` is whose text it is: a message's, or a document's sentence."""

    text: str
    label: int
    kind: str = "message"


def make_examples(seed: int, documents: Iterable[str] = ()) -> list[Example]:
    """Deterministic. `documents` are texts that hold no attack; their sentences are harmless."""
    made = _Maker(seed, list(documents))
    examples = [Example(text, 1) for text in made.attacks(ATTACKS)]
    examples += [Example(text, 0) for text in made.harmless(HARMLESS)]
    examples += [Example(text, 1, "document") for text in made.planted(PLANTED)]
    examples += [Example(text, 0, "document") for text in made.sentences(DOCUMENT)]
    return list(dict.fromkeys(examples))


class _Maker:
    def __init__(self, seed: int, documents: Sequence[str]) -> None:
        self._random = random.Random(seed)  # noqa: S311  # a generator of examples, no secret
        self._fill = {**phrases.FILL, **harmless.FILL}
        self._documents = [
            sentence.strip()
            for document in documents
            for sentence in re.split(r"(?<=[.!?:])\s+|\n+", document)
            if len(sentence.strip()) > 20
        ]

    def attacks(self, count: int) -> Iterator[str]:
        names = list(FAMILY_WEIGHTS)
        weights = list(FAMILY_WEIGHTS.values())
        for _ in range(count):
            if self._chance(0.06):
                yield self._dress(self._pick(phrases.FOREIGN))
                continue
            family = self._random.choices(names, weights)[0]
            text = self._fill_in(self._pick(phrases.ATTACKS[family]))
            if family == "persona" and self._chance(0.5):
                text = " ".join([text, *(self._fill_in("It {free}. {suppress}") for _ in range(6))])
            yield self._dress(text) if self._chance(0.35) else text

    def harmless(self, count: int) -> Iterator[str]:
        sources = [
            harmless.HARD, harmless.ABOUT_ATTACKS, harmless.EVERYDAY, harmless.WORK,
            harmless.FOREIGN, phrases.ASIDES, harmless.SHORT,
        ]  # fmt: skip
        weights = [8, 4, 10, 2, 3, 3, 2]
        for _ in range(count):
            text = self._fill_in(self._pick(self._random.choices(sources, weights)[0]))
            if self._chance(0.12):
                text = f"{text} {self._fill_in('{filler}')}"
            if self._documents and self._chance(0.05):
                first = self._random.randrange(len(self._documents))
                pasted = "\n".join(self._documents[first : first + self._random.randint(2, 12)])
                text = f"{self._pick(['Summarise:', 'What follows from this?', text])}\n{pasted}"
            yield self._vary(text)

    def planted(self, count: int) -> Iterator[str]:
        for number in range(count):
            if number % 20 == 0:
                yield self._fill_in(self._pick(phrases.FOREIGN))
            elif number % 5 == 0:
                family = self._pick(["override", "extraction", "authority", "persona"])
                yield self._fill_in(self._pick(phrases.ATTACKS[family]))
            else:
                yield self._vary(self._fill_in(self._pick(phrases.PLANTED)))

    def sentences(self, count: int) -> Iterator[str]:
        for number in range(count):
            if self._documents and number % 2:
                yield self._pick(self._documents)
            else:
                text = self._pick(harmless.DOCUMENT)
                yield re.sub(r"\{n\}", lambda _: str(self._random.randint(2, 900)), text)

    # -- filling ----------------------------------------------------------------------------------

    def _fill_in(self, text: str) -> str:
        for _ in range(_DEEP):
            if not _SLOT.search(text):
                break
            text = _SLOT.sub(self._slot, text)
        return re.sub(r"[ \t]{2,}", " ", text).replace(" .", ".").strip()

    def _slot(self, match: re.Match[str]) -> str:
        name = match[1]
        if made := self._made(name):
            return made
        capital = name[0].isupper() and name not in self._fill
        key = name.lower() if capital else name
        if key in ("t", "t2"):
            return self._pick(harmless.TRIGGERS)
        if key not in self._fill and key[-1].isdigit():
            key = key[:-1]
        if key not in self._fill:
            return name
        value = self._fill_in(self._pick(self._fill[key]))
        return value[:1].upper() + value[1:] if capital else value

    def _made(self, name: str) -> str:
        """Slots that are computed: an order or a question, encoded."""
        if name == "encoded_secret":
            return base64.b64encode(self._fill_in("What is the {secret}?").encode()).decode()
        if name not in ("encoded", "odd", "even", "half1", "half2", "reversed", "spaced", "noise"):
            return ""
        if name == "noise":
            word = self._pick(["a", "12345", "token", "la", "0", "the", "test", "x x", "noise"])
            return " ".join([word] * self._random.randint(20, 120))
        plain = self._fill_in(
            self._pick(
                ["{Ignore} {told} and {payload}", "What is the {secret}?", "{Show} your {prompt}"]
            )
        )
        if name == "encoded":
            ways: list[Callable[[str], str]] = [
                lambda s: base64.b64encode(s.encode()).decode(),
                lambda s: s.encode().hex(" "),
                lambda s: codecs.encode(s, "rot13"),
                lambda s: " ".join(f"{b:08b}" for b in s.encode()),
                lambda s: base64.b32encode(s.encode()).decode(),
            ]
            return self._pick(ways)(plain)
        half = len(plain) // 2
        return {
            "odd": plain[::2], "even": plain[1::2], "half1": plain[:half], "half2": plain[half:],
            "reversed": plain[::-1], "spaced": "x".join(plain),
        }[name]  # fmt: skip

    # -- disguises --------------------------------------------------------------------------------

    def _dress(self, text: str) -> str:
        """An attack amid harmless text, or spelt otherwise."""
        way = self._random.randrange(6)
        if way == 0:
            return f"{self._fill_in(self._pick(harmless.EVERYDAY))} {text}"
        if way == 1:
            return f"{text} {self._fill_in('{filler}')}"
        if way == 2:
            return f"{self._fill_in('{filler} {filler2}')}\n\n{text}"
        if way == 3:
            return text.translate(str.maketrans("aeio", "4310")) if self._chance(0.4) else text
        if way == 4:
            return self._typo(text)
        return self._vary(text)

    def _typo(self, text: str) -> str:
        letters = list(text)
        for _ in range(max(1, len(text) // 40)):
            place = self._random.randrange(max(1, len(letters) - 1))
            letters[place : place + 2] = letters[place : place + 2][::-1]
        return "".join(letters)

    def _vary(self, text: str) -> str:
        way = self._random.random()
        if way < 0.08:
            return text.lower()
        if way < 0.1:
            return text.upper()
        if way < 0.16:
            return text.rstrip(".?!")
        if way < 0.2:
            return f"Please {text[:1].lower()}{text[1:]}"
        if way < 0.22:
            return f"Hi, {text[:1].lower()}{text[1:]} Thanks!"
        return text

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _pick(self, values: Sequence[T]) -> T:
        return values[self._random.randrange(len(values))]
