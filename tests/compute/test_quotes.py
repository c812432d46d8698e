from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistants.compute import answerability, clauses
from assistants.compute.clauses import Kind
from assistants.compute.providers import provider_class
from assistants.compute.providers.quotes import ABSTENTION, UNSURE, Quotes
from assistants.types import (
    Delta,
    DeploymentSpec,
    Evidence,
    Finished,
    FinishReason,
    Passage,
    Prompt,
    Started,
)

DEPLOYMENT = DeploymentSpec("quotes", "quotes", "on_prem", "", "")
GOOD = Evidence(cosine=0.8, keyword=0.9, coverage=0.9, score=0.83)
CLOSE = Evidence(cosine=0.75, keyword=0.8, coverage=0.8, score=0.75)
FAR = Evidence(cosine=0.1, keyword=0.05, coverage=0.05, score=0.08)

POLICY = """3.1 The following limits apply per person:

| Category | Limit | Above the limit |
|---|---|---|
| Single gift | EUR 50 | Compliance |
| Hospitality per event | EUR 90 | Compliance |

3.2 Values are estimated at retail price including tax.

3.3 Cash and gift cards are prohibited
    in any amount."""


def passage(text, number=1, evidence=GOOD, title="Gifts Policy", section="3. Limits"):
    return Passage(
        number=number,
        chunk_id=f"c{number}",
        document_id=f"d{number}",
        version_id=f"v{number}",
        title=title,
        section=section,
        text=text,
        zone="compliance",
        start=0,
        end=len(text),
        evidence=evidence,
    )


async def answer(question, *passages, max_tokens=2000):
    prompt = Prompt(messages=(), question=question, passages=passages, max_tokens=max_tokens)
    return [event async for event in Quotes(DEPLOYMENT).generate(prompt)]


async def text_of(question, *passages, **options):
    events = await answer(question, *passages, **options)
    return "".join(event.text for event in events if isinstance(event, Delta))


def quotations(text):
    """What is quoted, without the markup: block quotes by block, and code blocks."""
    found, quote, code, fence = [], [], [], ""
    for line in [*text.split("\n"), ""]:
        if fence:
            if line == fence:
                found.append("\n".join(code))
                code, fence = [], ""
            else:
                code.append(line)
            continue
        if line.startswith(">"):
            quote.append(line.removeprefix(">").removeprefix(" "))
            continue
        if quote:
            found.append("\n".join(quote))
            quote = []
        if mark := re.match(r"`{3,}", line):
            fence = mark[0]
    return found


def plain(text):
    return " ".join(text.replace("\\", "").split())


async def test_the_answer():
    events = await answer("What is the limit for a single gift?", passage(POLICY))
    assert events[0] == Started(model="quotes", version=answerability.load().version)
    assert isinstance(events[-1], Finished)
    assert events[-1].reason is FinishReason.STOP
    text = "".join(event.text for event in events[1:-1])
    assert text == (
        "**Gifts Policy** › 3. Limits [1]\n\n"
        "> 3.1 The following limits apply per person:\n>\n"
        "> | Category | Limit | Above the limit |\n"
        "> |---|---|---|\n"
        "> | Single gift | EUR 50 | Compliance |\n"
        "> | Hospitality per event | EUR 90 | Compliance |\n>\n"
        "> 3.2 Values are estimated at retail price including tax.\n>\n"
        "> 3.3 Cash and gift cards are prohibited in any amount."
    )


async def test_it_is_registered():
    assert provider_class("quotes") is Quotes


async def test_passages_nearly_as_good_are_quoted_too_with_their_own_numbers():
    other = passage("Gifts to officials are forbidden.", 2, CLOSE, title="Officials", section="")
    far = passage("Parking is free for a gift of time.", 3, FAR, title="Parking")
    text = await text_of("What is the gift limit?", passage(POLICY), other, far)
    assert "**Officials** [2]\n\n> Gifts to officials are forbidden." in text
    assert text.index("[1]") < text.index("[2]")
    assert "Parking" not in text


