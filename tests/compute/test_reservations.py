from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from assistants import compute
from assistants.compute.broker import sync_client


@pytest.fixture
def purse():
    return f"test-{uuid.uuid4()}"


def test_many_at_once_never_hold_more_than_there_is(purse):
    with ThreadPoolExecutor(16) as pool:
        refused = list(
            pool.map(lambda n: compute.reserve({purse: 100}, f"a{n}", 7, 60), range(100))
        )
    assert refused.count(None) == 14  # 98 of 100
    assert set(refused) == {None, purse}
    assert compute.get_reserved([purse]) == [98]


def test_it_is_set_aside_in_all_purses_or_in_none(purse):
    small = f"{purse}-small"
    assert compute.reserve({purse: 100, small: 5}, "a", 10, 60) == small
    assert compute.get_reserved([purse, small]) == [0, 0]
    assert compute.reserve({purse: 100, small: None}, "a", 10, 60) is None
    assert compute.get_reserved([purse, small]) == [10, 10]


def test_the_same_holder_has_one_share(purse):
    assert compute.reserve({purse: 10}, "a", 8, 60) is None
    assert compute.reserve({purse: 10}, "a", 9, 60) is None
    assert compute.get_reserved([purse]) == [9]
    assert compute.get_reserved([purse], but="a") == [0]


def test_what_a_killed_worker_held_lapses(purse):
    sync_client().hset(f"purse:{purse}", "dead", "8:1")  # until long ago
    assert compute.get_reserved([purse]) == [0]
    assert compute.reserve({purse: 10}, "a", 10, 60) is None


def test_a_settled_share_is_what_it_came_to_and_nothing_is_given_back(purse):
    for holder in ("a", "b"):
        compute.reserve({purse: None}, holder, 8, 60)
    compute.settle([purse], "a", 3, 60)
    compute.settle([purse], "b", 0, 60)
    assert compute.get_reserved([purse]) == [3]


def test_without_a_budget_there_is_nothing_to_do():
    assert compute.reserve({}, "a", 10, 60) is None
    assert compute.get_reserved([]) == []
