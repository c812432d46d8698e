"""Reading message catalogues as text, and what the pages and scripts ask them for."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

from assistants.sentences import COUNTED, SENTENCES

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("ar", "de", "es", "fr")
# What people who administrate see stays English (docs/adr/0028-languages.md).
PAGES = [
    path
    for path in sorted((ROOT / "templates").rglob("*.html"))
    if path.relative_to(ROOT / "templates").parts[0] != "admin"
]
SCRIPTS = [
    path
    for path in sorted((ROOT / "static/js").rglob("*.js"))
    if "admin" not in path.relative_to(ROOT / "static/js").parts
]

_LINE = re.compile(r'(msgid_plural|msgid|msgstr)(?:\[(\d)\])? (".*")')
_TRANSLATE = re.compile(r"""{% translate (?:"([^"]*)"|'([^']*)')""")
_CONSTANT = re.compile(r'\b_\("([^"]*)"\)')
_BLOCK = re.compile(r"{% blocktranslate([^%]*)%}(.*?){% endblocktranslate %}", re.DOTALL)
_PLURAL = "{% plural %}"
_VARIABLE = re.compile(r"{{ (\w+) }}")
_STRING = r'\s*"((?:[^"\\]|\\.)*)"'
_GETTEXT = re.compile(rf"\bgettext\({_STRING}")
_NGETTEXT = re.compile(rf"\bngettext\({_STRING},{_STRING}")


@dataclass
class Entry:
    one: str = ""
    many: str = ""
    forms: dict[int, str] = field(default_factory=dict)
    fuzzy: bool = False


def read_catalogue(path: Path) -> dict[str, Entry]:
    """A .po file: its entries by message id; that of "" is the header."""
    entries: dict[str, Entry] = {}
    for block in path.read_text().strip().split("\n\n"):
        entry, key, form = Entry(), "", 0
        for line in block.splitlines():
            if line.startswith("#"):
                entry.fuzzy |= "fuzzy" in line
                continue
            if found := _LINE.fullmatch(line):
                key, form, text = found[1], int(found[2] or 0), ast.literal_eval(found[3])
            else:
                text = ast.literal_eval(line)
            if key == "msgid":
                entry.one += text
            elif key == "msgid_plural":
                entry.many += text
            else:
                entry.forms[form] = entry.forms.get(form, "") + text
        entries[entry.one] = entry
    return entries


def list_page_messages() -> set[str]:
    """Ids of what templates and services ask for."""
    found = set(SENTENCES) | {one for one, _ in COUNTED}
    for path in PAGES:
        source = path.read_text()
        found |= {one or other for one, other in _TRANSLATE.findall(source)}
        found |= set(_CONSTANT.findall(source))
        for _, body in _BLOCK.findall(source):
            found.add(_VARIABLE.sub(r"%(\1)s", body.split(_PLURAL)[0]))
    return found


def list_script_messages() -> set[str]:
    found: set[str] = set()
    for path in SCRIPTS:
        source = path.read_text()
        found |= set(_GETTEXT.findall(source)) | {one for one, _ in _NGETTEXT.findall(source)}
    return found


def list_literals(folder: Path) -> str:
    """All text between quotes in the Python of a folder, but for docstrings of nobody's reading."""
    texts = []
    for path in sorted(folder.rglob("*.py")):
        if path.name == "sentences.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(texts)
