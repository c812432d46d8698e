from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from assistants import compute
from assistants.compute.providers import openai_compatible, openai_errors
from assistants.compute.providers.openai_compatible import OpenAICompatible
from assistants.exceptions import ProviderError
from assistants.types import (
    Delta,
    DeploymentSpec,
    Finished,
    FinishReason,
    Health,
    Prompt,
    PromptMessage,
    Role,
    Started,
    Usage,
)
from benchmarks import upstream
from tests.compute.conftest import Upstream, until

SECRET = "ultraviolet-heron"


def ask(text: str = "Say something.") -> Prompt:
    return Prompt((PromptMessage(Role.USER, text),), question=text)


async def run(deployment: DeploymentSpec, prompt: Prompt) -> tuple[str, list[Any]]:
    """The text and all events, also those before an error, which is the last of them."""
    events: list[Any] = []
    try:
        async for event in OpenAICompatible(deployment).generate(prompt):
            events.append(event)
    except ProviderError as error:
        events.append(error)
    return "".join(e.text for e in events if isinstance(e, Delta)), events


async def test_text_usage_and_names_are_those_of_the_server(server: Upstream):
    text, events = await run(server.deployment, ask("one two three"))
    assert text == upstream.text_of(12)
    assert events[0] == Started(upstream.MODEL, "fp_1")
    assert events[-1] == Finished(FinishReason.STOP, Usage(3, 12))


async def test_text_arrives_whole_in_any_script(server: Upstream):
    said = 'Grüße, 日本語, 😀 \\n "quoted" \u2028 and a\ttab'
    text, _ = await run(server.deployment, ask(f"[echo] {said}"))
    assert text == said


async def test_the_request_says_what_was_asked(server: Upstream):
    prompt = Prompt(
        (PromptMessage(Role.SYSTEM, "Be brief."), PromptMessage(Role.USER, "Hello")),
        question="Hello",
        max_tokens=5,
        temperature=0.5,
    )
    _, events = await run(server.deployment, prompt)
    sent = server.script.requests[-1]["body"]
    assert sent["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
    ]
    assert (sent["model"], sent["max_tokens"], sent["temperature"]) == (upstream.MODEL, 5, 0.5)
    assert events[-1].reason is FinishReason.LENGTH


async def test_missing_usage_is_estimated(server: Upstream):
    text, events = await run(server.deployment, ask("[fault=no_usage] abcd"))
    usage = events[-1].usage
    assert usage == Usage(-(-len("[fault=no_usage] abcd") // 4), -(-len(text) // 4))


async def test_finish_reason_without_done_is_an_end(server: Upstream):
    text, events = await run(server.deployment, ask("[fault=no_done]"))
    assert text == upstream.text_of(12)
    assert events[-1].reason is FinishReason.STOP


async def test_a_slow_first_token_is_waited_for(server: Upstream):
    text, _ = await run(server.deployment, ask("[fault=slow_first]"))
    assert text == upstream.text_of(12)


@pytest.mark.parametrize(
    ("fault", "code", "retry_after", "permanent"),
    [
        ("401", "unauthorized", None, True),
        ("429", "rate_limited", 7.0, False),
        ("500", "bad_response", None, False),
        ("503", "overloaded", 2.0, False),
        ("redirect", "bad_response", None, False),
        ("context", "context_exceeded", None, True),
        ("quota", "spend_limit", None, True),
        ("filtered", "refused", None, True),
        ("404", "model_missing", None, True),
        ("reset_before", "unreachable", None, False),
        ("garbage", "bad_response", None, False),
    ],
)
async def test_failures_before_the_text(server: Upstream, fault, code, retry_after, permanent):
    text, events = await run(server.deployment, ask(f"[fault={fault}] {SECRET}"))
    error = events[-1]
    assert isinstance(error, ProviderError)
    assert (error.code, error.retry_after, error.permanent) == (code, retry_after, permanent)
    assert text == ""
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    ("fault", "code"),
    [("reset", "interrupted"), ("truncate", "interrupted"), ("error_event", "bad_response")],
)
async def test_failures_after_some_text_keep_it(server: Upstream, fault, code):
    text, events = await run(server.deployment, ask(f"[fault={fault}]"))
    assert text == upstream.text_of(upstream.AT_FAULT)
    assert events[-1].code == code
    assert not any(isinstance(event, Finished) for event in events)


async def test_an_answer_that_a_filter_cuts_off_is_no_answer(server: Upstream):
    _, events = await run(server.deployment, ask("[fault=content_filter]"))
    assert events[-1].code == "refused"


async def test_what_a_server_refuses_by_name_is_left_out_and_remembered(server: Upstream):
    server.script.refused = ("max_tokens", "temperature", "stream_options")
    spec = server.asked(model=upstream.MODEL)
    for _ in range(2):
        text, events = await run(spec, ask())
        assert text == upstream.text_of(12)
        assert isinstance(events[-1], Finished)
    bodies = [request["body"] for request in server.script.requests]
    assert len(bodies) == 5
    for body in bodies[-2:]:
        assert body["max_completion_tokens"] == 1024
        assert not body.keys() & set(server.script.refused)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (429, '[{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}]', "rate_limited"),
        (400, '{"error": {"innererror": {"code": "ResponsibleAIPolicyViolation"}}}', "refused"),
        (429, '{"error": {"type": "insufficient_quota", "code": null}}', "spend_limit"),
        (402, "no JSON", "spend_limit"),
        (400, '{"message": "prompt is too long", "type": "invalid_request"}', "context_exceeded"),
        (529, "", "overloaded"),
    ],
)
def test_each_makers_errors_are_understood(status, body, code):
    assert openai_errors.refusal(status, {}, body).code == code


