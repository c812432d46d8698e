"""Python: functions, classes and their methods, by its own grammar."""

from __future__ import annotations

import ast
import warnings

from assistants.data.structure.code import add_paragraphs, code_blocks
from assistants.data.structure.outline import Line, Outline, split_lines

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def python_blocks(text: str) -> Outline:
    """Falls back to what indentation tells where the source does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the source's own escapes
            module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code_blocks(text)
    outline = Outline(text)
    lines = split_lines(text)
    _body(outline, lines, module.body, first=0, last=len(lines), level=1)
    return outline


def _body(
    outline: Outline, lines: list[Line], body: list[ast.stmt], *, first: int, last: int, level: int
) -> None:
    """Blocks of lines[first:last]: what stands between definitions, and each definition."""
    done = first
    for node in body:
        if not isinstance(node, _Definition):
            continue
        start = max(_first_line(lines, node), done)
        end = min(node.end_lineno or node.lineno, last)
        add_paragraphs(outline, lines[done:start])
        outline.open(level, node.name)
        if isinstance(node, ast.ClassDef):
            _body(outline, lines, node.body, first=start, last=end, level=level + 1)
        else:
            add_paragraphs(outline, lines[start:end])
        outline.close(level)
        done = max(done, end)
    add_paragraphs(outline, lines[done:last])


def _first_line(lines: list[Line], node: _Definition) -> int:
    """From its decorators, and from the comment that stands directly above."""
    start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
    while start > 0 and lines[start - 1].text.strip().startswith("#"):
        start -= 1
    return start
