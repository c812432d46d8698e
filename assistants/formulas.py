"""Formulas in Markdown, `$…$`, `$$…$$`, `\\(…\\)` and `\\[…\\]`, as MathML, which browsers draw.

A sum of money is no formula: between single dollars there has to be something that only a formula
has. What cannot be read as LaTeX is shown as it was written. markdown.py cleans what is made here.

A block of its own begins with `$$` or `\\[` at the start of a line and ends with the matching sign,
before a blank line, or with the text: so it never changes what has settled before it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

# What MathML Core knows, as far as it is made here.
TAGS = {
    *("math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot"),
    *("msub", "msup", "msubsup", "munder", "mover", "munderover"),
    *("mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "merror"),
}
ATTRIBUTES = {
    "math": {"display"},
    "mi": {"mathvariant"},
    "mo": {
        "stretchy",
        "fence",
        "form",
        "separator",
        "accent",
        "minsize",
        "maxsize",
        "movablelimits",
    },
    "mover": {"accent"},
    "munder": {"accentunder"},
    "mfrac": {"linethickness"},
    "mspace": {"width"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mtable": {"displaystyle"},
    "mtd": {"class"},
}

LONGEST = 2_000  # characters
DEEPEST = 40  # braces within braces
ENDS = {"$$": "$$", "\\[": "\\]"}
_SPAN = re.compile(
    r"\$\$(?P<display>[^$]{1,2000}?)\$\$(?!\$)|\\\[(?P<bracket>.{1,2000}?)\\\]|\\\((?P<round>.{1,2000}?)\\\)"
    r"|\$(?P<inline>[^\s$](?:[^$\n]{0,500}?[^\s$\\])?)\$(?![\w$])",
    re.DOTALL,
)
# `$5 and $6` is money, `$HOME/$USER` a shell's; one or two letters are a variable.
_ONLY_FORMULA = re.compile(r"[\\^_={}<>]|^[A-Za-z]{1,2}$|^[A-Za-z]\(")
_SIGNS = re.compile(r"[\ue000-\uf8ff]")  # what stands for something else while Markdown is read
_UNKNOWN = re.compile(r"<m[io]>\\")
_COLUMN = re.compile(r'columnalign="(left|right|center)"')


def add_to(markdown: MarkdownIt) -> None:
    markdown.block.ruler.before(
        "fence",
        "formula_block",
        _block,
        {"alt": ["paragraph", "reference", "blockquote", "list"]},
    )
    markdown.inline.ruler.before("escape", "formula", _inline)


def render(source: str, *, display: bool) -> str:
    """MathML, or the source as code where it is no LaTeX that is known here."""
    mathml = _convert(source, display)
    return mathml or f"<code>{escapeHtml(source)}</code>"


@lru_cache(maxsize=256)
def _convert(source: str, display: bool) -> str:
    if len(source) > LONGEST or _SIGNS.search(source) or _depth(source) > DEEPEST:
        return ""
    from latex2mathml.converter import convert  # a tenth of a second, for those who need it

    # The same, by the name that is known.
    known = re.sub(r"\\(begin|end)\{(?:aligned|split)\}", r"\\\1{align*}", source.strip())
    try:
        mathml = str(convert(known, display="block" if display else "inline"))
    except Exception:  # it has many for what it does not understand
        return ""
    return "" if _UNKNOWN.search(mathml) else _COLUMN.sub(r'class="align-\1"', mathml)


def _depth(source: str) -> int:
    depth = deepest = 0
    for sign in source:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        deepest = max(deepest, depth)
    return max(deepest, source.count("\\begin"), source.count("\\left"))


def _inline(state: StateInline, silent: bool) -> bool:
    found = _SPAN.match(state.src, state.pos)
    if not found:
        return False
    source = found[found.lastgroup or 0]
    if found["display"] is None and not _ONLY_FORMULA.search(source.strip()):
        return False  # money, or brackets that are to be no link
    before = state.src[max(0, state.pos - 1) : state.pos]
    if before == "$" or (found["inline"] is not None and before.isalnum()):
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.content = source
        token.meta = {"display": found.lastgroup in ("display", "bracket")}
    state.pos = found.end()
    return True


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.is_code_block(start):
        return False
    first = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]].rstrip()
    sign = next((sign for sign in ENDS if first.startswith(sign)), None)
    if sign is None:
        return False
    closing = ENDS[sign]
    line, rest = start, first[len(sign) :]
    if closing in rest[: -len(closing)] or rest.startswith("$"):
        return False  # it goes on with words: a paragraph
    whole = rest.removesuffix(closing).strip()
    if sign == "\\[" and rest.endswith(closing) and not _ONLY_FORMULA.search(whole):
        return False  # brackets that are to be no link
    lines: list[str] = []
    closed = False
    while True:
        closed = rest.endswith(closing)
        lines.append(rest.removesuffix(closing) if closed else rest)
        line += 1
        if closed or line >= end or state.isEmpty(line) or state.sCount[line] < state.blkIndent:
            break
        rest = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()
    if silent:
        return True
    token = state.push("formula_block", "", 0)
    token.content = "\n".join(lines).strip()
    token.meta = {"closed": closed}
    token.markup = sign
    token.map = [start, line]
    state.line = line
    return True
