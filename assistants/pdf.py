"""A PDF of titled text and Markdown, set by reportlab with the DejaVu fonts, which hold the Latin,
Greek and Cyrillic alphabets. Chinese, Japanese and Korean take the viewer's own fonts. Pure; its
imports are heavy, so they wait for the first document.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from markdown_it.token import Token

from assistants import markdown

# The kinds of a document's parts; `markdown` is set by its structure, all others as plain text.
TITLE, META, QUESTION, NAME, MARKDOWN, NOTE, SMALL = (
    *("title", "meta", "question", "name", "markdown", "note", "small"),
)
Part = tuple[str, str]

FONTS = {
    "Text": ("rinoh_typeface_dejavusans", "DejaVuSans.ttf"),
    "Text-Bold": ("rinoh_typeface_dejavusans", "DejaVuSans-Bold.ttf"),
    "Text-Italic": ("rinoh_typeface_dejavusans", "DejaVuSans-Oblique.ttf"),
    "Text-BoldItalic": ("rinoh_typeface_dejavusans", "DejaVuSans-BoldOblique.ttf"),
    "Mono": ("rinoh_typeface_dejavusansmono", "DejaVuSansMono.ttf"),
}
# Named in the document, not embedded.
VIEWERS = {
    "HeiseiKakuGo-W5": "\u3040-\u30ff",
    "HYSMyeongJo-Medium": "\u1100-\u11ff\uac00-\ud7af",
    "STSong-Light": "\u2e80-\u303f\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef",
}
_RUNS = re.compile("|".join(f"(?P<f{i}>[{chars}]+)" for i, chars in enumerate(VIEWERS.values())))
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\ue000-\uf8ff]")

INDENT = 12  # points a level
DEEPEST = 6
CODE_COLUMNS = 88
MOST_COLUMNS = 16  # of a table; a wider one is set as text
WIDTH = 481  # points between the margins of A4


def render_pdf(parts: Sequence[Part], *, title: str, author: str) -> bytes:
    """The document; `title` and `author` stand in its properties and on each page's foot."""
    from reportlab.platypus.doctemplate import LayoutError

    try:
        return _build(parts, title, author)
    except (LayoutError, ValueError):  # something in it fits no page: all of it as text
        plain = [(NOTE if kind == MARKDOWN else kind, text) for kind, text in parts]
        return _build(plain, title, author)


def _build(parts: Sequence[Part], title: str, author: str) -> bytes:
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    _register_fonts()
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=57,
        rightMargin=57,
        topMargin=54,
        bottomMargin=54,
        title=title,
        author=author,
        creator="hybridapp",
    )

    def foot(canvas: Any, page: Any) -> None:
        canvas.setFont("Text", 7.5)
        canvas.setFillGray(0.4)
        canvas.drawString(57, 32, _CONTROLS.sub("", title)[:90])
        canvas.drawRightString(A4[0] - 57, 32, str(page.page))

    story = [flowable for kind, text in parts for flowable in _set(kind, text)]
    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


def _set(kind: str, text: str) -> list[Any]:
    from reportlab.platypus import Paragraph

    if kind == MARKDOWN:
        return _Setter().set(markdown.parse(text))
    lines = "<br/>".join(_text(line) for line in text.split("\n"))
    return [Paragraph(lines, _styles()[kind])]


