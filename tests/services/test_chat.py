from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError

from assistants import compute, control, data
from assistants.exceptions import InvalidRequest, NotFound, RateLimited
from assistants.models import Answer, AuditEvent, Chunk, Conversation, Message
from assistants.services import chat, conversations
from assistants.types import Evidence, Passage, Stage, StreamFrame
from tests import factories, fakes
from tests.fakes import STALL, lost


@pytest.fixture
def models(monkeypatch):
    return fakes.install(monkeypatch, factories.unit_vector(0))


@pytest.fixture
def house(cast, models, django_capture_on_commit_callbacks):
    """The cast, with a server on the premises and quotes; `ask` opens a turn and answers it."""
    factories.make_deployment("server")
    factories.make_quotes()
    models.says("server", ["Hello ", "there."])
    models.says("quotes", ["> quoted [1]"])
    return cast


def open_turn(user, text="Hello", *, client_id="c1", assistant="compliance", **extra):
    queued: list[str] = []
    return chat.open_turn(
        user,
        client_id=client_id,
        assistant=assistant,
        text=text,
        enqueue=queued.append,
        **extra,
    )


def ask(user, text="Hello", **extra) -> Answer:
    accepted = open_turn(user, text, **extra)
    chat.answer(accepted.answer)
    return get(Answer, pk=accepted.answer)


@data.rights_of_system()
def get(model, **which):
    """The one stored row and what it belongs to; what belongs to it is looked up by `all_of`."""
    return model.objects.select_related().get(**which)


@data.rights_of_system()
def all_of(rows) -> list[Any]:
    return list(rows)


def count(model) -> int:
    return len(all_of(model.objects.all()))


@data.rights_of_system()
def update(**fields) -> None:
    Answer.objects.update(**fields)


def frames_of(answer: str) -> list[StreamFrame]:
    async def read() -> list[StreamFrame]:
        return [frame async for frame in compute.read_frames(answer, 0) if frame]

    return compute.run(read())


# ---- opening a turn ----


def test_a_message_is_stored_and_its_answer_queued_on_commit(
    house, django_capture_on_commit_callbacks
):
    queued: list[str] = []
    with django_capture_on_commit_callbacks(execute=True):
        accepted = chat.open_turn(
            house.alice,
            client_id="c1",
            assistant="compliance",
            text="  What is\r\nthe limit?  ",
            enqueue=queued.append,
        )
        assert queued == []
    assert queued == [accepted.answer]
    message = get(Message, pk=accepted.message)
    assert message.text == "What is\nthe limit?"
    assert accepted.title == "What is the limit?"
    assert get(Conversation).zones == ["general"]


def test_a_message_sent_again_meets_its_first_arrival(house):
    first = open_turn(house.alice)
    again = open_turn(house.alice)
    assert again.duplicate
    assert (again.answer, again.message) == (first.answer, first.message)
    assert count(Message) == 1


def test_the_same_client_id_of_another_user_is_another_message(house):
    open_turn(house.alice)
    other = open_turn(house.dave, assistant="code")
    assert not other.duplicate


def test_a_queue_that_is_away_does_not_lose_the_message(house, django_capture_on_commit_callbacks):
    def away(answer: str) -> None:
        raise ConnectionError("broker")

    with django_capture_on_commit_callbacks(execute=True):
        chat.open_turn(house.alice, client_id="c1", assistant="compliance", text="Hi", enqueue=away)
    assert get(Answer).status == Answer.Status.PENDING


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("  \n\t ", "empty"),
        ("\u200b\u200d\ufeff", "empty"),
        ("a\x00b", "invalid_text"),
        ("\x1b[31mred", "invalid_text"),
        ("half a pair \ud800", "invalid_text"),
        ("x" * 32_001, "too_long"),
    ],
)
def test_a_bad_message_gets_a_clear_refusal_and_nothing_is_stored(house, text, code):
    with pytest.raises(InvalidRequest) as refused:
        open_turn(house.alice, text)
    assert refused.value.code == code
    assert len(refused.value.user_message) > 20
    assert count(Message) == count(Conversation) == 0


def test_mixed_scripts_are_fine(house):
    answer = ask(house.alice, "Grenze für подарки 贈り物 هدايا 👩‍⚕️?")
    assert answer.status == Answer.Status.COMPLETED


@pytest.mark.parametrize("client_id", ["", "x" * 65])
def test_a_client_id_has_a_length(house, client_id):
    with pytest.raises(InvalidRequest, match="client_id"):
        open_turn(house.alice, client_id=client_id)


def test_messages_are_limited_per_user(house, settings):
    settings.MESSAGES_PER_MINUTE = 3
    cache.clear()  # the counts are in the same broker
    for n in range(3):
        open_turn(house.alice, client_id=f"c{n}")
    with pytest.raises(RateLimited) as refused:
        open_turn(house.alice, client_id="c9")
    assert 0 < refused.value.retry_after <= 60
    open_turn(house.dave, assistant="code")  # another user's count is their own


