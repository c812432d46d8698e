from __future__ import annotations

import asyncio
import uuid

import pytest

from assistants.compute import AnswerWriter
from assistants.compute.broker import close_async_client
from assistants.services import following

END: tuple[str, dict[str, object]] = ("answer.completed", {"text": "one two"})


@pytest.fixture
async def answer(monkeypatch):
    monkeypatch.setattr(following, "IDLE_SECONDS", 0.01)
    yield str(uuid.uuid4())
    await close_async_client()


async def follow(answer: str) -> list[tuple[int, str]]:
    frames = following.follow(following.Stream(answer), 0)
    return [(frame.number, frame.type) async for frame in frames]


@pytest.mark.parametrize("told", [True, False], ids=["told", "stored only"])
async def test_frames_that_come_while_the_end_is_looked_up_are_not_passed_over(
    answer, told, monkeypatch
):
    loop = asyncio.get_running_loop()

    async def write() -> None:
        async with AnswerWriter(answer) as writer:
            await writer.append([("answer.delta", {"text": "one two"})])
            if told:
                await writer.append([END])

    def look_up(answer_id: str) -> tuple[str, dict[str, object]]:
        asyncio.run_coroutine_threadsafe(write(), loop).result(10)
        return END

    monkeypatch.setattr(following, "_end_from_store", look_up)
    assert await follow(answer) == [(1, "answer.delta"), (2, "answer.completed")]
