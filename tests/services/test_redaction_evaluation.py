from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from assistants.exceptions import InvalidRequest
from assistants.services import redaction_evaluation
from assistants.services.redaction_evaluation import MarkedSpan, MarkedText, measure

TEXT = "Ann Roe, card 4539768304967106."
RECORD = {
    "text": TEXT,
    "spans": [
        {"start": 0, "end": 7, "type": "PERSON", "text": "Ann Roe"},
        {"start": 14, "end": 30, "type": "CREDIT_CARD"},
    ],
    "source": "here",
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "marked.jsonl"

    def write(*lines: object):
        path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines))
        return path

    return write


def test_the_command_prints_one_object_last(file):
    out = StringIO()
    call_command("evaluate", "redaction", str(file(RECORD, "", RECORD)), stdout=out)
    figures = json.loads(out.getvalue().splitlines()[-1])
    assert (figures["recall"], figures["precision"], figures["f2"]) == (1.0, 1.0, 1.0)
    assert figures["messages_per_second"] > 0
    assert figures["types"] == {
        "CREDIT_CARD": {"recall": 1.0, "n": 2},
        "PERSON": {"recall": 1.0, "n": 2},
    }


def marked(*spans: tuple[int, int]) -> list[MarkedText]:
    return [MarkedText(TEXT, tuple(MarkedSpan(start, end, "X") for start, end in spans))]


def figures(found: list[tuple[int, int]], *marks: tuple[int, int]) -> tuple[float, float]:
    result = measure(marked(*marks), lambda text: found)
    return result["recall"], result["precision"]


def test_a_mark_counts_when_all_its_letters_and_digits_are_covered():
    assert figures([(0, 3), (4, 7)], (0, 7)) == (1.0, 1.0)  # the blank is no matter
    assert figures([(0, 6)], (0, 7)) == (0.0, 1.0)  # one letter is missing


def test_a_found_span_is_right_when_it_touches_a_mark():
    assert figures([(0, 3), (9, 13)], (0, 3)) == (1.0, 0.5)
    assert figures([], (0, 3)) == (0.0, 1.0)


def test_f2_weighs_recall_four_times():
    result = measure(marked((0, 3), (4, 7)), lambda text: [(0, 3)])
    assert result["f2"] == pytest.approx(5 * 0.5 / (4 + 0.5), abs=1e-4)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"text": "a"}',
        '{"text": 1, "spans": []}',
        '{"text": "a", "spans": [{"start": 0}]}',
        '{"text": "a", "spans": [{"start": 0, "end": 2, "type": "X"}]}',
        '{"text": "a", "spans": [{"start": 1, "end": 0, "type": "X"}]}',
        '{"text": "a", "spans": ["X"]}',
    ],
)
def test_a_bad_line_is_named(file, line):
    with pytest.raises(InvalidRequest) as caught:
        list(redaction_evaluation.read_marked(file(RECORD, line)))
    assert "line 2" in caught.value.user_message


def test_a_missing_or_empty_file_is_said_to_be_so(file, tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("evaluate", "redaction", str(tmp_path / "none.jsonl"))
    with pytest.raises(CommandError, match="no lines"):
        call_command("evaluate", "redaction", str(file("")))
