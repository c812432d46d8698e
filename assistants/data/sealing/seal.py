"""One conversation's seal: what leaves holds placeholders, and what comes back is whole again."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from assistants.data.privacy import SensitiveSpan, TermList
from assistants.data.sealing.dates import DATE, ShiftedDates
from assistants.data.sealing.finding import find_sealable
from assistants.data.sealing.known import is_distinctive, plain
from assistants.data.sealing.marks import LITERAL, find_marks, label_in, label_of, written
from assistants.data.sealing.referents import Referents
from assistants.data.sealing.restoring import Restorer
from assistants.data.sealing.writing import Sealed, SealedSpan, write
from assistants.exceptions import AssistantsError
from assistants.types import Prompt, PromptMessage, Role, SealedPrompt

INSTRUCTION = (
    "Private details in this conversation are replaced by placeholders in square brackets, a type "
    "and a number, such as [PERSON_1] or [DATE_2]; the reader will see the real details in their "
    "place. The same placeholder always stands for the same detail; a letter after the number, as "
    "in [PERSON_1b], means another spelling of it. Use placeholders as if they were the details "
    "themselves, copy them exactly, brackets included, never guess what they stand for, and do "
    "not make up new ones."
)

Dates = Literal["placeholder", "shift"]
_MOST_WEEKS, _LEAST_WEEKS = 52, 4  # of a shift, in either direction
_ROUNDS = 8


class SealConflict(AssistantsError):
    """Another answer of this conversation stored other values meanwhile: load and seal again."""

    code = "seal_conflict"


class SealFailed(AssistantsError):
    """A text that cannot be sealed so that it comes back whole: it must not leave."""

    code = "seal_failed"
    user_message = (
        "This conversation cannot be sealed for a model outside, so it stays on the premises."
    )
    permanent = True


class Seal:
    """The map of one conversation, in memory; pure. `data.save_seal` keeps it.

    A placeholder stands for one spelling of one value, as long as the conversation lives. What
    comes back is compared with what was given each time: a text that would not come back byte
    for byte raises SealFailed.
    """

    def __init__(self, *, dates: Dates = "placeholder") -> None:
        self.dates: Dates = dates
        self.counts: dict[str, int] = {}
        self.changed = False
        self._referents = Referents()
        self._harmless: dict[str, str] = {}  # as it was marked, by plain form
        self._shifted: ShiftedDates | None = None

    def __repr__(self) -> str:
        return f"<Seal with {len(self._referents.names)} placeholders>"

    # -- sealing ----------------------------------------------------------------------------------

    def seal_prompt(
        self, prompt: Prompt, *, terms: TermList, names: Iterable[str] = ()
    ) -> SealedPrompt:
        """The prompt as it may leave. Where it holds placeholders, the system prompt says so.

        `terms` are the zones' names to protect, `names` people known from documents' metadata.
        `counts` then tells how many placeholders of each label it has. Raises SealFailed.
        """
        messages = prompt.messages
        sealed = self._seal([(m.role.value, m.text) for m in messages], terms, tuple(names))
        result = [replace(m, text=each.text) for m, each in zip(messages, sealed, strict=True)]
        self.counts = _count(span for each in sealed for span in each.spans)
        if self.counts:
            result = _instructed(result)
        return SealedPrompt(tuple(result), prompt.max_tokens, prompt.temperature)

    def seal_text(self, text: str, *, terms: TermList, names: Iterable[str] = ()) -> str:
        """One text alone, such as a title or a draft. Raises SealFailed."""
        (sealed,) = self._seal([(Role.USER.value, text)], terms, tuple(names))
        self.counts = _count(sealed.spans)
        return sealed.text

    def preview(self, text: str, *, terms: TermList, names: Iterable[str] = ()) -> list[SealedSpan]:
        """What would be sealed in `text`, and by what, if it came next. Changes nothing."""
        copy = Seal(dates=self.dates)
        copy.load(self.dump())
        (sealed,) = copy._seal([(Role.USER.value, text)], terms, tuple(names))
        return sealed.spans

    def mark_harmless(self, value: str) -> None:
        """A person says that this is nothing private: left from now on, in any case and spacing.

        What proves itself stays sealed all the same: a number with its check digit, a key, a name
        from a zone's own list.
        """
        self.changed |= plain(value) not in self._harmless
        self._harmless.setdefault(plain(value), value)

    @property
    def harmless(self) -> list[str]:
        """What was marked, as it was written then."""
        return list(self._harmless.values())

    @property
    def values(self) -> list[str]:
        """Every value in clear that no text may hold that leaves, in any case, spacing or code.

        Those that may mean something else (a common word, a short number) are left out: they
        are sealed where they were found, and not hunted for.
        """
        return [
            value
            for name, value in self._referents.values.items()
            if is_distinctive(label_in(name), value) and plain(value) not in self._harmless
        ]

    def restorer(self) -> Restorer:
        """For one text on its way back."""
        return Restorer(self._referents.values, self._shifted)

    # -- keeping ----------------------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        """All of it, in plain JSON values. It holds what is private: encrypt it before keeping."""
        return {
            "referents": [[r.label, r.number, list(r.spellings)] for r in self._referents.all],
            "harmless": self.harmless,
            "weeks": self._shifted.weeks if self._shifted else None,
            "shown": dict(self._shifted.shown) if self._shifted else {},
        }

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take in what was kept, beside what is here.

        Raises SealConflict where the two give one placeholder to two values.
        """
        for label, number, spellings in kept["referents"]:
            if not self._referents.load(label, number, spellings):
                raise SealConflict
        for value in kept["harmless"]:
            self._harmless.setdefault(plain(value), value)
        if kept["weeks"] is not None:
            self._take_dates(ShiftedDates(kept["weeks"], kept["shown"]))

    def _take_dates(self, kept: ShiftedDates) -> None:
        if self._shifted is None:
            self._shifted = kept
            return
        both = {**kept.shown, **self._shifted.shown}
        if kept.weeks != self._shifted.weeks or any(
            both[shown] != original for shown, original in kept.shown.items()
        ):
            raise SealConflict
        self._shifted = ShiftedDates(kept.weeks, both)

    # -- inside -----------------------------------------------------------------------------------

    def _seal(
        self, texts: Sequence[tuple[str, str]], terms: TermList, names: tuple[str, ...]
    ) -> list[Sealed]:
        placeholders = len(self._referents.names)
        found = find_sealable(
            texts,
            terms=terms,
            names=names,
            known=self._labels(),
            harmless=frozenset(self._harmless),
        )
        todo: list[list[SealedSpan]] = [
            list(self._dates_first(text, spans))
            for (_, text), spans in zip(texts, found, strict=True)
        ]
        # The system prompt first: it begins every conversation alike, for the provider's cache.
        for system in (True, False):
            self._referents.add(
                (label_of(span.type), span.text)
                for (whose, _), spans in zip(texts, todo, strict=True)
                for span in spans
                if not span.placeholder and (whose == Role.SYSTEM.value) is system
            )
        todo = [[self._named(span) for span in spans] for spans in todo]
        for _ in range(_ROUNDS):
            sealed = [write(text, spans) for (_, text), spans in zip(texts, todo, strict=True)]
            strange = [
                self._strange(text, each) for (_, text), each in zip(texts, sealed, strict=True)
            ]
            if not any(strange):
                break
            self._referents.add((LITERAL, span.text) for spans in strange for span in spans)
            todo = [
                sorted([*spans, *map(self._named, more)], key=lambda span: span.start)
                for spans, more in zip(todo, strange, strict=True)
            ]
        self._check([text for _, text in texts], sealed)
        self.changed |= len(self._referents.names) > placeholders
        return sealed

    def _labels(self) -> dict[str, str]:
        """Labels by spelling, of what may come up again."""
        labels = ((value, label_in(name)) for name, value in self._referents.values.items())
        return {value: label for value, label in labels if label != LITERAL}

    def _dates_first(self, text: str, spans: Iterable[SensitiveSpan]) -> Iterator[SealedSpan]:
        """The spans without placeholders yet, but for the dates that are moved."""
        place = 0
        for span in spans:
            yield from self._moved(text, place, span.start)
            moved = list(self._moved(text, span.start, span.end)) if span.type == "DATE" else []
            if moved:
                yield from moved
            else:
                value = text[span.start : span.end]
                yield SealedSpan(span.start, span.end, span.type, "", value)
            place = span.end
        yield from self._moved(text, place, len(text))

    def _moved(self, text: str, start: int, end: int) -> Iterator[SealedSpan]:
        if self.dates == "placeholder":
            return
        if self._shifted is None:
            weeks = _LEAST_WEEKS + secrets.randbelow(_MOST_WEEKS - _LEAST_WEEKS)
            self._shifted = ShiftedDates(weeks * secrets.choice((-1, 1)))
        for match in DATE.finditer(text, start):
            if match.end() > end:
                return
            before = len(self._shifted.shown)
            shown = self._shifted.shift(match[0]) or ""
            self.changed |= len(self._shifted.shown) > before
            yield SealedSpan(match.start(), match.end(), "DATE", shown, match[0])

    def _named(self, span: SealedSpan) -> SealedSpan:
        if span.placeholder:
            return span
        return replace(span, placeholder=written(self._referents.names[span.text]))

    def _strange(self, text: str, sealed: Sealed) -> list[SealedSpan]:
        """What the text itself holds that would be taken for a placeholder."""
        labels = frozenset(map(label_in, self._referents.values))
        strange = []
        for mark in find_marks(sealed.text, labels):
            where = sealed.original(mark.start, mark.end)
            if where and (mark.in_brackets or mark.name in self._referents.values):
                start, end = where
                strange.append(SealedSpan(start, end, LITERAL, "", text[start:end]))
        return strange

    def _check(self, texts: Sequence[str], sealed: Sequence[Sealed]) -> None:
        for text, each in zip(texts, sealed, strict=True):
            restorer = self.restorer()
            if restorer.feed(each.text) + restorer.finish() != text:
                raise SealFailed


def _count(spans: Iterable[SealedSpan]) -> dict[str, int]:
    return dict(Counter(label_of(type) for type, _ in {(s.type, s.placeholder) for s in spans}))


def _instructed(messages: list[PromptMessage]) -> list[PromptMessage]:
    first = messages[0]
    if first.role is Role.SYSTEM:
        return [replace(first, text=f"{first.text}\n\n{INSTRUCTION}"), *messages[1:]]
    return [PromptMessage(Role.SYSTEM, INSTRUCTION), *messages]
