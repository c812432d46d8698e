"""What every provider promises; see `assistants.compute.providers.Provider`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from assistants import compute
from assistants.exceptions import ProviderError
from assistants.types import (
    Delta,
    DeploymentSpec,
    Evidence,
    Finished,
    GenerationEvent,
    Passage,
    Prompt,
    PromptMessage,
    Role,
    SealedPrompt,
    Started,
)
from tests import cloud as scripted
from tests.cloud import Cloud
from tests.egress import let_through
from tests.workers import CLOUD_KEYS

QUESTION = "How many days may a visitor badge be kept?"
FACTS = "A visitor badge may be kept for three days. It is then handed back at the front desk."
PASSAGE = Passage(
    number=1,
    chunk_id="c1",
    document_id="d1",
    version_id="v1",
    title="Visitors",
    section="2 Badges",
    text=FACTS,
    zone="general",
    start=0,
    end=len(FACTS),
    evidence=Evidence(cosine=0.8, keyword=1.0, coverage=0.9, score=0.85),
)
PROMPT = Prompt(
    messages=(
        PromptMessage(Role.SYSTEM, f"Answer from this: {FACTS}"),
        PromptMessage(Role.USER, QUESTION),
    ),
    question=QUESTION,
    passages=(PASSAGE,),
    max_tokens=24,
)


@pytest.fixture(params=["openai_compatible", "local", "quotes", "openai_cloud", "anthropic"])
def deployment(request: pytest.FixtureRequest) -> Any:
    if request.param == "anthropic":
        request.getfixturevalue("cloud_worker")
        cloud = request.getfixturevalue("cloud")
        cloud.tokens = 24
        return DeploymentSpec(
            *("claude", "anthropic", "cloud", "us", scripted.MODEL),
            base_url=cloud.url,
            key_variable="TEST_API_KEY",
        )
    if request.param == "openai_cloud":
        request.getfixturevalue("cloud_worker")
        server = request.getfixturevalue("server")
        server.script.tokens, server.script.key = 24, CLOUD_KEYS["TEST_API_KEY"]
        return server.asked(environment="cloud", region="eu", key_variable="TEST_API_KEY")
    if request.param == "openai_compatible":
        server = request.getfixturevalue("server")
        server.script.tokens = 24
        return server.deployment
    if request.param == "local":
        request.getfixturevalue("model_worker")
        return request.getfixturevalue("local")
    return DeploymentSpec("quotes", "quotes", "on_prem", "", "")


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with scripted.serve(Cloud()) as cloud:
        yield cloud


def start(deployment: DeploymentSpec, prompt: Prompt = PROMPT) -> AsyncGenerator[GenerationEvent]:
    if deployment.environment == "cloud":
        sealed = SealedPrompt(prompt.messages, prompt.max_tokens, prompt.temperature)
        return let_through(sealed, deployment).events()
    return compute.generate(prompt, deployment, generation_id=str(uuid.uuid4()))


async def collect(
    deployment: DeploymentSpec, prompt: Prompt = PROMPT
) -> tuple[list[GenerationEvent], str]:
    async with asyncio.timeout(60):
        events = [event async for event in start(deployment, prompt)]
    return events, "".join(event.text for event in events if isinstance(event, Delta))


async def test_started_then_text_then_finished(deployment):
    events, text = await collect(deployment)
    assert [type(event) for event in events] == [
        Started,
        *[Delta] * (len(events) - 2),
        Finished,
    ]
    assert all(event.text for event in events if isinstance(event, Delta))
    assert text.strip()
    assert isinstance(events[0], Started)
    assert events[0].model


async def test_the_same_prompt_gives_the_same_text(deployment):
    (_, first), (_, second) = await collect(deployment), await collect(deployment)
    assert first == second


async def test_closing_it_stops_it_and_the_next_one_runs(deployment):
    async with asyncio.timeout(60):
        async with aclosing(start(deployment, replace(PROMPT, max_tokens=200))) as events:
            async for event in events:
                if isinstance(event, Delta):
                    break
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        _, text = await collect(deployment)
    assert text.strip()


async def test_cancelling_the_reader_ends_it(deployment):
    begun = asyncio.Event()

    async def read() -> None:
        async with aclosing(start(deployment, replace(PROMPT, max_tokens=200))) as events:
            async for _ in events:
                begun.set()
                await asyncio.sleep(0)
        await asyncio.Event().wait()

    reader = asyncio.create_task(read())
    async with asyncio.timeout(60):
        await begun.wait()
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader


async def test_a_long_prompt_is_answered_or_refused_as_too_long(deployment):
    long = replace(
        PROMPT, messages=(*PROMPT.messages[:-1], PromptMessage(Role.USER, "why? " * 6000))
    )
    outcome: object
    try:
        (*_, outcome), _ = await collect(deployment, long)
    except ProviderError as error:
        outcome = (error.code, error.permanent)
    assert outcome == ("context_exceeded", True) or isinstance(outcome, Finished)
