"""The API with the official client, against the running product."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import openai
import psycopg
import pytest
from openai import AsyncOpenAI, OpenAI

from benchmarks.product import Product
from benchmarks.upstream import text_of

# The scripted server takes drafts; questions to documents go to `quotes`.
DRAFT = "Draft a note."
QUESTION = "How long must customer due diligence records be kept?"
MODEL = "compliance"
LONG = f"{DRAFT} [tokens=1000] [delay=100]"  # a hundred seconds of text


def make_key(product: Product, user: str, *options: str) -> str:
    return product.manage("create_api_key", user, *options).split()[-1]


@pytest.fixture(scope="module")
def key(product) -> str:
    return make_key(product, "alice", "--name", "tests", "--days", "1")


@pytest.fixture
def client(product, key) -> Iterator[OpenAI]:
    with OpenAI(api_key=key, base_url=product.url + "/v1", max_retries=0) as client:
        yield client


@pytest.fixture
async def aclient(product, key) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key=key, base_url=product.url + "/v1", max_retries=0) as client:
        yield client


# What is changed behind the product's back it remembers for so long (services/registry.py).
SETTINGS_HOLD = 1.0


@pytest.fixture
def database(product: Product) -> Iterator[psycopg.Connection]:
    services = json.loads((product.state_dir / "services.json").read_text())
    with psycopg.connect(services["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("set hybridapp.system = 'on'")
        yield connection


def say(text: str, **extra: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **extra}


def extra_of(told: Any) -> SimpleNamespace:
    return SimpleNamespace(**told.model_extra["hybridapp"])


# ---- models ----


def test_the_models_are_the_assistants_that_the_keys_person_may_ask(product, client):
    assert [model.id for model in client.models.list()] == ["compliance"]
    model = client.models.retrieve("compliance")
    assert (model.object, model.owned_by) == ("model", "compliance")
    assert model.created > 1_500_000_000
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("clinical")
    assert refused.value.code == "model_not_found"


# ---- whole answers ----


def test_a_question_is_answered_with_what_stands_behind_it(client, database):
    told = client.chat.completions.create(**say(QUESTION))
    (choice,) = told.choices
    assert (told.object, told.model) == ("chat.completion", MODEL)
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    extra = extra_of(told)
    assert told.id == f"chatcmpl-{extra.answer}"
    assert extra.citations
    assert f"[{extra.citations[0]['number']}]" in choice.message.content
    assert extra.badge["grounded"]
    assert "compliance" in extra.zones
    assert extra.rule
    assert told._request_id == extra.answer
    row = database.execute(
        "select text, receipt_sha256 from assistants_answer where id = %s", [extra.answer]
    ).fetchone()
    assert row == (choice.message.content, extra.receipt["sha256"])
    trail = database.execute(
        "select actor, action from assistants_auditevent where subject = %s", [extra.answer]
    ).fetchone()
    assert trail == ("alice", "answer.completed")


def test_usage_is_counted(client):
    told = client.chat.completions.create(**say(f"{DRAFT} [tokens=20]"))
    assert told.choices[0].message.content == text_of(20)
    assert told.usage.completion_tokens == 20
    assert told.usage.total_tokens == told.usage.prompt_tokens + 20


def test_the_length_is_bounded(client):
    for name in ("max_tokens", "max_completion_tokens"):
        told = client.chat.completions.create(**say(f"{DRAFT} [tokens=20]", **{name: 5}))
        assert (told.choices[0].message.content, told.choices[0].finish_reason) == (
            *(text_of(5), "length"),
        )


@pytest.mark.parametrize("stop", ["tok7", ["nothing", "tok7"]])
def test_the_answer_ends_before_a_stop_sequence(client, stop):
    asked = say(f"{DRAFT} [tokens=5000]", stop=stop)
    told = client.chat.completions.create(**asked)
    assert told.choices[0].message.content == text_of(7)
    assert told.choices[0].finish_reason == "stop"
    assert told.usage.completion_tokens > 0


def test_what_went_before_takes_part(client):
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "A word"}, text_part("or two")]},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "Draft this. [echo]"},
    ]
    told = client.chat.completions.create(model=MODEL, messages=messages)
    assert told.choices[0].message.content.strip().endswith("Draft this.")
    bare = client.chat.completions.create(**say("Draft this. [echo]"))
    assert told.usage.prompt_tokens > bare.usage.prompt_tokens


def text_part(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def test_harmless_parameters_are_ignored(client):
    told = client.chat.completions.create(
        **say(
            f"{DRAFT} [tokens=3]",
            seed=7,
            user="u-1",
            n=1,
            top_p=0.9,
            presence_penalty=0.5,
            store=False,
            tools=[],
            tool_choice="none",
            logprobs=False,
            response_format={"type": "text"},
            temperature=0.7,
            metadata={"a": "b"},
            extra_body={"whatever": 1},
        )
    )
    assert told.choices[0].message.content == text_of(3)


def test_an_answer_is_fetched_again(client):
    told = client.chat.completions.create(**say(f"{DRAFT} [tokens=3]"))
    again = client.chat.completions.retrieve(told.id)
    assert again.choices == told.choices
    assert extra_of(again) == extra_of(told)
    for unknown in ("chatcmpl-x", "chatcmpl-00000000-0000-7000-8000-000000000000"):
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.retrieve(unknown)


# ---- streams ----


def test_an_answer_streams(client):
    asked = say(f"{DRAFT} [tokens=50]", stream=True, stream_options={"include_usage": True})
    chunks = list(client.chat.completions.create(**asked))
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    *body, usage = chunks
    first, *deltas, end = [chunk.choices[0] for chunk in body]
    assert first.delta.role == "assistant"
    assert len(deltas) > 2
    assert "".join(choice.delta.content for choice in deltas) == text_of(50)
    assert {choice.finish_reason for choice in (first, *deltas)} == {None}
    assert end.finish_reason == "stop"
    assert (usage.choices, usage.usage.completion_tokens) == ([], 50)
    assert {chunk.usage for chunk in body} == {None}
    assert chunks[-2].model_extra["hybridapp"]["status"] == "completed"


def test_the_stream_is_the_standards_to_the_byte(product, key):
    headers = {"Authorization": f"Bearer {key}"}
    asked = say(f"{DRAFT} [tokens=3]", stream=True)
    with httpx2.stream(
        "POST", product.url + "/v1/chat/completions", json=asked, headers=headers
    ) as reply:
        assert reply.headers["Content-Type"] == "text/event-stream"
        assert reply.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in reply.headers
        assert "Access-Control-Allow-Origin" not in reply.headers
        events = [part for part in reply.read().decode().split("\n\n") if part]
    assert all(part.startswith("data: ") for part in events)
    assert events[-1] == "data: [DONE]"
    first, *_, end = [json.loads(part.removeprefix("data: ")) for part in events[:-1]]
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "usage" not in end
    assert end["choices"][0]["delta"] == {}


async def test_the_async_client_streams_many_at_once(product, aclient):
    async def ask(n: int) -> str:
        stream = await aclient.chat.completions.create(**say(f"{DRAFT} [tokens={n}]", stream=True))
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    told = await asyncio.gather(*(ask(n) for n in range(1, 31)))
    assert told == [text_of(n) for n in range(1, 31)]


async def test_streams_hold_no_threads(product, aclient):
    await (await aclient.chat.completions.create(**say(DRAFT, stream=True))).close()
    before = threads_of(product)
    asked = say(LONG, stream=True)
    streams = await asyncio.gather(*(aclient.chat.completions.create(**asked) for _ in range(40)))
    chunks = [aiter(stream) for stream in streams]
    for _ in range(3):
        await asyncio.gather(*(anext(each) for each in chunks))
    during = threads_of(product)
    await asyncio.gather(*(stream.close() for stream in streams))
    assert during - before < 20  # those that work with the database, whatever streams


async def test_waiting_programs_hold_no_threads(product, aclient):
    before = threads_of(product)
    asked = say(f"{DRAFT} [tokens=300]")
    waiting = [asyncio.create_task(aclient.chat.completions.create(**asked)) for _ in range(40)]
    most = 0
    while not all(each.done() for each in waiting):
        most = max(most, await asyncio.to_thread(threads_of, product))
    assert {told.choices[0].message.content for told in await asyncio.gather(*waiting)} == {
        text_of(300)
    }
    assert most - before < 20


def threads_of(product: Product) -> int:
    """Of the web process."""
    listed = subprocess.run(
        ["ps", "-o", "nlwp=,args=", "--ppid", str(product.process.pid)],
        capture_output=True,
        check=True,
        text=True,
    )
    (web,) = [line for line in listed.stdout.splitlines() if "uvicorn" in line]
    return int(web.split()[0])


# ---- ending early ----


def test_a_client_that_leaves_stops_its_answer(client, database):
    stream = client.chat.completions.create(**say(LONG, stream=True))
    chunk = next(each for each in stream if each.choices[0].delta.content)
    stream.close()
    answer = chunk.id.removeprefix("chatcmpl-")
    assert status_of(database, answer) == "stopped"


async def test_a_client_that_waits_no_longer_stops_its_answer(aclient, database):
    with pytest.raises(openai.APITimeoutError):
        await aclient.with_options(timeout=1.5).chat.completions.create(**say(LONG))
    newest = "select id from assistants_answer order by id desc limit 1"
    ((answer,),) = database.execute(newest).fetchall()
    assert await asyncio.to_thread(status_of, database, str(answer)) == "stopped"


def test_a_client_that_leaves_at_once_stops_its_answer(product, key, database):
    before = database.execute("select count(*) from assistants_answer").fetchone()
    headers = {"Authorization": f"Bearer {key}"}
    url = product.url + "/v1/chat/completions"
    for _ in range(5):
        with pytest.raises(httpx2.TimeoutException):
            httpx2.post(url, json=say(LONG, stream=True), headers=headers, timeout=0.005)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        pending = database.execute(
            "select count(*) from assistants_answer where status = 'pending'"
        ).fetchone()
        if pending == (0,):
            return
        time.sleep(0.05)
    raise AssertionError((before, pending))


def status_of(database: psycopg.Connection, answer: str) -> str:
    """Once it has ended."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        ((status,),) = database.execute(
            "select status from assistants_answer where id = %s", [answer]
        ).fetchall()
        if status != "pending":
            return str(status)
        time.sleep(0.05)
    raise AssertionError("the answer goes on")


