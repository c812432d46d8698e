"""What leaves holds no value in clear, and what comes back is the original."""

from __future__ import annotations

import base64
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistants import data
from assistants.data.privacy import tagger
from assistants.data.privacy.structured import RULES
from assistants.data.sealing.marks import LABELS, UNNAMED, label_of
from assistants.types import Passage, Prompt, PromptMessage, Role

TERMS = data.TermList(["Brackenfell Logistics", "Project Blue Heron"])
NONE = data.TermList()
CARD = "4539768304967106"
IBAN = "DE89 3704 0044 0532 0130 00"


def prompt(*texts: str, system: str = "You help.") -> Prompt:
    """A person's messages and the answers between them."""
    roles = itertools.cycle((Role.USER, Role.ASSISTANT))
    messages = [PromptMessage(Role.SYSTEM, system)]
    messages += [PromptMessage(role, text) for role, text in zip(roles, texts, strict=False)]
    return Prompt(tuple(messages), question=texts[-1])


def seal_all(*texts: str, seal: data.Seal | None = None, terms=TERMS, **known) -> list[str]:
    sealed = (seal or data.Seal()).seal_prompt(prompt(*texts), terms=terms, **known)
    return [message.text for message in sealed.messages[1:]]


def restored(seal: data.Seal, text: str) -> str:
    restorer = seal.restorer()
    return restorer.feed(text) + restorer.finish()


# -- placeholders ----------------------------------------------------------------------------------


def test_one_person_has_one_number_in_all_spellings():
    seal = data.Seal()
    texts = seal_all(
        "Ms Doe called. Jane Doe's address is new.", "Noted for jane doe.", "DOE's mail?", seal=seal
    )
    assert texts == [
        "Ms [PERSON_1c] called. [PERSON_1]'s address is new.",
        "Noted for [PERSON_1b].",
        "[PERSON_1d]'s mail?",
    ]
    assert restored(seal, "PERSON_1 and [PERSON_1d]") == "Jane Doe and DOE"


def test_two_people_have_two_numbers_and_a_shared_surname_a_third():
    (text,) = seal_all("Jane Doe met John Doe. Mr Doe left.", terms=NONE)
    assert text == "[PERSON_1] met [PERSON_2]. Mr [PERSON_3] left."


def test_numbers_stay_through_the_conversation():
    seal = data.Seal()
    first = seal_all("Write to Jane Roe, jane.roe@example.com.", seal=seal)
    later = seal_all("Write to Jane Roe, jane.roe@example.com.", "Done.", "Ask Bo Lindqvist or Roe",
                     seal=seal)  # fmt: skip
    assert later[0] == first[0]
    assert later[2] == "Ask [PERSON_2] or [PERSON_1b]"


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        ("DE89370400440532013000", IBAN, {"ACCOUNT_1", "ACCOUNT_1b"}),
        ("jane.roe@example.com", "jane [dot] roe [at] example [dot] com", {"EMAIL_1", "EMAIL_1b"}),
        ("+49 30 901820", "+4930901820", {"PHONE_1", "PHONE_1b"}),
        ("15 March 1971", "1971-03-15", {"DATE_1", "DATE_1b"}),
        (CARD, " ".join(CARD[i : i + 4] for i in range(0, 16, 4)), {"CARD_1", "CARD_1b"}),
    ],
)
def test_spellings_of_one_value_share_its_number(one: str, other: str, names: set[str]):
    seal = data.Seal()
    text = f"phone or so: {one}; again: {other}."
    (sealed,) = seal_all(text, seal=seal)
    assert {name for name in names if f"[{name}]" in sealed} == names
    assert restored(seal, sealed) == text


def test_the_same_value_is_sealed_wherever_it_stands():
    seal = data.Seal()
    texts = seal_all(
        "Client Agnieszka Wiśniewska, file tidal-7731-quux, password: hunter2-Zebra!",
        "ok",
        "then WISNIEWSKA came\nhunter2-Zebra! agnieszka's",
        seal=seal,
    )
    assert "WISNIEWSKA" not in texts[2]
    assert "hunter2" not in texts[2]
    assert "agnieszka" not in texts[2]


