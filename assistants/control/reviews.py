"""Reviews as a state machine: what may follow from where, and who may do it. Pure.

The services carry a step out by compare-and-set: it counts only where the item still stands as it
was read (`version`), so of two steps that were decided from the same state one wins and the other
is refused.

    waiting ─claim→ claimed ─approve, edit, quote, reject→ approved, edited, quoted, rejected
       ↑               │ │ ╲─hand over→ claimed (by another)
       │  lapse,       │ ╰─ask→ asked ─reply→ waiting
       ╰─ revoke, release, escalate, a first of four eyes

Of a blind sample two people judge, one after the other and without seeing each other's judgement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from assistants.exceptions import InvalidRequest

CLAIM_SECONDS = 15 * 60.0
JUDGES = 2  # of a blind sample


class ReviewKind(StrEnum):
    POLICY = "policy"  # an answer that waits until it is decided
    BLIND = "blind"  # an answer that was shown, judged to see what guardrails miss


class ReviewState(StrEnum):
    WAITING = "waiting"
    CLAIMED = "claimed"
    ASKED = "asked"
    APPROVED = "approved"
    EDITED = "edited"
    QUOTED = "quoted"
    REJECTED = "rejected"
    JUDGED = "judged"
    EXPIRED = "expired"


class ReviewAction(StrEnum):
    CLAIM = "claim"
    RELEASE = "release"
    HAND_OVER = "hand_over"
    ESCALATE = "escalate"
    ASK = "ask"
    REPLY = "reply"
    APPROVE = "approve"
    EDIT = "edit"
    QUOTE = "quote"
    REJECT = "reject"
    JUDGE = "judge"
    LAPSE = "lapse"  # the clock's, as are the next two
    REVOKE = "revoke"
    EXPIRE = "expire"


State, Action = ReviewState, ReviewAction

OPEN = frozenset({State.WAITING, State.CLAIMED, State.ASKED})
SHOWN = frozenset({State.APPROVED, State.EDITED, State.QUOTED})  # from here on the asker sees it
_ENDS = {
    Action.APPROVE: State.APPROVED,
    Action.EDIT: State.EDITED,
    Action.QUOTE: State.QUOTED,
    Action.REJECT: State.REJECTED,
}
# From which states each is possible; decisions and the rest also need that one holds the item.
_FROM = {
    Action.CLAIM: {State.WAITING, State.ASKED, State.CLAIMED},
    Action.REPLY: {State.ASKED},
    Action.LAPSE: {State.CLAIMED},
    Action.REVOKE: {State.CLAIMED, State.ASKED},
    Action.EXPIRE: OPEN,
}
_OF_THE_CLOCK = {Action.LAPSE, Action.REVOKE, Action.EXPIRE}


class ReviewRefused(InvalidRequest):
    """This step is not possible here, or not for this person; nothing has changed."""

    code = "review_refused"


@dataclass(frozen=True, slots=True)
class Review:
    """How an item stands. People are primary keys, times are Unix seconds.

    `barred` are those who may not take it: who has escalated it, decided it before an appeal, or
    judged it. `proposed` is what the first of four eyes decided, `proposer` who that was.
    """

    kind: ReviewKind
    state: ReviewState
    asker: int
    version: int = 0
    four_eyes: bool = False
    holder: int | None = None
    claim_expires: float | None = None
    proposed: ReviewAction | None = None
    proposer: int | None = None
    barred: frozenset[int] = frozenset()
    votes: int = 0

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


def step_review(
    review: Review,
    action: ReviewAction,
    actor: int | None,
    *,
    now: float,
    permitted: bool = True,
    target: int | None = None,
) -> Review:
    """The item after this action, one version further. Raises ReviewRefused, which says why.

    `actor` is None for the clock. `permitted`: they are among the item's reviewers at this moment.
    `target` is who an item is handed over to; whoever calls has checked that they are a reviewer.
    """
    if not review.is_open:
        raise _refuse("decided", f"This has been decided already: {review.state}.")
    if review.state not in _FROM.get(action, {State.CLAIMED}):
        raise _refuse("lost_claim", "You do not hold this item any more. Take it again.")
    after = replace(review, version=review.version + 1)
    if (actor is None) != (action in _OF_THE_CLOCK):
        raise _refuse("not_permitted", "Only the clock does this, and nothing else.")
    if action is Action.REPLY:
        if actor != review.asker:
            raise _refuse("not_permitted", "Only whoever asked the question can reply.")
        return _waiting(after)
    if actor is None:
        return _by_the_clock(after, action, now)
    check_reviewer(review, actor, permitted=permitted)
    if action is Action.CLAIM:
        return _claim(after, actor, now)
    if review.holder != actor or _is_lapsed(review, now):
        raise _refuse("lost_claim", "You do not hold this item any more. Take it again.")
    if action is Action.RELEASE:
        return _waiting(after)
    if action is Action.ESCALATE:
        return replace(_waiting(after), barred=review.barred | {actor})
    if action is Action.ASK:
        return replace(after, state=State.ASKED, claim_expires=None)
    if action is Action.HAND_OVER:
        if target is None or target == actor:
            raise _refuse("no_target", "Choose whom to hand it over to.")
        check_reviewer(review, target, permitted=True)
        return replace(after, holder=target, claim_expires=now + CLAIM_SECONDS)
    return _decide(after, action, actor)


def check_reviewer(review: Review, actor: int, *, permitted: bool) -> None:
    """Raises ReviewRefused for whoever may not take part in this review."""
    if not permitted:
        raise _refuse("not_permitted", "You are not among the reviewers of this item (any more).")
    if actor == review.asker:
        raise _refuse("own_question", "This is your own question, so somebody else decides it.")
    if actor in review.barred:
        raise _refuse("barred", "You had this item before, so somebody else decides it.")
    if actor == review.proposer:
        raise _refuse("second_person", "You decided first; a second person has to agree.")


def _claim(review: Review, actor: int, now: float) -> Review:
    held = review.state is State.CLAIMED and not _is_lapsed(review, now)
    if held and review.holder != actor:
        raise _refuse("claimed", "Somebody else is working on this item.")
    return replace(review, state=State.CLAIMED, holder=actor, claim_expires=now + CLAIM_SECONDS)


def _decide(review: Review, action: ReviewAction, actor: int) -> Review:
    if review.kind is ReviewKind.BLIND or action is Action.JUDGE:
        if review.kind is not ReviewKind.BLIND or action is not Action.JUDGE:
            raise _refuse("wrong_kind", "A blind sample is judged, and nothing else is.")
        votes = review.votes + 1
        after = replace(_waiting(review), votes=votes, barred=review.barred | {actor})
        return replace(after, state=State.JUDGED) if votes >= JUDGES else after
    if not review.four_eyes or action is Action.REJECT:  # to refuse, one pair is enough
        return replace(_waiting(review), state=_ENDS[action], holder=actor)
    if action is Action.APPROVE and review.proposed is not None:
        return replace(_waiting(review), state=_ENDS[review.proposed], holder=actor)
    return replace(_waiting(review), proposed=action, proposer=actor)


def _by_the_clock(review: Review, action: ReviewAction, now: float) -> Review:
    if action is Action.EXPIRE:
        return replace(_waiting(review), state=State.EXPIRED)
    if action is Action.LAPSE and not _is_lapsed(review, now):
        raise _refuse("not_lapsed", "The claim has not lapsed.")
    return _waiting(review)


def _waiting(review: Review) -> Review:
    return replace(review, state=State.WAITING, holder=None, claim_expires=None)


def _is_lapsed(review: Review, now: float) -> bool:
    return review.claim_expires is not None and review.claim_expires <= now


def _refuse(code: str, message: str) -> ReviewRefused:
    return ReviewRefused(code, code=code, user_message=message)


# ---- Clocks and figures --------------------------------------------------------------------------


def decide_due(severity: float, minutes: int) -> timedelta:
    """How long an item of this severity (0 to 1) may wait, where an ordinary one may wait so many
    minutes: a grave one a quarter of it, a slight one four times as long.
    """
    factor = 0.25 if severity >= GRAVE else 1.0 if severity >= SLIGHT else 4.0
    return timedelta(minutes=minutes * factor)


GRAVE, SLIGHT = 0.7, 0.4


def risk_of(severity: float) -> str:
    return "high" if severity >= GRAVE else "medium" if severity >= SLIGHT else "low"


def is_safe_in_bulk(review: Review, severity: float) -> bool:
    """Whether it may be approved together with others, unopened ones among them."""
    return review.kind is ReviewKind.POLICY and severity < SLIGHT and not review.four_eyes


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Agreement of two judgements of the same things beyond chance (Cohen, 1960, "A coefficient of
    agreement for nominal scales"): (p_o − p_e) / (1 − p_e), where p_o is the share on which both
    agree and p_e the share on which they would, did each judge at random with their own
    frequencies. 1 is full agreement, 0 no more than chance. None where it is not defined: without
    pairs, or where both gave one and the same judgement throughout.
    """
    if not pairs:
        return None
    total = len(pairs)
    observed = sum(first == second for first, second in pairs) / total
    labels = {label for pair in pairs for label in pair}
    expected = sum(
        (sum(first == label for first, _ in pairs) / total)
        * (sum(second == label for _, second in pairs) / total)
        for label in labels
    )
    if expected >= 1.0:
        return None
    return (observed - expected) / (1.0 - expected)


def draws_sample(digest: bytes, share: float) -> bool:
    """Whether an answer is drawn for a blind review: `digest` is a keyed hash of its id, so the
    asker cannot tell beforehand and we can tell again.
    """
    return int.from_bytes(digest[:8], "big") < share * 2**64
