"""Transcripts as files, what of them is hidden, and sealed sound. Pure but for the keys."""

from __future__ import annotations

import io
import json
import re
import uuid

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistants import data
from assistants.data.recordings import exports, redaction
from assistants.data.recordings.exports import FORMATS, Heading, Line
from assistants.models import Segment

HEADING = Heading("A visit", (("Zone", "Clinical"),))
texts = st.text(max_size=80)
lines = st.lists(
    st.builds(
        Line,
        start=st.floats(0, 400_000),
        end=st.floats(0, 400_000),
        speaker=st.sampled_from(["", "Dr Meier", "<b>", "a --> b"]),
        text=texts,
    ),
    max_size=8,
)
CUE = re.compile(
    r"(?m)^(\d{2,}):([0-5]\d):([0-5]\d)([,.])(\d{3}) --> (\d{2,}):[0-5]\d:[0-5]\d[,.]\d{3}$"
)


@given(lines)
def test_whatever_is_said_subtitles_stay_whole(said):
    for name, point in (("srt", ","), ("vtt", ".")):
        written = FORMATS[name][0](HEADING, said).decode("utf-8", "replace")
        cues = CUE.findall(written)
        assert len(cues) == len(said)
        assert {cue[3] for cue in cues} <= {point}
        blocks = [b for b in written.split("\n\n") if CUE.search(b)]
        assert len(blocks) == len(said)  # no empty line inside of one
    assert written.startswith("WEBVTT\n\n")
    for block in blocks:
        spoken = block.split("\n")[-1]
        assert "<" not in spoken.removeprefix("<v ")
        assert "-->" not in spoken


@given(lines)
def test_json_and_text_hold_everything(said):
    found = json.loads(FORMATS["json"][0](HEADING, said))
    assert [(s["start"], s["text"]) for s in found["segments"]] == [(x.start, x.text) for x in said]
    FORMATS["txt"][0](HEADING, said)


def test_docx_is_read_again():
    said = [
        Line(0, 2, "Dr Meier", "Good\x00 morning."),
        Line(2, 4, "Dr Meier", "Sit down."),
        Line(4, 5, "", "Ah."),
    ]
    document = docx.Document(io.BytesIO(FORMATS["docx"][0](HEADING, said)))
    text = [paragraph.text for paragraph in document.paragraphs]
    assert text[0] == "A visit"
    assert "0:00:00  Dr Meier: Good morning. Sit down." in text
    assert "0:00:04  Ah." in text


def test_subrip_as_players_read_it():
    written = exports.as_srt(HEADING, [Line(3661.5, 3662.0, "Eva", "Yes.")]).decode()
    assert written == "1\n01:01:01,500 --> 01:01:02,000\nEva: Yes.\n"


class TestHiding:
    terms = data.TermList(["Brackenfell"])

    def hide(self, *said, names=()):
        return redaction.redact(said, redaction.find_hidden(said, self.terms, names))

    def test_a_name_is_known_again_in_lower_case_and_misspelt(self):
        made = self.hide(
            "This is Mrs Katarzyna Wolanski.",
            "so katarzina wolanskey how are you",
            "The dose stays at five milligrams.",
        )
        assert "wolansk" not in " ".join(made).lower()
        assert "katarz" not in " ".join(made).lower()
        assert made[2] == "The dose stays at five milligrams."

    def test_names_known_beforehand_and_terms(self):
        made = self.hide("ask brackenfell or mueller-schmid about it", names=["Ada Müller-Schmidt"])
        assert "mueller" not in made[0]
        assert "brackenfell" not in made[0]
        assert made[0].endswith("about it")

    def test_ordinary_words_are_not_names_that_look_alike(self):
        said = ["My name is Jane Wells.", "All is well, she felt the wall and the bells."]
        assert self.hide(*said)[1] == said[1]

    @given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=5))
    def test_each_piece_lies_in_its_segment(self, said):
        for piece in redaction.find_hidden(said, self.terms):
            assert 0 <= piece.start < piece.end <= len(said[piece.segment])

    @given(st.text("abcdefgh", min_size=4, max_size=12), st.integers(0, 11), st.sampled_from("xyz"))
    def test_one_letter_wrong_is_the_same_name(self, name, place, letter):
        place %= len(name)
        assert redaction._is_alike(name[:place] + letter + name[place + 1 :], name)


class TestSilenced:
    def segment(self, text, **more):
        words = [
            {"text": f" {word}", "start": 10.0 + i, "end": 10.9 + i, "probability": 1.0}
            for i, word in enumerate(text.split())
        ]
        return Segment(text=text, words=words, start=10.0, end=20.0, **more)

    def test_it_is_where_the_words_are_said(self):
        segment = self.segment("Ask Jane Roe now.")
        hidden = [redaction.Hidden(0, 4, 12, "PERSON")]
        ((start, end),) = redaction.list_silenced([segment], hidden)
        assert (start, end) == pytest.approx((10.92, 12.98))

    @pytest.mark.parametrize("more", [{"version": 2}, {"version": 1}])
    def test_where_nobody_knows_where_the_whole_segment_is(self, more):
        segment = self.segment("Ask Jane Roe now.", **more)
        if more["version"] == 1:
            segment.words = []
        hidden = [redaction.Hidden(0, 4, 12, "PERSON")]
        ((start, end),) = redaction.list_silenced([segment], hidden)
        assert start <= 10.0
        assert end >= 20.0


class TestSealing:
    owner = uuid.UUID(int=7)

    @given(st.binary(max_size=2000))
    def test_it_opens_where_it_belongs_and_nowhere_else(self, clear):
        sealed, key_id = data.recordings.seal_sound(clear, self.owner, "chunk 1")
        assert data.recordings.open_sound(sealed, key_id, self.owner, "chunk 1") == clear
        for owner, place in ((uuid.UUID(int=8), "chunk 1"), (self.owner, "chunk 2")):
            with pytest.raises(data.recordings.RecordingUnreadable):
                data.recordings.open_sound(sealed, key_id, owner, place)

    def test_an_earlier_key_still_opens(self, settings):
        sealed, key_id = data.recordings.seal_sound(b"sound", self.owner, "part 0")
        before = settings.SECRET_KEY
        settings.SECRET_KEY = "another key of this installation"
        with pytest.raises(data.recordings.RecordingUnreadable):
            data.recordings.open_sound(sealed, key_id, self.owner, "part 0")
        settings.SECRET_KEY_FALLBACKS = [before]
        assert data.recordings.open_sound(sealed, key_id, self.owner, "part 0") == b"sound"
