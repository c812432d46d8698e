"""Reviews as a state machine, and two reviewers, a clock and a lost right all at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from assistants.control.reviews import (
    CLAIM_SECONDS,
    OPEN,
    SHOWN,
    Review,
    ReviewAction,
    ReviewKind,
    ReviewRefused,
    ReviewState,
    cohens_kappa,
    decide_due,
    draws_sample,
    is_safe_in_bulk,
    step_review,
)

A, S = ReviewAction, ReviewState
ASKER, RITA, ROBIN = 1, 2, 3
ITEM = Review(ReviewKind.POLICY, S.WAITING, asker=ASKER)
DECISIONS = (A.APPROVE, A.EDIT, A.QUOTE, A.REJECT)
NEEDS_HOLDER = (*DECISIONS, A.RELEASE, A.HAND_OVER, A.ESCALATE, A.ASK)


def step(review, action, actor, now=0.0, **more):
    return step_review(review, action, actor, now=now, **more)


def refused(*args, **more) -> str:
    with pytest.raises(ReviewRefused) as caught:
        step(*args, **more)
    return caught.value.code


def claimed(review=ITEM, by=RITA):
    return step(review, A.CLAIM, by)


@pytest.mark.parametrize(
    ("action", "state"),
    list(zip(DECISIONS, (S.APPROVED, S.EDITED, S.QUOTED, S.REJECTED), strict=True)),
)
def test_who_holds_it_decides_it_once(action, state):
    ended = step(claimed(), action, RITA)
    assert ended.state == state
    assert ended.version == 2
    for again in A:
        assert refused(ended, again, RITA) == "decided"


@pytest.mark.parametrize("action", NEEDS_HOLDER)
def test_nobody_decides_what_they_do_not_hold(action):
    assert refused(ITEM, action, RITA) == "lost_claim"
    assert refused(claimed(), action, ROBIN) == "lost_claim"
    assert refused(claimed(), action, RITA, now=CLAIM_SECONDS) == "lost_claim"


@pytest.mark.parametrize("action", [A.CLAIM, *NEEDS_HOLDER])
def test_one_whose_right_is_gone_does_nothing(action):
    assert refused(claimed(), action, RITA, permitted=False) == "not_permitted"


def test_nobody_decides_their_own_question():
    assert refused(ITEM, A.CLAIM, ASKER) == "own_question"
    assert refused(claimed(), A.HAND_OVER, RITA, target=ASKER) == "own_question"


def test_a_claim_locks_until_it_lapses():
    held = claimed()
    assert refused(held, A.CLAIM, ROBIN) == "claimed"
    assert step(held, A.CLAIM, RITA, now=60.0).claim_expires == 60.0 + CLAIM_SECONDS
    assert refused(held, A.LAPSE, None) == "not_lapsed"
    assert step(held, A.LAPSE, None, now=CLAIM_SECONDS).state == S.WAITING
    assert step(held, A.CLAIM, ROBIN, now=CLAIM_SECONDS).holder == ROBIN


def test_the_clock_decides_nothing_and_nobody_plays_the_clock():
    for action in A:
        if action not in (A.LAPSE, A.REVOKE, A.EXPIRE):
            assert refused(claimed(), action, None) in ("not_permitted", "lost_claim")
        else:
            assert refused(claimed(), action, RITA) == "not_permitted"


def test_four_eyes_are_two_people_who_agree_on_one_text():
    item = replace(ITEM, four_eyes=True)
    first = step(claimed(item), A.EDIT, RITA)
    assert (first.state, first.proposed) == (S.WAITING, A.EDIT)
    assert refused(first, A.CLAIM, RITA) == "second_person"
    assert step(claimed(first, ROBIN), A.APPROVE, ROBIN).state == S.EDITED
    # another edit is another text: now the first has to agree
    other = step(claimed(first, ROBIN), A.EDIT, ROBIN)
    assert (other.state, other.proposer) == (S.WAITING, ROBIN)
    assert step(claimed(other, RITA), A.APPROVE, RITA).state == S.EDITED
    assert step(claimed(first, ROBIN), A.REJECT, ROBIN).state == S.REJECTED


def test_who_escalates_has_had_it():
    item = step(claimed(), A.ESCALATE, RITA)
    assert item.state == S.WAITING
    assert refused(item, A.CLAIM, RITA) == "barred"
    assert claimed(item, ROBIN).holder == ROBIN


def test_only_the_asker_replies_and_a_reviewer_need_not_wait_for_it():
    asked = step(claimed(), A.ASK, RITA)
    assert refused(asked, A.REPLY, ROBIN) == "not_permitted"
    assert refused(asked, A.APPROVE, RITA) == "lost_claim"
    assert step(asked, A.REPLY, ASKER).state == S.WAITING
    assert claimed(asked, ROBIN).holder == ROBIN


def test_a_blind_sample_takes_two_judges():
    item = replace(ITEM, kind=ReviewKind.BLIND)
    assert refused(claimed(item), A.APPROVE, RITA) == "wrong_kind"
    assert refused(claimed(), A.JUDGE, RITA) == "wrong_kind"
    once = step(claimed(item), A.JUDGE, RITA)
    assert (once.state, once.votes) == (S.WAITING, 1)
    assert refused(once, A.CLAIM, RITA) == "barred"
    assert step(claimed(once, ROBIN), A.JUDGE, ROBIN).state == S.JUDGED


def test_bulk_is_for_what_is_slight_and_takes_one():
    assert is_safe_in_bulk(ITEM, 0.2)
    assert not is_safe_in_bulk(ITEM, 0.4)
    assert not is_safe_in_bulk(replace(ITEM, four_eyes=True), 0.2)
    assert not is_safe_in_bulk(replace(ITEM, kind=ReviewKind.BLIND), 0.2)


def test_what_is_grave_is_due_sooner():
    assert [decide_due(s, 60).total_seconds() / 60 for s in (0.9, 0.5, 0.1)] == [15, 60, 240]


def test_agreement_as_in_the_textbook():
    # 20 + 15 agreed of 50: p_o 0.7, p_e 0.5, kappa 0.4
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohens_kappa(pairs) == pytest.approx(0.4)
    assert cohens_kappa([("y", "y"), ("n", "n")]) == 1.0
    assert cohens_kappa([("y", "n"), ("n", "y")]) == -1.0
    assert cohens_kappa([]) is None
    assert cohens_kappa([("y", "y")] * 5) is None


def test_a_share_is_drawn():
    random_bytes = random.Random(5)
    drawn = sum(draws_sample(random_bytes.randbytes(32), 0.1) for _ in range(20_000))
    assert 1_800 < drawn < 2_200
    assert not draws_sample(b"\x00" * 8, 0.0)
    assert draws_sample(b"\xff" * 8, 1.0)


# ---- Races ----


class Store:
    """A row, as the database keeps it: a write counts only where nothing was written since."""

    def __init__(self, item: Review) -> None:
        self.item = item
        self.rights = {RITA, ROBIN}
        self.now = 0.0
        self.history = [item]
        self.decided: list[tuple[ReviewAction, int]] = []

    def write(self, read: Review, after: Review, action: ReviewAction, actor: int | None) -> None:
        # Row-level security looks at the right again, in the statement that writes.
        permitted = actor is None or actor == ASKER or actor in self.rights
        if self.item.version != read.version or not permitted:
            return
        self.item = after
        self.history.append(after)
        if action in DECISIONS and actor is not None:
            self.decided.append((action, actor))


def worker(store: Store, actor: int | None, actions: list[ReviewAction]) -> Iterator[None]:
    """Reads, decides and writes; between any two of these others may run."""
    for action in actions:
        read = store.item
        yield
        permitted = actor is None or actor in store.rights
        yield
        try:
            other = RITA if actor == ROBIN else ROBIN
            after = step_review(
                read, action, actor, now=store.now, permitted=permitted, target=other
            )
        except ReviewRefused:
            continue
        yield
        store.write(read, after, action, actor)


def clock(store: Store, ticks: list[float]) -> Iterator[None]:
    for seconds in ticks:
        store.now += seconds
        yield
        yield from worker(store, None, [A.LAPSE])


def revoker(store: Store, whom: int) -> Iterator[None]:
    yield
    store.rights.discard(whom)
    yield from worker(store, None, [A.REVOKE])


def play(seed: int) -> Store:
    chance = random.Random(seed)
    store = Store(replace(ITEM, four_eyes=chance.random() < 0.4))
    wanted = [A.CLAIM, A.CLAIM, *DECISIONS, *DECISIONS, A.HAND_OVER, A.ESCALATE, A.ASK, A.RELEASE]

    def some() -> list[ReviewAction]:
        return [A.CLAIM, *chance.choices(wanted, k=5)]

    running = [
        worker(store, RITA, some()),
        worker(store, ROBIN, some()),
        worker(store, ASKER, [A.CLAIM, A.APPROVE, A.REPLY, A.REPLY]),
        clock(store, [chance.choice([1.0, CLAIM_SECONDS]) for _ in range(4)]),
    ]
    if chance.random() < 0.5:
        running.append(revoker(store, chance.choice([RITA, ROBIN])))
    while running:
        turn = chance.choice(running)
        if next(turn, running) is running:
            running.remove(turn)
    return store


def test_ten_thousand_interleavings():
    """No answer is shown before a decision, none is decided twice, and four eyes are two people."""
    ended = shown = 0
    for seed in range(10_000):
        store = play(seed)
        assert [item.version for item in store.history] == list(range(len(store.history)))
        closed = [item for item in store.history if item.state not in OPEN]
        assert len(closed) <= 1, seed
        assert all(actor in (RITA, ROBIN) for _, actor in store.decided), seed
        if closed:
            ended += 1
            assert store.item is closed[0], seed
            assert store.decided, seed
        if store.item.state in SHOWN:
            shown += 1
            last, who = store.decided[-1]
            assert store.item.holder == who, seed
            if store.item.four_eyes:
                assert last == A.APPROVE, seed
                assert store.decided[-2][1] != who, seed
        else:
            assert not any(item.state in SHOWN for item in store.history), seed
    assert ended > 2_000
    assert shown > 1_000