# ---- rights ----


# By other hands than the app's, unannounced; and back again.
CHANGES = {
    "account": (
        "update auth_user set is_active = false where username = 'alice'",
        "update auth_user set is_active = true where username = 'alice'",
    ),
    "membership": (
        "delete from auth_user_groups using auth_user, auth_group where username = 'alice' "
        "and auth_user.id = user_id and auth_group.id = group_id and name = 'compliance'",
        "insert into auth_user_groups (user_id, group_id) select auth_user.id, auth_group.id "
        "from auth_user, auth_group where username = 'alice' and name = 'compliance' "
        "on conflict do nothing",
    ),
}


@pytest.mark.parametrize("lost", CHANGES)
def test_a_running_stream_ends_when_its_right_is_taken_away(client, database, lost):
    taken, given_back = CHANGES[lost]
    stream = begin(client)
    database.execute(taken)
    try:
        check_withdrawn(stream, database)
        with pytest.raises((openai.AuthenticationError, openai.NotFoundError)):
            client.chat.completions.create(**say("Hello"))
    finally:
        database.execute(given_back)


def test_a_revoked_key_ends_what_it_has_begun_and_opens_nothing(product, client, database):
    key = make_key(product, "alice")
    other = client.with_options(api_key=key)
    stream = begin(other)
    product.manage("revoke_api_key", key[:12])
    check_withdrawn(stream, database)
    with pytest.raises(openai.AuthenticationError):
        other.models.list()
    client.models.list()  # another key of the same person


