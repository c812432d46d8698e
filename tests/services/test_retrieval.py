from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from django.utils import timezone

from assistants import compute, data
from assistants.compute import reranking
from assistants.exceptions import InvalidRequest
from assistants.models import Assistant, Chunk, Document, Message
from assistants.services import chat, conversations, prompts, registry, retrieval
from assistants.types import (
    CLOUD,
    Capability,
    DeploymentSpec,
    Evidence,
    Passage,
    PromptMessage,
    Role,
    Scope,
)
from tests import factories, fakes
from tests.factories import make_document, unit_vector
from tests.inference import serve

pytestmark = pytest.mark.django_db


@pytest.fixture
def models(monkeypatch):
    return fakes.install(monkeypatch, unit_vector(0))


def find(cast, question: str, **more) -> list[Passage]:
    assistant = Assistant.objects.get(slug="compliance")
    zones = [cast.zones.general.pk, cast.zones.compliance.pk]
    scope = data.get_scope(cast.alice)
    return list(retrieval.find_passages(assistant, scope, zones, question, **more).passages)


def make_text(zone, *parts: str, section="1. Rules", between="\n\n", vectors=None) -> Document:
    """One document whose parts are chunks that follow on each other."""
    text = between.join(parts)
    first = make_document(zone, parts[0], section=section, title="Rules")
    with data.rights_of_system():
        version = first.version
        version.text = text
        version.save()
        at = 0
        for position, part in enumerate(parts):
            start = text.index(part, at)
            at = start + len(part)
            if position:
                chunk = make_document(zone, part, section=section, title="Rules")
                other = chunk.version.document
                Chunk.objects.filter(pk=chunk.pk).update(
                    version=version, position=position, start=start, end=at
                )
                other.delete()
    return version.document


class TestJoining:
    def test_neighbours_of_a_section_become_one_passage(self, cast, models):
        parts = [f"Part {number} of the gift rules." for number in range(3)]
        document = make_text(cast.zones.compliance, *parts)
        (passage,) = find(cast, "gift rules")
        assert passage.text == "\n\n".join(parts)
        text = data.get_version(data.get_scope(cast.alice), document.pk).text
        assert text[passage.start : passage.end] == passage.text
        assert passage.number == 1

    def test_what_does_not_touch_stays_apart(self, cast, models):
        make_text(cast.zones.compliance, "Gift rules.", "More gift rules.", between="\n" + "x" * 99)
        make_document(cast.zones.compliance, "Gift rules elsewhere.", section="1. Rules")
        assert len(find(cast, "gift rules")) == 3

    def test_other_sections_stay_apart(self, cast, models):
        make_text(cast.zones.compliance, "Gift rules.", "More gift rules.")
        with data.rights_of_system():
            Chunk.objects.filter(position=1).update(section="2. Others")
        assert [passage.section for passage in find(cast, "gift rules")] == [
            "1. Rules",
            "2. Others",
        ]

    def test_a_passage_does_not_grow_without_end(self, cast, models):
        parts = [f"Gift rules, part {number}. " + "So it is. " * 150 for number in range(4)]
        make_text(cast.zones.compliance, *[part.strip() for part in parts])
        found = find(cast, "gift rules")
        assert len(found) > 1
        assert all(len(passage.text) <= 3_000 for passage in found)
        assert [passage.number for passage in found] == list(range(1, len(found) + 1))

    def test_links_point_to_the_new_numbers(self, cast):
        def passage(number, start, linked_from=None, version="a"):
            evidence = Evidence(1, 1, 1, 1)
            text = "x" * 10
            return Passage(
                number, str(number), "d", version, "T", "S", text, "general", start, start + 10,
                evidence, linked_from,
            )  # fmt: skip

        document = make_text(cast.zones.general, "x" * 10, "y" * 10, between="")
        with data.rights_of_system():
            version = str(document.versions.get().pk)
        given = [
            passage(1, 0, version=version),
            passage(2, 10, version=version),
            passage(3, 500, version="b", linked_from=2),
            passage(4, 900, version="c", linked_from=0),
        ]
        joined = data.join_neighbours(Scope((cast.zones.general.pk,)), given)
        assert [(each.number, each.linked_from) for each in joined] == [(1, None), (2, 1), (3, 0)]
        assert joined[0].text == "x" * 10 + "y" * 10


