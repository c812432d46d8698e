"""English sentences in the reader's language, where they are shown and nowhere else."""

from __future__ import annotations

import re
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import translation

from assistants.control import reasons
from assistants.exceptions import NoRoute
from assistants.services.languages import frame_in_language, in_language, language_of_socket
from assistants.types import ON_PREM, Capability, Refusal, Treatment


@pytest.mark.parametrize(
    ("language", "english", "shown"),
    [
        ("de", "Please write a message first.", "Bitte schreiben Sie zuerst eine Nachricht."),
        (
            "de",
            "This message has 40,000 characters; at most 32,000 are possible. Please shorten it, "
            "or upload the long part as a document.",
            "Diese Nachricht hat 40.000 Zeichen; höchstens 32.000 sind möglich. Bitte kürzen Sie "
            "sie, oder laden Sie den langen Teil als Dokument hoch.",
        ),
        ("de", "1 value replaced", "1 Wert ersetzt"),
        ("ar", "2 values replaced", "استُبدلت قيمتان"),
        ("ar", "7 values replaced", "استُبدلت 7 قيم"),
        ("ar", "11 values replaced", "استُبدلت 11 قيمة"),
        ("es", "There is a folder “Older” already.", "Ya hay una carpeta «Older»."),
        (
            "de",
            "Answered on the premises (quotes) because the question is one to the documents; "
            "local is less suited. Not taken: small (does not answer at present).",
            "Im Haus beantwortet (quotes), denn die Frage richtet sich an die Dokumente; "
            "local ist weniger geeignet. Nicht genommen: small (antwortet zurzeit nicht).",
        ),
        (
            "fr",
            "demo-cloud did not answer; quotes took over.",
            "demo-cloud n’a pas répondu; quotes a pris le relais.",
        ),
        ("de", "What a policy of the house says.", "What a policy of the house says."),
        ("en", "Please write a message first.", "Please write a message first."),
        ("de", "", ""),
    ],
)
def test_a_sentence_is_found_with_its_values(language: str, english: str, shown: str) -> None:
    with translation.override(language):
        assert in_language(english) == shown


@pytest.mark.parametrize("treatment", [Treatment.REDACT, Treatment.ALLOW])
@pytest.mark.parametrize("names", [[], ["general"], ["code", "general"]])
@pytest.mark.parametrize("environment", [ON_PREM, "cloud"])
def test_why_here_is_said_in_german_whole(
    treatment: Treatment, names: list[str], environment: str
) -> None:
    """Whatever clauses the rule is made of."""
    zone: Any = SimpleNamespace(names=frozenset(names), treatment=treatment)
    deployments: Any = [
        SimpleNamespace(slug="a", environment=environment, region="eu"),
        SimpleNamespace(slug="b", environment=ON_PREM, region=""),
    ]
    refusals = [Refusal("c", "does not answer at present")]
    for (task, difficulty), because in product(reasons._NEEDS, reasons._BECAUSE):
        rule = reasons.say_rule(
            task, difficulty, deployments, zone=zone, because=because, refusals=refusals
        )
        with translation.override("de"):
            german = in_language(rule)
        assert not re.search(r"\b(?:the|it|is|and|because|its|than|taken)\b", german), german


@pytest.mark.parametrize("task", [each for each in reasons.WORDS if each != Capability.RERANK])
@pytest.mark.parametrize("served", [Capability.GROUNDED_ANSWER, Capability.CHAT])
def test_a_substitute_is_told_in_german_whole(task: Capability, served: Capability) -> None:
    chosen: Any = SimpleNamespace(slug="a", environment=ON_PREM, region="")
    refusals = [Refusal("c", f"not declared good enough for {reasons.WORDS[task]}")]
    rule = reasons.say_substitute(task, served, chosen, refusals)
    with translation.override("de"):
        german = in_language(rule)
    assert not re.search(r"\b(?:the|it|is|and|for|from|as|instead|taken)\b", german), german


def test_what_a_value_says_is_not_translated() -> None:
    """A file may be called as one of our words is."""
    with translation.override("de"):
        assert in_language("“Today” is empty.") == "„Today“ ist leer."


def test_a_long_text_of_somebody_else_is_left_alone_and_soon() -> None:
    text = "( May be answered by a; b " * 4000
    with translation.override("de"):
        assert in_language(text) == text


def test_a_frame_tells_its_sentences_and_keeps_the_rest() -> None:
    frame = {
        "type": "answer.completed",
        "text": "Please write a message first.",
        "left": ["Sent to eu (Frankfurt), 1 value replaced."],
        "refusals": [{"deployment": "local", "reason": "does not answer at present"}],
        "message": NoRoute.user_message,
    }
    german = frame_in_language(frame, "de")
    assert german["text"] == frame["text"]
    assert german["left"] == ["Gesendet an eu (Frankfurt), 1 Wert ersetzt."]
    assert german["refusals"] == [{"deployment": "local", "reason": "antwortet zurzeit nicht"}]
    assert str(german["message"]).startswith("Zurzeit ist kein Modell verfügbar")
    assert frame_in_language(frame, "en") is frame
    delta = {"type": "answer.delta", "text": "word"}
    assert frame_in_language(delta, "de") is delta


@pytest.mark.parametrize(
    ("cookies", "accepted", "language"),
    [
        ({}, b"de-AT,de;q=0.9,en;q=0.8", "de"),
        ({"django_language": "ar"}, b"de-DE", "ar"),
        ({"django_language": "tlh"}, b"fr", "fr"),
        ({}, b"it", "en"),
        ({}, b"\xff,*", "en"),
    ],
)
def test_a_socket_has_the_language_of_its_page(
    cookies: dict[str, str], accepted: bytes, language: str
) -> None:
    scope = {"cookies": cookies, "headers": [(b"accept-language", accepted)]}
    assert language_of_socket(scope) == language