async def test_a_waiting_program_is_told_as_well(client, aclient, database):
    taken, given_back = CHANGES["account"]
    waiting = asyncio.create_task(aclient.chat.completions.create(**say(LONG)))
    await asyncio.to_thread(begun, database)
    database.execute(taken)
    try:
        # By how far the answer has come: what it is made from, or the assistant, is out of reach.
        with pytest.raises((openai.PermissionDeniedError, openai.NotFoundError)) as refused:
            await waiting
    finally:
        database.execute(given_back)
    assert refused.value.code in ("access_withdrawn", "not_found", "model_not_found")


def begin(client: OpenAI) -> Any:
    """A long stream that has begun."""
    stream = client.chat.completions.create(**say(LONG, stream=True))
    next(each for each in stream if each.choices[0].delta.content)
    return stream


def begun(database: psycopg.Connection) -> None:
    """Once a program's question is there whose answer is on its way."""
    query = "select count(*) from assistants_answer where status = 'pending'"
    deadline = time.monotonic() + 20
    while database.execute(query).fetchall() == [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def check_withdrawn(stream: Any, database: psycopg.Connection) -> None:
    """The stream breaks off with an error, long before its end, and so does its answer."""
    text, answer = "", ""
    with pytest.raises(openai.APIError) as broken:  # noqa: PT012
        for chunk in stream:
            text += chunk.choices[0].delta.content or ""
            answer = chunk.id.removeprefix("chatcmpl-")
    assert broken.value.code == "access_withdrawn"
    assert len(text) < len(text_of(1000)) / 2
    assert status_of(database, answer) in ("stopped", "failed")


def test_a_key_gives_no_more_than_its_person_has(product, client):
    dave = OpenAI(api_key=make_key(product, "dave"), base_url=product.url + "/v1", max_retries=0)
    told = client.chat.completions.create(**say(f"{DRAFT} [tokens=3]"))
    with pytest.raises(openai.NotFoundError):
        dave.chat.completions.retrieve(told.id)
    with pytest.raises(openai.NotFoundError) as refused:
        dave.chat.completions.create(**say("Hello"))
    assert refused.value.code == "model_not_found"


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Basic eA==", "Bearer hyb_wrong", "Bearer ü"]
)
@pytest.mark.parametrize("path", ["models", "models/x", "chat/completions", "embeddings"])
def test_without_a_valid_key_there_is_nothing(product, path, authorization):
    headers = [] if authorization is None else [("Authorization", authorization.encode())]
    for method in ("GET", "POST"):
        reply = httpx2.request(method, f"{product.url}/v1/{path}", headers=headers)
        if reply.status_code == 405:  # a key would have been refused, had the method been right
            continue
        assert reply.status_code == 401, reply.text
        assert reply.json()["error"]["code"] == "invalid_api_key"
        assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert "hyb_wrong" not in reply.text