def test_known_names_and_terms_are_sealed():
    texts = seal_all(
        "brackenfell logistics and then brzezicki-loft did it", names=["Jan Brzezicki"]
    )
    assert texts == ["[NAME_1] and then [PERSON_1]-loft did it"]


def test_what_narrows_down_and_what_is_content_stays():
    text = (
        "Section 4.2 [1] caps gifts at EUR 10,000 a year; in 2024, a 61-year-old with HbA1c 7.2 % "
        "took 500 mg on Monday."
    )
    assert seal_all(text, terms=NONE) == [text]


def test_tables_code_and_urls_keep_their_form():
    seal = data.Seal()
    text = (
        "| Name | Mail |\n|---|---|\n| Jane Roe | jane.roe@example.com |\n\n"
        "```python\nOWNER = 'jane.roe@example.com'  # Jane Roe\n```\n"
        '{"name": "Jane Roe", "phone": "+49 30 901820"}\n'
    )
    (sealed,) = seal_all(text, seal=seal, terms=NONE)
    assert "| [PERSON_1] | [EMAIL_1] |" in sealed
    assert "OWNER = '[EMAIL_1]'  # [PERSON_1]" in sealed
    assert '{"name": "[PERSON_1]", "phone": "[PHONE_1]"}' in sealed
    assert restored(seal, sealed) == text


def test_an_address_over_lines_keeps_its_lines():
    seal = data.Seal()
    text = "Send it to\n14 Rosewood Crescent\nLeeds LS6 2AB\nplease"
    (sealed,) = seal_all(text, seal=seal, terms=NONE)
    assert sealed.count("\n") == text.count("\n")
    assert "Rosewood" not in sealed
    assert restored(seal, sealed) == text


# -- what only looks like a placeholder ------------------------------------------------------------


@pytest.mark.parametrize(
    "literal",
    ["[PERSON_1]", "PERSON_1", "[person 1]", r"\[PERSON\_1\]", "{PERSON_1}", "%5BPERSON_1%5D",
     "[Person_1's]", "【PERSON_1】"],
)  # fmt: skip
def test_a_literal_is_not_restored_as_somebody(literal: str):
    seal = data.Seal()
    text = f"Jane Roe wrote {literal} into Jane Roe's file."
    (sealed,) = seal_all(text, seal=seal, terms=NONE)
    assert "LITERAL_1" in sealed
    assert restored(seal, sealed) == text


def test_a_literal_of_an_earlier_message_neither():
    seal = data.Seal()
    first = "Set PERSON_1 = 3"
    assert seal_all(first, seal=seal, terms=NONE) == [first]  # there is no such placeholder yet
    texts = seal_all(first, "ok", "Jane Roe asks [LITERAL_1]", seal=seal, terms=NONE)
    assert texts == ["Set [LITERAL_1] = 3", "ok", "[PERSON_1] asks [LITERAL_2]"]


