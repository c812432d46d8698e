"""The stand-in for a cloud: asked by the cloud worker's own provider, answered by the model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from assistants.compute import demo_cloud, remote
from assistants.compute.lanes import ON_PREM
from assistants.compute.providers import provider_class
from assistants.exceptions import ProviderError
from assistants.types import (
    Delta,
    DeploymentSpec,
    Finished,
    GenerationEvent,
    Prompt,
    PromptMessage,
    Role,
    Started,
)

pytestmark = pytest.mark.timeout(180)
MODEL = "demo cloud (stand-in)"


@dataclass
class Demo:
    url: str
    folder: Path
    deployment: DeploymentSpec


@pytest.fixture
async def demo(tmp_path, monkeypatch) -> AsyncIterator[Demo]:
    monkeypatch.setenv("DEMO_CLOUD_API_KEY", "demo-key")
    monkeypatch.setattr(demo_cloud, "MOST_KEPT", 3)
    runner = web.AppRunner(demo_cloud.make_app(demo_cloud.Records(tmp_path / "kept")))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    spec = DeploymentSpec(
        *("demo-cloud", "anthropic", "cloud", "demo", MODEL),
        base_url=url,
        key_variable="DEMO_CLOUD_API_KEY",
        max_tokens=6,
    )
    try:
        yield Demo(url, tmp_path / "kept", spec)
    finally:
        await runner.cleanup()


async def ask(demo: Demo, text: str) -> tuple[str, list[GenerationEvent]]:
    prompt = Prompt((PromptMessage(Role.SYSTEM, "Be brief."), PromptMessage(Role.USER, text)), text)
    async with asyncio.timeout(120):
        provider = provider_class("anthropic")(demo.deployment)
        events = [event async for event in provider.generate(prompt)]
    return "".join(event.text for event in events if isinstance(event, Delta)), events


async def get(demo: Demo, path: str, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(demo.url + path, headers=headers) as reply,
    ):
        return reply.status, await reply.text()


async def test_it_says_what_it_is_restates_the_question_and_lets_the_model_speak(
    demo: Demo, model_worker
):
    text, events = await ask(demo, "Passages …\nQuestion: Who is [PERSON_1]?")
    assert events[0] == Started(MODEL)
    assert text.startswith("**A stand-in for a cloud answers.**")
    assert "> Who is [PERSON_1]?\n" in text
    assert "Passages" not in text
    *_, said = text.partition("says:\n\n")
    assert said
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.usage.prompt_tokens > 0


async def test_it_keeps_what_it_was_sent_but_for_the_key(demo: Demo, model_worker):
    for number in range(5):
        await ask(demo, f"Number {number} of <b>[PERSON_1]</b>")
    files = sorted(demo.folder.iterdir())
    assert [file.name for file in files] == ["000003.txt", "000004.txt", "000005.txt"]
    raw = files[-1].read_bytes().decode()
    assert "Number 4 of" in raw
    assert "demo-key" not in raw
    assert files[-1].stat().st_mode & 0o077 == 0
    status, page = await get(demo, "/")
    assert (status, "Number 4 of &lt;b&gt;[PERSON_1]" in page) == (200, True)
    assert await get(demo, "/requests/5") == (200, raw)
    assert (await get(demo, "/requests/1"))[0] == 404


async def test_a_name_that_was_made_to_lead_here_reads_nothing(demo: Demo):
    assert (await get(demo, "/", Host="evil.example"))[0] == 403


async def test_without_its_key_it_answers_nobody(demo: Demo, monkeypatch):
    monkeypatch.setattr(
        "assistants.compute.providers.anthropic.read_key", lambda variable: "not-the-key"
    )
    with pytest.raises(ProviderError) as raised:
        await ask(demo, "Hello")
    assert raised.value.code == "unauthorized"


async def test_without_a_model_worker_it_is_overloaded(demo: Demo, dead_worker, monkeypatch):
    monkeypatch.setattr(remote, "ON_PREM", replace(ON_PREM, no_worker_seconds=0.2))
    with pytest.raises(ProviderError) as raised:
        await ask(demo, "Hello")
    assert raised.value.code == "overloaded"