async def test_a_stalled_stream_times_out(server: Upstream, monkeypatch):
    monkeypatch.setattr(openai_compatible, "NEXT_TOKEN_SECONDS", 0.2)
    text, events = await run(server.deployment, ask("[fault=stall]"))
    assert text == upstream.text_of(upstream.AT_FAULT)
    assert events[-1].code == "timeout"
    await until(lambda: server.script.open_streams == 0)


async def test_a_server_that_never_begins_times_out(server: Upstream, monkeypatch):
    monkeypatch.setattr(openai_compatible, "FIRST_TOKEN_SECONDS", 0.3)
    monkeypatch.setattr(openai_compatible, "NEXT_TOKEN_SECONDS", 0.2)
    _, events = await run(server.deployment, ask("[fault=silent]"))
    assert events[-1].code == "timeout"


async def test_nobody_listening_is_unreachable(unused_tcp_port):
    spec = DeploymentSpec(
        "none",
        "openai_compatible",
        "on_prem",
        "",
        "m",
        base_url=f"http://127.0.0.1:{unused_tcp_port}/v1",
    )
    _, events = await run(spec, ask())
    assert [type(event) for event in events] == [ProviderError]
    assert events[0].code == "unreachable"
    health = await compute.check_deployment(spec)
    assert not health.ready


async def test_closing_the_iterator_closes_the_servers_stream(server: Upstream):
    async with aclosing(
        OpenAICompatible(server.deployment).generate(ask("[tokens=100000]"))
    ) as events:
        async for event in events:
            if isinstance(event, Delta):
                break
        assert server.script.open_streams == 1
    await until(lambda: server.script.open_streams == 0)
    assert server.script.aborted_streams == 1


async def test_cancelling_the_reader_closes_the_servers_stream(server: Upstream):
    reader = asyncio.create_task(run(server.deployment, ask("[fault=stall]")))
    await until(lambda: server.script.open_streams == 1)
    reader.cancel()
    await asyncio.wait({reader})
    await until(lambda: server.script.open_streams == 0)


async def test_connections_are_kept_for_the_next_request(server: Upstream):
    for _ in range(5):
        await run(server.deployment, ask())
    assert len(server.script.requests) == 5
    assert len(server.script.connections) == 1


async def test_the_key_is_read_at_each_call_and_never_told(server: Upstream, monkeypatch):
    server.script.key = "first-key"
    spec = server.asked(key_variable="TEST_SERVER_KEY", model=upstream.MODEL)
    monkeypatch.delenv("TEST_SERVER_KEY", raising=False)
    _, events = await run(spec, ask())
    assert events[-1].code == "unauthorized"
    assert "TEST_SERVER_KEY" in str(events[-1])
    assert server.script.requests == []
    monkeypatch.setenv("TEST_SERVER_KEY", "wrong-key")
    _, events = await run(spec, ask())
    assert events[-1].code == "unauthorized"
    assert "wrong-key" not in str(events[-1])
    monkeypatch.setenv("TEST_SERVER_KEY", "first-key")
    text, _ = await run(spec, ask())
    assert text


async def test_no_proxy_is_taken_from_the_environment(server: Upstream, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    text, _ = await run(server.deployment, ask())
    assert text


async def test_without_a_model_the_servers_first_is_taken_and_followed(server: Upstream):
    await run(server.deployment, ask())
    assert server.script.requests[-1]["body"]["model"] == upstream.MODEL
    server.script.models = ("newer", "other")
    text, _ = await run(server.deployment, ask())
    assert text
    assert server.script.requests[-1]["body"]["model"] == "newer"


async def test_check_tells_whether_the_model_is_there(server: Upstream):
    assert await compute.check_deployment(server.deployment) == Health(True, upstream.MODEL)
    missing = await compute.check_deployment(server.asked(model="absent"))
    assert not missing.ready
    assert "absent" in missing.detail
    server.script.fault = "401"
    refused = await compute.check_deployment(server.deployment)
    assert not refused.ready
    assert "unauthorized" in refused.detail


async def test_three_hundred_streams_at_once_lose_nothing(server: Upstream):
    server.script.remember = False
    results = await asyncio.gather(*(run(server.deployment, ask()) for _ in range(300)))
    assert {text for text, _ in results} == {upstream.text_of(12)}
    assert all(isinstance(events[-1], Finished) for _, events in results)