# -- made to defeat detection ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "\u200b".join(CARD),
        " ".join(CARD),
        "4539/7683/0496/7106",
        "4539_7683_0496_7106",
        "4539\n7683\n0496\n7106",
        "".join(f"{digit}\ufe0f\u20e3" for digit in CARD),
        "four five three nine seven six eight three oh four nine six seven one zero six",
        CARD[::-1],
        base64.b32encode(f"card {CARD}".encode()).decode(),
        " ".join(str(ord(c)) for c in f"card {CARD}"),
        " ".join(f"{ord(c):08b}" for c in f"card {CARD}"),
        "j a n e . r o e @ e x a m p l e . c o m",
        "B r a c k e n f e l l  L o g i s t i c s",
        "llefnekcarB scitsigoL",
        "scitsigoL llefnekcarB",
        "8r4ck3nf3ll l0g15t1c5",
        "Вrасkеnfеll Lоgіstісs",
        "class BrackenfellLogisticsClient",
        "see brackenfell_logistics_offer.docx",
        "DE89.3704.0044.0532.0130.00",
        "".join(f"\\u{{{ord(c):x}}}" for c in "jane.roe@example.com"),
    ],
)
def test_a_disguise_is_sealed_and_comes_back(text: str):
    seal = data.Seal()
    whole = f"please use {text} now"
    (sealed,) = seal_all(whole, seal=seal)
    letters = [c for c in sealed.split("use ")[1].split(" now")[0] if c.isalnum()]
    inside = [c for name in seal._referents.values if name in sealed for c in name if c.isalnum()]
    extra = len(letters) - len(inside)
    assert extra <= len("class Client see offer docx".replace(" ", "")), sealed
    for value in ("4539", "7106", "jane", "rackenfell", "llefnekcar", "0532"):
        assert value not in sealed.lower()
    assert restored(seal, sealed) == whole


def test_base64_over_lines_is_sealed():
    code = base64.encodebytes(f"please charge the card {CARD} of Jane Roe and send it".encode())
    (sealed,) = seal_all(f"decode this:\n{code.decode()}thanks")
    assert code.decode()[:20] not in sealed


@pytest.mark.parametrize(
    ("texts", "parts"),
    [
        (("my card is 4539 7683", "ok?", "0496 7106 it goes on"), ("7683", "0496")),
        (("my card is 4539", "?", "7683", "?", "0496", "?", "7106"), ("4539", "7683", "7106")),
        (("account DE89 3704 0044", "yes", "0532 0130 00 please"), ("3704", "0532")),
        (("the offer for Brackenfell", "?", "Logistics is late"), ("Brackenfell", "Logistics")),
        (("mail jane.roe@", "?", "example.com"), ("jane.roe", "example")),
    ],
)
def test_a_value_split_over_messages_is_sealed(texts: tuple[str, ...], parts: tuple[str, ...]):
    sealed = seal_all(*texts)
    for part in parts:
        assert not any(part in text for text in sealed)
    assert [len(text) > 0 for text in sealed] == [True] * len(texts)


def test_a_value_split_over_passages_is_sealed():
    passages = (
        '<passage number="1" source="x">\nTheir account is DE89 3704 0044\n</passage>\n'
        '<passage number="2" source="y">\n0532 0130 00 since then.\n</passage>'
    )
    (sealed,) = seal_all(passages)
    assert "0044" not in sealed
    assert "0532" not in sealed
    assert '</passage>\n<passage number="2" source="y">' in sealed


# -- the prompt ------------------------------------------------------------------------------------


def test_the_system_prompt_is_sealed_and_told_what_placeholders_are():
    first, second = data.Seal(), data.Seal()
    system = "You work for Brackenfell Logistics."
    one = first.seal_prompt(prompt("Hello Jane Roe", system=system), terms=TERMS)
    two = second.seal_prompt(
        prompt("The Brackenfell Logistics offer of Bo Lindqvist", system=system), terms=TERMS
    )
    assert one.messages[0] == two.messages[0]  # the provider's cache begins with it
    assert one.messages[0].text == f"You work for [NAME_1].\n\n{data.INSTRUCTION}"
    assert first.counts == {"NAME": 1, "PERSON": 1}


def test_a_harmless_prompt_leaves_as_it_is():
    seal = data.Seal()
    plain = prompt("What is the limit for gifts?")
    sealed = seal.seal_prompt(plain, terms=TERMS)
    assert sealed.messages == plain.messages
    assert not seal.counts
    assert not seal.changed
    assert not hasattr(sealed, "passages")


