from __future__ import annotations

import json

import pytest

from assistants.services.rewriting import AskedQuestion, complete_question, is_follow_up
from assistants.types import PromptMessage, Role
from benchmarks.product import CHECKOUT

BEFORE = "What is the limit for gifts from suppliers?"


def turns(*questions: str) -> list[PromptMessage]:
    return [
        message
        for question in questions
        for message in (PromptMessage(Role.USER, question), PromptMessage(Role.ASSISTANT, "So."))
    ]


@pytest.mark.parametrize(
    "question",
    [
        "And for the board?",
        "what about contractors",
        "How long is it kept?",
        "Who signs it?",
        "Why?",
        "Until when?",
        "for children?",
        "Does the same limit hold for contractors?",
        "And who approves it above EUR 200?",
    ],
)
def test_a_question_that_leans_on_the_one_before_takes_it_along(question):
    asked = complete_question(question, turns("Hello", BEFORE), ["Gifts policy 3. Limits"])
    assert asked == AskedQuestion(question, f"{BEFORE} Gifts policy 3. Limits")
    assert asked.whole == f"{BEFORE} Gifts policy 3. Limits {question}"


def test_without_a_question_before_nothing_is_completed():
    assert complete_question("And for the board?", []) == AskedQuestion("And for the board?")


def test_a_chain_of_follow_ups_goes_back_to_the_question_that_stands_by_itself():
    history = turns("What is the leave policy?", BEFORE, "And for the board?")
    asked = complete_question("Since when?", history)
    assert asked.context == f"{BEFORE} And for the board?"


@pytest.mark.parametrize(
    "question",
    [
        "What is the gift limit?",
        "Is there a form for gifts?",
        "Does this apply to staff on leave who work from abroad for a while?",
        "For how many days are visitor logs kept?",
        "Hello",
    ],
)
def test_a_question_that_stands_by_itself_is_left_alone(question):
    assert complete_question(question, turns(BEFORE)) == AskedQuestion(question)


def test_no_question_of_the_demo_is_taken_for_a_follow_up():
    """Asked in the middle of a conversation about something else, each must stay as it is."""
    questions = [
        json.loads(line)["question"]
        for path in sorted((CHECKOUT / "tests" / "questions").glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    assert len(questions) > 150
    assert [question for question in questions if is_follow_up(question)] == []