async def test_a_session_is_no_key(product):
    from tests.web.sockets import signed_in

    async with signed_in(product, "alice") as session:
        async with session.get(product.url + "/v1/models") as reply:
            assert reply.status == 401
        async with session.post(product.url + "/v1/chat/completions", json=say("Hi")) as reply:
            assert reply.status == 401


# ---- what cannot be carried out ----


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": ["Hello"]}, "messages[0]"),
        ({"messages": [{"role": "assistant", "content": "Hi"}]}, "messages"),
        ({"messages": [{"role": "robot", "content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]},
         "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}]},
         "messages[0].content[0].type"),
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "response_format"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "include_usage"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_completion_tokens": 10**30}, "max_completion_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stop": [1]}, "stop"),
        ({"stop": "a\x00"}, "stop"),
        ({"stop": "x" * 201}, "stop"),
    ],
)  # fmt: skip
def test_a_request_that_cannot_be_carried_out_names_the_parameter(product, key, change, param):
    error = refused(product, key, json.dumps({**say("Hello"), **change}), 400)
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert error["code"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'"x"', b"null", b"\xff\xfe", b'{"model": "compliance"\x00}',
        b'{"temperature": NaN}', b"[" * 100_000, b'{"max_tokens": ' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(product, key, body):
    assert refused(product, key, body, 400)["param"] == "body"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("a\x00b", "invalid_text"),
        ("\ud800", "invalid_text"),
        ("x" * 40_000, "context_length_exceeded"),
    ],
)
def test_a_message_that_cannot_be_taken_is_refused(product, key, text, code):
    assert refused(product, key, json.dumps(say(text)), 400)["code"] == code
    given = [{"role": "user", "content": text}, *say("Hello")["messages"]]
    if text:
        body = json.dumps({"model": MODEL, "messages": given})
        assert refused(product, key, body, 400)["code"] == code


