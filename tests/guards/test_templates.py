"""What the content security policy forbids is not written in the first place."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = sorted((CHECKOUT / "templates").rglob("*.html"))
SCRIPTS = sorted((CHECKOUT / "static" / "js").rglob("*.js"))
STYLES = sorted((CHECKOUT / "static" / "css").rglob("*.css"))

FRAMES = {"base.html", "shell.html"}  # and the admin's own, below templates/admin/
INLINE = {
    "a script without src": re.compile(r"<script(?![^>]*\bsrc=)", re.I),
    "a style element": re.compile(r"<style\b", re.I),
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.I),
    "an on… attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.I),
    "a javascript: address": re.compile(r"javascript:", re.I),
    "something from elsewhere": re.compile(r"""(?:src|href)\s*=\s*["'](?:https?:)?//""", re.I),
}
SINKS = re.compile(
    r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function|DOMParser"
    r"|createContextualFragment|setHTMLUnsafe|parseHTMLUnsafe|createPolicy|srcdoc)\b"
)


def name(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def test_there_is_something_to_guard() -> None:
    assert len(TEMPLATES) > 10
    assert len(SCRIPTS) > 10


LATER = {"speech", "composing", "diagrams", "history"}  # folders of scripts
OTHER_PAGES = {
    "admin.css",
    "console.css",
    "diagram.css",
    "recordings.css",
    "documents.css",
    "prompts.css",
    "receipt.css",
}


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_holds_nothing_inline(path: Path) -> None:
    text = path.read_text()
    found = [what for what, pattern in INLINE.items() if pattern.search(text)]
    assert not found, f"{name(path)} holds {', '.join(found)}"


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_page_extends_the_base(path: Path) -> None:
    """Parts, whose names begin with an underscore, are included and have no frame of their own."""
    text = path.read_text()
    if path.name in ("base.html", "pagination.html"):  # the latter is a part; Django names it so
        return
    if path.name.startswith("_"):
        assert "<html" not in text
        assert "{% extends" not in text
        return
    parent = re.match(r'\{% extends "([\w/.]+)" %\}', text)
    assert parent, f"{name(path)} extends nothing"
    assert parent[1] in FRAMES or path.is_relative_to(CHECKOUT / "templates" / "admin")


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_html_enters_by_one_door(path: Path) -> None:
    if path.name == "html.js":
        # the door: one policy, one sink, in one function
        assert path.read_text().count("innerHTML") == 1
        assert path.read_text().count("createPolicy") == 1
        return
    assert not SINKS.findall(path.read_text())


@pytest.mark.parametrize("path", STYLES, ids=name)
def test_a_style_loads_nothing(path: Path) -> None:
    assert "@import" not in path.read_text()
    assert "url(" not in path.read_text()


def test_the_first_load_is_small() -> None:
    """Of the chat, as it is sent: compressed. Whatever is imported when it is asked for, the
    console's own, and what belongs to other pages comes later.
    """
    later = {path for path in [*SCRIPTS, *STYLES] if "admin" in path.parts}
    later |= {path for path in SCRIPTS if path.parent.name in LATER}
    later |= {path for path in STYLES if path.name in OTHER_PAGES}
    sprite = CHECKOUT / "static" / "vendor" / "lucide" / "sprite.svg"
    first = [sprite, *({*SCRIPTS, *STYLES} - later)]
    assert sum(len(gzip.compress(path.read_bytes())) for path in first) < 75_000


def test_every_icon_that_is_used_is_drawn() -> None:
    sprite = (CHECKOUT / "static" / "vendor" / "lucide" / "sprite.svg").read_text()
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', sprite))
    text = "\n".join(path.read_text() for path in TEMPLATES)
    used = set(re.findall(r'\{% icon "([\w-]+)"', text))
    tags = (CHECKOUT / "assistants" / "templatetags" / "page.py").read_text()
    used |= set(re.findall(r'^    "\w+": "([\w-]+)",$', tags, re.M))
    assert used <= drawn
    assert len(used) > 20
