"""What the asker is told of the reviews of their answers: that one waits, for how long about, and
what became of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser

from assistants import control, data
from assistants.exceptions import NotFound
from assistants.models import Answer, ReviewItem
from assistants.services.differences import Difference, shorten
from assistants.services.reviews import in_words, usual_seconds

REJECTED, EXPIRED = "rejected", "expired"  # an answer's error codes


@dataclass(frozen=True, slots=True)
class ReviewNote:
    """`usual` is a sentence. `difference` is what the reviewer changed, with a little of
    what stands around it."""

    item: uuid.UUID
    answer: uuid.UUID
    state: str
    usual: str = ""
    since: datetime | None = None
    question: str = ""
    reply: str = ""
    message: str = ""
    appeal: str = ""
    may_appeal: bool = False
    difference: Difference = field(default_factory=list)

    @property
    def waits(self) -> bool:
        return self.state in control.OPEN

    @property
    def asks(self) -> bool:
        return self.state == control.ReviewState.ASKED


def is_rejected(answer: Answer) -> bool:
    """A reviewer decided that it is not shown, or nobody decided in time."""
    return answer.status == Answer.Status.BLOCKED and answer.error_code in (REJECTED, EXPIRED)


def get_notes(answers: Iterable[Answer]) -> dict[uuid.UUID, ReviewNote]:
    """The newest review of each of these answers that has one; with the asker's rights."""
    reviewed = [
        answer.pk
        for answer in answers
        if answer.status == Answer.Status.HELD or (answer.receipt or {}).get("reviews")
    ]
    if not reviewed:
        return {}
    items = ReviewItem.objects.filter(answer__in=reviewed, kind=ReviewItem.Kind.POLICY)
    return {item.answer_id: _note(item) for item in items.order_by("pk") if item.answer_id}


def get_note(user: AbstractBaseUser, answer_id: uuid.UUID) -> ReviewNote:
    """Of one of the user's own answers; NotFound otherwise."""
    with data.rights_of_user(user) as scope:
        item = (
            ReviewItem.objects.filter(
                answer=answer_id, asker=scope.user_id, kind=ReviewItem.Kind.POLICY
            )
            .order_by("-pk")
            .first()
        )
        if item is None:
            raise NotFound(f"review of answer {answer_id}")
        return _note(item)


def say_usual_time(answer: Answer) -> str:
    """How long a held answer will wait, about."""
    item = answer.reviews.filter(state__in=control.OPEN).first()
    return in_words(usual_seconds(item.reviewers_id)) if item else ""


def _note(item: ReviewItem) -> ReviewNote:
    waits = item.state in control.OPEN
    assert item.answer_id  # noqa: S101  # of this kind each has one
    return ReviewNote(
        item=item.pk,
        answer=item.answer_id,
        state=item.state,
        usual=in_words(usual_seconds(item.reviewers_id)) if waits else "",
        since=item.created,
        question=item.question,
        reply=item.reply,
        message=item.message,
        appeal=item.appeal,
        may_appeal=item.state == ReviewItem.State.REJECTED and item.appeal_of_id is None,
        difference=shorten(item.difference),
    )