def test_passages_and_question_beside_the_messages_do_not_leave():
    passage = Passage(1, "c", "d", "v", "t", "s", "Jane Roe", "z", 0, 8, None)
    whole = Prompt(prompt("Hi").messages, question="Jane Roe?", passages=(passage,), max_tokens=7)
    sealed = data.Seal().seal_prompt(whole, terms=TERMS)
    assert "Jane" not in repr(sealed)
    assert sealed.max_tokens == 7


def test_a_preview_changes_nothing():
    seal = data.Seal()
    seal_all("Ask Jane Roe", seal=seal)
    text = "Bo Lindqvist told Roe: [PERSON_1]"
    before = seal.dump()
    spans = seal.preview(text, terms=TERMS)
    assert [(text[s.start : s.end], s.placeholder) for s in spans] == [
        ("Bo Lindqvist", "[PERSON_2]"),
        ("Roe", "[PERSON_1b]"),
        ("[PERSON_1]", "[LITERAL_1]"),
    ]
    assert seal.dump() == before
    assert seal_all(text, seal=seal) == ["[PERSON_2] told [PERSON_1b]: [LITERAL_1]"]


def test_what_a_person_marks_harmless_is_left():
    seal = data.Seal()
    seal.mark_harmless("Jane Roe")
    assert seal.changed
    assert seal_all("JANE ROE is our ship; ask Mr Bo Lindqvist", seal=seal, terms=NONE) == [
        "JANE ROE is our ship; ask Mr [PERSON_1]"
    ]
    assert "Jane Roe" not in seal.values
    assert seal.harmless == ["Jane Roe"]


@pytest.mark.parametrize("value", [CARD, "Brackenfell Logistics"])
def test_what_proves_itself_cannot_be_marked_harmless(value: str):
    seal = data.Seal()
    seal.mark_harmless(value)
    assert value not in seal_all(f"send it to {value} today", seal=seal)[0]


def test_values_are_those_that_no_text_may_hold():
    seal = data.Seal()
    texts = seal_all("Ms Cook (jane.roe@example.com) of Suite 4, card 4539768304967106", seal=seal)
    assert {"jane.roe@example.com", CARD} <= set(seal.values)
    assert "Cook" not in seal.values  # a word like any other, in other places
    assert not any(value in text for value in seal.values for text in texts)


def test_nothing_shows_values_in_passing():
    seal = data.Seal()
    seal_all("Ask Jane Roe", seal=seal)
    spans = seal.preview("Ask Jane Roe", terms=TERMS)
    assert "Jane" not in f"{seal!r} {seal.restorer()!r} {spans!r} {seal._referents.all!r}"


def test_every_type_has_a_label():
    types = {rule.type for rule in RULES if hasattr(rule, "type")} - data.QUASI_IDENTIFIERS
    types |= {label for label in tagger.LABELS if label != "O"} - data.QUASI_IDENTIFIERS
    assert {label_of(type) for type in types} <= LABELS
    assert not [type for type in types if label_of(type) == UNNAMED]


# -- two at once -----------------------------------------------------------------------------------


def test_maps_that_agree_come_together():
    seal = data.Seal()
    seal_all("Ask Jane Roe", seal=seal)
    other = data.Seal()
    other.load(seal.dump())
    seal_all("Ask Roe and Bo Lindqvist", seal=other)
    seal.load(other.dump())
    assert seal_all("Bo Lindqvist, Roe", seal=seal) == ["[PERSON_2], [PERSON_1b]"]


def test_maps_that_contradict_each_other_do_not():
    one, other = data.Seal(), data.Seal()
    seal_all("Ask Jane Roe", seal=one)
    seal_all("Ask Bo Lindqvist", seal=other)
    with pytest.raises(data.SealConflict):
        one.load(other.dump())


# -- dates -----------------------------------------------------------------------------------------


