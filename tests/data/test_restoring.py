"""Values back in the place of placeholders, split anywhere and altered as models do."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistants import data
from assistants.data.sealing.marks import LABELS, LONGEST, find_marks, name_of

VALUES = {
    "PERSON_1": "Jane Doe",
    "PERSON_1b": "Ms Doe",
    "PERSON_12": "Bo Li",
    "EMAIL_1": "jane.doe@example.com",
    "NATIONAL_ID_3": "078-05-1120",
    "LITERAL_1": "[PERSON_1]",
}


def restore(*pieces: str, values=VALUES) -> tuple[str, list[str]]:
    restorer = data.Restorer(values)
    text = "".join(restorer.feed(piece) for piece in pieces) + restorer.finish()
    return text, restorer.unknown


def splits(text: str):
    """In two at each place, character by character, and in pieces of every size."""
    for place in range(len(text) + 1):
        yield text[:place], text[place:]
    for size in (1, 2, 3, 5, 7):
        yield tuple(text[i : i + size] for i in range(0, len(text), size))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[PERSON_1]", "Jane Doe"),
        ("[PERSON_1b]", "Ms Doe"),
        ("[PERSON_1B]", "Ms Doe"),
        ("[PERSON_12]", "Bo Li"),
        ("[person_1]", "Jane Doe"),
        ("[Person_1]", "Jane Doe"),
        ("[person 1]", "Jane Doe"),
        ("[ PERSON_1 ]", "Jane Doe"),
        ("[PERSON-1]", "Jane Doe"),
        ("[PERSON1]", "Jane Doe"),
        ("[national id 3]", "078-05-1120"),
        ("[NationalID_3]", "078-05-1120"),
        ("PERSON_1", "Jane Doe"),
        ("PERSON_1, PERSON_1b and PERSON_12.", "Jane Doe, Ms Doe and Bo Li."),
        (r"\[PERSON\_1\]", "Jane Doe"),
        (r"[PERSON\_1]", "Jane Doe"),
        (r"PERSON\_1", "Jane Doe"),
        ("**[PERSON_1]**", "**Jane Doe**"),
        ("_[PERSON_1]_", "_Jane Doe_"),
        ("[PERSON_1]'s", "Jane Doe's"),
        ("[PERSON_1's]", "Jane Doe's"),
        ("[PERSON_1’s] file", "Jane Doe’s file"),
        ("the [PERSON_1]s", "the Jane Does"),
        ("the [PERSON_1s]", "the Jane Does"),
        ("PERSON_1's", "Jane Doe's"),
        ("PERSON_1s", "Jane Does"),
        ("【PERSON_1】", "Jane Doe"),
        ("［PERSON_1］", "Jane Doe"),
        ("{PERSON_1}", "Jane Doe"),
        ("<PERSON_1>", "Jane Doe"),
        ("(PERSON_1)", "(Jane Doe)"),
        ("[[PERSON_1]]", "[Jane Doe]"),
        ("[PERSON_1, PERSON_12]", "[Jane Doe, Bo Li]"),
        ("`[PERSON_1]`", "`Jane Doe`"),
        ('{"name": "[PERSON_1]"}', '{"name": "Jane Doe"}'),
        ("| [PERSON_1] | [EMAIL_1] |", "| Jane Doe | jane.doe@example.com |"),
        ("[write](mailto:[EMAIL_1])", "[write](mailto:jane.doe@example.com)"),
        ("https://x.example/?q=%5BPERSON_1%5D&n=1", "https://x.example/?q=Jane%20Doe&n=1"),
        ("[PERSON_1][PERSON_1b]PERSON_12", "Jane DoeMs DoeBo Li"),
        ("as [PERSON_1] says [1]", "as Jane Doe says [1]"),
        ("[LITERAL_1] is [PERSON_1]", "[PERSON_1] is Jane Doe"),
        ("print(f'{PERSON_1}')", "print(f'Jane Doe')"),
    ],
)
def test_a_placeholder_comes_back_however_it_is_written_and_split(written: str, shown: str):
    for pieces in splits(f"So {written} it is."):
        assert restore(*pieces) == (f"So {shown} it is.", [])
    assert restore(written) == (shown, [])


@pytest.mark.parametrize(
    "text",
    [
        "[PERS0N_1]",
        "[PERSON_",
        "[PERSON",
        "[PERSON]",
        "[PERSON_01]",
        "[PERSON\n_1]",
        "[1]",
        "[1, 2] and [see 3]",
        "[x](https://example.org/a_1)",
        "person_1 = load()",
        "Person 1 said",
        "PERSON_1_OLD",
        "MY_PERSON_1",
        "TPERSON_1",
        "a[i] = b[PERSON[1]]",
        "EMAIL_2_1",
        "\\",
        "100%",
        "<p>{}</p>",
        "[Table 1] and [Step 2]",
    ],
)
def test_what_is_no_placeholder_stays(text: str):
    for pieces in splits(text):
        assert restore(*pieces) == (text, [])


def test_an_unknown_placeholder_is_shown_and_told_once():
    text = "[PERSON_7], PERSON_7 and [device 2] but [PERSON_1]; EMAIL_8"
    for pieces in splits(text):
        shown, unknown = restore(*pieces)
        assert shown == "[PERSON_7], PERSON_7 and [device 2] but Jane Doe; EMAIL_8"
        assert unknown == ["[PERSON_7]", "[DEVICE_2]", "[EMAIL_8]"]


def test_a_cut_placeholder_at_the_end_is_shown_as_it_is():
    assert restore("See PERS", "ON_1") == ("See Jane Doe", [])
    assert restore("See [PERSON") == ("See [PERSON", [])
    assert restore("See [PERSON_1") == ("See [PERSON_1", ["[PERSON_1"])  # or of [PERSON_12]


def test_a_value_is_not_searched_for_placeholders():
    values = {"PERSON_1": "[PERSON_2]", "PERSON_2": "Bo"}
    assert restore("[PERSON_1] [PERSON_2]", values=values) == ("[PERSON_2] Bo", [])


def test_nothing_else_is_held_back():
    restorer = data.Restorer(VALUES)
    assert restorer.feed("The sum is [1] and") == "The sum is [1] and"
    assert restorer.feed(" 12 or [x] so") == " 12 or [x] so"
    assert restorer.feed(" [PERSON_1]") == " Jane Doe"
    assert restorer.feed(" Poland PERS") == " Poland "
    assert restorer.feed("ia") == "PERSia"
    assert restorer.feed(" I") == " I"  # no label of this conversation begins so
    assert restorer.feed(" [") == " "
    assert restorer.feed("2]") == "[2]"


def test_little_is_held_back():
    longest = max(LABELS, key=len)
    worst = rf"\[ {longest}".replace("_", "\\_") + r"\_999999bc's \]"
    restorer = data.Restorer({"PERSON_1": "x"})
    shown = 0
    for count, character in enumerate(worst * 3, start=1):
        shown += len(restorer.feed(character))
        assert count - shown <= LONGEST
    assert next(find_marks(worst)).name == f"{longest}_999999bc"


def test_its_own_words_tell_nothing():
    assert "Jane" not in repr(data.Restorer(VALUES))


def test_spellings_are_lettered_without_end():
    names = [name_of("PERSON", 3, n) for n in range(700)]
    assert names[:3] == ["PERSON_3", "PERSON_3b", "PERSON_3c"]
    assert len(set(names)) == 700
    values = {name: f"v{n}" for n, name in enumerate(names[:600])}
    text = " ".join(f"[{name}]" for name in values)
    assert restore(text, values=values) == (" ".join(values.values()), [])


PIECES = (
    *("[PERSON_1]", "PERSON_1b", r"\[Person\_12\]", "[email 1]", "[PERSON_9]", "{PERSON_1}"),
    *("[", "]", "\\", "_", "P", "PERSON", "PERSON_", "1", "b", "s", "'s", " ", "<", ">", "%5B"),
    *("%5D", "\n", "x", "é", "[[", "NATIONAL", "ID", "{", "}", "-"),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14), st.data())
def test_splits_make_no_difference(pieces: list[str], draw):
    text = "".join(pieces)
    whole = restore(text)
    assert restore(*pieces) == whole
    assert restore(*text) == whole
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    assert restore(*(text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)]))) == whole


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.integers(0, 80))
def test_text_without_placeholders_is_untouched(text: str, place: int):
    assert restore(text[:place], text[place:])[0] == text
