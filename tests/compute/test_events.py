from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistants.compute.providers import events
from assistants.compute.providers.events import EventReader

STREAM = (
    ": comment\n\n"
    'data: {"text": "größe 😀"}\n\n'
    "event: message\nid: 7\ndata: one\ndata: two\n\n"
    "data:no space\n\n"
    "data:  two spaces\n\n"
    "data:\n\n"
    "data: [DONE]\n\n"
)
EXPECTED = ['{"text": "größe 😀"}', "one\ntwo", "no space", " two spaces", "", "[DONE]"]


def read(pieces: list[bytes]) -> list[str]:
    reader = EventReader()
    found = [event for piece in pieces for event in reader.feed(piece)]
    return [event.decode() for event in found + reader.close()]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_single_cut_gives_the_same_events(line_end):
    data = STREAM.replace("\n", line_end).encode()
    assert read([data]) == EXPECTED
    for cut in range(len(data) + 1):
        assert read([data[:cut], data[cut:]]) == EXPECTED
    assert read([data[i : i + 1] for i in range(len(data))]) == EXPECTED


@given(
    texts=st.lists(st.text(), max_size=8),
    line_ends=st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=1),
    cuts=st.sets(st.integers(0, 2000)),
)
def test_any_text_survives_any_cuts(texts, line_ends, cuts):
    events_sent = [json.dumps({"text": text}, ensure_ascii=False) for text in texts]
    data = "".join(
        f"data: {event}{line_ends[n % len(line_ends)] * 2}" for n, event in enumerate(events_sent)
    ).encode()
    places = sorted(cut for cut in cuts if cut <= len(data))
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    assert read(pieces) == events_sent


def test_the_last_event_needs_no_blank_line():
    assert read([b"data: one\n\ndata: [DONE]"]) == ["one", "[DONE]"]


def test_an_event_is_given_as_soon_as_it_is_complete():
    reader = EventReader()
    assert reader.feed(b"data: one\n") == []
    assert reader.feed(b"\nda") == [b"one"]


def test_an_endless_event_is_refused(monkeypatch):
    monkeypatch.setattr(events, "MAX_EVENT_BYTES", 1000)
    for piece in (b"data: " + b"x" * 20, b"data: " + b"x" * 20 + b"\n"):
        with pytest.raises(ValueError, match="larger"):
            read([piece] * 100)
