"""Cutting a passage into what can be quoted by itself, and finding the telling pieces. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    PROSE = "prose"
    TABLE = "table"
    VERBATIM = "verbatim"  # code and logs: every space counts


@dataclass(frozen=True, slots=True)
class Clause:
    """A paragraph with the list it introduces, a table row with its head, or a piece of code.

    `text` stands in the passage, but for white space in prose (a paragraph that was broken into
    lines is one line here) and for rows that were left out of a table.
    """

    kind: Kind
    text: str
    language: str = ""


LONG_PARAGRAPH = 90  # words; above it, sentences are picked
ROWS_TOGETHER = 8  # a table up to this size is quoted whole

_LANGUAGES = {
    ".c": "c", ".cfg": "ini", ".cpp": "cpp", ".cs": "csharp", ".css": "css", ".go": "go",
    ".h": "c", ".html": "html", ".ini": "ini", ".java": "java", ".js": "javascript",
    ".json": "json", ".jsx": "jsx", ".kt": "kotlin", ".log": "text", ".php": "php",
    ".py": "python", ".rb": "ruby", ".rs": "rust", ".sh": "bash", ".sql": "sql",
    ".swift": "swift", ".toml": "toml", ".ts": "typescript", ".tsx": "tsx", ".xml": "xml",
    ".yaml": "yaml", ".yml": "yaml",
}  # fmt: skip
_SUFFIX = re.compile(r"(\.[a-z]+)$")
_STAMPED = re.compile(r"^\W?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|^\[?\d\d:\d\d:\d\d", re.M)
_BLANK = re.compile(r"\n[ \t]*\n")
_MARKER = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)]|[a-z][.)]|\([a-z0-9]{1,4}\))\s+")
_NUMBERED = re.compile(r"^\s*\d+(?:\.\d+)+\.?\s")  # 3.2, a clause of its own
# Not after the number of a list's item: a quotation that ends in "5." leaves its item out.
_SENTENCE = re.compile(
    r"(?<=[.!?;])(?<!\n\d\.)(?<!\n\d\d\.)(?<!\n[a-z]\.)(?<!\A\d\.)\s+(?=[^a-z\s])"
)
_FENCE = re.compile(r"^\s*(```|~~~)")
_WORD = re.compile(r"[^\W_]+(?:[-'.][^\W_]+)*")


def cut(text: str, title: str) -> list[Clause]:
    """The clauses of a passage, in order. `title` tells code and logs by their file name."""
    suffix = _SUFFIX.search(title.strip().lower())
    language = _LANGUAGES.get(suffix[1]) if suffix else None
    stamps = len(_STAMPED.findall(text))
    if language is None and stamps >= 2 and stamps * 2 >= text.count("\n"):
        language = "text"
    if language is not None:
        return [Clause(Kind.VERBATIM, text.strip("\n"), language)] if text.strip() else []
    return list(_joined(_prose(text)))


def _prose(text: str) -> Iterator[Clause]:
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1] == fence:
                yield Clause(Kind.VERBATIM, "\n".join(lines[1:]), lines[0].strip(" `~"))
                lines, fence = [], ""
            else:
                lines.append(line)
        elif mark:
            yield from _block(lines)
            lines, fence = [line], mark[1]
        elif not line.strip() or _NUMBERED.match(line):
            yield from _block(lines)
            lines = [line] if line.strip() else []
        else:
            lines.append(line)
    if fence:  # the passage ends inside
        yield Clause(Kind.VERBATIM, "\n".join(lines[1:]), lines[0].strip(" `~"))
    else:
        yield from _block(lines)


def _block(lines: Sequence[str]) -> Iterator[Clause]:
    if not lines:
        return
    if all(line.lstrip().startswith("|") for line in lines):
        yield Clause(Kind.TABLE, "\n".join(line.strip() for line in lines))
        return
    # Lines were broken for the page; only list items and tables begin new ones.
    joined: list[str] = []
    for line in lines:
        begins = not joined or _MARKER.match(line) or line.lstrip().startswith(("|", "#", ">"))
        if begins:
            joined.append(line.strip())
        else:
            joined[-1] += " " + line.strip()
    yield Clause(Kind.PROSE, "\n".join(joined))


def _joined(clauses: Iterator[Clause]) -> Iterator[Clause]:
    """A line that ends in a colon belongs to what follows; items of a loose list stay together."""
    waiting: Clause | None = None
    for clause in clauses:
        if waiting:
            item = clause.kind is Kind.PROSE and _MARKER.match(clause.text)
            if clause.kind is Kind.TABLE or item:
                text = f"{waiting.text}\n\n{clause.text}"
                clause = Clause(clause.kind, text)
            else:
                yield waiting
            waiting = None
        if clause.kind is Kind.PROSE and clause.text.endswith(":"):
            waiting = clause
        else:
            yield clause
    if waiting:
        yield waiting


def shorten(clause: Clause, words: Mapping[str, float]) -> str:
    """The clause, or of a long one its telling parts: sentences of prose, rows of a table.

    `words` are the question's stems with their weights.
    """
    if clause.kind is Kind.TABLE:
        return _shorten_table(clause.text, words)
    if clause.kind is Kind.PROSE and len(clause.text.split()) > LONG_PARAGRAPH:
        return _shorten_prose(clause.text, words)
    return clause.text


def _shorten_table(text: str, words: Mapping[str, float]) -> str:
    intro, _, table = text.rpartition("\n\n")
    lines = table.split("\n")
    headed = len(lines) > 2 and set(lines[1]) <= set("|-: ")
    head, rows = (lines[:2], lines[2:]) if headed else ([], lines)
    if len(rows) > ROWS_TOGETHER:
        scores = [weigh(row, words) for row in rows]
        best = max(scores)
        if best > 0:
            rows = [row for row, s in zip(rows, scores, strict=True) if s >= 0.6 * best]
        rows = rows[:ROWS_TOGETHER]
    quoted = "\n".join([*head, *rows])
    return f"{intro}\n\n{quoted}" if intro else quoted


def _shorten_prose(text: str, words: Mapping[str, float]) -> str:
    """The run of neighbouring sentences that tells most, about as long as a paragraph."""
    spans, start = [], 0
    for match in _SENTENCE.finditer(text):
        spans.append((start, match.start()))
        start = match.end()
    spans.append((start, len(text)))
    best, span = -1.0, (0, len(text))
    for first, (begin, _) in enumerate(spans):
        for _, end in spans[first:]:
            run = text[begin:end]
            if len(run.split()) > LONG_PARAGRAPH and end != spans[first][1]:
                break
            told = weigh(run, words) - 0.001 * len(run.split())
            if told > best:
                best, span = told, (begin, end)
    return text[span[0] : span[1]]


def weigh(text: str, words: Mapping[str, float]) -> float:
    """How much of the question's words stands in the text: the sum of their weights."""
    found = {stem(word) for word in _WORD.findall(text.lower())}
    return sum(weight for word, weight in words.items() if word in found)


