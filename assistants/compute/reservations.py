"""Amounts that are set aside in the broker while work runs, so that many at once share one limit.

A purse is a hash: who holds how much of it, and until when. What a killed worker held lapses.
Amounts are whole numbers of millionths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assistants.compute.broker import sync_client

# KEYS: purses. ARGV: holder, amount, seconds, then the room of each purse ("" for no limit).
# All or none; returns the number of the first purse that has not enough room, or 0.
_RESERVE = """
local now = tonumber(redis.call('time')[1])
for i, purse in ipairs(KEYS) do
    local held = 0
    local entries = redis.call('hgetall', purse)
    for j = 1, #entries, 2 do
        local amount, until_ = string.match(entries[j + 1], '(%d+):(%d+)')
        if tonumber(until_) < now then
            redis.call('hdel', purse, entries[j])
        elseif entries[j] ~= ARGV[1] then
            held = held + tonumber(amount)
        end
    end
    local room = tonumber(ARGV[3 + i])
    if room and held + tonumber(ARGV[2]) > room then return i end
end
for _, purse in ipairs(KEYS) do
    redis.call('hset', purse, ARGV[1], ARGV[2] .. ':' .. now + ARGV[3])
    redis.call('expire', purse, 86400)
end
return 0
"""


def _key(purse: str) -> str:
    return f"purse:{purse}"


def reserve(rooms: Mapping[str, int | None], holder: str, amount: int, seconds: int) -> str | None:
    """Set the amount aside in every purse, or in none: then the first without room is returned.

    `rooms` tells what may be held of each purse by all together (None: no limit). What the same
    holder had set aside before is replaced. Raises `redis.RedisError`.
    """
    purses = list(rooms)
    if not purses:
        return None
    limits = ["" if rooms[purse] is None else str(rooms[purse]) for purse in purses]
    keys = [_key(purse) for purse in purses]
    refused = sync_client().eval(_RESERVE, len(keys), *keys, holder, amount, seconds, *limits)
    return purses[int(refused) - 1] if refused else None


def get_reserved(purses: Sequence[str], *, but: str = "") -> list[int]:
    """What is held of each purse at present, without what the holder `but` has."""
    if not purses:
        return []
    client = sync_client()
    pipeline = client.pipeline(transaction=False)
    pipeline.time()
    for purse in purses:
        pipeline.hgetall(_key(purse))
    (now, _), *held = pipeline.execute()
    return [
        sum(
            int(amount)
            for holder, entry in entries.items()
            for amount, _, until in [entry.partition(":")]
            if int(until) >= now and holder != but
        )
        for entries in held
    ]


def settle(purses: Sequence[str], holder: str, amount: int, seconds: int) -> None:
    """The work has ended: hold what it came to for so long, until sums elsewhere include it."""
    pipeline = sync_client().pipeline(transaction=False)
    for purse in purses:
        if amount:
            pipeline.eval(_RESERVE, 1, _key(purse), holder, amount, seconds, "")
        else:
            pipeline.hdel(_key(purse), holder)
    pipeline.execute()
