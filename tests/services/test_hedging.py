"""First the race itself, with events that the test sends; then a turn on the whole path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from assistants import data
from assistants.exceptions import LeaseLost, ProviderError
from assistants.models import Answer, Generation
from assistants.services.hedging import AllFailed, first_to_speak
from assistants.types import Delta, Finished, FinishReason, Started
from tests import factories, fakes
from tests.fakes import STALL, lost
from tests.services.test_chat import ask, frames_of

NEVER = 3600.0


class Script:
    """A deployment that says what the test tells it to say, and knows whether it was closed."""

    def __init__(self, *first: object) -> None:
        self.lines: asyncio.Queue[object] = asyncio.Queue()
        for line in first:
            self.lines.put_nowait(line)
        self.begun = asyncio.Event()
        self.closed = False

    async def open(self):
        self.begun.set()
        try:
            yield Started("m")
            while True:
                line = await self.lines.get()
                if isinstance(line, BaseException):
                    raise line
                if line is None:
                    yield Finished(FinishReason.STOP)
                    return
                yield Delta(str(line))
        finally:
            self.closed = True


def sources(*scripts: Script) -> list[Callable[[], Any]]:
    return [script.open for script in scripts]


async def text_of(spoken) -> str:
    return "".join([event.text async for event in spoken.events if isinstance(event, Delta)])


async def test_who_speaks_in_time_has_no_rival():
    first, second = Script("a", "b", None), Script("x", None)
    spoken = await first_to_speak(sources(first, second), NEVER)
    assert (spoken.number, await text_of(spoken)) == (0, "ab")
    assert not second.begun.is_set()


async def test_who_keeps_silent_gets_a_rival_and_the_first_to_speak_wins():
    first, second = Script(), Script("x", "y", None)
    spoken = await first_to_speak(sources(first, second), 0)
    assert (spoken.number, spoken.silent) == (1, [0])
    assert first.closed
    assert not second.closed
    assert await text_of(spoken) == "xy"


async def test_the_first_may_still_win_after_its_rival_was_started():
    first, second = Script(), Script()
    racing = asyncio.ensure_future(first_to_speak(sources(first, second), 0))
    await second.begun.wait()
    first.lines.put_nowait("late")
    spoken = await racing
    assert (spoken.number, spoken.silent, second.closed) == (0, [1], True)
    first.lines.put_nowait(None)
    assert await text_of(spoken) == "late"


async def test_two_that_speak_at_once_never_both_go_on():
    first, second = Script(), Script()
    racing = asyncio.ensure_future(first_to_speak(sources(first, second), 0))
    await second.begun.wait()
    for script in (first, second):
        script.lines.put_nowait("me")
    spoken = await racing
    assert spoken.number == 0
    assert (first.closed, second.closed) == (False, True)
    await spoken.events.aclose()
    assert first.closed


async def test_one_that_fails_or_says_nothing_leaves_the_race_to_the_other():
    for end in (lost(), None):
        first, second = Script(), Script()
        racing = asyncio.ensure_future(first_to_speak(sources(first, second), 0))
        await second.begun.wait()
        first.lines.put_nowait(end)
        second.lines.put_nowait("x")
        spoken = await racing
        assert spoken.number == 1
        assert list(spoken.failed) == [0]
        await spoken.events.aclose()


async def test_before_there_is_a_rival_a_failure_is_the_callers_to_see_to():
    first, second = Script(lost()), Script("x")
    with pytest.raises(AllFailed) as failed:
        await first_to_speak(sources(first, second), NEVER)
    assert [error.code for error in failed.value.failed.values()] == ["interrupted"]
    assert not second.begun.is_set()


async def test_when_all_fail_each_is_told():
    first, second = Script(), Script(ProviderError(code="overloaded"))
    racing = asyncio.ensure_future(first_to_speak(sources(first, second), 0))
    await second.begun.wait()
    first.lines.put_nowait(lost())
    with pytest.raises(AllFailed) as failed:
        await racing
    assert {n: error.code for n, error in failed.value.failed.items()} == {
        0: "interrupted",
        1: "overloaded",
    }


@pytest.mark.parametrize("error", [LeaseLost("taken over"), RuntimeError("a bug")])
async def test_what_is_no_failure_of_a_deployment_ends_the_race_at_once(error):
    first, second = Script(), Script(error)
    with pytest.raises(type(error)):
        await first_to_speak(sources(first, second), 0)
    assert first.closed
    assert second.closed


async def test_a_stop_closes_all():
    first, second = Script(), Script()
    racing = asyncio.ensure_future(first_to_speak(sources(first, second), 0))
    await second.begun.wait()
    racing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await racing
    assert first.closed
    assert second.closed


# -- a turn ---------------------------------------------------------------------------------------


@pytest.fixture
def models(monkeypatch):
    return fakes.install(monkeypatch, factories.unit_vector(0))


@pytest.fixture
def house(cast, models, django_capture_on_commit_callbacks):
    factories.make_deployment("server", rank=10, hedge_after_ms=1, model="a")
    factories.make_deployment("spare", rank=20, model="b")
    models.says("server", ["Hello ", "there."])
    models.says("spare", ["Good ", "day."])
    return cast


def outcomes_of(answer: Answer) -> dict[str, str]:
    with data.rights_of_system():
        return dict(
            Generation.objects.filter(answer=answer).values_list("deployment__slug", "outcome")
        )


def test_a_silent_deployment_is_overtaken_and_the_page_told_by_whom(house, models):
    models.says("server", [STALL])
    answer = ask(house.alice)
    assert (answer.status, answer.text) == (Answer.Status.COMPLETED, "Good day.")
    assert answer.deployment.slug == "spare"
    assert outcomes_of(answer) == {"server": "outpaced", "spare": "stop"}
    frames = frames_of(str(answer.pk))
    routes = [frame.data for frame in frames if frame.type == "answer.route"]
    assert [(r["badge"]["deployment"], r["fallback"]) for r in routes] == [
        ("server", False),
        ("spare", True),
    ]
    deltas = [frame.data["text"] for frame in frames if frame.type == "answer.delta"]
    assert "".join(deltas) == "Good day."


def test_where_the_rival_fails_the_first_is_waited_for(house, models, monkeypatch):
    released = asyncio.Event()

    async def generate(prompt, deployment, *, generation_id):
        yield Started("m")
        if deployment.slug == "spare":
            released.set()
            raise lost()
        await released.wait()
        yield Delta("At last.")
        yield Finished(FinishReason.STOP)

    monkeypatch.setattr("assistants.compute.generate", generate)
    answer = ask(house.alice)
    assert (answer.text, answer.deployment.slug) == ("At last.", "server")
    assert outcomes_of(answer) == {"server": "stop", "spare": "interrupted"}


def test_when_both_fail_the_next_of_the_route_takes_over_and_neither_is_asked_again(house, models):
    factories.make_deployment("third", rank=30, model="c")
    models.says("third", ["Third."])
    models.says("server", [lost()])
    models.says("spare", [lost()])
    answer = ask(house.alice)
    assert answer.text == "Third."
    asked = [slug for slug, _ in models.prompts]
    assert sorted(asked) == ["server", "spare", "third"]


def test_without_the_flag_a_deployment_has_no_rival(house, models):
    factories.Deployment.objects.update(hedge_after_ms=0)
    answer = ask(house.alice)
    assert answer.text == "Hello there."
    assert [slug for slug, _ in models.prompts] == ["server"]