class _Setter:
    """Markdown's tokens to reportlab's flowables, one block after the other."""

    def __init__(self) -> None:
        self._flowables: list[Any] = []
        self._lists: list[int | None] = []  # of each open list, the next number
        self._quotes = 0
        self._mark = ""
        self._rows: list[list[tuple[str, str]]] = []  # each cell's text and style

    def set(self, tokens: Sequence[Token]) -> list[Any]:
        for place, token in enumerate(tokens):
            match token.type:
                case "inline":
                    self._set_inline(token, tokens[place - 1])
                case "fence" | "code_block":
                    self._add_code(token.content)
                case "hr":
                    self._add("— — —", "small")
                case "bullet_list_open":
                    self._lists.append(None)
                case "ordered_list_open":
                    self._lists.append(int(token.attrs.get("start", 1)))
                case "bullet_list_close" | "ordered_list_close":
                    self._lists.pop()
                case "list_item_open":
                    self._mark = self._next_mark()
                case "blockquote_open":
                    self._quotes += 1
                case "blockquote_close":
                    self._quotes -= 1
                case "table_open":
                    self._rows = []
                case "tr_open":
                    self._rows.append([])
                case "table_close":
                    self._add_table()
        return self._flowables

    def _next_mark(self) -> str:
        number = self._lists[-1]
        if number is None:
            return "•"
        self._lists[-1] = number + 1
        return f"{number}."

    def _set_inline(self, token: Token, before: Token) -> None:
        text = _inline(token.children or [])
        if before.type in ("th_open", "td_open"):
            style = "head" if before.type == "th_open" else "cell"
            self._rows[-1].append((text, style))
        elif before.type == "heading_open":
            self._add(text, "h1" if before.tag in ("h1", "h2") else "h2")
        else:
            self._add(text, "body")

    def _add(self, text: str, style: str) -> None:
        from reportlab.platypus import Paragraph

        depth = min(len(self._lists) + self._quotes, DEEPEST)
        mark, self._mark = self._mark, ""
        styled = _indented(style, depth, quoted=bool(self._quotes))
        self._flowables.append(Paragraph(text, styled, bulletText=mark or None))

    def _add_code(self, code: str) -> None:
        from reportlab.platypus import Preformatted

        depth = min(len(self._lists) + self._quotes, DEEPEST)
        for piece in _in_pieces(_CONTROLS.sub("", code.expandtabs(4)).rstrip("\n")):
            self._flowables.append(
                Preformatted(
                    piece, _indented("code", depth, quoted=False), maxLineLength=CODE_COLUMNS
                )
            )

    def _add_table(self) -> None:
        from reportlab.lib import colors
        from reportlab.platypus import Paragraph, Table

        columns = max((len(row) for row in self._rows), default=0)
        if not columns:
            return
        if columns > MOST_COLUMNS:
            self._add_code("\n".join(" | ".join(text for text, _ in row) for row in self._rows))
            return
        cells = [
            [Paragraph(text, _styles()[style]) for text, style in row] + [""] * (columns - len(row))
            for row in self._rows
        ]
        table = Table(cells, colWidths=_widths(self._rows, columns), repeatRows=1, splitInRow=1)
        grey = colors.Color(0.75, 0.78, 0.77)
        table.setStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.5, grey),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("BACKGROUND", (0, 0), (-1, 0), colors.Color(0.95, 0.96, 0.96)),
            ]
        )
        table.spaceBefore = table.spaceAfter = 6
        self._flowables.append(table)


def _widths(rows: Sequence[Sequence[tuple[str, str]]], columns: int) -> list[float]:
    """Wider where more stands, none narrower than a third of an even share."""
    weights = [
        min(max((len(row[at][0]) for row in rows if at < len(row)), default=1), 60) + 6
        for at in range(columns)
    ]
    even = WIDTH / columns
    raw = [max(WIDTH * weight / sum(weights), even / 3) for weight in weights]
    return [WIDTH * width / sum(raw) for width in raw]


def _inline(tokens: Sequence[Token]) -> str:
    """In the mark-up of reportlab's paragraphs."""
    marked = []
    for token in tokens:
        match token.type:
            case "strong_open" | "strong_close" | "em_open" | "em_close" | "s_open" | "s_close":
                name, _, end = token.type.partition("_")
                tag = {"strong": "b", "em": "i", "s": "strike"}[name]
                marked.append(f"<{tag}>" if end == "open" else f"</{tag}>")
            case "code_inline":
                marked.append(f'<font name="Mono">{_text(token.content)}</font>')
            case "softbreak":
                marked.append(" ")
            case "hardbreak":
                marked.append("<br/>")
            case "image":
                marked.append(_text(token.content))
            case _:
                marked.append(_text(token.content))
    return "".join(marked)


