"""Other source code and configuration: definitions by their keywords, nesting by indentation."""

from __future__ import annotations

import re

from assistants.data.blocks import BlockKind
from assistants.data.structure.outline import Line, Outline, split_lines

_MODIFIERS = (
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|readonly"
    r"|declare|pub(?:\(\w+\))?|unsafe|virtual|inline|override|sealed|partial|const|extern)\s+)*"
)
_DEFINITIONS = [
    re.compile(
        rf"\s*{_MODIFIERS}(?:function\*?|class|interface|type|enum|struct|trait|impl|fn|func|def"
        r"|module|namespace|package|record|union|message|service)\s+"
        r"(?:\([^)]*\)\s*)?(?P<name>[A-Za-z_$][\w.$]*)"
    ),
    re.compile(
        r"\s*create\s+(?:or\s+replace\s+)?(?:(?:unique|temp\w*|materialized|constraint)\s+)*"
        r"(?:table|function|index|view|trigger|procedure|type|schema|role|policy)\s+"
        r"(?:if\s+not\s+exists\s+)?(?P<name>[\w.\"]+)",
        re.I,
    ),
    # const name = (…) =>
    re.compile(
        rf"\s*{_MODIFIERS}(?:const|let|var)\s+(?P<name>\w+)[^=]*=\s*(?:async\s*)?\(.*=>\s*\{{?$"
    ),
    re.compile(r"(?P<name>[\w-]+)\s*\(\)\s*\{"),  # shell
    re.compile(r"(?P<name>[A-Za-z_][\w.-]*):\s*$"),  # YAML, at the margin
    # a method: `Type name(…) {`, or `private name<T>(` that goes on below
    re.compile(
        r"\s*[\w<>\[\],.?&*:\s~]*?(?P<name>[A-Za-z_~]\w*)(?:<[^>]*>)?\s*\([^;]*\)[^;=]*\{\s*$"
    ),
    re.compile(
        r"\s*(?:(?:public|private|protected|static|async|override)\s+)+(?:[\w<>\[\].?]+\s+)*?"
        r"(?P<name>\w+)(?:<[^>]*>)?\s*\(\s*$"
    ),
]
# What looks like a method's name and is not one
_NO_NAMES = {"if", "for", "while", "switch", "catch", "else", "return", "with", "do", "match"}
_TABLE = re.compile(r"\[+(?P<name>[\w.\-\" ]+)\]+\s*$")  # of TOML or INI: reaches to the next one
_COMMENT = re.compile(r"\s*(?://|/\*|\*|#|--|@|<!--)")
# Lines at the margin that still belong to the definition above: `{`, `}`, SQL's BEGIN … END
_BELONGS = re.compile(r"\s*(?:[{\])}>]|begin\b(?!\s*;)|declare\b|end\b|\$\$)", re.I)


def code_blocks(text: str) -> Outline:
    outline = Outline(text)
    pending: list[Line] = []
    for line in split_lines(text):
        name = None if line.blank else _defined(line.text)
        table = _TABLE.match(line.text)
        if name or table:
            above = _comment_above(pending)
            add_paragraphs(outline, pending[: len(pending) - len(above)])
            outline.open(-1 if table else line.indent, table["name"] if table else name or "")
            pending = [*above, line]
            continue
        if not line.blank and line.indent <= outline.level and not _BELONGS.match(line.text):
            above = _comment_above(pending)
            add_paragraphs(outline, pending[: len(pending) - len(above)])
            outline.close(line.indent)
            pending = above
        pending.append(line)
    add_paragraphs(outline, pending)
    return outline


def add_paragraphs(outline: Outline, lines: list[Line]) -> None:
    """One block for each run of lines without a blank one."""
    paragraph: list[Line] = []
    for line in lines:
        if not line.blank:
            paragraph.append(line)
        elif paragraph:
            outline.add_lines(BlockKind.CODE, paragraph)
            paragraph = []
    outline.add_lines(BlockKind.CODE, paragraph)


def _defined(line: str) -> str | None:
    if len(line) > 300 or _COMMENT.match(line):
        return None
    for pattern in _DEFINITIONS:
        match = pattern.match(line)
        if match and match["name"].lower() not in _NO_NAMES:
            return match["name"].strip('"')
    return None


def _comment_above(lines: list[Line]) -> list[Line]:
    count = 0
    while count < len(lines) and _COMMENT.match(lines[-1 - count].text):
        count += 1
    return lines[len(lines) - count :]