@pytest.mark.parametrize("assistant", ["clinical", "code", "nonsense", ""])
def test_only_members_of_a_department_may_ask_its_assistant(house, assistant):
    with pytest.raises(NotFound):
        open_turn(house.alice, assistant=assistant)


def test_another_users_conversation_answer_and_message_do_not_exist(house):
    accepted = open_turn(house.alice)
    for act in (
        lambda: open_turn(house.dave, conversation=accepted.conversation),
        lambda: chat.stop_answer(house.dave, accepted.answer),
        lambda: chat.regenerate(
            house.dave, client_id="r", answer=accepted.answer, enqueue=lambda _: None
        ),
        lambda: chat.edit_message(
            house.dave,
            client_id="e",
            message=accepted.message,
            text="x",
            enqueue=lambda _: None,
        ),
        lambda: conversations.get_conversation(house.dave, accepted.conversation),
        lambda: conversations.get_conversation(house.adam, accepted.conversation),
    ):
        with pytest.raises(NotFound):
            act()


@pytest.mark.parametrize("identifier", ["", "1", "not-an-id", "0" * 500, "../../etc"])
def test_a_malformed_id_is_not_found(house, identifier):
    with pytest.raises(NotFound):
        open_turn(house.alice, conversation=identifier)
    with pytest.raises(NotFound):
        chat.stop_answer(house.alice, identifier)


def test_an_input_guardrail_stops_a_message_before_it_is_stored(house, monkeypatch):
    factories.add_guardrail(monkeypatch, "forbidden", lambda text: True, Stage.INPUT)
    with pytest.raises(InvalidRequest) as refused:
        open_turn(house.alice)
    assert refused.value.code == "blocked"
    assert "policy “Organisation”" in refused.value.user_message
    assert count(Message) == 0
    (event,) = AuditEvent.objects.filter(action="message.blocked")
    assert [each["guardrail"] for each in event.data["findings"]] == ["forbidden"]


# ---- answering ----


def test_an_answer_streams_and_is_stored_with_receipt_and_audit_event(house):
    answer = ask(house.alice)
    assert (answer.status, answer.text) == (Answer.Status.COMPLETED, "Hello there.")
    frames = frames_of(str(answer.pk))
    assert [frame.number for frame in frames] == list(range(1, len(frames) + 1))
    deltas = [frame.data["text"] for frame in frames if frame.type == "answer.delta"]
    end = frames[-1]
    assert end.type == "answer.completed"
    assert "".join(deltas) == end.data["text"] == "Hello there."
    assert end.data["badge"]["model"] == "server-model"
    assert control.verify_receipt(answer.receipt, answer.receipt_sha256)
    event = AuditEvent.objects.get(subject=str(answer.pk))
    assert event.data["receipt_sha256"] == answer.receipt_sha256
    assert [g.outcome for g in all_of(answer.generations.all())] == ["stop"]


def passage(chunk: Chunk, number: int = 1, zone: str = "compliance") -> Passage:
    return Passage(
        number=number,
        chunk_id=str(chunk.pk),
        document_id=str(chunk.version.document_id),
        version_id=str(chunk.version_id),
        title="Gifts policy",
        section="2. Limits",
        text=chunk.text,
        zone=zone,
        start=chunk.start,
        end=chunk.end,
        evidence=Evidence(cosine=0.9, keyword=1.0, coverage=1.0, score=1.0),
    )


@pytest.fixture
def found(house, monkeypatch):
    chunk = factories.make_document(house.zones.compliance, "The limit is EUR 100.")
    calls = []

    def search(scope, zone_ids, query, vector, **more):
        calls.append((scope, zone_ids))
        return [passage(chunk)]

    monkeypatch.setattr(data, "search", search, raising=False)
    monkeypatch.setattr(data, "is_relevant", lambda evidence: True, raising=False)
    return calls


def test_retrieval_has_the_askers_rights_and_the_assistants_zones(house, found):
    ask(house.alice, "What is the limit for gifts?")
    ((scope, zone_ids),) = found
    assert scope == data.get_scope(house.alice)
    assert set(zone_ids) == {house.zones.general.pk, house.zones.compliance.pk}


def test_passages_are_cited_and_the_conversation_ratchets_up(house, models, found):
    models.says("server", ["It is EUR 100 [1], not [7]."])
    answer = ask(house.alice, "What is the limit for gifts?")
    (citation,) = all_of(answer.citations.all())
    assert (citation.number, citation.title, citation.section) == (1, "Gifts policy", "2. Limits")
    assert answer.zones == ["compliance", "general"]
    assert get(Conversation).zones == ["compliance", "general"]
    types = [frame.type for frame in frames_of(str(answer.pk))]
    assert types.index("conversation.zone") < types.index("answer.route")
    view = conversations.get_citation(house.alice, answer.pk, 1)
    assert view.passage == "The limit is EUR 100."
    assert not view.superseded


