"""A first title says what was asked, without courtesies."""

from __future__ import annotations

import pytest

from assistants.services.titles import title_of


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("What is the limit?", "What is the limit?"),
        (
            "Hello, can you please tell me what the limit for gifts is?",
            "What the limit for gifts is",
        ),
        ("Hi there! I have a client. What is the limit?", "What is the limit?"),
        ("Guten Tag, können Sie mir bitte sagen, wie hoch sie ist?", "Wie hoch sie ist"),
        ("Bonjour, pouvez-vous me dire quand il part ?", "Quand il part"),
        ("Please summarise the attached policy.", "Summarise the attached policy."),
        ("```python\nx = 1\n```\nWhy does this fail?", "Why does this fail?"),
        ("```python\nx = 1\n```", "```python x = 1 ```"),
        ("# Heading\n\n- a point", "Heading"),
        ("Thanks", "Thanks"),
        ("2024 report", "2024 report"),
        ("éa", "Éa"),
    ],
)
def test_a_title(text: str, title: str) -> None:
    assert title_of(text) == title


def test_a_long_one_ends_at_a_word() -> None:
    title = title_of("word " * 40)
    assert title.endswith("word…")
    assert len(title) <= 60
    assert len(title_of("x" * 500)) <= 60
