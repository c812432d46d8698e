from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistants import compute
from assistants.data import notes
from assistants.data.notes.checking import find_medicines, negated_words
from assistants.data.notes.dialogue import find_points
from assistants.data.notes.drafting import find_lead
from assistants.data.notes.reading import Measure, content_of, find_measures, split_words, stem

SOAP, MINUTES = notes.BUILT_IN
MarkKind = notes.MarkKind


def embed(texts: Sequence[str]) -> list[list[float]]:
    """By words: texts that share words are near each other. Real ones have their own benchmark."""
    vectors = []
    for text in texts:
        vector = np.zeros(256)
        for word in content_of(text) or ["nothing"]:
            vector[hashlib.sha256(word.encode()).digest()[0]] += 1
        vectors.append((vector / np.linalg.norm(vector)).tolist())
    return vectors


def say(*lines: str) -> list[notes.Utterance]:
    """`Doctor: …`, one utterance a line, each of ten seconds."""
    found = []
    for number, line in enumerate(lines):
        speaker, _, text = line.partition(": ")
        found.append(notes.Utterance(speaker, text, number * 10.0, number * 10.0 + 10))
    return found


VISIT = say(
    "Doctor: Hi, Ann. What brings you in today?",
    "Patient: I've had a cough and a fever for three weeks now.",
    "Doctor: Okay. Any chest pain?",
    "Patient: No, nothing like that.",
    "Doctor: Are you allergic to anything?",
    "Patient: Um, yes, penicillin.",
    "Doctor: Your temperature is thirty eight point five degrees. Your lungs are clear.",
    "Doctor: I think you have bronchitis, okay?",
    "Patient: Okay.",
    "Doctor: So, I want to start you on doxycycline, one hundred milligrams twice a day.",
)


def kinds(marks: Sequence[notes.Mark]) -> set[str]:
    return {str(mark.kind) for mark in marks}


def check(text: str, *lines: str, clinical: bool = True) -> set[str]:
    return kinds(notes.check_statement(text, notes.list_spoken(say(*lines)), clinical=clinical))


class TestFigures:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("20 mg", [("20", "mg")]),
            ("twenty milligrams", [("20", "mg")]),
            ("20mg", [("20", "mg")]),
            ("one hundred and five point two", [("105.2", "")]),
            ("two hundred thousand euros", [("200000", "eur")]),
            ("ninety-five percent", [("95", "%")]),
            ("five six", [("5", ""), ("6", "")]),
            ("thirty eight point five degrees", [("38.5", "degrees")]),
            ("half past two", [("2", "")]),
            ("twice a day", [("2", "per day")]),
            ("three times a day", [("3", "per day")]),
            ("take one tablet daily", [("1", "tablets"), ("1", "per day")]),
            ("once I was there", []),
            ("nothing", []),
        ],
    )
    def test_in_words_and_digits_they_are_the_same(self, text, expected):
        assert find_measures(text) == [Measure(*each) for each in expected]

    @given(st.integers(0, 999_999))
    @settings(max_examples=60, deadline=None)
    def test_a_figure_in_digits_is_read_as_it_is(self, value):
        assert find_measures(f"{value} mg") == [Measure(str(value), "mg")]

    def test_endings_do_not_matter(self):
        assert stem("allergies") == stem("allergy")
        assert stem("increased") == stem("increase")
        assert split_words("It’s 20%") == ["it's", "20", "%"]


class TestPoints:
    def test_a_question_goes_with_its_short_answer(self):
        texts = [point.text for point in find_points(VISIT)]
        assert "Any chest pain? – No, nothing like that." in texts
        assert "Are you allergic to anything? – yes, penicillin." in texts

    def test_courtesies_are_none(self):
        assert not any(point.text == "Okay" for point in find_points(VISIT))
        assert find_points(say("Doctor: Hi. How are you?", "Patient: Okay.")) == []

    def test_times_are_of_the_words_where_they_are_known(self):
        words = tuple(
            notes.Word(f" {text}", start, start + 0.5, probability)
            for text, start, probability in [
                ("Take", 0, 0.9), ("lasix", 1, 0.3), ("daily.", 2, 0.9),
                ("Then", 8, 1), ("rest.", 9, 1),
            ]
        )  # fmt: skip
        spoken = notes.Utterance("Doctor", "Take lasix daily. Then rest.", 0, 10, words)
        first, second = notes.list_spoken([spoken])
        assert (first.start, first.end) == (0, 2.5)
        assert (second.start, second.end) == (8, 9.5)
        assert first.unclear == ("lasix",)

    def test_an_edited_text_has_no_words_of_its_own(self):
        heard = (notes.Word(" Tke", 3, 4, 0.2),)
        (point,) = notes.list_spoken([notes.Utterance("", "Take it.", 3, 9, heard)])
        assert (point.start, point.end, point.unclear) == (3, 9, ())

    def test_who_leads(self):
        assert find_lead(VISIT) == "Doctor"
        assert find_lead(say("Speaker 1: Why? When?", "Speaker 2: Then.")) == "Speaker 1"
        assert find_lead(say("Speaker 1: A.", "Speaker 2: B.")) is None