def _text(text: str) -> str:
    """Escaped, and with the viewer's fonts where ours have no letters."""
    escaped = escape(_CONTROLS.sub("", text), quote=False)
    names = list(VIEWERS)
    return _RUNS.sub(
        lambda run: f'<font name="{names[int(str(run.lastgroup)[1:])]}">{run[0]}</font>', escaped
    )


def _in_pieces(code: str, lines: int = 50) -> list[str]:
    """So that no block of code is higher than a page."""
    all_lines = code.split("\n")
    return ["\n".join(all_lines[at : at + lines]) for at in range(0, len(all_lines), lines)]


@cache
def _register_fonts() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfbase.ttfonts import TTFont

    for name, (package, file) in FONTS.items():
        pdfmetrics.registerFont(TTFont(name, str(_folder(package) / file)))
    pdfmetrics.registerFontFamily("Text", "Text", "Text-Bold", "Text-Italic", "Text-BoldItalic")
    pdfmetrics.registerFontFamily("Mono", "Mono", "Mono", "Mono", "Mono")
    for name in VIEWERS:
        pdfmetrics.registerFont(UnicodeCIDFont(name))
        pdfmetrics.registerFontFamily(name, name, name, name, name)


def _folder(package: str) -> Path:
    """Of a package of fonts, which is not imported: it would want another typesetter."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"the fonts of {package} are not installed (requirements-models.txt)")
    return Path(spec.submodule_search_locations[0])


@cache
def _styles() -> dict[str, Any]:
    from reportlab.lib import colors
    from reportlab.lib.styles import ParagraphStyle

    grey, line = colors.Color(0.35, 0.39, 0.38), colors.Color(0.75, 0.78, 0.77)
    body = ParagraphStyle("body", fontName="Text", fontSize=9.5, leading=14, spaceAfter=5)

    def make(name: str, **changes: Any) -> ParagraphStyle:
        return ParagraphStyle(name, body, **changes)

    return {
        "body": body,
        TITLE: make(TITLE, fontName="Text-Bold", fontSize=16, leading=20, spaceAfter=6),
        META: make(META, fontSize=8, leading=12, textColor=grey, spaceAfter=1),
        QUESTION: make(
            QUESTION,
            backColor=colors.Color(0.93, 0.94, 0.94),
            borderPadding=6,
            spaceBefore=20,
            spaceAfter=12,
        ),
        NAME: make(NAME, fontName="Text-Bold", fontSize=8.5, textColor=grey, spaceAfter=4),
        NOTE: make(
            NOTE, borderColor=line, borderWidth=0.5, borderPadding=5, spaceBefore=8, spaceAfter=9
        ),
        SMALL: make(SMALL, fontSize=7.5, leading=10.5, textColor=grey, spaceAfter=2),
        "h1": make("h1", fontName="Text-Bold", fontSize=11.5, leading=15, spaceBefore=8),
        "h2": make("h2", fontName="Text-Bold", fontSize=10, leading=14, spaceBefore=6),
        "code": make(
            "code",
            fontName="Mono",
            fontSize=7.5,
            leading=10.5,
            backColor=colors.Color(0.96, 0.97, 0.97),
            spaceBefore=2,
        ),
        "cell": make("cell", fontSize=8, leading=11, spaceAfter=0),
        "head": make("head", fontName="Text-Bold", fontSize=8, leading=11, spaceAfter=0),
    }


def _indented(style: str, depth: int, *, quoted: bool) -> Any:
    from reportlab.lib import colors
    from reportlab.lib.styles import ParagraphStyle

    changes: dict[str, Any] = {"leftIndent": depth * INDENT, "bulletIndent": (depth - 1) * INDENT}
    if quoted:
        changes["textColor"] = colors.Color(0.35, 0.39, 0.38)
    return (
        ParagraphStyle(f"{style}-{depth}", _styles()[style], **changes)
        if depth
        else _styles()[style]
    )
