"""How generated text reaches the reader: at once, block by block after its check, or held back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection

from assistants import compute
from assistants.exceptions import AssistantsError
from assistants.markdown import Settler
from assistants.types import Outcome, ReleaseMode

# The first text goes out at once; after that one append takes what came in this time. Where many
# answers stream at once each gathers for longer: the same work then carries more text.
FLUSH_SECONDS = 0.03
LONGEST_FLUSH_SECONDS = 0.12
UNHURRIED_ANSWERS = 20

# A block's text, before it is shown: what policy says. Raises OutputBlocked.
CheckBlock = Callable[[str], Outcome]

Frames = list[tuple[str, dict[str, object]]]


def no_check(text: str) -> Outcome:
    """For text that is not an answer's."""
    return Outcome.ALLOW


class OutputBlocked(AssistantsError):
    """A guardrail stopped the text before it was shown."""

    code = "blocked"
    permanent = True


class Diverged(AssistantsError):
    """A repeated generation does not begin with the text that was already released."""

    code = "interrupted"
    user_message = "The answer was interrupted. What came so far is kept; you can ask for it again."


class Release:
    """Takes text from a generation, writes frames to the answer's stream. One per answer.

    When an earlier runner has released text already, the repeated generation must begin with
    the same text: that part is compared and not written again, so that nothing is doubled, and
    writing goes on where it stopped, so that nothing is lost. If it differs, Diverged is raised
    before anything new is written.
    """

    def __init__(
        self,
        writer: compute.AnswerWriter,
        mode: ReleaseMode,
        citations: Collection[int],
        check: CheckBlock = no_check,
    ) -> None:
        self._check = check
        self._kept_back = False  # a block may not be shown before the whole was looked at
        self._writer = writer
        self._mode = mode
        self._lock = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._flushed = 0.0
        self._generated: list[str] = []  # all of this generation
        self._buffer: list[str] = []  # of it, what has not been looked at
        self._pending = ""  # looked at, but waiting for its block to settle
        self._expected = writer.released  # what this generation still has to repeat
        self._settler = Settler(citations)
        blocks = self._settler.feed(self.released)
        shown = sum(frame.type == "answer.block" for frame in writer.earlier)
        self._blocks_to_skip = max(0, shown - len(blocks))
        self._blocks = blocks[shown:]  # settled, but not yet shown as such

    @property
    def withholds(self) -> bool:
        """Whether what is generated waits for a reviewer."""
        return self._mode is ReleaseMode.HOLD

    @property
    def _keeps(self) -> bool:
        return self._kept_back or self._mode is ReleaseMode.HOLD

    @property
    def released(self) -> str:
        return self._writer.released

    def restart(self) -> None:
        """Before another generation of the same answer: it will be compared with what is out."""
        self._expected = self.released
        self._kept_back = False
        self._buffer.clear()
        self._generated.clear()
        self._pending = ""

    async def feed(self, text: str) -> None:
        if self._failure:
            raise self._failure
        self._generated.append(text)
        text = self._beyond_released(text)
        if not text:
            return
        self._buffer.append(text)
        pace = self._pace()
        due = time.monotonic() - self._flushed >= pace
        if due or self._mode is not ReleaseMode.TOKEN:
            # Shielded: a stop must not tear an append from its bookkeeping.
            await asyncio.shield(self._flush())
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(pace, self._start_flush)

    def _pace(self) -> float:
        crowd = max(1.0, self._writer.peers / UNHURRIED_ANSWERS)
        return min(FLUSH_SECONDS * crowd, LONGEST_FLUSH_SECONDS)

    async def finish(self) -> str:
        """Release what is left; return the whole text, which is the released deltas joined.

        In `hold` mode nothing was released: the text is for the reviewer. From a block on that
        may not be shown as it is, it is for the check of the whole.
        """
        if self._expected:
            raise Diverged("the repeated generation ended before the released text did")
        await self._drain_timer()
        await self._flush(last=True)
        if self._failure:
            raise self._failure
        return "".join(self._generated) if self._keeps else self.released

    async def keep(self) -> str:
        """At a stop or a failure: release what may be shown unchecked, return what is out."""
        await self._drain_timer()
        if self._mode is ReleaseMode.TOKEN and not self._failure and not self._expected:
            await self._flush(last=True)
        return self.released

    def _beyond_released(self, text: str) -> str:
        if not self._expected:
            return text
        compared = min(len(text), len(self._expected))
        if text[:compared] != self._expected[:compared]:
            raise Diverged("the repeated generation differs from the released text")
        self._expected = self._expected[compared:]
        return text[compared:]

    def _start_flush(self) -> None:
        self._timer = None
        self._flushing = asyncio.ensure_future(self._flush_quietly())

    async def _flush_quietly(self) -> None:
        try:
            await self._flush()
        except Exception as error:  # raised to the feeder, at its next piece of text
            self._failure = error

    async def _drain_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._flushing:
            await self._flushing

    async def _flush(self, *, last: bool = False) -> None:
        async with self._lock:
            text, self._buffer = "".join(self._buffer), []
            if self._keeps:
                return
            settled = self._settler.feed(text) if text else []
            self._blocks += settled[self._blocks_to_skip :]
            self._blocks_to_skip = max(0, self._blocks_to_skip - len(settled))
            self._pending += text
            shown = self._may_be_shown(last=last)
            if not shown:
                return
            frames: Frames = [("answer.delta", {"text": shown})]
            tail = self._settler.tail if self._mode is ReleaseMode.TOKEN else ""
            frames += [("answer.block", {"html": html, "tail": tail}) for html in self._blocks]
            await self._writer.append(frames)
            self._blocks = []
            self._pending = self._pending[len(shown) :]
            self._flushed = time.monotonic()

    def _may_be_shown(self, *, last: bool) -> str:
        if self._mode is ReleaseMode.TOKEN or last:
            shown = self._pending
        else:
            settled = len(self.released) + len(self._pending) - len(self._settler.tail)
            shown = self._pending[: max(0, settled - len(self.released))]
        if shown and self._mode is ReleaseMode.BLOCK:
            self._kept_back = self._check(shown) is not Outcome.ALLOW
        return "" if self._kept_back else shown
