"""Names in any case, disguises, and a zone's own terms."""

from __future__ import annotations

import base64
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistants import data


def covered(text: str, value: str, **known) -> bool:
    """Whether every letter and digit of `value` in `text` lies in some span."""
    spans = data.find_spans(text, **known)
    start = text.index(value)
    inside = {i for span in spans for i in range(span.start, span.end)}
    return all(i in inside for i in range(start, start + len(value)) if text[i].isalnum())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("the patient john smith was seen today", "john smith"),
        ("dr. o'neil will call you back", "o'neil"),
        ("next patient is mary ann kowalski", "mary ann kowalski"),
        ("Please forward it to Siobhán Ó Briain.", "Siobhán Ó Briain"),
        ("Kind regards,\nDagmar Wischnewski", "Dagmar Wischnewski"),
        ("name: priya raghunathan", "priya raghunathan"),
        ("Tomasz: are you there?\nAgnieszka: yes", "Agnieszka"),
        ("[doctor] hi karen how are you", "karen"),
        ("She lives at 14 Rosewood Crescent, Leeds", "14 Rosewood Crescent, Leeds"),
        ("wir treffen uns in der Lindenstraße 12", "Lindenstraße 12"),
        ("i moved to reykjavik last year", "reykjavik"),
        ("Invoice from Hollins & Baird Ltd.", "Hollins & Baird Ltd"),
    ],
)
def test_names_and_places_are_found_in_any_case(text: str, value: str):
    assert covered(text, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("My colleague Chloe Whitcombe says otherwise.", "Chloe Whitcombe"),
        ("my colleague yuki iwuchukwu says otherwise", "yuki iwuchukwu"),
        ("grace marchetti asked me about this", "grace marchetti"),
        ("Grace Wood asked me about this.", "Grace Wood"),
        ("kwame young asked me about this", "kwame young"),
        ("write to chloe_nakagawa59 please", "chloe_nakagawa59"),
        ("write to olga.yamaguchi16@ please", "olga.yamaguchi16@"),
        ("the key is AKIAgZiChEpodNeecYKuafyiGRY0nE3S", "AKIAgZiChEpodNeecYKuafyiGRY0nE3S"),
    ],
)
def test_names_are_whole_and_accounts_are_names(text: str, value: str):
    assert covered(text, value)


@pytest.mark.parametrize(
    "text",
    [
        "Will Postgres run? We will kubectl apply it; mark down the price.",
        "def test_case2(): return np.linalg.norm(x) + utf_8",
        "my client library calls the customer table",
    ],
)
def test_words_beside_words_are_no_names(text: str):
    assert data.find_spans(text) == []


def test_a_name_found_once_is_found_by_its_parts():
    text = (
        "Patient: Ruth Abernathy.\n\n"
        "abernathy denies fever. We told Abernathy's son that ruth may eat."
    )
    people = [text[s.start : s.end].lower() for s in data.find_spans(text) if s.type == "PERSON"]
    assert sum("abernathy" in name for name in people) == 3
    assert sum("ruth" in name for name in people) == 2


def test_known_names_are_found_where_nothing_else_tells():
    assert covered("and then brzezicki-loft did it", "brzezicki", names=["Jan Brzezicki"])


def test_a_known_name_that_is_a_word_counts_with_a_capital_only():
    text = "Then Cook said that you should cook it."
    spans = data.find_spans(text, names=["Pamela Cook"])
    assert [(s.start, s.end) for s in spans] == [(5, 9)]


@pytest.mark.parametrize(
    "text",
    [
        "Start amoxicillin 500 mg twice daily for community-acquired pneumonia.",
        "Lungs are clear to auscultation. Abdomen is soft. No edema.",
        "patient denies chest pain , shortness of breath or nausea .",
        "for row in rows:\n    total += row.amount\nreturn total",
        "Retries are limited to three; the queue then waits a minute.",
        "Stop dabigatran 48 hours before; CrCl below 30 mL/min needs 72.",
        "| Ferritin | 30 - 300 ng/L |\n| Neutrophils | 2.0 - 7.5 |",
        "| Amoxicillin | 500 mg three times daily | New | Restarted |",
        "Under section 4.2 gifts above EUR 10,000 need approval.",
        "<h2>Lactate</h2>\n<p>Above 2 mmol/L</p>",
        "const nextCursor = page.baseUrl + amountMinor;",
        "ok, the batch 7f2c took 54 ms. The next one did not.",
    ],
)
def test_plain_content_stays(text: str):
    assert data.find_spans(text) == []


# -- made to defeat detection ---------------------------------------------------------------------

CARD = "4539768304967106"