async def test_of_a_less_fitting_passage_only_the_telling_clauses_are_quoted():
    less = replace(CLOSE, score=0.8 * GOOD.score)
    other = passage(
        "4.1 Requests are made in the portal.\n\n4.2 Gifts above the limit are refused.\n\n"
        "4.3 Lunch is at noon.",
        2,
        less,
    )
    text = await text_of("What happens with gifts above the limit?", passage(POLICY), other)
    assert "> 4.2 Gifts above the limit are refused." in text
    assert "Lunch" not in text


async def test_no_passages_no_answer():
    events = await answer("What is the limit?")
    assert [type(event) for event in events] == [Started, Delta, Finished]
    assert events[1] == Delta(ABSTENTION)
    assert events[-1].reason is FinishReason.ABSTAINED


async def test_an_abstention_names_places_without_citing_or_quoting_them():
    events = await answer("Who won the cup?", passage(POLICY, evidence=FAR))
    text = "".join(event.text for event in events if isinstance(event, Delta))
    assert events[-1].reason is FinishReason.ABSTAINED
    assert text.startswith(ABSTENTION)
    assert "- **Gifts Policy** › 3. Limits" in text
    assert not re.search(r"\[\d+\]", text)
    assert quotations(text) == []


async def test_between_the_two_it_says_that_it_is_not_sure(monkeypatch):
    certain = answerability.load()
    chance = certain.estimate(answerability.measure([passage(POLICY)]))
    doubting = replace(certain, unsure=min(1.0, chance + 0.01))
    monkeypatch.setattr(answerability, "load", lambda: doubting)
    text = await text_of("What is the limit?", passage(POLICY))
    assert text.startswith(UNSURE)
    assert quotations(text)


async def test_code_is_quoted_as_it_is_in_a_fence_that_it_cannot_close():
    code = '    def delay(self):\n        """Like so:\n        ```\n        x\n        ```"""\n'
    text = await text_of("How long is the delay?", passage(code, title="retry.py", section="delay"))
    assert quotations(text) == [code.strip("\n")]
    assert "````python\n" in text


async def test_logs_are_quoted_by_line():
    log = "2025-03-14T09:15:00Z INFO start\n2025-03-14T09:16:00Z ERROR pool timeout"
    text = await text_of("When did the pool time out?", passage(log, title="Worker"))
    assert quotations(text) == [log]


async def test_marks_in_a_quoted_text_or_title_are_no_citations():
    sly = passage("As shown in [2], gifts are fine [17].", title="Evil [9] *title*", section="[3]")
    text = await text_of("Are gifts fine?", sly)
    assert re.findall(r"\[([1-9][0-9]{0,2})\]", text) == ["1"]
    assert plain(quotations(text)[0]) == plain(sly.text)


async def test_the_length_is_bounded_but_the_first_passage_is_whole():
    passages = [passage(f"Gift clause {n}. " + "Word " * 60, n, GOOD) for n in range(1, 6)]
    text = await text_of("gift clause", *passages, max_tokens=150)
    assert "Gift clause 1." in text
    assert "Gift clause 3." not in text


WORDS = st.sampled_from(
    ["gift", "limit", "EUR 50", "12.5 %", "*bold*", "[4]", "<b>", "`x`", "\\", "day", "#", "> so"]
)
SENTENCES = st.lists(WORDS, min_size=1, max_size=30).map(lambda words: " ".join(words) + ".")
BLOCKS = st.one_of(
    SENTENCES,
    st.lists(SENTENCES, min_size=1, max_size=12).map("\n".join),
    st.lists(SENTENCES, min_size=1, max_size=6).map(lambda s: "\n".join(f"- {x}" for x in s)),
    st.lists(SENTENCES, min_size=1, max_size=14).map(
        lambda rows: "| a | b |\n|---|---|\n" + "\n".join(f"| {row} | x |" for row in rows)
    ),
    st.lists(SENTENCES, min_size=1, max_size=3).map(lambda s: "```\n" + "\n".join(s) + "\n```"),
    st.text(max_size=80),
)


@given(
    blocks=st.lists(BLOCKS, min_size=1, max_size=5),
    question=st.one_of(SENTENCES, st.text(max_size=40)),
    title=st.sampled_from(["Policy", "retry.py", "x.log", ""]),
    score=st.floats(0.6, 0.83),
)
async def test_every_quotation_is_verbatim(blocks, question, title, score):
    texts = ["\n\n".join(blocks), "\n".join(blocks)]
    passages = [
        passage(texts[0], 1, title=title),
        passage(texts[1], 2, replace(GOOD, score=score), title=title),
    ]
    sources = [plain(text) for text in texts]
    for quotation in quotations(await text_of(question, *passages)):
        for line in quotation.split("\n"):  # of a table, rows may be left out
            assert any(plain(line) in source for source in sources), line


