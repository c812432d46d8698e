"""Measuring the detection of sensitive spans on somebody's own marked text.

The rules of counting, since every figure depends on them:

- A marked span counts as found when every letter and digit in it is covered by found spans, of
  whatever type: what is redacted does not leave, however it is called. Marked spans without a
  letter or digit are left out.
- A found span counts as right when it touches a marked span of any type in a letter or digit.
- Types in the result are those of the marks.
"""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistants import data
from assistants.exceptions import InvalidRequest

WARM_UP = "My name is Jane Roe and I live in Oslo."
BETA = 2  # recall counts so many times as much as precision


@dataclass(frozen=True, slots=True)
class MarkedSpan:
    start: int
    end: int
    type: str


@dataclass(frozen=True, slots=True)
class MarkedText:
    text: str
    spans: tuple[MarkedSpan, ...]


Find = Callable[[str], Sequence[tuple[int, int]]]


def evaluate_redaction(path: Path) -> dict[str, Any]:
    """`{"recall", "precision", "f2", "messages_per_second", "types": {type: {…}}, …}`.

    `path` holds lines `{text, spans: [{start, end, type}]}`; other fields are ignored. Raises
    InvalidRequest for lines that cannot be read.
    """
    return measure(list(read_marked(path)), find)


def find(text: str) -> list[tuple[int, int]]:
    return [(span.start, span.end) for span in data.find_spans(text)]


def measure(marked: Sequence[MarkedText], find: Find) -> dict[str, Any]:
    """Figures from 0 to 1; times in milliseconds a text. `find` gives non-overlapping spans."""
    find(WARM_UP)
    found_of: Counter[str] = Counter()
    all_of: Counter[str] = Counter()
    right = claimed = 0
    seconds: list[float] = []
    for each in marked:
        started = time.perf_counter()
        spans = find(each.text)
        seconds.append(time.perf_counter() - started)
        covered = _characters(each.text, spans)
        for mark in each.spans:
            characters = _characters(each.text, [(mark.start, mark.end)])
            if characters:
                all_of[mark.type] += 1
                found_of[mark.type] += characters <= covered
        gold = _characters(each.text, [(mark.start, mark.end) for mark in each.spans])
        for span in spans:
            characters = _characters(each.text, [span])
            claimed += bool(characters)
            right += bool(characters & gold)
    recall = _share(found_of.total(), all_of.total())
    precision = _share(right, claimed)
    total = sum(seconds)
    return {
        "recall": round(recall, 4),
        "precision": round(precision, 4),
        "f2": round(f_score(recall, precision), 4),
        "messages_per_second": round(_share(len(seconds), total), 1) if total else 0.0,
        "p50_ms": round(1000 * statistics.median(seconds), 2),
        "p95_ms": round(1000 * sorted(seconds)[int(0.95 * (len(seconds) - 1))], 2),
        "messages": len(marked),
        "spans": all_of.total(),
        "types": {
            type: {"recall": round(found_of[type] / count, 4), "n": count}
            for type, count in sorted(all_of.items())
        },
    }


def read_marked(path: Path) -> Iterator[MarkedText]:
    """Raises InvalidRequest, with the line's number, for what cannot be read."""
    empty = True
    for number, line in _lines(path):
        if line.strip():
            empty = False
            yield _marked(line, f"{path.name}, line {number}")
    if empty:
        raise InvalidRequest(user_message=f"{path} holds no lines to measure on.")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from enumerate(file, start=1)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(user_message=f"{path} cannot be read: {error}.") from error


def _marked(line: str, place: str) -> MarkedText:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if (
        not isinstance(record, dict)
        or not isinstance(record.get("text"), str)
        or not isinstance(record.get("spans"), list)
    ):
        raise InvalidRequest(
            user_message=f"{place}: expected a JSON object with text and a list of spans."
        )
    text = record["text"]
    return MarkedText(text, tuple(_mark(each, len(text), place) for each in record["spans"]))


def _mark(span: Any, length: int, place: str) -> MarkedSpan:
    start = span.get("start") if isinstance(span, dict) else None
    end = span.get("end") if isinstance(span, dict) else None
    if (
        not isinstance(start, int)
        or not isinstance(end, int)
        or isinstance(start, bool)
        or isinstance(end, bool)
        or not 0 <= start <= end <= length
    ):
        raise InvalidRequest(
            user_message=f"{place}: each span needs start and end within the text, and a type."
        )
    return MarkedSpan(start, end, str(span.get("type") or "UNTYPED"))


def _characters(text: str, spans: Iterable[tuple[int, int]]) -> set[int]:
    """Where letters and digits are in these spans."""
    return {i for start, end in spans for i in range(start, end) if text[i].isalnum()}


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0


def f_score(recall: float, precision: float) -> float:
    """F with BETA; 0 to 1."""
    weighted = BETA**2 * precision + recall
    return (1 + BETA**2) * precision * recall / weighted if weighted else 0.0
