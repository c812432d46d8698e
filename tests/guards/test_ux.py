"""What `docs/ux.md` promises has the tests that it names; the look keeps its few rules."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent.parent
PAGE = (CHECKOUT / "docs" / "ux.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py(?:::\w+)+)`", PAGE)
# Letters that are drawn as pictures in colour.
EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u26ff\ufe0f]")


@pytest.mark.parametrize("name", sorted(set(NAMED)))
def test_each_test_that_is_named_exists(name: str) -> None:
    path, *parts = name.split("::")
    body = ast.parse((CHECKOUT / path).read_text()).body
    for part in parts:
        found = [each for each in body if getattr(each, "name", "") == part]
        assert found, f"{name}: no {part}"
        body = getattr(found[0], "body", [])


def test_each_line_names_a_test() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and "shown by" not in line]
    assert len(lines) > 45
    for line in lines:
        assert "::test_" in line or "not yet" in line, line


def test_colours_and_sizes_are_named_in_one_place() -> None:
    """Of the pages of employees: nothing but `base.css` and the colours of code say a colour."""
    for path in (CHECKOUT / "static" / "css").glob("*.css"):
        if path.name in ("base.css", "prose.css", "admin.css", "console.css", "diagram.css"):
            continue
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)", path.read_text()), path.name


def test_no_emoji_stands_for_an_icon() -> None:
    pages = [*(CHECKOUT / "templates").rglob("*.html"), *(CHECKOUT / "static" / "js").rglob("*.js")]
    assert len(pages) > 100
    for path in pages:
        assert not EMOJI.search(path.read_text()), path