_ENDINGS = (
    "ations", "ation", "ements", "ement", "ments", "ment", "ingly", "ings", "ing", "edly",
    "ies", "ied", "ers", "er", "ed", "es", "ly", "s", "e", "y",
)  # fmt: skip


def stem(word: str) -> str:
    """A word without its ending, roughly: enough to find "approved" by "approval"."""
    word = word.removesuffix("'s")
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


# Words that say nothing of what a question is about.
_COMMON = """
a about after all also am an and any anyone anything are as at be been before being but by can
could did do does doing for from get give given had has have having he her hers him his how i if
in into is it its just kind know like long many may me mean might mine more most much must my
need no not of off often old on once one only or other our out over own per please same say she
should so some someone something soon such take tell than that the their them then there these
they thing things this those to too under until up us use used very want was we were what when
where whether which while who whom whose why will with would you your
"""


def question_words(question: str, passages: Sequence[str]) -> dict[str, float]:
    """The stems of a question's telling words; rarer ones among the passages weigh more."""
    common = set(_COMMON.split())
    asked = dict.fromkeys(
        stem(word) for word in _WORD.findall(question.lower()) if word not in common
    )
    found = [{stem(word) for word in _WORD.findall(text.lower())} for text in passages]
    return {word: 1.0 / (1 + sum(word in text for text in found)) ** 0.5 for word in asked}