class TestClauses:
    def test_a_paragraph_with_its_list_is_one_clause(self):
        found = clauses.cut("Do this:\n\n1. First.\n2. Second.\n\nThen rest.", "Guide")
        assert [clause.text for clause in found] == [
            "Do this:\n\n1. First.\n2. Second.",
            "Then rest.",
        ]

    def test_numbered_clauses_are_cut_without_blank_lines(self):
        found = clauses.cut("1.1 One\n    goes on.\n1.2 Two.", "Rules")
        assert [clause.text for clause in found] == ["1.1 One goes on.", "1.2 Two."]

    def test_a_long_table_keeps_its_head_and_the_telling_rows(self):
        rows = "\n".join(f"| item {n} | {n} EUR |" for n in range(20))
        (table,) = clauses.cut(f"| Name | Price |\n|---|---|\n{rows}", "Prices")
        assert table.kind is Kind.TABLE
        words = clauses.question_words("price of item 7", [table.text])
        assert clauses.shorten(table, {"7": 1.0}) == (
            "| Name | Price |\n|---|---|\n| item 7 | 7 EUR |"
        )
        assert "7" in words

    def test_of_a_long_paragraph_the_telling_sentences_stay(self):
        filler = "Nothing of note happens in this sentence at all here. " * 15
        text = f"{filler}The badge is returned within three days. {filler}".strip()
        (clause,) = clauses.cut(text, "Badges")
        short = clauses.shorten(clause, {"badge": 1.0, "return": 1.0})
        assert "The badge is returned within three days." in short
        assert len(short.split()) <= clauses.LONG_PARAGRAPH

    def test_no_quotation_ends_with_the_number_of_an_item_that_it_leaves_out(self):
        items = [
            f"{n}. Step {n} is done with great care by one nurse and seen by another."
            for n in range(1, 13)
        ]
        text = "Complete all steps:\n\n" + "\n".join(items)
        (clause,) = clauses.cut(text, "Bundle")
        for step in range(1, 13):
            quoted = clauses.shorten(clause, {str(step): 1.0, "step": 0.1})
            assert f"Step {step} is done" in quoted
            assert all(
                line in text and len(line.split()) > 2 for line in quoted.split("\n") if line
            )

    @pytest.mark.parametrize(
        ("one", "other"),
        [("approval", "approvals"), ("reported", "reports"), ("policies", "policy")],
    )
    def test_endings_do_not_matter(self, one, other):
        assert clauses.stem(one) == clauses.stem(other)


class TestAnswerability:
    def test_better_evidence_never_lowers_the_chance(self):
        classifier = answerability.load()
        chances = [
            classifier.estimate(
                answerability.measure([passage(POLICY, evidence=replace(GOOD, cosine=c, score=c))])
            )
            for c in (0.1, 0.3, 0.5, 0.7, 0.9)
        ]
        assert chances == sorted(chances)
        assert chances[0] < classifier.abstain < classifier.unsure < chances[-1]

    def test_the_features_of_one_passage(self):
        assert answerability.measure([passage(POLICY)]) == (0.8, 0.8, 0.83)


class TestNamed:
    async def test_a_passage_that_the_question_names_is_quoted_however_far_its_words_are(self):
        named = replace(passage("Bearer shares are refused.", evidence=FAR), linked_from=0)
        told = await text_of("Read me section 8 of CDD-01.", named)
        assert told.startswith("**Gifts Policy** › 3. Limits [1]")
        assert "Bearer shares are refused." in told
        told = await text_of("Read me section 8 of CDD-01.", named, passage(POLICY, 2, GOOD))
        assert told.index("Bearer shares") < told.index("following limits")

    async def test_a_passage_that_another_refers_to_is_no_reason_to_answer(self):
        linked = replace(passage("Bearer shares are refused.", evidence=FAR), linked_from=1)
        assert (await text_of("What is the weather?", linked)).startswith(ABSTENTION)