class TestQuoting:
    def test_each_statement_is_verbatim_and_has_its_seconds(self):
        draft = notes.draft_by_quoting(SOAP, VISIT, embed)
        assert draft.statements
        for statement in draft.statements:
            said = " ".join(VISIT[number].text for number in statement.utterances)
            assert all(part in said for part in statement.text.split(" – "))
            assert statement.start is not None
            begins = VISIT[statement.utterances[0]]
            assert begins.start <= statement.start < begins.end
            assert statement.marks == ()

    def test_what_was_said_lands_in_its_section(self):
        draft = notes.draft_by_quoting(SOAP, VISIT, compute.embed_texts)
        sections = {each.text: each.section for each in draft.statements}
        dose = "I want to start you on doxycycline, one hundred milligrams twice a day."
        assert sections[dose] == "plan"
        assert sections["I think you have bronchitis"] == "assessment"
        assert sections["Are you allergic to anything? – yes, penicillin."] == "subjective"

    def test_the_same_workflow_makes_minutes(self):
        call = say(
            "Agent: What is the purpose of the account?",
            "Client: Payments to suppliers.",
            "Agent: We agreed to block the payment.",
        )
        draft = notes.draft_by_quoting(MINUTES, call, embed)
        assert {each.section for each in draft.statements} == {"facts", "decisions"}
        assert draft.omissions == ()

    def test_nothing_said_is_nothing_noted(self):
        assert notes.draft_by_quoting(SOAP, [], embed) == notes.NoteDraft(())

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["Doctor", "Patient", ""]),
                st.text("ab .?!,–’éпé\n", min_size=1, max_size=60),
            ),
            max_size=6,
        )
    )
    @settings(max_examples=60, deadline=None)
    def test_whatever_is_said_nothing_is_made_up(self, lines):
        said = [notes.Utterance(who, text, n, n + 1) for n, (who, text) in enumerate(lines)]
        for statement in notes.draft_by_quoting(SOAP, said, embed).statements:
            heard = [said[number].text for number in statement.utterances]
            assert statement.utterances
            pieces = notes.list_spoken([said[number] for number in statement.utterances])
            assert any(statement.text == point.text for point in pieces), heard


