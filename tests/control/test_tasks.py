"""Task and difficulty. The labelled examples are our own; every third is held out: nobody looks at
those when a rule is changed.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistants.control import decide_difficulty, decide_task
from assistants.types import Capability, Difficulty

GROUNDED = Capability.GROUNDED_ANSWER
EXAMPLES = Path(__file__).with_name("tasks.jsonl")


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("Hello!", Capability.CHAT),
        ("Thank you, that helps.", Capability.CHAT),
        ("Draft a short reply to the client", Capability.DRAFT),
        ("Could you please rephrase this: …", Capability.DRAFT),
        ("Summarise the gifts policy", Capability.SUMMARY),
        ("Write a function that parses an IBAN", Capability.CODE),
        ("What is the limit for gifts?", GROUNDED),
        ("Hi, what is the limit for gifts from business partners this year?", GROUNDED),
        ("Write-off limits for loans", GROUNDED),
        ("Is a written report needed?", GROUNDED),
        ("okay dose of paracetamol for a child of 12 kg", GROUNDED),
        ("What does the function `retry` do?", GROUNDED),
        ("Compare the two policies", GROUNDED),
        ("", GROUNDED),
    ],
)
def test_the_task_is_told_by_the_first_words(text, task):
    assert decide_task(text, has_documents=True) is task


def test_without_documents_a_question_is_conversation_or_reasoning():
    assert decide_task("What is the capital of France?", has_documents=False) is Capability.CHAT
    assert decide_task("Why is the sky blue?", has_documents=False) is Capability.REASONING


@pytest.mark.parametrize("start", ["What is", "Who signs", "How long is", "Does clause 4 cover"])
def test_with_documents_a_question_is_never_conversation(start):
    """A wrong guess must quote a source, not invent one."""
    assert decide_task(f"{start} the retention period?", has_documents=True) is GROUNDED


def test_long_messages_are_read_in_no_time():
    """The rules have no pattern that backtracks."""
    for text in ("write a " * 4000, "a" * 32_000, "please " * 4000, "which " + "x " * 16_000):
        decide_difficulty(text, decide_task(text, has_documents=True))


@pytest.mark.parametrize(("part", "least"), [("fitted", 0.97), ("held out", 0.93)])
def test_the_labelled_examples(part, least):
    rows = [json.loads(line) for line in EXAMPLES.read_text().splitlines()]
    chosen = [row for n, row in enumerate(rows) if (n % 3 == 0) == (part == "held out")]
    tasks = difficulties = 0
    for row in chosen:
        task = decide_task(row["text"], has_documents=row["documents"])
        tasks += task == row["task"]
        difficulties += decide_difficulty(row["text"], task) == Difficulty(row["difficulty"])
    assert tasks / len(chosen) >= least
    assert difficulties / len(chosen) >= least
