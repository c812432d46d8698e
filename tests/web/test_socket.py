"""The websocket end to end: web process, broker, worker, model server and database are real."""

from __future__ import annotations

import json

import aiohttp
import pytest

from benchmarks.upstream import text_of as scripted_text
from tests.web.sockets import check_contiguous, open_tab, signed_in, text_of

# The scripted server takes drafts; questions to documents go to `quotes`.
DRAFT = "Draft a note."


@pytest.fixture
async def alice(product):
    async with signed_in(product, "alice") as session:
        yield session


@pytest.fixture
async def tab(product, alice):
    async with open_tab(alice, product) as tab:
        yield tab


async def test_an_answer_streams_from_the_model_server_to_the_tab(tab):
    accepted = await tab.ask(f"{DRAFT} [tokens=50]")
    frames = await tab.frames(accepted["answer"])
    check_contiguous(frames)
    end = frames[-1]
    assert end["type"] == "answer.completed"
    assert end["status"] == "completed"
    assert text_of(frames) == end["text"] == scripted_text(50)
    assert end["usage"]["completion_tokens"] == 50
    assert end["badge"]["environment"] == "on_prem"
    assert len(end["receipt"]["sha256"]) == 64
    route = next(frame for frame in frames if frame["type"] == "answer.route")
    first_text = next(frame for frame in frames if frame["type"] == "answer.delta")
    assert route["id"] < first_text["id"]
    assert "drafting" in route["rule"]


async def test_a_question_is_answered_from_documents_and_cited(tab):
    accepted = await tab.ask("How long must customer due diligence records be kept?")
    frames = await tab.frames(accepted["answer"])
    end = frames[-1]
    assert end["badge"]["grounded"]
    assert end["citations"]
    assert f"[{end['citations'][0]['number']}]" in end["text"]
    zone = next(frame for frame in frames if frame["type"] == "conversation.zone")
    assert zone["label"] == "compliance"


async def test_a_question_the_documents_do_not_tell_is_not_answered(tab):
    accepted = await tab.ask("What is the boiling point of tungsten in kelvin?")
    end = (await tab.frames(accepted["answer"]))[-1]
    assert (end["finish_reason"], end["citations"]) == ("abstained", [])


async def test_a_conversation_goes_on(tab):
    first = await tab.ask(f"{DRAFT} [tokens=3]")
    await tab.frames(first["answer"])
    second = await tab.ask("Draft another. [echo]", conversation=first["conversation"])
    assert second["conversation"] == first["conversation"]
    assert text_of(await tab.frames(second["answer"])).startswith("Draft another.")


async def test_a_message_sent_again_is_one_message(tab):
    first = await tab.ask(f"{DRAFT} [tokens=3]", client_id="the-same")
    await tab.frames(first["answer"])
    again = await tab.ask(f"{DRAFT} [tokens=3]", client_id="the-same")
    assert again["duplicate"]
    assert again["answer"] == first["answer"]
    check_contiguous(await tab.frames(first["answer"]))


async def test_stop_keeps_what_came(tab):
    accepted = await tab.ask(f"{DRAFT} [tokens=5000]")
    before = await tab.frames(accepted["answer"], lambda frame: frame["type"] == "answer.delta")
    await tab.send(type="answer.stop", answer=accepted["answer"])
    after = await tab.frames(accepted["answer"])
    check_contiguous(before + after)
    end = after[-1]
    assert (end["type"], end["status"]) == ("answer.completed", "stopped")
    assert text_of(before + after) == end["text"]
    assert scripted_text(5000).startswith(end["text"].rstrip())


async def test_a_lost_tab_resumes_without_gap_or_repeat(product, alice):
    async with open_tab(alice, product) as tab:
        accepted = await tab.ask(f"{DRAFT} [tokens=200]")
        seen = await tab.frames(accepted["answer"], lambda frame: frame["id"] >= 6)
    # The browser is gone; the answer goes on.
    async with open_tab(alice, product) as tab:
        after = seen[-1]["id"]
        await tab.send(type="answer.resume", answer=accepted["answer"], after=after)
        rest = await tab.frames(accepted["answer"])
    check_contiguous(seen + rest)
    assert text_of(seen + rest) == rest[-1]["text"] == scripted_text(200)


async def test_a_second_tab_sees_the_same_answer(product, alice, tab):
    accepted = await tab.ask(f"{DRAFT} [tokens=100]")
    async with open_tab(alice, product) as other:
        await other.send(type="answer.resume", answer=accepted["answer"], after=0)
        assert await other.frames(accepted["answer"]) == await tab.frames(accepted["answer"])


async def test_resuming_after_the_end_sends_the_end(tab):
    accepted = await tab.ask(f"{DRAFT} [tokens=3]")
    frames = await tab.frames(accepted["answer"])
    await tab.send(type="answer.resume", answer=accepted["answer"], after=frames[-2]["id"])
    assert await tab.frames(accepted["answer"]) == frames[-1:]
    await tab.send(type="answer.resume", answer=accepted["answer"], after=frames[-1]["id"])
    (again,) = await tab.frames(accepted["answer"])
    assert again["text"] == frames[-1]["text"]