@pytest.mark.parametrize("model", ["nothing", "clinical", "a\x00b", "\ud800", "x" * 500])
def test_an_unknown_model_is_not_found(product, key, model):
    body = json.dumps({**say("Hello"), "model": model})
    assert refused(product, key, body, 404)["code"] == "model_not_found"


def test_a_body_that_is_too_large_is_refused(product, key):
    error = refused(product, key, json.dumps(say("x" * 3_000_000)), 413)
    assert error["code"] == "request_too_large"


def refused(product: Product, key: str, body: str | bytes, status: int) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    reply = httpx2.post(product.url + "/v1/chat/completions", content=body, headers=headers)
    assert reply.status_code == status, reply.text
    assert "Traceback" not in reply.text
    error: dict[str, Any] = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def test_the_clients_exceptions_are_raised(product, client, key):
    for call in (
        lambda: client.chat.completions.create(**say("Hello", n=2)),
        lambda: client.chat.completions.create(**say("")),
    ):
        with pytest.raises(openai.BadRequestError):
            call()
    with pytest.raises(openai.AuthenticationError) as refused:
        OpenAI(api_key="hyb_wrong", base_url=product.url + "/v1").models.list()
    assert refused.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError) as refused:
        client.embeddings.create(model=MODEL, input="Hello")
    assert refused.value.code == "unknown_url"
    reply = httpx2.get(
        product.url + "/v1/chat/completions", headers={"Authorization": f"Bearer {key}"}
    )
    assert (reply.status_code, reply.json()["error"]["code"]) == (405, "method_not_allowed")


def test_a_model_that_fails_is_told_and_not_asked_again_by_the_client(product, key):
    client = OpenAI(api_key=key, base_url=product.url + "/v1", max_retries=2)
    asked, well = say(f"{DRAFT} [fault=truncate]"), say(f"{DRAFT} [tokens=1]")
    with pytest.raises(openai.InternalServerError) as failed:
        client.chat.completions.create(**asked)
    assert failed.value.code == "interrupted"
    assert failed.value.response.headers["X-Should-Retry"] == "false"
    client.chat.completions.create(**well)  # else its deployment is spared for a while
    text = ""
    with pytest.raises(openai.APIError) as broken:  # noqa: PT012
        for chunk in client.chat.completions.create(**asked, stream=True):
            text += chunk.choices[0].delta.content or ""
    assert text_of(3) == text
    assert broken.value.code == "interrupted"
    client.chat.completions.create(**well)


def test_a_held_answer_is_told_without_a_word_of_it(client, database):
    mode = "update assistants_assistant set release_mode = %s where slug = 'compliance'"
    database.execute(mode, ["hold"])
    time.sleep(SETTINGS_HOLD)
    try:
        told = client.chat.completions.create(**say(f"{DRAFT} [tokens=30]"))
        chunks = list(client.chat.completions.create(**say(f"{DRAFT} [tokens=30]", stream=True)))
    finally:
        database.execute(mode, ["token"])
        time.sleep(SETTINGS_HOLD)
    (choice,) = told.choices
    assert choice.finish_reason == "content_filter"
    assert "waits for a reviewer" in choice.message.content
    assert extra_of(told).answer in choice.message.content
    assert extra_of(told).status == "held"
    assert told.usage.completion_tokens == 30
    assert "tok1" not in told.model_dump_json()
    assert chunks[-1].choices[0].finish_reason == "content_filter"
    assert "waits for a reviewer" in "".join(c.choices[0].delta.content or "" for c in chunks)
    assert "tok1" not in str(chunks)
    assert client.chat.completions.retrieve(told.id).choices == told.choices


def test_keys_stay_out_of_logs(product, client, key):
    """Nor in what the tests before have left there."""
    client.models.list()
    refused(product, key, b"{", 400)
    log = Path(product.log).read_text()
    assert "v1/chat/completions" in log
    assert key.removeprefix("hyb_")[8:] not in log