class TestFollowUps:
    HISTORY = (
        PromptMessage(Role.USER, "What is the limit for gifts?"),
        PromptMessage(Role.ASSISTANT, "EUR 50 [1]."),
    )

    @pytest.fixture
    def documents(self, cast, models):
        make_document(cast.zones.compliance, "The limit for gifts to the board is EUR 20.")
        make_document(cast.zones.compliance, "The board meets in the blue room.")
        make_document(cast.zones.compliance, "The board of the lift is cleaned.")

    def test_a_follow_up_is_completed_from_the_conversation(self, cast, documents):
        found = find(cast, "And for the board?", history=self.HISTORY)
        assert "EUR 20" in found[0].text
        assert found[0].evidence.coverage > 1.5 * found[1].evidence.coverage

    def test_the_assistant_may_leave_questions_as_they_are(self, cast, documents):
        Assistant.objects.update(rewrite_questions=False)
        found = find(cast, "And for the board?", history=self.HISTORY)
        assert {round(passage.evidence.coverage, 3) for passage in found} == {1.0}

    def test_what_is_embedded_is_the_whole(self, cast, documents):
        embedded = []

        async def embed(text, model):
            embedded.append(text)
            return unit_vector(0)

        find(cast, "And for the board?", history=self.HISTORY, embed=embed)
        assert embedded == ["What is the limit for gifts? And for the board?"]

    def test_providers_that_do_not_read_the_history_are_asked_the_whole(self, house):
        first = ask(house, "What is the limit for gifts?")
        ask(house, "And for the board?", conversation=str(first.message.conversation_id))
        asked = [prompt.question for _, prompt in house.models.prompts]
        assert asked[-1].startswith("What is the limit for gifts?")
        assert asked[-1].endswith("And for the board?")


@pytest.fixture
def house(cast, models, django_capture_on_commit_callbacks):
    factories.make_quotes()
    models.says("quotes", ["> The limit is EUR 50 [1]."])
    cast.models = models
    make_document(cast.zones.compliance, "The limit for gifts is EUR 50.", title="Gifts")
    return cast


def ask(cast, text: str, **more):
    accepted = chat.open_turn(
        cast.alice, client_id=text[:60], assistant="compliance", text=text, enqueue=lambda _: None,
        **more,
    )  # fmt: skip
    chat.answer(accepted.answer)
    with data.rights_of_system():
        return Message.objects.select_related("conversation").get(pk=accepted.message).answers.get()


class TestAsOf:
    def replace(self, days: int = 10) -> None:
        """The only version was valid from 20 days ago until 10 days ago; then another came."""
        now = timezone.now()
        with data.rights_of_system():
            chunk = Chunk.objects.get()
            version = chunk.version
            version.valid_from = now - timedelta(days=2 * days)
            version.valid_until = now - timedelta(days=days)
            version.current = False
            version.save()
            Chunk.objects.update(current=False)

    def test_the_answer_is_from_the_documents_of_the_day_and_says_so(self, house):
        self.replace()
        make_document(house.zones.compliance, "The limit for gifts is EUR 80.", title="Gifts now")
        day = timezone.localdate() - timedelta(days=15)
        answer = ask(house, "What is the limit for gifts?", as_of=day.isoformat())
        (prompt,) = [prompt for _, prompt in house.models.prompts]
        assert [passage.title for passage in prompt.passages] == ["Gifts"]
        assert f"as they were on {day.isoformat()}" in prompt.messages[-1].text
        replaced = timezone.localdate() - timedelta(days=10)
        assert f'replaced-on="{replaced.isoformat()}"' in prompt.messages[-1].text
        (citation,) = self.listed(house, answer)
        assert citation["superseded"] == replaced.isoformat()
        assert self.turn(house, answer).message.as_of == day

    def turn(self, house, answer):
        view = conversations.get_conversation(house.alice, answer.message.conversation_id)
        return view.turns[0]

    def listed(self, house, answer):
        return self.turn(house, answer).answers[0].citations

    def test_a_citation_says_since_when_its_version_is_replaced(self, house):
        answer = ask(house, "What is the limit for gifts?")
        assert [citation["superseded"] for citation in self.listed(house, answer)] == [None]
        assert conversations.get_citation(house.alice, answer.pk, 1).superseded_on is None
        self.replace(days=3)
        day = timezone.localdate() - timedelta(days=3)
        assert [each["superseded"] for each in self.listed(house, answer)] == [day.isoformat()]
        passage = conversations.get_citation(house.alice, answer.pk, 1)
        assert passage.superseded
        assert timezone.localdate(passage.superseded_on) == day

    def test_an_edited_message_keeps_its_day(self, house):
        answer = ask(house, "What is the limit for gifts?", as_of="2026-01-31")
        edited = chat.edit_message(
            house.alice,
            client_id="e",
            message=str(answer.message_id),
            text="What is the limit for meals?",
            enqueue=lambda _: None,
        )
        with data.rights_of_system():
            assert Message.objects.get(pk=edited.message).as_of == date(2026, 1, 31)

    @pytest.mark.parametrize(
        "text", ["31.1.2026", "2026-02-30", "yesterday", "2999-01-01", "x" * 99]
    )
    def test_a_day_that_is_none_is_refused_before_anything_is_stored(self, house, text):
        with pytest.raises(InvalidRequest) as caught:
            ask(house, "What is the limit for gifts?", as_of=text)
        assert caught.value.code == "invalid_as_of"
        assert "day to answer as of" in caught.value.user_message
        with data.rights_of_system():
            assert not Message.objects.exists()

    def test_no_day_is_now(self):
        assert retrieval.parse_as_of(None) is retrieval.parse_as_of("") is None
        today = timezone.localdate()
        assert retrieval.parse_as_of(today.isoformat()) == today
        assert retrieval.end_of(today) <= timezone.now()
        assert timezone.localdate(retrieval.end_of(date(2026, 1, 31))) == date(2026, 1, 31)


