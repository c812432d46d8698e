"""What a program gives along with its question, on the real database and broker."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import pytest

from assistants import compute, data
from assistants.exceptions import AccessWithdrawn, InvalidRequest, NotFound
from assistants.models import Answer, Conversation, Message
from assistants.services import chat, completions, conversations, given, history, prompts, registry
from assistants.services.api_keys import create_api_key
from assistants.services.completions import Ended
from assistants.services.given import Given
from assistants.services.stopping import StopSequences
from assistants.types import (
    Capability,
    DeploymentSpec,
    PromptMessage,
    Role,
    Sampling,
    Stage,
)
from tests import factories, fakes
from tests.fakes import STALL, lost

SYSTEM, USER, ASSISTANT = Role.SYSTEM, Role.USER, Role.ASSISTANT


@pytest.fixture
def models(monkeypatch):
    return fakes.install(monkeypatch, factories.unit_vector(0))


@pytest.fixture
def house(cast, models, django_capture_on_commit_callbacks):
    factories.make_deployment("server")
    factories.make_quotes()
    models.says("server", ["Hello ", "there."])
    models.says("quotes", ["> quoted [1]"])
    return cast


def open_completion(user, text="Hello", *turns, assistant="compliance", sampling=None, **extra):
    """`turns` are pairs of role and text."""
    key, _ = create_api_key(user.username)
    told = tuple(PromptMessage(role, said) for role, said in turns)
    return completions.open_completion(
        user,
        key,
        assistant=assistant,
        text=text,
        given=Given(told, sampling or Sampling(), key.pk),
        enqueue=lambda _: None,
        **extra,
    )


def ask(user, text="Hello", *turns, **extra) -> Ended:
    opened = open_completion(user, text, *turns, **extra)
    chat.answer(opened.answer)
    return completions.get_completion(user, opened.answer)


def seen(models) -> list[tuple[Role, str]]:
    """What the model was given last, without our system prompt."""
    _, prompt = models.prompts[-1]
    assert prompt.messages[0].role is SYSTEM
    return [(message.role, message.text) for message in prompt.messages[1:]]


@data.rights_of_system()
def stored() -> Message:
    return Message.objects.select_related("conversation__api_key").latest("pk")


def test_a_request_is_a_conversation_of_its_own_that_the_page_does_not_list(house):
    first, second = ask(house.alice), ask(house.alice)
    assert first.conversation != second.conversation
    assert first.text == "Hello there."
    chat_of_it = stored().conversation
    assert (chat_of_it.origin, chat_of_it.owner) == ("api", house.alice)
    assert chat_of_it.api_key.user == house.alice
    assert history.get_sidebar(house.alice).is_empty
    view = conversations.get_conversation(house.alice, first.conversation)
    assert [turn.message.text for turn in view.turns] == ["Hello"]


def test_what_was_given_takes_part_in_the_prompt_and_is_kept(house, models):
    turns = [(USER, "First"), (ASSISTANT, "I said so"), (USER, "Second"), (ASSISTANT, "Again")]
    ended = ask(house.alice, "Hello", *turns)
    assert seen(models) == [*turns, (USER, "Hello")]
    assert [(turn["role"], turn["text"]) for turn in stored().given] == turns
    with data.rights_of_system():
        receipt = Answer.objects.get(pk=ended.answer).receipt
        assert Answer.objects.count() == 1  # what a client says we said is no answer of ours
    assert receipt["origin"] == "api"
    assert [turn["role"] for turn in receipt["given"]] == ["user", "assistant"] * 2
    assert "First" not in str(receipt)


def test_turns_of_one_side_in_a_row_are_one_message_of_the_prompt(house, models):
    ask(house.alice, "Hello", (USER, "One"), (USER, "Two"), (ASSISTANT, "a"), (ASSISTANT, "b"))
    assert seen(models) == [(USER, "One\n\nTwo"), (ASSISTANT, "a\n\nb"), (USER, "Hello")]


def test_a_clients_system_prompt_is_the_persons_word_and_ours_stands(house, models):
    ask(house.alice, "Hello", (SYSTEM, "Be a pirate."), (SYSTEM, "Be brief."))
    _, prompt = models.prompts[-1]
    assert prompt.messages[0].text.startswith("You are the compliance assistant.")
    assert "pirate" not in prompt.messages[0].text
    ((role, text),) = seen(models)
    assert role is USER
    assert text.startswith(prompts.INSTRUCTIONS)
    assert text.endswith("Be a pirate.\n\nBe brief.\n\nHello")
    assert prompt.question == "Hello"  # what is searched for, and what `quotes` answers


def test_instructions_outlast_a_history_that_does_not_fit():
    deployment = DeploymentSpec("small", "x", "on_prem", "", "m", context_tokens=300, max_tokens=50)
    prompt = prompts.build(
        system="System.",
        question="Question?",
        passages=[],
        history=[PromptMessage(USER, "x" * 2000), PromptMessage(ASSISTANT, "y" * 2000)],
        deployment=deployment,
        task=Capability.DRAFT,
        instructions="Answer in French.",
    )
    assert len(prompt.messages) == 2
    assert "Answer in French." in prompt.messages[1].text


def test_a_follow_up_is_completed_from_what_was_given(house, models, monkeypatch):
    asked = []

    def search(scope, zone_ids, query, vector, **more):
        asked.append((query, more))
        return []

    monkeypatch.setattr(data, "search", search)
    ask(house.alice, "And for the board?", (USER, "What is the gift limit for staff?"))
    assert "gift limit" in str(asked)


# ---- where it comes from ----


@pytest.fixture
def told(house, models):
    """An answer that alice was told, made from the zone compliance."""
    models.says("server", ["The limit is EUR 100."])
    first = ask(house.alice, "Draft a note")
    with data.rights_of_system():
        Answer.objects.update(zones=["compliance", "general"], made_from=["compliance"])
    return first


def test_our_own_answer_brings_its_zones_back(told, house):
    ended = ask(house.alice, "Draft it again", (USER, "Draft"), (ASSISTANT, told.text))
    assert ended.zones == ["compliance", "general"]
    assert stored().given[1]["answer"] == told.answer
    with data.rights_of_system():
        assert Answer.objects.get(pk=ended.answer).made_from == ["compliance"]


@pytest.mark.parametrize("changed", ["  The limit is\r\nEUR 100.\n", "The limit\tis EUR 100."])
def test_blanks_that_changed_on_the_way_do_not_hide_it(told, house, changed):
    ask(house.alice, "Draft it again", (USER, "Draft"), (ASSISTANT, changed))
    assert stored().given[1]["answer"] == told.answer


def test_an_answer_of_another_assistant_brings_its_zones_too(house, told):
    house.alice.groups.add(house.dave.groups.get())
    ended = ask(house.alice, "Draft it", (USER, "x"), (ASSISTANT, told.text), assistant="code")
    assert "compliance" in ended.zones


def test_a_turn_that_is_no_answer_of_ours_comes_from_all_that_is_searched(house):
    ended = ask(house.carol, "Draft", (USER, "x"), (ASSISTANT, "Changed."), assistant="clinical")
    assert ended.zones == ["clinical", "general"]
    assert stored().given[1]["answer"] is None
    assert stored().conversation.zones == ["clinical", "general"]


def test_what_another_person_was_told_is_not_taken_for_ones_own(told, house):
    ask(house.dave, "Draft", (USER, "x"), (ASSISTANT, told.text), assistant="code")
    assert stored().given[1]["answer"] is None


def test_a_persons_own_words_start_where_questions_start(house):
    assert ask(house.carol, "Draft", (USER, "x"), assistant="clinical").zones == ["general"]


def test_an_answer_that_may_not_be_read_any_more_is_not_taken_back(told, house):
    house.zones.compliance.readers.clear()
    with pytest.raises(AccessWithdrawn, match="answer") as refused:
        open_completion(house.alice, "Draft", (USER, "x"), (ASSISTANT, told.text))
    assert "leave it out" in refused.value.user_message
    with data.rights_of_system():
        assert Conversation.objects.count() == 1


def test_the_answer_is_withheld_when_what_was_given_may_not_be_read_any_more(told, house):
    ended = ask(house.alice, "Draft it again", (USER, "x"), (ASSISTANT, told.text))
    house.zones.compliance.readers.clear()
    with pytest.raises(AccessWithdrawn):
        completions.get_completion(house.alice, ended.answer)


@pytest.mark.django_db(transaction=True)  # the end is looked up by another thread
def test_an_end_that_comes_before_the_news_of_a_lost_right_tells_of_it(house, monkeypatch):
    monkeypatch.setattr(completions.rights, "watch_answer", lambda *_: nullcontext())
    monkeypatch.setattr(completions.rights, "watch_key", lambda *_: nullcontext())
    opened = open_completion(house.alice)
    chat.answer(opened.answer)
    house.alice.is_active = False
    house.alice.save()

    async def follow():
        async with completions.followed(opened) as pieces:
            return [piece async for piece in pieces]

    with pytest.raises(AccessWithdrawn):
        asyncio.run(follow())


@pytest.mark.django_db(transaction=True)  # what leaves is sealed by another thread
def test_a_restricted_answer_that_is_given_back_keeps_the_cloud_out(told, house, models):
    zone = house.zones.compliance
    zone.residency, zone.treatment = ["on_prem"], "deny"
    zone.save()
    factories.make_deployment("cloudy", environment="cloud", region="eu", rank=1)
    models.says("cloudy", ["leaked"])
    registry.forget()
    ask(house.alice, "Draft it again")
    assert models.prompts[-1][0] == "cloudy"
    before = len(models.prompts)
    ask(house.alice, "Draft it again", (USER, "Draft"), (ASSISTANT, told.text))
    ask(house.alice, "Draft it again", (USER, "Draft"), (ASSISTANT, "It is EUR 100, changed."))
    assert [slug for slug, _ in models.prompts[before:]] == ["server", "server"]


def test_the_page_goes_on_from_a_conversation_of_the_api(house, models):
    first = ask(house.alice, "Hello", (SYSTEM, "Be brief."), (USER, "Before"), (ASSISTANT, "Yes"))
    accepted = chat.open_turn(
        house.alice,
        client_id="page",
        assistant="compliance",
        text="Go on",
        conversation=first.conversation,
        enqueue=lambda _: None,
    )
    chat.answer(accepted.answer)
    assert [text for _, text in seen(models)] == [
        *("Before", "Yes", "Hello", "Hello there.", "Go on")
    ]


# ---- what is refused ----


@pytest.mark.parametrize(
    ("turn", "code"),
    [
        ((USER, "a\x00b"), "invalid_text"),
        ((ASSISTANT, "\ud800"), "invalid_text"),
        ((USER, "x" * 33_000), "too_long"),
        ((SYSTEM, "x" * 33_000), "too_long"),
        ((ASSISTANT, "x" * 300_000), "too_long"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_is(house, turn, code):
    with pytest.raises(InvalidRequest) as refused:
        open_completion(house.alice, "Hello", turn)
    assert refused.value.code == code
    with data.rights_of_system():
        assert not Conversation.objects.exists()


def test_guardrails_look_at_all_that_is_given(house, monkeypatch):
    factories.add_guardrail(monkeypatch, "words", lambda text: "bad" in text, Stage.INPUT)
    for role in (SYSTEM, USER, ASSISTANT):
        with pytest.raises(InvalidRequest, match="Attacks on the assistant"):
            open_completion(house.alice, "Hello", (role, "a bad thing"))


def test_an_assistant_of_another_department_is_not_there(house):
    with pytest.raises(NotFound):
        open_completion(house.alice, assistant="clinical")


def test_answers_of_the_page_and_of_others_are_not_fetched(house):
    accepted = chat.open_turn(
        house.alice, client_id="c", assistant="compliance", text="Hi", enqueue=lambda _: None
    )
    with pytest.raises(NotFound):
        completions.get_completion(house.alice, accepted.answer)
    ended = ask(house.alice)
    with pytest.raises(NotFound):
        completions.get_completion(house.dave, ended.answer)


# ---- sampling ----


def test_what_is_asked_of_the_model_reaches_it_within_the_deployments_bounds(house, models):
    ask(house.alice, sampling=Sampling(max_tokens=7, temperature=0.5, stop=("END",)))
    _, prompt = models.prompts[-1]
    assert (prompt.max_tokens, prompt.temperature, prompt.stop) == (7, 0.5, ("END",))
    ask(house.alice, sampling=Sampling(max_tokens=1_000_000))
    assert models.prompts[-1][1].max_tokens == 1024


def test_the_answer_ends_before_a_stop_sequence_and_the_model_is_let_go(house, models):
    models.says("server", ["Hello EN", "D and", STALL])
    ended = ask(house.alice, sampling=Sampling(stop=("END",)))
    assert (ended.text, ended.status, ended.finish_reason) == (
        *("Hello ", Answer.Status.COMPLETED, "stop_sequence"),
    )
    assert ended.usage.completion_tokens > 0
    assert ended.usage.prompt_tokens > 0


def test_an_answer_may_be_empty_before_a_stop_sequence(house, models):
    models.says("server", ["END and more"])
    ended = ask(house.alice, sampling=Sampling(stop=("END",)))
    assert (ended.text, ended.status) == ("", Answer.Status.COMPLETED)


def test_a_beginning_that_is_no_stop_sequence_after_all_is_shown(house, models):
    models.says("server", ["Hello EN"])
    assert ask(house.alice, sampling=Sampling(stop=("END",))).text == "Hello EN"


def test_a_generation_that_goes_on_after_a_break_is_cut_at_the_same_place(house, models):
    models.says("server", ["Hello E", lost()], ["Hello END there."])
    assert ask(house.alice, sampling=Sampling(stop=("END",))).text == "Hello "


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    ("text", "sequences", "shown"),
    [
        ("one two three", ["two"], "one "),
        ("one two three", ["three", "two"], "one "),
        ("aaab", ["aab"], "a"),
        ("ababac", ["abac"], "ab"),
        ("one tw", ["two"], "one tw"),
        ("one", [], "one"),
        ("two", ["two"], ""),
        ("xéy€z", ["€"], "xéy"),
        ("a\n\nb", ["\n\n"], "a"),
    ],
)
def test_stop_sequences_are_found_however_the_text_comes(text, sequences, shown, size):
    stop = StopSequences(sequences)
    released = "".join(stop.feed(text[at : at + size]) for at in range(0, len(text), size))
    released += stop.finish()
    assert released == shown
    assert stop.met == (shown != text)


# ---- held ----


def test_a_held_answer_is_told_without_a_word_of_it(house):
    house.alice.groups.get().assistants.update(release_mode="hold")
    ended = ask(house.alice)
    assert (ended.status, ended.text, ended.citations) == (Answer.Status.HELD, "", [])


# ---- following ----


def follow(opened, until=lambda piece: False):
    async def read():
        pieces = []
        async with completions.followed(opened) as told:
            async for piece in told:
                pieces.append(piece)
                if until(piece):
                    break
        return pieces

    return asyncio.run(read())


@pytest.mark.django_db(transaction=True)
def test_who_leaves_before_the_end_has_stopped_the_answer(house):
    opened = open_completion(house.alice)
    chat.answer(opened.answer)  # nothing is lost by following late
    *text, ended = follow(opened)
    assert "".join(piece for piece in text if piece) == ended.text == "Hello there."
    client = compute.broker.sync_client()
    assert not client.get(f"answer:{opened.answer}:stop")
    follow(opened, until=lambda piece: isinstance(piece, str))
    assert client.get(f"answer:{opened.answer}:stop")


def test_fingerprints_tell_texts_apart():
    assert given.fingerprint("a b") == given.fingerprint(" a\nb ")
    assert given.fingerprint("é") == given.fingerprint("é")
    assert given.fingerprint("a b") != given.fingerprint("ab")
    assert given.fingerprint(" ") == ""
