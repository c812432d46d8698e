"""HTML to Markdown: headings, lists, tables and code are kept; scripts, styles, menus are not."""

from __future__ import annotations

import re

import lxml.html
from lxml import etree

from assistants.formats import Reading, Reason, Unreadable, markup

DROPPED = (
    "script", "style", "noscript", "template", "svg", "math", "iframe", "object", "embed", "canvas",
    "audio", "video", "nav", "button", "select", "textarea", "input",
)  # fmt: skip
BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details",
    "dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header",
    "hgroup", "hr", "html", "legend", "main", "ol", "p", "section", "summary", "table", "tbody",
    "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip
HEADINGS = {f"h{level}": level for level in range(1, 7)}
MAX_SPAN = 100  # columns or rows that one cell may claim
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([\w-]{1,40})", re.I)
_SPACE = re.compile(r"\s+")


def read(content: bytes) -> Reading:
    parser = lxml.html.HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True
    )
    root = lxml.html.document_fromstring(decode(content).encode(), parser=parser)
    # libxml2 stops where nesting is absurd; half a document must not pass for a whole one
    if any(entry.level == etree.ErrorLevels.FATAL for entry in parser.error_log):
        raise Unreadable(Reason.BROKEN, str(parser.error_log.last_error))
    title = " ".join((root.findtext(".//title") or "").split())
    for head in root.findall(".//head"):
        head.drop_tree()
    for hidden in root.xpath("//*[@hidden]"):
        hidden.drop_tree()
    etree.strip_elements(root, *DROPPED, with_tail=False)
    writer = _Writer()
    writer.walk(root)
    return Reading(title, "\n\n".join(writer.out))


def decode(content: bytes) -> str:
    """UTF-8, else what the page declares, else Windows-1252."""
    declared = _CHARSET.search(content[:4096])
    encodings = ["utf-16"] if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig"]
    if declared:
        name = declared[1].decode("ascii").lower()
        # as browsers do: who declares Latin-1 means Windows-1252
        encodings.append("cp1252" if name in ("iso-8859-1", "latin1", "us-ascii") else name)
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("cp1252", errors="replace")


class _Writer:
    """Walks the tree once, without recursion: pages nest as deep as they like."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.line: list[str] = []
        self.lists: list[int | None] = []  # for each open list: the next number, or None
        self.mark = ""  # of the list item that has no text yet

    def walk(self, root: etree._Element) -> None:
        walker = etree.iterwalk(root, events=("start", "end"), tag="*")
        for event, element in walker:
            tag = element.tag
            if event == "end":
                self.leave(tag)
                self.text(element.tail)
            elif tag in HEADINGS:
                self.flush()
                self.out.append(markup.heading(HEADINGS[tag], inline(element)))
                walker.skip_subtree()
            elif tag == "pre":
                self.flush()
                code = "".join(element.itertext()).strip("\n")
                fence = "```" if "```" not in code else "~~~~"
                self.out.append(f"{fence}\n{code}\n{fence}")
                walker.skip_subtree()
            elif tag == "table" and is_data(element):
                self.flush()
                self.table(element)
                walker.skip_subtree()
            else:
                self.enter(element)
                self.text(element.text)
        self.flush()

    def enter(self, element: etree._Element) -> None:
        tag = element.tag
        if tag == "br":
            self.line.append("\n")
        elif tag in BLOCKS or tag == "li":
            self.flush()
        if tag in ("ul", "ol"):
            start = element.get("start", "1")
            first = int(start) if start.isdecimal() and len(start) < 6 else 1
            self.lists.append(first if tag == "ol" else None)
        elif tag == "li":
            number = self.lists[-1] if self.lists else None
            self.mark = "-" if number is None else f"{number}."
            if number is not None:
                self.lists[-1] = number + 1

    def leave(self, tag: str) -> None:
        if tag in BLOCKS or tag == "li":
            self.flush()
        if tag in ("ul", "ol") and self.lists:
            self.lists.pop()
        if tag == "li":
            self.mark = ""

    def text(self, text: str | None) -> None:
        if text:
            self.line.append(_SPACE.sub(" ", text))

    def flush(self) -> None:
        text = "".join(self.line)
        self.line.clear()
        if not text.strip():
            return
        if self.mark:
            self.out.append(markup.item(len(self.lists) - 1, self.mark, text))
            self.mark = ""
        elif self.lists:  # a further paragraph of an item
            self.out.append("  " * len(self.lists) + markup.paragraph(text).replace("\n", " "))
        else:
            self.out.append(markup.paragraph(text))

    def table(self, table: etree._Element) -> None:
        for caption in table.findall("caption"):
            self.out.append(markup.paragraph(inline(caption)))
        rows, heads = grid(table)
        self.out.append(markup.table(rows, heads))


def inline(element: etree._Element) -> str:
    """All text of an element on one line; blocks and breaks inside it separate words."""
    parts: list[str] = [element.text or ""]
    for event, inner in etree.iterwalk(element, events=("start", "end"), tag="*"):
        if inner is element:
            continue
        if inner.tag in BLOCKS or inner.tag in ("br", "li") or inner.tag in HEADINGS:
            parts.append(" ")
        parts.append((inner.text if event == "start" else inner.tail) or "")
    return " ".join("".join(parts).split())


def is_data(table: etree._Element) -> bool:
    """A table of values, and not one that only lays out a page."""
    layout = ("table", "pre", *HEADINGS)
    if any(inner.tag in layout for inner in table.iter() if inner is not table):
        return False
    return any(len(row.findall("td") + row.findall("th")) > 1 for row in table.iter("tr"))


def grid(table: etree._Element) -> tuple[list[list[str]], int]:
    """The table's cells with spans repeated, so that each row says all; the number of head rows."""
    rows: list[list[str]] = []
    heads = 0
    above: dict[int, tuple[int, str]] = {}  # column: rows it still reaches down, and its text
    for element in table.iter("tr"):
        cells = [cell for cell in element if cell.tag in ("td", "th")]
        row: list[str] = []
        for cell in cells:
            _fill(row, above)
            text = inline(cell)
            for _ in range(_span(cell, "colspan")):
                down = _span(cell, "rowspan") - 1
                if down:
                    above[len(row)] = (down, text)
                row.append(text)
        _fill(row, above)
        if not any(row):
            continue
        in_head = element.getparent().tag == "thead" or (
            len(cells) > 1 and all(cell.tag == "th" for cell in cells)
        )
        if in_head and heads == len(rows):
            heads += 1
        rows.append(row)
    return rows, heads


def _fill(row: list[str], above: dict[int, tuple[int, str]]) -> None:
    while len(row) in above:
        left, text = above.pop(len(row))
        if left > 1:
            above[len(row)] = (left - 1, text)
        row.append(text)


def _span(cell: etree._Element, name: str) -> int:
    value = cell.get(name, "1").strip()
    return max(1, min(MAX_SPAN, int(value))) if value.isdecimal() and len(value) < 6 else 1
