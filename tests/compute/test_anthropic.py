"""Anthropic's protocol, through its SDK, against a real server that speaks it (tests/cloud.py)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from assistants.compute.providers import anthropic, provider_class
from assistants.exceptions import ProviderError
from assistants.types import (
    Delta,
    DeploymentSpec,
    Finished,
    FinishReason,
    GenerationEvent,
    Prompt,
    PromptMessage,
    Role,
    Started,
)
from tests import cloud as scripted
from tests.cloud import Cloud


@pytest.fixture
async def cloud(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cloud]:
    monkeypatch.setenv("CLOUD_KEY", "test-key")
    monkeypatch.setattr(anthropic, "JITTER_SECONDS", (0.0, 0.01))
    async with scripted.serve(Cloud()) as cloud:
        yield cloud


@pytest.fixture
def deployment(cloud: Cloud) -> DeploymentSpec:
    return DeploymentSpec(
        "claude",
        "anthropic",
        "cloud",
        "us",
        scripted.MODEL,
        base_url=cloud.url,
        key_variable="CLOUD_KEY",
    )


def ask(text: str = "Hello", **more: object) -> Prompt:
    return Prompt(
        messages=(PromptMessage(Role.SYSTEM, "Be exact."), PromptMessage(Role.USER, text)),
        question=text,
        **more,  # type: ignore[arg-type]
    )


async def collect(deployment: DeploymentSpec, prompt: Prompt) -> list[GenerationEvent]:
    async with asyncio.timeout(20), aclosing(_generate(deployment, prompt)) as events:
        return [event async for event in events]


def _generate(deployment: DeploymentSpec, prompt: Prompt):
    return provider_class("anthropic")(deployment).generate(prompt)


def text_of(events: list[GenerationEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


async def test_text_model_and_usage_arrive(cloud, deployment):
    events = await collect(deployment, ask("one two three"))
    assert events[0] == Started(scripted.MODEL)
    assert text_of(events) == "".join(f"tok{n} " for n in range(12))
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.reason is FinishReason.STOP
    assert (end.usage.prompt_tokens, end.usage.completion_tokens) == (3, 12)


async def test_what_is_sent_is_the_prompt_and_its_stable_prefix_is_marked(cloud, deployment):
    history = (PromptMessage(Role.USER, "a"), PromptMessage(Role.ASSISTANT, "b"))
    prompt = ask("c")
    prompt = replace(prompt, messages=(prompt.messages[0], *history, prompt.messages[1]))
    await collect(deployment, prompt)
    (body,) = cloud.bodies
    assert body["system"] == [
        {"type": "text", "text": "Be exact.", "cache_control": {"type": "ephemeral"}}
    ]
    history_ends = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}
    assert [(m["role"], m["content"]) for m in body["messages"]] == [
        ("user", "a"),
        ("assistant", [history_ends]),
        ("user", "c"),
    ]
    assert body["stream"] is True
    assert set(body) == {"model", "max_tokens", "messages", "system", "stream"}


async def test_a_limit_of_tokens_is_told(cloud, deployment):
    end = (await collect(deployment, ask(max_tokens=5)))[-1]
    assert isinstance(end, Finished)
    assert end.reason is FinishReason.LENGTH


@pytest.mark.parametrize(
    ("fault", "code", "permanent", "requests"),
    [
        ("400", "bad_response", False, 1),
        ("too_long", "context_exceeded", True, 1),
        ("401", "unauthorized", True, 1),
        ("402", "spend_limit", True, 1),
        ("no_credit", "spend_limit", True, 1),
        ("403", "unauthorized", True, 1),
        ("404", "model_missing", True, 1),
        ("413", "context_exceeded", True, 1),
        ("429", "rate_limited", False, 1),  # its retry-after is longer than our patience
        ("429_soon", "rate_limited", False, 2),
        ("429_spend", "spend_limit", True, 1),
        ("500", "overloaded", False, 2),
        ("529", "overloaded", False, 2),
        ("reset_before", "unreachable", False, 2),
        ("redirect", "bad_response", False, 1),
    ],
)
async def test_a_refusal_has_its_code_and_is_tried_again_only_where_it_helps(
    cloud, deployment, fault, code, permanent, requests
):
    with pytest.raises(ProviderError) as raised:
        await collect(deployment, ask(f"secret-canary [fault={fault}]"))
    assert (raised.value.code, raised.value.permanent) == (code, permanent)
    assert len(cloud.bodies) == requests
    assert "secret-canary" not in str(raised.value)
    if fault == "429":
        assert raised.value.retry_after == 7


async def test_an_overload_that_passes_is_not_seen(cloud, deployment):
    cloud.faults = ["529"]
    assert text_of(await collect(deployment, ask())).startswith("tok0 ")
    assert len(cloud.bodies) == 2


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("reset", "interrupted"),
        ("truncate", "interrupted"),
        ("overloaded_event", "overloaded"),
        ("garbage", "bad_response"),
        ("refusal", "refused"),
    ],
)
async def test_a_fault_after_text_ends_it_without_a_second_try(cloud, deployment, fault, code):
    texts = []

    async def read() -> None:
        async with asyncio.timeout(20), aclosing(start) as events:
            async for event in events:
                if isinstance(event, Delta):
                    texts.append(event.text)

    start = _generate(deployment, ask(f"[fault={fault}]"))
    with pytest.raises(ProviderError) as raised:
        await read()
    assert raised.value.code == code
    assert "".join(texts) == "tok0 tok1 tok2 "
    assert len(cloud.bodies) == 1


async def test_a_stall_is_noticed(cloud, deployment, monkeypatch):
    monkeypatch.setattr(anthropic, "NEXT_TOKEN_SECONDS", 0.2)
    with pytest.raises(ProviderError) as raised:
        await collect(deployment, ask("[fault=stall]"))
    assert raised.value.code == "interrupted"


async def test_a_silence_before_the_first_word_is_as_long_as_the_deployment_says(cloud, deployment):
    with pytest.raises(ProviderError) as raised:
        await collect(replace(deployment, first_token_seconds=1), ask("[fault=silent]"))
    assert raised.value.code == "timeout"
    assert len(cloud.bodies) == 1


async def test_a_key_that_no_header_takes_is_refused_without_being_told(
    cloud, deployment, monkeypatch
):
    monkeypatch.setenv("CLOUD_KEY", "secret-key\nwith a line")
    with pytest.raises(ProviderError) as raised:
        await collect(deployment, ask())
    assert raised.value.code == "unauthorized"
    assert "secret" not in str(raised.value)
    assert cloud.received == []


async def test_a_key_in_a_file_is_read_afresh(cloud, deployment, monkeypatch, tmp_path):
    monkeypatch.delenv("CLOUD_KEY")
    file = tmp_path / "key"
    monkeypatch.setenv("CLOUD_KEY_FILE", str(file))
    with pytest.raises(ProviderError, match="CLOUD_KEY_FILE"):
        await collect(deployment, ask())
    file.write_text("test-key\n")
    assert text_of(await collect(deployment, ask()))


async def test_closing_it_stops_the_server(cloud, deployment):
    async with asyncio.timeout(20):
        async with aclosing(_generate(deployment, ask("[tokens=5000] [delay=5]"))) as events:
            async for event in events:
                if isinstance(event, Delta):
                    break
        while cloud.open_streams:
            await asyncio.sleep(0.01)


async def test_without_a_key_nothing_is_sent(cloud, deployment, monkeypatch):
    monkeypatch.delenv("CLOUD_KEY")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "not-this-one")
    with pytest.raises(ProviderError) as raised:
        await collect(deployment, ask())
    assert raised.value.code == "unauthorized"
    assert cloud.received == []


async def test_a_proxy_in_the_environment_is_not_used(cloud, deployment, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert text_of(await collect(deployment, ask()))


async def test_health(cloud, deployment, monkeypatch):
    provider = provider_class("anthropic")
    assert (await provider(deployment).check()).ready
    assert not (await provider(replace(deployment, model="other")).check()).ready
    assert not (await provider(replace(deployment, base_url="http://127.0.0.1:9")).check()).ready
    monkeypatch.setenv("CLOUD_KEY", "wrong")
    health = await provider(deployment).check()
    assert (health.ready, "unauthorized" in health.detail) == (False, True)
