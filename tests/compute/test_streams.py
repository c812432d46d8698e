from __future__ import annotations

import asyncio
import uuid

import pytest

from assistants.compute import AnswerWriter, claim_abandoned, read_frames, request_stop
from assistants.compute.broker import async_client, close_async_client
from assistants.exceptions import LeaseLost
from assistants.types import StreamFrame


@pytest.fixture
async def answer():
    yield str(uuid.uuid4())
    await close_async_client()


async def collect(answer: str, after: int = 0) -> list[StreamFrame]:
    return [frame async for frame in read_frames(answer, after) if frame is not None]


END = ("answer.completed", {"text": "one two"})


async def test_frames_are_numbered_from_one_without_a_gap(answer):
    async with AnswerWriter(answer) as writer:
        await writer.append([("answer.delta", {"text": "one "})])
        await writer.append([("answer.delta", {"text": "two"}), END])
    frames = await collect(answer)
    assert [frame.number for frame in frames] == [1, 2, 3]
    assert [frame.type for frame in frames] == ["answer.delta", "answer.delta", END[0]]
    assert writer.released == "one two"


async def test_a_reader_resumes_after_the_last_frame_it_saw(answer):
    async with AnswerWriter(answer) as writer:
        await writer.append([("answer.delta", {"text": "one "}), ("answer.delta", {"text": "two"})])
        await writer.append([END])
    assert [frame.number for frame in await collect(answer, after=2)] == [3]


async def test_a_reader_waits_for_frames_that_are_still_to_come(answer):
    async with AnswerWriter(answer) as writer:
        reading = asyncio.create_task(collect(answer))
        await writer.append([("answer.delta", {"text": "one two"})])
        await writer.append([END])
        assert len(await reading) == 2


async def test_an_idle_stream_tells_so(answer):
    async for frame in read_frames(answer, 0, idle_seconds=0.01):
        assert frame is None
        break


async def test_a_second_runner_is_turned_away(answer):
    async with AnswerWriter(answer):
        with pytest.raises(LeaseLost):
            await AnswerWriter(answer).__aenter__()


async def test_a_runner_presumed_dead_is_fenced_off(answer):
    """The first runner stalls past its lease; the second goes on; the first may not write."""
    client = async_client()
    async with AnswerWriter(answer) as first:
        await first.append([("answer.delta", {"text": "one "})])
        await client.delete(f"answer:{answer}:lease")
        async with AnswerWriter(answer) as second:
            assert second.released == "one "
            assert second.runs == 2
            await second.append([("answer.delta", {"text": "two"})])
            with pytest.raises(LeaseLost):
                await first.append([("answer.delta", {"text": "TWO"})])
            await second.append([END])
        # Even with nobody holding the lease, a place in the stream is taken once.
        with pytest.raises(LeaseLost):
            await first.append([("answer.delta", {"text": "TWO"})])
    frames = await collect(answer)
    assert [frame.data["text"] for frame in frames] == ["one ", "two", "one two"]


async def test_an_append_repeated_after_a_lost_reply_is_not_doubled(answer):
    async with AnswerWriter(answer) as writer:
        await writer.append([("answer.delta", {"text": "one "})])
        writer._next = 1  # the reply never came: the writer does not know that it arrived
        await writer.append([("answer.delta", {"text": "one "})])
        await writer.append([END])
    assert [frame.number for frame in await collect(answer)] == [1, 2]


async def test_a_stop_reaches_the_runner(answer):
    async with AnswerWriter(answer) as writer:
        # The subscription may not be up yet: asked again until it is heard.
        async with asyncio.timeout(5):
            while not writer.stop.is_set():
                await asyncio.to_thread(request_stop, answer)
                await asyncio.sleep(0.01)


async def test_a_stop_before_the_start_is_kept(answer):
    await asyncio.to_thread(request_stop, answer)
    async with AnswerWriter(answer) as writer:
        assert writer.stop.is_set()


async def test_an_abandoned_answer_is_claimed_once(answer):
    assert await asyncio.to_thread(claim_abandoned, [answer]) == [answer]
    assert await asyncio.to_thread(claim_abandoned, [answer]) == []
    async with AnswerWriter(answer):
        assert await asyncio.to_thread(claim_abandoned, [answer]) == []
    # Its runner came and went without an end: it may be claimed again.
    assert await asyncio.to_thread(claim_abandoned, [answer]) == [answer]
