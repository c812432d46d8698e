from __future__ import annotations

import random

from assistants.services.differences import ADDED, REMOVED, compare_words, hide_removed, shorten


def test_a_difference_is_in_phrases():
    assert compare_words("Give 15 g of glucose now.", "Give 20 g of glucose.") == [
        ("same", "Give "),
        ("removed", "15"),
        ("added", "20"),
        ("same", " g of glucose"),
        ("removed", " now"),
        ("same", "."),
    ]
    assert compare_words("a", "a") == [("same", "a")]
    assert compare_words("", "b") == [("added", "b")]
    assert compare_words("one two three", "four five six") == [
        ("removed", "one two three"),
        ("added", "four five six"),
    ]


def test_both_texts_come_back_from_it():
    chance = random.Random(7)
    words = ["glucose", "15", "g", " ", "\n\n", ".", "é", "名", "[1]", "give"]
    for _ in range(300):
        before, after = ("".join(chance.choices(words, k=chance.randrange(40))) for _ in "ab")
        found = compare_words(before, after)
        assert "".join(text for kind, text in found if kind != ADDED) == before
        assert "".join(text for kind, text in found if kind != REMOVED) == after


def test_a_long_text_is_compared_by_lines():
    before = "\n".join(f"line {number}" for number in range(6_000))
    assert ("added", "changed\n") in compare_words(before, before.replace("line 3000", "changed"))


def test_what_was_removed_can_be_hidden_and_what_stayed_shortened():
    found = compare_words("Never take 500 mg. " + "word " * 100, "Never. " + "word " * 100)
    assert "500" not in str(hide_removed(found))
    assert "[…]" in str(hide_removed(found))
    assert len(str(shorten(found))) < 250
    assert shorten(found)[0] == ("same", "Never")
