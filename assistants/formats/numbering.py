"""The numbers that Word counts itself ("1.1", "(a)"): they are not in the text, only rules are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from docx.oxml.ns import qn

_PLACE = re.compile(r"%(\d)")


@dataclass(frozen=True, slots=True)
class Label:
    text: str = ""
    bullet: bool = False
    depth: int = 0


@dataclass(slots=True)
class _Level:
    start: int = 1
    format: str = "decimal"
    pattern: str = ""
    style: str = ""


@dataclass(slots=True)
class _Scheme:
    levels: dict[int, _Level] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)


class Numbering:
    """Counts along the document: ask for each numbered paragraph once, in order."""

    NONE: ClassVar[Label] = Label()

    def __init__(self, document: Any) -> None:
        self.schemes: dict[str, _Scheme] = {}  # by numId; lists of one kind share their counts
        try:
            root = document.part.numbering_part.element
        except (KeyError, NotImplementedError):
            return
        kinds = {
            kind.get(qn("w:abstractNumId")): _Scheme(_levels(kind))
            for kind in root.findall(qn("w:abstractNum"))
        }
        for number in root.findall(qn("w:num")):
            of = number.find(qn("w:abstractNumId"))
            scheme = kinds.get(of.get(qn("w:val"))) if of is not None else None
            if scheme is None:
                continue
            starts = {
                int(change.get(qn("w:ilvl"), "0")): int(start.get(qn("w:val"), "1"))
                for change in number.findall(qn("w:lvlOverride"))
                if (start := change.find(qn("w:startOverride"))) is not None
            }
            if starts:  # begins anew
                levels = {
                    depth: _Level(starts.get(depth, level.start), level.format, level.pattern)
                    for depth, level in scheme.levels.items()
                }
                scheme = _Scheme(levels)
            self.schemes[number.get(qn("w:numId"))] = scheme

    def label(self, properties: Any, style: str) -> Label:
        """For `w:numPr`: the number as Word shows it, "" for none."""
        number = properties.find(qn("w:numId"))
        scheme = self.schemes.get(number.get(qn("w:val"))) if number is not None else None
        if scheme is None:
            return self.NONE
        depth = _depth(properties, scheme, style)
        level = scheme.levels.get(depth)
        if level is None or level.format == "none":
            return self.NONE
        if level.format == "bullet":
            return Label(bullet=True, depth=depth)
        scheme.counts[depth] = scheme.counts.get(depth, level.start - 1) + 1
        for deeper in [other for other in scheme.counts if other > depth]:
            del scheme.counts[deeper]

        def counted(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            other = scheme.levels.get(at, level)
            return _write(scheme.counts.get(at, other.start), other.format)

        return Label(_PLACE.sub(counted, level.pattern), depth=depth)


def _depth(properties: Any, scheme: _Scheme, style: str) -> int:
    depth = properties.find(qn("w:ilvl"))
    if depth is not None:
        return int(depth.get(qn("w:val"), "0"))
    # numbering given by a style: the level that names the style
    return next((at for at, level in scheme.levels.items() if level.style == style and style), 0)


def _levels(kind: Any) -> dict[int, _Level]:
    levels = {}
    for element in kind.findall(qn("w:lvl")):

        def value(name: str, default: str, element: Any = element) -> str:
            found = element.find(qn(name))
            return found.get(qn("w:val"), default) if found is not None else default

        levels[int(element.get(qn("w:ilvl"), "0"))] = _Level(
            int(value("w:start", "1")),
            value("w:numFmt", "decimal"),
            value("w:lvlText", ""),
            value("w:pStyle", ""),
        )
    return levels


def _letters(number: int) -> str:
    """a … z, aa, bb, … as Word does."""
    return chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)


def _roman(number: int) -> str:
    parts = [
        (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
        (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
    ]  # fmt: skip
    written = ""
    for value, letters in parts:
        written += letters * (number // value)
        number %= value
    return written


_FORMATS: dict[str, Callable[[int], str]] = {
    "decimal": str,
    "decimalZero": lambda number: f"{number:02}",
    "lowerLetter": _letters,
    "upperLetter": lambda number: _letters(number).upper(),
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
}


def _write(number: int, form: str) -> str:
    if not 0 < number < 5000:
        return str(number)
    return _FORMATS.get(form, str)(number)