@pytest.mark.parametrize(
    "disguised",
    [
        "\u200b".join(CARD),
        "".join(chr(0xFF10 + int(d)) for d in CARD),
        "".join(chr(0x0660 + int(d)) for d in CARD),
        " ".join(CARD),
        ".".join(CARD),
        "four five three nine seven six eight three oh four nine six seven one zero six",
        "45397683O4967lO6",
        CARD[::-1],
        base64.b64encode(f"card {CARD}".encode()).decode(),
        base64.b64encode(base64.b64encode(f"my card is {CARD}".encode())).decode(),
        f"card {CARD}".encode().hex(),
        quote(f"my card: {CARD}!"),
        "".join(f"\\x{ord(c):02x}" for c in CARD),
        "".join(f"&#{ord(c)};" for c in CARD),
    ],
)
def test_a_disguised_number_is_covered_whole(disguised: str):
    assert covered(f"please charge {disguised} today", disguised)


@pytest.mark.parametrize(
    "disguised",
    [
        "jane.roe@exаmple.com",  # a Cyrillic letter
        "jane.roe@example.com",  # full width
        "jane\u00ad.roe@example.com",
        "jane [dot] roe [at] example [dot] com",
        "jane dot roe at example dot com",
        "jane.roe@example.com"[::-1],
        base64.b64encode(b"mail jane.roe@example.com").decode(),
    ],
)
def test_a_disguised_address_is_covered_whole(disguised: str):
    assert covered(f"write to {disguised} now", disguised)


@pytest.mark.parametrize(
    "disguised", ["brаckеnfell", "br4ck3nf3ll", "llefnekcarb", "ｂｒａｃｋｅｎｆｅｌｌ"]
)
def test_a_disguised_term_is_covered_whole(disguised: str):
    terms = data.TermList(["Brackenfell Logistics", "Brackenfell"])
    assert covered(f"the offer for {disguised} is ready", disguised, terms=terms)


def test_a_disguised_name_is_covered():
    assert covered("my name is j0hn sm1th", "j0hn sm1th")
    assert covered("tell gnajihtak about it", "gnajihtak", names=["Kathijang Bo"])


# -- a zone's own terms ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "Project Blue Heron",
        "project blue heron",
        "PROJECT  BLUE\nHERON",
        "Project-Blue-Heron",
        "project_blue_heron",
        "ProjectBlueHeron",
        "Project “Blue” Heron",
    ],
)
def test_terms_match_in_any_case_and_spacing(written: str):
    terms = data.TermList(["Project Blue Heron"])
    text = f"a memo on {written}'s budget"
    spans = [s for s in data.find_spans(text, terms) if s.type == "PROTECTED_TERM"]
    assert [text[s.start : s.end] for s in spans] == [written]


def test_terms_match_whole_words_and_the_longest():
    terms = data.TermList(["Blue", "Blue Heron", "Ömer & Söhne"])
    text = "bluest blue heron; omer & sohne"
    spans = [s for s in data.find_spans(text, terms) if s.type == "PROTECTED_TERM"]
    assert [text[s.start : s.end] for s in spans] == ["blue heron", "omer & sohne"]


def test_thousands_of_terms_cost_no_more_than_one():
    from assistants.data.privacy.folding import fold

    many = data.TermList([f"client {n} holdings" for n in range(20_000)] + ["acme"])
    text = fold("the letter from acme to client 777 holdings was lost again " * 9)
    many.find(text)
    started = time.process_time()
    for _ in range(20):
        spans = many.find(text)
    assert (time.process_time() - started) / 20 < 0.005
    assert len(spans) == 18


# -- always ---------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_ordered_spans_within_it(text: str):
    spans = data.find_spans(text)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    assert spans == data.find_spans(text)


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=40), st.text(max_size=40), st.sampled_from(["\u200b", "\ufeff", "", "\u00ad"])
)
def test_offsets_hold_around_anything(before: str, after: str, unseen: str):
    address = unseen.join("jane.roe@example.com")
    text = f"{before} {address} {after}"
    start = len(before) + 1
    inside = {i for span in data.find_spans(text) for i in range(span.start, span.end)}
    assert {i for i in range(start, start + len(address)) if text[i].isalnum()} <= inside


def test_threads_share_it():
    texts = [
        f"{name} lives in Oslo and calls 415-555-0{n}"
        for n, name in enumerate(["Ann Roe", "Bo Li"] * 50, 100)
    ]
    alone = [data.find_spans(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(data.find_spans, texts)) == alone


@pytest.mark.parametrize(
    "piece",
    [
        "a ",
        "A",
        "1 ",
        "%41",
        "\\x41",
        "QUJD",
        "4a",
        "one ",
        "Mr. ",
        "name is ",
        "j0 ",
        "&#65;",
        "ا",
        "\n",
        "é\u0301",
    ],
)
def test_hostile_texts_cost_linear_time(piece: str):
    def seconds(size: int) -> float:
        text = (piece * size)[:size]
        started = time.process_time()
        data.find_spans(text)
        return time.process_time() - started

    seconds(1_000)
    small, large = seconds(5_000), seconds(40_000)
    assert large < 1 + 24 * small  # eight times the text; quadratic time would take 64 times