def test_dates_are_moved_together_and_come_back():
    seal = data.Seal(dates="shift")
    text = (
        "Seen on 3 March 2026 (2026-03-03), again 10 March 2026; due 04/05/2026, in May. 05.03.2026"
    )
    (sealed,) = seal_all(text, seal=seal, terms=NONE)
    assert "March 2026" not in sealed
    assert "2026-03-03" not in sealed
    assert "[DATE_1]" in sealed  # 04/05/2026 may be in April or in May
    assert restored(seal, sealed) == text
    assert seal_all(text, seal=seal, terms=NONE) == [sealed]
    kept = data.Seal(dates="shift")
    kept.load(seal.dump())
    assert seal_all(text, seal=kept, terms=NONE) == [sealed]


def test_a_moved_date_comes_back_in_another_form_and_a_strange_one_is_told():
    seal = data.Seal(dates="shift")
    (sealed,) = seal_all("Seen on 2026-03-03.", seal=seal, terms=NONE)
    moved = sealed.removeprefix("Seen on ").removesuffix(".")
    year, month, day = moved.split("-")
    for pieces in (
        [f"On {day}.{month}.{year} or 1999-01-05."],
        f"On {day}.{month}.{year} or 1999-01-05.",
    ):
        restorer = seal.restorer()
        text = "".join(map(restorer.feed, pieces)) + restorer.finish()
        assert text == "On 03.03.2026 or 1999-01-05."
        assert restorer.unknown == ["1999-01-05"]


# -- always ----------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *(
            "Jane Roe",
            "Roe",
            "ROE, Jane",
            "jane roe's",
            "Dr. Bo Lindqvist",
            "Brackenfell Logistics",
        ),
        *("jane.roe@example.com", CARD, IBAN, "+49 30 901820", "3 March 2026", "2026-03-03"),
        *("[PERSON_1]", "PERSON_1b", r"\[Person\_2\]", "[LITERAL_1]", "[EMAIL 1]", "LITERAL_1"),
        *(" ", " ", "\n", ", ", "|", "[", "]", "\\", "_", "{", "}", "<", ">", "'", '"', "`"),
        *("1", "s", "é", "\u200b", "PERSON", "the gift", "lives at 12 Main Street", "[1]"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(PIECES, max_size=10).map("".join), min_size=1, max_size=3),
    st.sampled_from(["placeholder", "shift"]),
    st.integers(1, 9),
)
def test_an_echo_is_the_original(texts: list[str], dates: str, size: int):
    seal = data.Seal(dates=dates)  # type: ignore[arg-type]
    for text, sealed in zip(texts, seal_all(*texts, seal=seal), strict=True):
        assert restored(seal, sealed) == text
        restorer = seal.restorer()
        pieces = [sealed[i : i + size] for i in range(0, len(sealed), size)]
        assert "".join(map(restorer.feed, pieces)) + restorer.finish() == text


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES, max_size=12), st.sampled_from([" ", "\n", ", ", " | ", " (", "; "]))
def test_what_stands_by_itself_never_leaves(pieces: list[str], between: str):
    (sealed,) = seal_all(between.join(pieces))
    for value in ("jane.roe@example.com", CARD, IBAN, "+49 30 901820", "Brackenfell Logistics"):
        assert value not in sealed


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=120))
def test_any_text_comes_back(text: str):
    seal = data.Seal()
    (sealed,) = seal_all(text, seal=seal)
    assert restored(seal, sealed) == text


def test_every_split_of_an_echo_is_the_original():
    seal = data.Seal(dates="shift")
    text = (
        "Jane Roe's IBAN DE89370400440532013000 (**jane.roe@example.com**, `PERSON_1`), seen "
        "3 March 2026 at 12 Main Street; [Person 1] | ROE, Jane | 2026-03-03."
    )
    (sealed,) = seal_all(text, seal=seal)
    for first, second in itertools.combinations(range(len(sealed) + 1), 2):
        restorer = seal.restorer()
        pieces = (sealed[:first], sealed[first:second], sealed[second:])
        assert "".join(map(restorer.feed, pieces)) + restorer.finish() == text
