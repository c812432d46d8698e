"""What a recogniser says though nobody did is left out, and what somebody said is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistants.compute.speech.doubt import believe, is_doubtful
from assistants.compute.speech.transcriber import HINT_CHARACTERS, Reading, as_prompt


def reading(text, *, sure=0.9, log=-0.3, no_speech=0.05, compression=1.2):
    words = tuple(
        (f" {word}", number * 0.4, number * 0.4 + 0.3, sure)
        for number, word in enumerate(text.split())
    )
    return Reading(0.0, len(words) * 0.4, f" {text}", words, log, compression, no_speech)


@pytest.mark.parametrize(
    "made_up",
    [
        reading("Thank you.", no_speech=0.5),
        reading("Thanks for watching!", sure=0.3),
        reading("Untertitel der Amara.org-Community", no_speech=0.4),
        reading("...", sure=0.9),
        reading("you", sure=0.1),
        reading("A sentence that is none.", no_speech=0.8, log=-1.2),
        reading("la la la la la la la la", compression=4.0, log=-0.8),
    ],
)
def test_what_is_made_up(made_up):
    assert is_doubtful(made_up)


@pytest.mark.parametrize(
    "said",
    [
        reading("Thank you."),
        reading("Yes.", sure=0.6),
        reading("No, no, no, that is wrong."),
        reading("The dose is five milligrams twice a day.", no_speech=0.7),
        reading("Danke schön.", sure=0.8),
    ],
)
def test_what_is_said(said):
    assert not is_doubtful(said)
    assert [kept.text for kept in believe([said])] == [said.text]


def test_a_loop_is_kept_once():
    loop = reading("We will see. " + "and then we go home " * 9 + "at last", compression=3.5)
    (kept,) = believe([loop])
    assert kept.text.strip() == "We will see. and then we go home at last"
    assert kept.words[0][1] == kept.start
    assert kept.end == kept.words[-1][2]


@given(st.lists(st.sampled_from(["a", "b", "c", "no,"]), min_size=1, max_size=60))
def test_only_repetition_is_taken_away(words):
    kept = believe([reading(" ".join(words))])
    left = kept[0].text.split() if kept else []
    rest = iter(words)
    assert all(word in rest for word in left)  # in order, nothing new
    assert not kept or set(left) == set(words)


@given(st.lists(st.text(min_size=1, max_size=40), max_size=60))
def test_hints_are_bounded(hints):
    assert len(as_prompt(hints) or "") <= HINT_CHARACTERS + 1


def test_hints_stand_in_the_prompt():
    assert as_prompt(["Brackenfell", "Dr Meier"]) == "Brackenfell, Dr Meier."
    assert as_prompt([]) is None
