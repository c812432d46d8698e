from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistants.exceptions import InvalidRequest, NotFound
from assistants.services import dictation, live_dictation
from assistants.services.live_dictation import RATE, agree, listen
from assistants.types import SpokenSegment, SpokenWord

WORDS = st.lists(st.sampled_from([" and", " so", " my", " fellow", " Americans"]), max_size=8)


def hear(monkeypatch, *texts: str, seconds: float = 10.0) -> None:
    """The recogniser hears these words, evenly over the seconds."""
    each = seconds / max(len(texts), 1)
    words = tuple(
        SpokenWord(text, number * each, (number + 1) * each, 0.9)
        for number, text in enumerate(texts)
    )
    segment = SpokenSegment(0, seconds, "".join(texts), words, 0.9, 0.0, "en")
    heard = dictation.Utterance("".join(texts), "en", (segment,))
    monkeypatch.setattr(dictation, "transcribe_utterance", lambda *_, **__: heard)


def sound(seconds: float) -> bytes:
    return bytes(2 * int(seconds * RATE))


def test_what_two_hearings_agree_on_is_fixed(cast, monkeypatch):
    hear(monkeypatch, " Ask", " not", " what", " your")
    before = [" ask", " not,", " that"]
    heard = listen(cast.carol, "clinical", sound(10), before, lambda _: None)
    assert [word.text for word in heard.fixed] == [" Ask", " not"]
    assert [word.text for word in heard.pending] == [" what", " your"]
    assert heard.until == 5.0


def test_what_may_be_cut_off_is_not_fixed_yet(cast, monkeypatch):
    hear(monkeypatch, " Ask", " not")
    heard = listen(cast.carol, "clinical", sound(10), [" Ask", " not"], lambda _: None)
    assert [word.text for word in heard.fixed] == [" Ask"]


def test_the_end_fixes_all(cast, monkeypatch):
    hear(monkeypatch, " Ask", " not")
    heard = listen(cast.carol, "clinical", sound(10), [], lambda _: None, final=True)
    assert [word.text for word in heard.fixed] == [" Ask", " not"]
    assert (heard.pending, heard.until) == ((), 10.0)


def test_silence_is_nothing(cast, monkeypatch):
    hear(monkeypatch)
    assert listen(cast.carol, "clinical", sound(3), [], lambda _: None).fixed == ()


def test_it_is_heard_in_the_departments_most_sensitive_zone(cast):
    assert live_dictation.find_zone(cast.carol, "clinical") == "clinical"
    assert live_dictation.find_zone(cast.alice, "compliance") == "compliance"


@pytest.mark.parametrize("who", ["alice", "outsider"])
def test_only_for_the_departments_members(cast, who):
    with pytest.raises(NotFound):
        listen(getattr(cast, who), "clinical", sound(1), [], lambda _: None)


def test_too_much_is_refused(cast):
    with pytest.raises(InvalidRequest):
        listen(cast.carol, "clinical", b"", ["x"] * 2_001, lambda _: None)


@given(st.lists(WORDS, min_size=2, max_size=6))
@settings(max_examples=50, deadline=None)
def test_a_fixed_word_never_changes(hearings):
    """Whatever is heard: what is fixed is only ever added to, and both hearings had it."""
    fixed: list[str] = []
    before: list[str] = []
    for now in hearings:
        agreed = agree(before, now)
        assert before[:agreed] == now[:agreed]
        assert agreed <= min(len(before), len(now))
        fixed += now[:agreed]
        before = now[agreed:]
    assert agree([], ["x"]) == 0
    assert len(fixed) <= sum(map(len, hearings))
