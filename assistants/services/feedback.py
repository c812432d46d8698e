"""What people think of answers: given, changed or withdrawn by the asker; read by reviewers
without the conversation.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q

from assistants import control, data
from assistants.exceptions import InvalidRequest
from assistants.models import Answer, Feedback
from assistants.services.conversations import access_answer

PERMISSION = "assistants.view_feedback"
PAGE = 50
MAX_COMMENT = 1000

GOOD = (Feedback.Reason.CORRECT, Feedback.Reason.CLEAR, Feedback.Reason.SOURCES)
REASONS = {
    Feedback.Verdict.UP: GOOD,
    Feedback.Verdict.DOWN: tuple(each for each in Feedback.Reason if each not in GOOD),
}
SHOWN = (Answer.Status.COMPLETED, Answer.Status.STOPPED, Answer.Status.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class FeedbackForm:
    """`choices` are [(value, words, whether it is chosen)]."""

    answer: uuid.UUID
    verdict: str
    choices: list[tuple[str, str, bool]]
    comment: str


@dataclass(frozen=True, slots=True)
class FeedbackEntry:
    """As a reviewer reads it: nothing of question, answer or title."""

    when: datetime
    assistant: str
    deployment: str
    verdict: str
    reasons: list[str]
    comment: str
    receipt_sha256: str


@dataclass(frozen=True, slots=True)
class FeedbackPage:
    """`counts` are [(assistant, good, bad)] of all there is."""

    entries: list[FeedbackEntry]
    counts: list[tuple[str, int, int]]
    number: int
    more: bool


def give_feedback(
    user: AbstractUser,
    answer_id: uuid.UUID,
    verdict: str,
    reasons: Sequence[str] | None = None,
    comment: str | None = None,
) -> FeedbackForm:
    """Store or change what the user says of an answer of theirs; None keeps what is there.

    Another verdict than before drops the reasons of the first. InvalidRequest where the answer
    shows nothing to judge.
    """
    if verdict not in Feedback.Verdict:
        raise InvalidRequest("not a verdict")
    allowed = REASONS[Feedback.Verdict(verdict)]
    chosen = None if reasons is None else [each for each in allowed if each in reasons]
    if comment is not None:
        comment = comment.replace("\x00", " ").strip()
        if len(comment) > MAX_COMMENT:
            raise InvalidRequest(
                "comment too long",
                code="too_long",
                user_message=f"Keep the comment within {MAX_COMMENT} characters.",
            )
    with data.rights_of_user(user) as scope:
        answer = access_answer(scope, answer_id)
        if answer.status not in SHOWN:
            raise InvalidRequest(
                "nothing to judge", user_message="There is no answer to judge here yet."
            )
        given = Feedback.objects.filter(answer=answer).first()
        if given is None:
            given = Feedback(answer=answer, author_id=user.pk)
        if given.verdict != verdict:
            given.reasons = []
        given.verdict = verdict
        given.reasons = given.reasons if chosen is None else chosen
        given.comment = given.comment if comment is None else comment
        given.save()
        control.record_event(
            action="feedback.given",
            actor=user.get_username(),
            subject=str(answer.pk),
            data={"verdict": verdict, "reasons": list(given.reasons)},
        )
        return _form(given)


def get_form(user: AbstractUser, answer_id: uuid.UUID) -> FeedbackForm | None:
    """What the user has said of an answer; None where they have not."""
    with data.rights_of_user(user) as scope:
        given = Feedback.objects.filter(answer=access_answer(scope, answer_id)).first()
        return _form(given) if given else None


def withdraw_feedback(user: AbstractUser, answer_id: uuid.UUID) -> None:
    with data.rights_of_user(user) as scope:
        deleted, _ = Feedback.objects.filter(answer=access_answer(scope, answer_id)).delete()
        if deleted:
            control.record_event(
                action="feedback.withdrawn", actor=user.get_username(), subject=str(answer_id)
            )


def get_page(user: AbstractUser, number: int = 1) -> FeedbackPage:
    """For whoever may see feedback: PermissionDenied otherwise."""
    if not user.has_perm(PERMISSION):
        raise PermissionDenied
    start = (max(number, 1) - 1) * PAGE
    with data.rights_of_system():
        newest = (
            Feedback.objects.select_related(
                "answer__message__conversation__assistant", "answer__deployment"
            )
            .only(
                *("verdict", "reasons", "comment", "updated", "answer__receipt_sha256"),
                "answer__message__conversation__assistant__name",
                "answer__deployment__slug",
            )
            .order_by("-updated")[start : start + PAGE + 1]
        )
        entries = [_entry(each) for each in newest]
        counts = _count()
    return FeedbackPage(entries[:PAGE], counts, max(number, 1), len(entries) > PAGE)


def _count() -> list[tuple[str, int, int]]:
    name = "answer__message__conversation__assistant__name"
    counted = Feedback.objects.values(name).annotate(
        good=Count("pk", filter=Q(verdict=Feedback.Verdict.UP)),
        bad=Count("pk", filter=Q(verdict=Feedback.Verdict.DOWN)),
    )
    return [(str(each[name]), each["good"], each["bad"]) for each in counted.order_by(name)]


def _form(given: Feedback) -> FeedbackForm:
    choices = [
        (str(each.value), str(each.label), each.value in given.reasons)
        for each in REASONS[Feedback.Verdict(given.verdict)]
    ]
    return FeedbackForm(given.answer_id, given.verdict, choices, given.comment)


def _entry(given: Feedback) -> FeedbackEntry:
    answer = given.answer
    return FeedbackEntry(
        when=given.updated,
        assistant=answer.message.conversation.assistant.name,
        deployment=answer.deployment.slug if answer.deployment else "",
        verdict=Feedback.Verdict(given.verdict).label,
        reasons=[str(Feedback.Reason(each).label) for each in given.reasons],
        comment=given.comment,
        receipt_sha256=answer.receipt_sha256,
    )