def test_a_conversation_never_comes_down_again(house, models, found, monkeypatch):
    """What follows is bound by all that went before, also where nothing more is found."""
    models.says("server", ["It is EUR 100 [1]."])
    first = ask(house.alice, "What is the limit for gifts?")
    monkeypatch.setattr(data, "search", lambda *args, **kwargs: [])
    chat_id = str(first.message.conversation_id)
    later = ask(house.alice, "Thank you.", client_id="c2", conversation=chat_id)
    assert later.zones == ["compliance", "general"]
    assert get(Conversation).zones == ["compliance", "general"]


def test_a_citation_opens_under_the_rights_of_the_moment(house, models, found):
    models.says("server", ["It is EUR 100 [1]."])
    answer = ask(house.alice, "What is the limit for gifts?")
    with pytest.raises(NotFound):
        conversations.get_citation(house.dave, answer.pk, 1)
    house.zones.compliance.readers.clear()
    with pytest.raises(NotFound):
        conversations.get_citation(house.alice, answer.pk, 1)


def test_a_right_taken_away_before_the_answer_holds(house):
    accepted = open_turn(house.alice)
    house.alice.groups.clear()
    chat.answer(accepted.answer)
    answer = get(Answer)
    assert answer.status == Answer.Status.FAILED
    assert "may not use" in answer.error_message


def test_a_restricted_passage_keeps_the_cloud_out_even_as_a_fallback(house, models, found):
    factories.make_deployment("cloudy", environment="cloud", region="eu", rank=1)
    zone = house.zones.compliance
    zone.residency, zone.treatment = ["on_prem"], "deny"
    zone.save()
    models.says("cloudy", ["leaked"])
    models.says("server", [lost()])
    models.says("quotes", [lost()])
    answer = ask(house.alice, "What is the limit for gifts?")
    assert answer.status == Answer.Status.FAILED
    assert [slug for slug, _ in models.prompts] == ["server", "quotes"]
    refusals = {refusal["deployment"]: refusal["reason"] for refusal in answer.receipt["refusals"]}
    assert "may not leave the premises" in refusals["cloudy"]


def test_before_the_first_text_the_next_deployment_takes_over_silently(house, models, found):
    models.says("server", [lost()])
    answer = ask(house.alice, "What is the limit for gifts?")
    assert (answer.status, answer.text) == (Answer.Status.COMPLETED, "> quoted [1]")
    routes = [frame for frame in frames_of(str(answer.pk)) if frame.type == "answer.route"]
    assert [route.data["fallback"] for route in routes] == [False, True]
    attempts = all_of(answer.generations.order_by("created"))
    assert [attempt.outcome for attempt in attempts] == ["interrupted", "stop"]


def test_after_text_is_out_the_same_deployment_goes_on_without_a_repeat(house, models):
    models.says("server", ["Hello ", lost()], ["Hello ", "there."])
    answer = ask(house.alice)
    assert (answer.status, answer.text) == (Answer.Status.COMPLETED, "Hello there.")
    deltas = [f.data["text"] for f in frames_of(str(answer.pk)) if f.type == "answer.delta"]
    assert "".join(deltas) == "Hello there."


def test_a_repeated_generation_that_differs_leaves_the_partial_text_and_offers_a_retry(
    house, models
):
    models.says("server", ["Hello ", lost()], ["Good day."])
    answer = ask(house.alice)
    assert (answer.status, answer.text) == (Answer.Status.INTERRUPTED, "Hello ")
    end = frames_of(str(answer.pk))[-1]
    assert end.type == "answer.failed"
    assert (end.data["code"], end.data["retry"]) == ("interrupted", True)


def test_without_any_deployment_the_message_is_kept_and_the_reason_told(house, models):
    models.says("server", [lost()])
    answer = ask(house.alice)
    assert answer.status == Answer.Status.FAILED
    assert count(Message) == 1
    assert answer.error_message


def test_an_empty_generation_is_not_an_answer(house, models):
    models.says("server", ["  "])
    assert ask(house.alice).status != Answer.Status.COMPLETED


def test_a_bug_ends_the_answer_with_a_plain_message(house, models):
    models.says("server", [RuntimeError("secret detail")])
    answer = ask(house.alice)
    assert answer.status == Answer.Status.FAILED
    end = frames_of(str(answer.pk))[-1]
    assert "secret" not in str(end.data)


