from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import ResponseError

from assistants.compute import scripts
from assistants.compute.broker import async_client, close_async_client
from assistants.compute.scripts import Script

ECHO = Script("return ARGV[1]")
FAIL = Script("return redis.error_reply('ERR not today')")


@pytest.fixture(autouse=True)
async def closed():
    yield
    await close_async_client()


async def test_each_caller_gets_the_reply_to_its_own_call():
    numbers = [str(number) for number in range(200)]
    assert await asyncio.gather(*(ECHO([], [number]) for number in numbers)) == numbers


async def test_calls_that_come_while_one_is_under_way_go_as_one_batch(monkeypatch):
    sizes = []

    async def execute(batch, real=scripts._execute):
        sizes.append(len(batch))
        return await real(batch)

    monkeypatch.setattr(scripts, "_execute", execute)
    first = asyncio.create_task(ECHO([], ["first"]))
    while not sizes:
        await asyncio.sleep(0)
    await asyncio.gather(first, *(ECHO([], [number]) for number in range(99)))
    assert sizes == [1, 99]


async def test_a_call_that_fails_fails_alone():
    replies = await asyncio.gather(
        ECHO([], ["before"]), FAIL([], []), ECHO([], ["after"]), return_exceptions=True
    )
    assert (replies[0], replies[2]) == ("before", "after")
    assert isinstance(replies[1], ResponseError)


async def test_a_caller_that_gives_up_leaves_the_others_alone():
    given_up, kept = asyncio.create_task(ECHO([], ["a"])), asyncio.create_task(ECHO([], ["b"]))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await kept == "b"


async def test_a_broker_that_has_forgotten_the_script_is_given_it_again():
    assert await ECHO([], ["known"]) == "known"
    await async_client().script_flush()
    assert await asyncio.gather(ECHO([], ["a"]), ECHO([], ["b"])) == ["a", "b"]