async def test_regenerate_and_edit_make_siblings(tab):
    first = await tab.ask(f"{DRAFT} [tokens=3]")
    await tab.frames(first["answer"])
    await tab.send(type="answer.regenerate", answer=first["answer"], client_id="again")
    again = await tab.receive()
    assert again["type"] == "message.accepted"
    assert again["message"] == first["message"]
    assert again["answer"] != first["answer"]
    await tab.frames(again["answer"])
    await tab.send(
        type="message.edit", message=first["message"], client_id="edit", text="Draft. [echo]"
    )
    edited = await tab.receive()
    assert edited["conversation"] == first["conversation"]
    assert edited["message"] != first["message"]
    await tab.frames(edited["answer"])


@pytest.mark.parametrize(
    "sent",
    [
        "not json",
        "[]",
        "{}",
        '{"type": 7}',
        '{"type": "shutdown"}',
        '{"type": "__init__"}',
        '{"type": "answer.stop"}',
        '{"type": "answer.stop", "answer": ["x"]}',
        '{"type": "answer.resume", "answer": "x", "after": -1}',
        '{"type": "answer.resume", "answer": "x", "after": "1"}',
        "[" * 100_000,
    ],
)
async def test_a_malformed_frame_gets_an_error_and_the_socket_stays(tab, sent):
    await tab.socket.send_str(sent)
    error = await tab.receive()
    assert error["type"] == "error"
    assert error["code"] in ("invalid_request", "not_found")
    assert "Traceback" not in json.dumps(error)
    await tab.frames((await tab.ask(f"{DRAFT} [tokens=1]"))["answer"])


async def test_a_binary_frame_gets_an_error(tab):
    await tab.socket.send_bytes(b"\x00\x01")
    assert (await tab.receive())["code"] == "invalid_request"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"text": ""}, "empty"),
        ({"text": "a\x00b"}, "invalid_text"),
        ({"text": "x" * 40_000}, "too_long"),
        ({"text": None}, "invalid_request"),
        ({"client_id": ""}, "invalid_request"),
        ({"assistant": "compli\x00ance"}, "invalid_request"),
        ({"assistant": "clinical"}, "not_found"),
        ({"conversation": "00000000-0000-0000-0000-000000000000"}, "not_found"),
        ({"attachments": [{"name": "x"}]}, "attachments_unsupported"),
    ],
)
async def test_a_message_that_cannot_be_taken_is_rejected_with_a_reason(tab, change, code):
    frame = {
        "type": "message.send",
        "client_id": "c",
        "conversation": None,
        "assistant": "compliance",
        "text": "Hello",
        "attachments": [],
        **change,
    }
    await tab.send(**frame)
    rejected = await tab.receive()
    assert (rejected["type"], rejected["code"]) == ("message.rejected", code)
    assert rejected["client_id"] == frame["client_id"]
    assert rejected["message"]


@pytest.mark.parametrize("client_id", ["\x00", "\ud800"])
async def test_a_client_id_that_is_no_text_is_not_echoed(tab, client_id):
    frame = {"type": "message.send", "assistant": "compliance", "text": "Hi"}
    await tab.socket.send_str(json.dumps({**frame, "client_id": client_id}))
    rejected = await tab.receive()
    assert (rejected["code"], rejected["client_id"]) == ("invalid_request", None)


async def test_a_frame_over_the_limit_closes_the_socket(tab):
    await tab.socket.send_str("x" * 1_200_000)
    assert await tab.closed() == 1009


async def test_another_user_cannot_follow_stop_or_continue(product, tab):
    accepted = await tab.ask(f"{DRAFT} [tokens=20]")
    async with signed_in(product, "dave") as session, open_tab(session, product) as other:
        for frame in (
            {"type": "answer.resume", "answer": accepted["answer"], "after": 0},
            {"type": "answer.stop", "answer": accepted["answer"]},
        ):
            await other.send(**frame)
            error = await other.receive()
            assert (error["type"], error["code"]) == ("error", "not_found")
        await other.send(
            type="message.send",
            client_id="d",
            conversation=accepted["conversation"],
            assistant="compliance",
            text="Hello",
        )
        assert (await other.receive())["code"] == "not_found"
    end = (await tab.frames(accepted["answer"]))[-1]
    assert end["status"] == "completed"  # and was not stopped by dave


async def test_without_a_session_the_handshake_is_refused(product):
    async with aiohttp.ClientSession(headers={"Origin": product.url}) as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(product.socket_url)
    assert refused.value.status == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", ""])
async def test_a_foreign_origin_is_refused(product, alice, origin):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await alice.ws_connect(product.socket_url, headers={"Origin": origin})
    assert refused.value.status == 403


async def test_an_ended_session_closes_the_socket(product):
    async with signed_in(product, "carol") as session, open_tab(session, product) as tab:
        (token,) = [c.value for c in session.cookie_jar if c.key == "csrftoken"]
        form = {"csrfmiddlewaretoken": token}
        async with session.post(product.url + "/accounts/logout/", data=form) as reply:
            assert reply.ok
        await tab.send(
            type="message.send", client_id="c", conversation=None, assistant="clinical", text="Hi"
        )
        assert await tab.closed() == 4401