def test_a_prompt_says_the_date_of_each_source():
    passage = Passage(
        1, "c", "d", "v", "Gifts", "2. Limits", "EUR 50.", "general", 0, 7, Evidence(1, 1, 1, 1),
        valid_from=date(2025, 2, 1),
    )  # fmt: skip
    prompt = prompts.build(
        system="S", question="Limit?", passages=[passage], history=[],
        deployment=DeploymentSpec("s", "p", "on_prem", "", "m"), task=Capability.GROUNDED_ANSWER,
    )  # fmt: skip
    assert '<passage number="1" source="Gifts › 2. Limits" valid-from="2025-02-01">' in (
        prompt.messages[-1].text
    )


class TestReranking:
    """Against a real server. Search itself puts what holds the word first."""

    @pytest.fixture
    def documents(self, cast, models):
        for number in range(12):
            make_document(cast.zones.compliance, f"Limit of gifts, part {number}.", title="L")
        make_document(cast.zones.compliance, "What the board may take.", title="Board")

    def add_reranker(self, url: str, **more) -> None:
        factories.make_deployment(
            "reranker", "rerank", base_url=url, capabilities=[Capability.RERANK], **more
        )
        registry.forget()

    def prefers_board(self, path, body, headers):
        scores = [float("board" in text.lower()) for text in body["documents"]]
        return 200, [{"index": n, "score": score} for n, score in enumerate(scores)]

    def test_its_order_is_taken(self, cast, documents):
        question = "limit of gifts"
        assert find(cast, question)[0].title == "L"
        with serve(self.prefers_board) as url:
            self.add_reranker(url)
            found = find(cast, question)
        assert found[0].title == "Board"
        assert [passage.number for passage in found] == list(range(1, 9))

    def test_it_is_asked_in_words_and_shown_where_a_passage_stands(self, cast, documents):
        seen = []

        def answer(path, body, headers):
            seen.append(body)
            return self.prefers_board(path, body, headers)

        with serve(answer) as url:
            self.add_reranker(url)
            find(cast, "limit of gifts")
        (body,) = seen
        assert body["query"] == "limit of gifts"
        assert "Board\nWhat the board may take." in body["documents"]
        assert len(body["documents"]) == 13

    def test_one_that_fails_or_is_slow_changes_nothing(self, cast, documents, monkeypatch):
        before = find(cast, "limit of gifts")
        outcomes = []
        monkeypatch.setattr(compute, "record_outcome", lambda *told: outcomes.append(told))
        go_on = threading.Event()

        def slow(*_):
            go_on.wait(10)
            return 200, []

        monkeypatch.setattr(reranking, "SECONDS", 0.1)
        for answer in (lambda *_: (500, {}), slow):
            with serve(answer) as url:
                self.add_reranker(url)
                try:
                    assert find(cast, "limit of gifts") == before
                finally:
                    go_on.set()
            registry.Deployment.objects.filter(slug="reranker").delete()
        assert outcomes == [("reranker", False)] * 2

    def test_in_a_cloud_it_is_not_asked(self, cast, documents):
        asked = []

        def answer(path, body, headers):
            asked.append(path)
            return self.prefers_board(path, body, headers)

        with serve(answer) as url:
            self.add_reranker(url, environment=CLOUD)
            assert find(cast, "limit of gifts")[0].title == "L"
        assert asked == []

    def test_it_never_answers(self, house):
        with serve(self.prefers_board) as url:
            self.add_reranker(url, rank=1)
            answer = ask(house, "What is the limit for gifts?")
        assert answer.deployment.slug == "quotes"


def test_only_what_is_relevant_is_used(cast, models):
    make_document(cast.zones.compliance, "Gift rules.", vector=unit_vector(0))
    make_document(cast.zones.compliance, "Parking rules.", vector=unit_vector(9))
    assert [passage.text for passage in find(cast, "gift")] == ["Gift rules."]