def test_a_database_that_is_away_for_a_moment_does_not_fail_the_answer(house, monkeypatch):
    accepted = open_turn(house.alice)
    with monkeypatch.context() as away:
        away.setattr(chat.control, "decide_route", raiser(OperationalError("server closed")))
        with pytest.raises(OperationalError):
            chat.answer(accepted.answer)
    assert get(Answer).status == Answer.Status.PENDING
    chat.answer(accepted.answer)  # as the sweeper has it done
    assert get(Answer).text == "Hello there."


def raiser(error: Exception):
    def fail(*args, **kwargs):
        raise error

    return fail


def test_stop_keeps_the_partial_text(house, models):
    models.says("server", ["Hello ", STALL])
    accepted = open_turn(house.alice)
    reader = threading.Thread(target=stop_at_first_text, args=(accepted.answer,))
    reader.start()
    chat.answer(accepted.answer)
    reader.join()
    answer = get(Answer)
    assert (answer.status, answer.text) == (Answer.Status.STOPPED, "Hello ")
    end = frames_of(accepted.answer)[-1]
    assert (end.type, end.data["status"]) == ("answer.completed", "stopped")


def stop_at_first_text(answer: str) -> None:
    async def wait() -> None:
        async for frame in compute.read_frames(answer, 0):
            if frame and frame.type == "answer.delta":
                return

    compute.run(wait())
    compute.request_stop(answer)


def test_a_second_run_of_an_ended_answer_changes_nothing(house):
    answer = ask(house.alice)
    frames = frames_of(str(answer.pk))
    chat.answer(str(answer.pk))
    assert frames_of(str(answer.pk)) == frames
    assert len(all_of(answer.generations.all())) == 1


def test_an_end_that_was_stored_but_not_told_is_told_by_the_next_run(house):
    accepted = open_turn(house.alice)
    update(status=Answer.Status.COMPLETED, text="Hello", receipt={})
    chat.answer(accepted.answer)
    (end,) = frames_of(accepted.answer)
    assert (end.type, end.data["text"]) == ("answer.completed", "Hello")


def test_an_answer_that_kills_its_runners_is_given_up(house, models):
    accepted = open_turn(house.alice)
    client = compute.broker.sync_client()
    client.set(f"answer:{accepted.answer}:runs", chat.MAX_RUNS)
    chat.answer(accepted.answer)
    assert get(Answer).status == Answer.Status.FAILED
    assert models.prompts == []


def test_history_follows_the_branch(house, models):
    first = open_turn(house.alice, "First", client_id="a")
    chat.answer(first.answer)
    second = open_turn(house.alice, "Second", client_id="b", conversation=first.conversation)
    chat.answer(second.answer)
    edited = chat.edit_message(
        house.alice,
        client_id="c",
        message=second.message,
        text="Other second",
        enqueue=lambda _: None,
    )
    chat.answer(edited.answer)
    texts = [[m.text for m in prompt.messages[1:]] for _, prompt in models.prompts]
    assert [len(told) for told in texts] == [1, 3, 3]
    assert texts[2][0] == "First"
    assert texts[2][-1].endswith("Other second")
    view = conversations.get_conversation(house.alice, first.conversation)
    assert [turn.message.text for turn in view.turns] == ["First", "Other second"]
    assert len(view.turns[1].siblings) == 2


def test_regenerate_makes_a_sibling_once(house):
    answer = ask(house.alice)
    again = chat.regenerate(
        house.alice, client_id="r", answer=str(answer.pk), enqueue=lambda _: None
    )
    twice = chat.regenerate(
        house.alice, client_id="r2", answer=str(answer.pk), enqueue=lambda _: None
    )
    assert again.answer == twice.answer != str(answer.pk)
    chat.answer(again.answer)
    view = conversations.get_conversation(house.alice, again.conversation)
    assert [a.number for a in view.turns[0].answers] == [1, 2]


def test_held_answers_are_stored_and_not_shown(house):
    assistant = house.alice.groups.get().assistants.get()
    assistant.release_mode = "hold"
    assistant.save()
    answer = ask(house.alice)
    assert (answer.status, answer.text) == (Answer.Status.HELD, "Hello there.")
    frames = frames_of(str(answer.pk))
    assert frames[-1].type == "answer.held"
    assert "Hello" not in str([frame.data for frame in frames])
    view = conversations.get_conversation(house.alice, answer.message.conversation_id)
    shown = view.turns[0].answers[0]
    assert (shown.text, shown.html) == ("", "")


# ---- sweeping ----


def test_the_sweeper_queues_an_abandoned_answer_once(house):
    accepted = open_turn(house.alice)
    queued: list[str] = []
    chat.sweep(queued.append)
    assert queued == []  # too young
    update(created="2020-01-01T00:00:00Z")
    chat.sweep(queued.append)
    chat.sweep(queued.append)
    assert queued == [accepted.answer]
    chat.answer(accepted.answer)
    chat.sweep(queued.append)
    assert queued == [accepted.answer]
