"""Parts of the running product are killed while an answer streams: nothing is lost or doubled."""

from __future__ import annotations

import os
import signal

import pytest

from benchmarks.upstream import text_of as scripted_text
from tests.faults.processes import command_line, descendants
from tests.web.sockets import check_contiguous, open_tab, signed_in, text_of

pytestmark = pytest.mark.faults


def kill(product, *words: str) -> None:
    """SIGKILL to the product's processes whose command line holds all of these words."""
    victims = [
        pid
        for pid in descendants(product.process.pid)
        if all(word in command_line(pid) for word in words)
    ]
    assert victims, f"no process with {words}"
    for pid in victims:
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
async def tab(product):
    async with signed_in(product, "alice") as session, open_tab(session, product) as tab:
        yield tab
    product.wait_until_healthy()


def has_text(frame) -> bool:
    return frame["type"] == "answer.delta"


async def test_a_killed_trusted_worker(product, tab):
    accepted = await tab.ask("Draft a note. [tokens=500]")
    before = await tab.frames(accepted["answer"], has_text)
    kill(product, "celery", "trusted@")
    frames = before + await tab.frames(accepted["answer"])
    check_contiguous(frames)
    end = frames[-1]
    assert (end["type"], end["status"]) == ("answer.completed", "completed")
    assert text_of(frames) == end["text"] == scripted_text(500)


async def test_a_killed_broker(product, tab):
    accepted = await tab.ask("Draft a note. [tokens=500]")
    before = await tab.frames(accepted["answer"], has_text)
    kill(product, "valkey-server")
    frames = before + await tab.frames(accepted["answer"])
    check_contiguous(frames)
    end = frames[-1]
    assert (end["type"], end["status"]) == ("answer.completed", "completed")
    assert text_of(frames) == end["text"] == scripted_text(500)


async def test_a_killed_web_process(product):
    async with signed_in(product, "alice") as session:
        async with open_tab(session, product) as tab:
            accepted = await tab.ask("Draft a note. [tokens=300]")
            seen = await tab.frames(accepted["answer"], has_text)
            kill(product, "uvicorn")
        product.wait_until_healthy()
        async with open_tab(session, product) as tab:
            await tab.send(type="answer.resume", answer=accepted["answer"], after=seen[-1]["id"])
            rest = await tab.frames(accepted["answer"])
    check_contiguous(seen + rest)
    assert text_of(seen + rest) == rest[-1]["text"] == scripted_text(300)


async def test_a_killed_model_worker(product, tab):
    """The local model writes; its worker dies; the answer is completed by the next one."""
    product.manage(
        "shell",
        "-c",
        "from assistants.models import Deployment; "
        "Deployment.objects.filter(slug='premises-server').update(enabled=False)",
    )
    try:
        accepted = await tab.ask("Write a long story about a lighthouse keeper and the sea.")
        before = await tab.frames(accepted["answer"], has_text)
        kill(product, "celery", "model@")
        frames = before + await tab.frames(accepted["answer"])
    finally:
        product.manage(
            "shell",
            "-c",
            "from assistants.models import Deployment; "
            "Deployment.objects.filter(slug='premises-server').update(enabled=True)",
        )
    check_contiguous(frames)
    end = frames[-1]
    assert (end["type"], end["status"]) == ("answer.completed", "completed")
    assert text_of(frames) == end["text"]
    assert end["badge"]["deployment"] == "local"