class TestChecks:
    def test_what_was_said_passes(self):
        assert check("Start doxycycline 100 mg twice a day.", *_lines()) == set()

    @pytest.mark.parametrize(
        ("statement", "kind"),
        [
            ("Start doxycycline 200 mg twice a day.", MarkKind.DOSE),
            ("Start doxycycline 100 mg three times a day.", MarkKind.DOSE),
            ("Start doxycycline 100 mcg twice a day.", MarkKind.DOSE),
            ("Start amoxicillin 100 mg twice a day.", MarkKind.MEDICINE),
            ("The cough and fever have lasted five weeks.", MarkKind.FIGURE),
            ("Reports chest pain.", MarkKind.NEGATION),
            ("Denies cough and fever.", MarkKind.NEGATION),
            ("Has travelled to Norway with two cousins.", MarkKind.UNSUPPORTED),
        ],
    )
    def test_what_was_not_said_is_marked(self, statement, kind):
        assert str(kind) in check(statement, *_lines())

    def test_an_allergy_out_of_nothing(self):
        said = "Patient: I take penicillin for my throat."
        assert "allergy" in check("Allergic to penicillin.", said)

    @pytest.mark.parametrize(
        ("statement", "marked"),
        [
            ("Denies chest pain.", False),
            ("No chest pain.", False),
            ("Chest pain was denied.", True),  # the cue stands behind: not understood, so marked
            ("Any chest pain? – No, nothing like that.", False),
        ],
    )
    def test_a_question_is_denied_by_its_answer(self, statement, marked):
        found = check(statement, "Doctor: Any chest pain?", "Patient: No, nothing like that.")
        assert ("negation" in found) is marked

    def test_a_negation_ends_at_but(self):
        assert negated_words("No fever but a cough.") == {"fever": True, "cough": False}
        assert negated_words("No fever or chills.") == {"fever": True, "chill": True}

    def test_names_of_medicines(self):
        assert find_medicines("Lisinopril, Lasix and in April some water") == [
            "lisinopril",
            "lasix",
        ]

    def test_words_that_were_not_heard_clearly(self):
        words = (notes.Word(" Take", 0, 1, 0.9), notes.Word(" lasix.", 1, 2, 0.2))
        sources = notes.list_spoken([notes.Utterance("Doctor", "Take lasix.", 0, 2, words)])
        assert kinds(notes.check_statement("Take lasix.", sources)) == {"unclear"}

    def test_minutes_are_not_asked_for_medicines(self):
        assert check("Aspirin is discussed.", "Agent: It is discussed.", clinical=False) == set()

    def test_what_the_note_leaves_out(self):
        spoken = notes.list_spoken(VISIT)
        missing = notes.find_omissions(spoken, ["Denies chest pain."])
        assert kinds(missing) == {"dose", "medicine", "allergy"}
        told = ["Doxycycline 100 mg twice a day.", "Allergic to penicillin."]
        assert notes.find_omissions(spoken, told) == []


class TestWritten:
    def test_statements_are_traced_or_marked(self):
        text = (
            "**Subjective**\n- Cough and fever for 3 weeks.\n- Has two dogs and a boat in Norway.\n"
            "Objective: lungs are clear\nPlan\n1. Start doxycycline 300 mg twice a day."
        )
        written = notes.parse_written(SOAP, text)
        assert [section for section, _ in written] == [
            "subjective",
            "subjective",
            "objective",
            "plan",
        ]
        draft = notes.trace_statements(SOAP, VISIT, written, embed)
        cough, dogs, lungs, dose = draft.statements
        assert cough.utterances == (1,)
        assert cough.marks == ()
        assert dogs.start is None
        assert kinds(dogs.marks) == {"unsupported"}
        assert lungs.utterances == (6,)
        assert kinds(dose.marks) == {"dose"}
        assert dose.utterances == (9,)

    def test_what_is_no_note_has_no_sections(self):
        assert notes.parse_written(SOAP, "I cannot help with that.\nSorry: no.") == []

    def test_by_hand_it_is_compared_with_what_it_was_linked_to(self):
        same = notes.check_by_hand(SOAP, VISIT, "plan", "Doxycycline 100 mg twice a day", [9])
        assert same.by_hand
        assert same.marks == ()
        other = notes.check_by_hand(SOAP, VISIT, "plan", "Doxycycline 1000 mg twice a day", [9])
        assert kinds(other.marks) == {"dose"}
        own = notes.check_by_hand(SOAP, VISIT, "plan", "Letter to the employer requested", [])
        assert kinds(own.marks) == {"unsupported"}
        assert own.start is None


class TestTemplates:
    @pytest.mark.parametrize("template", notes.BUILT_IN, ids=lambda each: each.slug)
    def test_they_survive_being_stored(self, template):
        assert notes.read_sections(notes.write_sections(template)) == template.sections

    @pytest.mark.parametrize(
        "stored",
        [
            None,
            [],
            ["a"],
            [{"key": "a"}],
            [{"key": "a", "title": "A"}],
            [{"key": "a", "title": "A", "examples": "one"}],
            [{"key": "a", "title": "A", "examples": ["x"], "said_by": "him"}],
            [{"key": "a", "title": "A", "examples": ["x"]}] * 2,
        ],
    )
    def test_what_is_wrong_is_said(self, stored):
        with pytest.raises(ValueError, match=r"\w+ .*\.$"):
            notes.read_sections(stored)


def _lines() -> list[str]:
    return [f"{each.speaker}: {each.text}" for each in VISIT]
