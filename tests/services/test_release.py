from __future__ import annotations

import asyncio
import itertools
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistants.compute import AnswerWriter
from assistants.compute.broker import close_async_client
from assistants.markdown import render
from assistants.services.release import Diverged, OutputBlocked, Release
from assistants.types import Outcome, ReleaseMode, StreamFrame

ANSWER = """# Gifts

The limit is **EUR 100** [1].

| who | limit |
|---|---|
| staff | 100 |

1. ask
2. record

```python
x = 1

y = 2
```

Done [2].
"""


async def run(
    text: str, cuts: list[int], mode: ReleaseMode, *, die_after: int | None = None
) -> list[StreamFrame]:
    """Generate `text` in pieces; a first runner may die after so many of them."""
    answer = str(uuid.uuid4())
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [text[a:b] for a, b in itertools.pairwise(edges)]
    if die_after is not None:
        async with AnswerWriter(answer) as writer:
            release = Release(writer, mode, {1, 2})
            for piece in pieces[:die_after]:
                await release.feed(piece)
                release._flushed = 0.0  # as if time had passed: each piece goes out
    async with AnswerWriter(answer) as writer:
        release = Release(writer, mode, {1, 2})
        for piece in pieces:
            await release.feed(piece)
        assert await release.finish() == text
    async with AnswerWriter(answer) as reader:
        await close_async_client()
        return reader.earlier


def shown_html(frames: list[StreamFrame]) -> tuple[str, str]:
    """What a page shows that follows the frames: settled HTML, and the text after it."""
    html, tail = "", ""
    for frame in frames:
        if frame.type == "answer.delta":
            tail += str(frame.data["text"])
        elif frame.type == "answer.block":
            html += str(frame.data["html"])
            tail = str(frame.data["tail"])
    return html, tail


@given(
    cuts=st.lists(st.integers(0, 400), max_size=12),
    mode=st.sampled_from([ReleaseMode.TOKEN, ReleaseMode.BLOCK]),
    die_after=st.none() | st.integers(0, 12),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_is_lost_or_doubled_however_it_is_cut_and_whoever_dies(cuts, mode, die_after):
    frames = asyncio.run(run(ANSWER, cuts, mode, die_after=die_after))
    deltas = [frame.data["text"] for frame in frames if frame.type == "answer.delta"]
    assert "".join(map(str, deltas)) == ANSWER
    html, tail = shown_html(frames)
    if mode is ReleaseMode.TOKEN:
        assert html + render(tail, {1, 2}) == render(ANSWER, {1, 2})


@pytest.fixture
async def writer():
    async with AnswerWriter(str(uuid.uuid4())) as writer:
        yield writer
    await close_async_client()


async def frames_of(writer: AnswerWriter) -> list[str]:
    entries: Any = await writer._client.xrange(f"answer:{writer.answer}:frames")
    return [fields["t"] for _, fields in entries]


async def test_the_first_text_goes_out_at_once(writer):
    release = Release(writer, ReleaseMode.TOKEN, set())
    await release.feed("Hel")
    assert writer.released == "Hel"
    await release.feed("lo")
    assert writer.released == "Hel"  # gathered for the next append
    assert await release.finish() == "Hello"


async def test_gathered_text_goes_out_by_itself(writer):
    release = Release(writer, ReleaseMode.TOKEN, set())
    await release.feed("Hel")
    await release.feed("lo")
    async with asyncio.timeout(5):
        while writer.released != "Hello":
            await asyncio.sleep(0.005)


async def test_a_repeated_generation_that_differs_writes_nothing(writer):
    first = Release(writer, ReleaseMode.TOKEN, set())
    await first.feed("The limit is 100")
    await first.finish()
    first.restart()
    with pytest.raises(Diverged):
        await first.feed("The limit is 200")
    assert await first.keep() == "The limit is 100"


async def test_a_repeated_generation_that_is_shorter_is_not_taken_for_the_whole(writer):
    release = Release(writer, ReleaseMode.TOKEN, set())
    await release.feed("The limit is 100")
    release.restart()
    await release.feed("The limit")
    with pytest.raises(Diverged):
        await release.finish()


async def test_held_text_is_written_nowhere(writer):
    release = Release(writer, ReleaseMode.HOLD, set())
    await release.feed("A risky answer.\n\nMore.")
    assert await release.finish() == "A risky answer.\n\nMore."
    assert await frames_of(writer) == []


async def test_a_block_is_checked_before_it_is_shown(writer):
    def no_doses(text: str) -> Outcome:
        if "500 mg" in text:
            raise OutputBlocked("it names a dose, says the check of doses")
        return Outcome.ALLOW

    release = Release(writer, ReleaseMode.BLOCK, set(), no_doses)
    await release.feed("First.\n\nTake\n")
    assert writer.released == "First.\n\n"
    with pytest.raises(OutputBlocked, match="doses"):
        await release.feed("500 mg.\n\nThird.\n")
    assert await release.keep() == "First.\n\n"


@pytest.mark.parametrize("outcome", [Outcome.REDACT, Outcome.FALLBACK, Outcome.REVIEW])
async def test_from_a_block_on_that_may_not_be_shown_as_it_is_nothing_is(writer, outcome):
    def second(text: str) -> Outcome:
        return outcome if "Second" in text else Outcome.ALLOW

    release = Release(writer, ReleaseMode.BLOCK, set(), second)
    await release.feed("First.\n\nSecond.\n\nThird.\n\nFourth")
    assert await release.finish() == "First.\n\nSecond.\n\nThird.\n\nFourth"
    assert "Second" not in writer.released


async def test_a_check_that_crashes_shows_nothing(writer):
    def broken(text: str) -> Outcome:
        raise RuntimeError("model file missing")

    release = Release(writer, ReleaseMode.BLOCK, set(), broken)
    with pytest.raises(RuntimeError):
        await release.feed("First.\n\nSecond\n")
    assert writer.released == ""


async def test_after_a_withdrawal_the_text_begins_anew(writer):
    release = Release(writer, ReleaseMode.TOKEN, set())
    await release.feed("Wrong.")
    await writer.append([("answer.withdrawn", {"message": "Taken back."})])
    assert writer.released == ""
    await writer.append([("answer.delta", {"text": "Right."})])
    assert writer.released == "Right."
