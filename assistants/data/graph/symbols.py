"""What source code defines and uses, and where other texts name it. Pure, bounded.

Definitions are those that the chunker found (`Block.section`, by the language's own grammar);
names are compared as they are written. A function of a class goes by both names, and by its own
only where that is telling: `get` could be anybody's.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence

from assistants.data.blocks import Block
from assistants.data.graph.names import LONGEST, Kind, Named

_USES = re.compile(
    r"(?P<of>(?:\b(?:self|cls|this))?\.|\$this->)?"
    r"(?<![\w$])(?P<name>[A-Za-z_$][\w$]*)(?P<called>\s?\()?"
)
_CONSTANT = re.compile(
    r"^(?:export\s)?(?:const\s|final\s|static\s)*([A-Z][A-Z0-9_]{2,60})\b[^=\n]{0,80}=", re.M
)
# such as: from a.b import c, d as e
_PYTHON_FROM = re.compile(
    r"^[ \t]*from[ \t]+(?P<module>[\w.]{1,200})[ \t]+import[ \t]+"
    r"(?P<names>\([^()]{1,2000}\)|[^\n]{1,500})",
    re.M,
)
_PYTHON_IMPORT = re.compile(r"^[ \t]*import[ \t]+(?P<module>[\w.]{1,200})", re.M)
# such as: import {c, d} from "./a"; of one's own files only
_SCRIPT_FROM = re.compile(
    r"\b(?:import|export)\s{1,3}(?:type\s{1,3})?(?P<names>[^;\"'`]{0,1000}?)\bfrom\s{0,3}"
    r"[\"'](?P<module>[.@~][^\"'\n]{1,200})[\"']"
)
_SCRIPT_REQUIRE = re.compile(r"\brequire\([\"'](?P<module>\.[^\"'\n]{1,200})[\"']\)")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_SCRIPT_SUFFIX = re.compile(r"\.[cm]?[jt]sx?$")
_FILE_END = re.compile(
    r"\.(?:py|pyi|tsx?|jsx?|mjs|java|go|rs|rb|php|cs|c|h|cc|cpp|hpp|sql|sh|md|txt|html|ya?ml|toml"
    r"|json|ini|proto|log|docx|pdf|xlsx)(?![\w/-])"
)
_FILE_BACKWARDS = re.compile(r"[\w./-]{1,120}")
QUOTED = re.compile(
    r"`(?P<name>[A-Za-z_$][\w$]{2,80}(?:\.[A-Za-z_$][\w$]{0,80}){0,4})(?:\([^`\n]{0,80}\))?`"
)
LOGGERS = re.compile(r"(?<![\w./@-])[a-z_]\w{1,40}(?:\.[a-z_]\w{1,40}){1,4}(?![\w./@-])")
TRACEBACK = re.compile(r", line \d{1,7}, in (?P<name>\w{2,80})")


def is_telling(name: str) -> bool:
    """`next_step`, `parseMinor`, MAX_AGE; not `get`, not `Payment`."""
    return "_" in name.strip("_") or re.search(r"[a-z0-9][A-Z]", name) is not None


def definitions(blocks: Sequence[Block]) -> Iterator[tuple[tuple[str, ...], Block]]:
    """The path of each thing that is defined, with the first block of it."""
    seen: set[tuple[str, ...]] = set()
    for block in blocks:
        for depth in range(1, len(block.section) + 1):
            path = block.section[:depth]
            if path not in seen:
                seen.add(path)
                yield path, block


def symbol_of(path: Sequence[str]) -> Named:
    return symbol(".".join(path[-2:]))


def constants(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _CONSTANT.finditer(text):
        yield match[1], *match.span(1)


def imports(text: str) -> Iterator[tuple[Named, list[str], int, int]]:
    """The files a source imports, with the names it takes from each; no standard library."""
    for pattern in (_PYTHON_FROM, _PYTHON_IMPORT):
        for match in pattern.finditer(text):
            module = match["module"].strip(".")
            if module and module.split(".")[0] not in sys.stdlib_module_names:
                file = Named(Kind.FILE, "/".join(module.split(".")[-3:])[:LONGEST])
                yield file, _taken(match), *match.span("module")
    for pattern in (_SCRIPT_FROM, _SCRIPT_REQUIRE):
        for match in pattern.finditer(text):
            path = _SCRIPT_SUFFIX.sub("", match["module"])
            parts = [part for part in path.split("/") if part not in ("", ".", "..", "@", "~")]
            if parts:
                file = Named(Kind.FILE, "/".join(parts[-3:])[:LONGEST])
                yield file, _taken(match), *match.span("module")


def _taken(match: re.Match[str]) -> list[str]:
    listed = match.groupdict().get("names") or ""
    names = (part.split(" as ")[0].strip(" ()\n\t{}*") for part in listed.split(","))
    return [name for name in names if _NAME.fullmatch(name)]


def uses(
    text: str, start: int, end: int, alone: Mapping[str, Named], members: Mapping[str, Named]
) -> Iterator[tuple[Named, int, int, bool]]:
    """Where text[start:end] uses what is known; the last value says whether it is called.

    `alone` are names that stand by themselves, `members` those behind `self.` or another object.
    """
    for match in _USES.finditer(text, start, end):
        name, of = match["name"], match["of"]
        if of is None:
            found = alone.get(name)
        else:
            found = members.get(name) if len(of) > 1 or is_telling(name) else None
        if found:
            yield found, *match.span("name"), match["called"] is not None


def named_in_prose(text: str) -> Iterator[tuple[Named, int, int]]:
    """Code that a note names: `next_step`, `Scheduler._run`, docs/design-retries.md."""
    for match in _FILE_END.finditer(text):
        end = match.start()
        back = _FILE_BACKWARDS.match(text[max(0, end - 120) : end][::-1])
        if back and (path := back.group()[::-1].lstrip("./")):
            name = "/".join(path.split("/")[-3:]) + match.group()
            yield Named(Kind.FILE, name[:LONGEST]), end - len(path), match.end()
    for match in QUOTED.finditer(text):
        yield symbol(match["name"]), *match.span("name")


def named_in_log(text: str) -> Iterator[tuple[Named, int, int]]:
    """Modules and functions that log lines and tracebacks name."""
    for match in LOGGERS.finditer(text):
        yield Named(Kind.FILE, match.group().replace(".", "/")), *match.span()
    for match in TRACEBACK.finditer(text):
        yield symbol(match["name"]), *match.span("name")


def symbol(name: str) -> Named:
    return Named(Kind.SYMBOL, name[:LONGEST])
