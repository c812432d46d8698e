"""Markdown to safe HTML: the only renderer, for the live page, a reload, review and export.

`render` turns a whole text into HTML. `Settler` does the same for a text that is still growing,
block by block, so that what has been shown never changes: the settled blocks and the rendered
tail are, joined, the rendered whole. Link reference definitions would break that (a definition
at the end changes a link at the start), so they are plain text here.

Raw HTML is shown as text, nothing is loaded from elsewhere, and what markdown-it made is cleaned
by an allow-list once more.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from assistants import formulas

ALLOWED_TAGS = {
    *("p", "br", "hr", "blockquote", "ul", "ol", "li", "a", "em", "strong", "s"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "code", "pre", "mark", "figure", "figcaption", "span"),
    *("table", "thead", "tbody", "tr", "th", "td"),
    *formulas.TAGS,
}
ALLOWED_ATTRIBUTES = {
    "a": {"href", "class", "rel", "target", "data-citation"},
    "code": {"class"},
    "figure": {"class"},
    "ol": {"start"},
    "span": {"class"},
    "td": {"class"},
    "th": {"class"},
    **formulas.ATTRIBUTES,
}
ALLOWED_SCHEMES = {"http", "https", "mailto"}

# Longer code is shown without colours: some lexers are slow on adversarial input.
HIGHLIGHT_CHARACTERS = 20_000
NUMBERED_LINES = 5_000  # more are shown without numbers

# The chat draws them in a frame of their own; everywhere else it is their source (docs/adr/0023).
DIAGRAM = "mermaid"

# A list goes on after a blank line, and so does indented code.
CLOSED_BY_BLANK_LINE = {
    *("paragraph_open", "heading_open", "table_open", "blockquote_open", "formula_block")
}

LINE_END = re.compile(r"\r\n?|\n")
CITATION = re.compile(r"\[([1-9][0-9]{0,2})\]")
LIST_MARK = re.compile(r"(?:[ \t]*(?:[-*+>#]+|\d{1,9}[.)])[ \t]+)*")
LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
LONG_FRAGMENT = 40  # characters; the name of a section is shorter
# A part of an address that is no word: long, or of digits and letters as encoded data are.
CARRIED = re.compile(
    r"\S{33,}|(?=\S*\d)(?=\S*[A-Z])(?=\S*[a-z])\S{12,}|\S*=\S*|\S*%[0-9A-Fa-f]{2}\S*%\S*"
)
LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,30}")


def render(
    text: str,
    citations: Collection[int] | None = (),
    unrestored: Collection[str] = (),
    unsupported: Collection[Sequence[int]] = (),
) -> str:
    """Sanitised HTML of a Markdown text.

    A mark such as `[1]` outside code becomes a link to its citation when its number is in
    `citations`, or always when that is None. `unrestored` are placeholders that stand for
    nothing: they are shown as they are, and marked, wherever they stand. `unsupported` are places
    (start, end) of sentences to be marked as not supported by the sources.
    """
    if unsupported:
        return _render_marked(text, citations, unrestored, unsupported)
    signs = _signs(text, unrestored)
    for placeholder, sign in signs.items():
        text = text.replace(placeholder, sign)
    html = _clean(_markdown.render(text, {"citations": citations}))
    for placeholder, sign in signs.items():
        html = html.replace(quote(sign), quote(placeholder))  # in an address
        html = html.replace(sign, f'<mark class="unrestored">{escapeHtml(placeholder)}</mark>')
    return html


def parse(text: str) -> list[Token]:
    """The tokens of a Markdown text, for another form than HTML; citation marks stay text."""
    return _markdown.parse(text, {"citations": ()})


def _render_marked(
    text: str,
    citations: Collection[int] | None,
    unrestored: Collection[str],
    places: Collection[Sequence[int]],
) -> str:
    """Signs that mean nothing to Markdown stand around each sentence, behind a list's mark; where
    a sentence and other marks cross, the cleaner puts them in order.
    """
    free = (sign for sign in map(chr, range(0xF8F0, 0xF900)) if sign not in text)
    begin, end = next(free, ""), next(free, "")
    if not end:
        return render(text, citations, unrestored)
    for start, stop in sorted(map(tuple, places), reverse=True):
        if not 0 <= start < stop <= len(text):
            continue
        start += len(LIST_MARK.match(text[start:stop])[0])  # type: ignore[index]  # it always fits
        text = f"{text[:start]}{begin}{text[start:stop]}{end}{text[stop:]}"
    html = render(text, citations, unrestored)
    html = html.replace(begin, '<mark class="unsupported" title="Not supported by the sources">')
    return nh3.clean(
        html.replace(end, "</mark>"),
        tags=ALLOWED_TAGS,
        attributes={**ALLOWED_ATTRIBUTES, "mark": {"class", "title"}},
        url_schemes=ALLOWED_SCHEMES,
        link_rel=None,
    )


def _signs(text: str, unrestored: Collection[str]) -> dict[str, str]:
    """One character for each placeholder, longest first, so that Markdown sees no part of it."""
    free = (sign for sign in map(chr, range(0xE000, 0xF900)) if sign not in text)
    longest_first = sorted(
        {*unrestored} - {""}, key=lambda placeholder: (-len(placeholder), placeholder)
    )
    return dict(zip(longest_first, free, strict=False))


def render_passage(text: str, start: int, end: int, *, context: int = 1500) -> str:
    """HTML of the part of a document around the characters `start` to `end`, which are marked.

    `context` is how many characters to show before and after; whole blocks are shown, and every
    paragraph, table row or line of a list that the passage touches is marked as a whole.
    """
    cuts = [0, *_parse_blocks(text)[1][1:], len(text)]
    first = max(cut for cut in cuts if cut <= max(0, start - context))
    last = min(cut for cut in cuts if cut >= min(len(text), end + context))
    shown = text[first:last]
    lines = _line_starts(shown)
    env = {
        "citations": (),
        "marked": range(
            bisect.bisect_right(lines, start - first) - 1, bisect.bisect_left(lines, end - first)
        ),
    }
    return _clean(_markdown.render(shown, env))


class Settler:
    """Renders a growing text block by block. Not for use by several threads at once.

    A top-level block has settled when the next one has begun on a complete line, or a blank line
    has closed it: nothing that follows can change it any more. Settled text is never parsed again.
    """

    # A long unsettled block is parsed again only when it has grown by this share of itself, so
    # that the cost of a long answer stays linear. Short ones are parsed at each line.
    GROWTH = 1 / 4
    SHORT = 2_000

    def __init__(self, citations: Collection[int] | None = None) -> None:
        self._citations = citations
        self._parts: list[str] = []
        self._length = 0
        self._parse_at = 0

    def feed(self, delta: str) -> list[str]:
        """Take the next piece of text; return the HTML of each block that it settled."""
        self._parts.append(delta)
        self._length += len(delta)
        if "\n" not in delta or self._length < self._parse_at:
            return []
        return self._settle()

    @property
    def tail(self) -> str:
        """The text that has not settled yet."""
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    def _settle(self) -> list[str]:
        text = self.tail
        complete = text[: text.rindex("\n") + 1]
        blocks, starts = _parse_blocks(complete)
        # Whatever stands before the first block (blank lines) goes with it.
        cuts = [0, *starts[1:]]
        if blocks and _is_closed(blocks[-1], complete):
            cuts.append(len(complete))
        settled = [
            render(text[start:end], self._citations) for start, end in itertools.pairwise(cuts)
        ]
        rest = text[cuts[-1] :]
        self._parts, self._length = [rest], len(rest)
        grown = int(self._length * (1 + self.GROWTH))
        self._parse_at = grown if self._length > self.SHORT else 0
        return settled


def _parse_blocks(text: str) -> tuple[list[Token], list[int]]:
    """The tokens of the top-level blocks, with the offset at which each begins.

    Inline text is not parsed.
    """
    tokens: list[Token] = []
    lines = _line_starts(text)
    _markdown.block.parse(LINE_END.sub("\n", text), _markdown, {}, tokens)
    blocks = [token for token in tokens if token.level == 0 and token.map]
    return blocks, [lines[token.map[0]] for token in blocks if token.map]


def _line_starts(text: str) -> list[int]:
    return [0, *(end.end() for end in LINE_END.finditer(text))]


def _is_closed(block: Token, text: str) -> bool:
    """Whether nothing that follows `text`, which ends with this block, can belong to the block."""
    if block.type == "hr" or (block.type == "heading_open" and block.markup.startswith("#")):
        return True
    lines = _line_starts(text)
    if text[lines[-2] :].strip(" \t\r\n"):
        return False  # the last line is not blank
    if block.type == "fence" and block.map:
        return block.map[1] < len(lines) - 1  # else it has no end yet
    return block.type in CLOSED_BY_BLANK_LINE


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=ALLOWED_TAGS,
        attributes=ALLOWED_ATTRIBUTES,
        url_schemes=ALLOWED_SCHEMES,
        link_rel=None,
    )


def _citation_mark(state: StateInline, silent: bool) -> bool:
    """Inline rule, after links: `[1]` where 1 is a citation of this answer."""
    found = CITATION.match(state.src, state.pos)
    if not found or state.linkLevel:
        return False
    citations = state.env.get("citations")
    if citations is not None and int(found[1]) not in citations:
        return False
    if not silent:
        state.push("citation", "a", 0).content = found[1]
    state.pos = found.end()
    return True


def _mark_lines(state: StateCore) -> None:
    """Core rule, last: wrap the text that stands on the lines to be marked."""
    marked: range | None = state.env.get("marked")
    if not marked:
        return
    lines = range(0)
    for token in state.tokens:
        if token.map:
            lines = range(*token.map)  # cells have none of their own: their row's counts
        if not (lines.start < marked.stop and marked.start < lines.stop):
            continue
        if token.type == "inline" and token.children is not None:
            token.children = [
                Token("mark_open", "mark", 1),
                *token.children,
                Token("mark_close", "mark", -1),
            ]
        elif token.type in {"fence", "code_block", "formula_block"}:
            token.meta["marked"] = True


class _Renderer(RendererHTML):
    def citation(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        number = tokens[index].content
        return (
            f'<a class="citation" href="#citation-{number}" data-citation="{number}">{number}</a>'
        )

    def formula(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        token = tokens[index]
        return formulas.render(token.content, display=token.meta["display"])

    def formula_block(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        token = tokens[index]
        if not token.meta["closed"]:  # no formula yet, and perhaps never
            return f"<p>{escapeHtml(f'{token.markup} {token.content}'.strip())}</p>\n"
        mathml = formulas.render(token.content, display=True)
        shown = f"<mark>{mathml}</mark>" if token.meta.get("marked") else mathml
        return f'<figure class="formula">{shown}</figure>\n'

    def image(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        return escapeHtml(self.renderInlineAsText(tokens[index].children, options, env))

    def link_open(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        tokens[index].attrs.update({"rel": "noopener noreferrer", "target": "_blank"})
        return self.renderToken(tokens, index, options, env)

    def fence(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        words = tokens[index].info.split(maxsplit=1)
        known = bool(words) and LANGUAGE.fullmatch(words[0])
        return _code(tokens[index], words[0].lower() if known else "")

    def code_block(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        return _code(tokens[index], "")

    def _cell(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        # markdown-it aligns by a style attribute, which the content security policy forbids
        style = str(tokens[index].attrs.pop("style", ""))
        if style:
            tokens[index].attrs["class"] = "align-" + style.removeprefix("text-align:")
        return self.renderToken(tokens, index, options, env)

    th_open = td_open = _cell


def _code(token: Token, language: str) -> str:
    source = token.content
    lexer = _lexer(language) if len(source) <= HIGHLIGHT_CHARACTERS else None
    body = highlight(source, lexer, _formatter) if lexer else escapeHtml(source)
    numbered = 1 < source.rstrip("\n").count("\n") + 1 <= NUMBERED_LINES
    if numbered:
        body = _in_lines(body)
    if token.meta.get("marked"):
        body = f"<mark>{body}</mark>"
    kind = "code numbered" if numbered else "code"
    if language == DIAGRAM:
        kind += " diagram"
    if not language:
        return f'<figure class="{kind}"><pre><code>{body}</code></pre></figure>\n'
    name = escapeHtml(language)
    return (
        f'<figure class="{kind}"><figcaption>{name}</figcaption>'
        f'<pre><code class="language-{name}">{body}</code></pre></figure>\n'
    )


def _in_lines(body: str) -> str:
    """Each line in an element, which the page numbers: a number that is no text is not copied.

    No element of the highlighter goes on over the end of a line.
    """
    lines = body.removesuffix("\n").split("\n")
    return "".join(f'<span class="line">{line}\n</span>' for line in lines)


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    try:
        # the defaults would drop leading blank lines, and add a last one
        return get_lexer_by_name(language, stripnl=False, ensurenl=False) if language else None
    except ClassNotFound:
        return None


def _is_link(url: str) -> bool:
    """Whether an address may be clicked: one that could carry data to its host is shown as text.

    A model that was talked into it would put what it knows into the address; so an address with a
    query, a user, a long fragment, a part that looks encoded, or a mail with more than its address
    is no link. Nothing is loaded from elsewhere in any case.
    """
    if not LINK.match(url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.query or parts.username or parts.password or len(parts.fragment) > LONG_FRAGMENT:
        return False
    labels = [*(parts.hostname or "").split("."), *re.split(r"[/._~-]|%20", parts.path)]
    return not any(CARRIED.fullmatch(label) for label in labels)


_formatter = HtmlFormatter(nowrap=True)
_markdown = MarkdownIt(
    "commonmark", {"html": False, "maxNesting": 100}, renderer_cls=_Renderer
).enable(["table", "strikethrough"])
_markdown.disable("reference")
formulas.add_to(_markdown)
_markdown.core.ruler.push("mark_lines", _mark_lines)
_markdown.inline.ruler.after("link", "citation", _citation_mark)
_markdown.validateLink = _is_link  # type: ignore[method-assign]
