"""What a reviewer decides, and what becomes of the answer: in one transaction, or not at all.

The step on the item comes first (`services/reviews.py`); only who wins it changes the answer.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection

from django.contrib.auth.models import AbstractUser
from django.utils import timezone

from assistants import control, data
from assistants.exceptions import AssistantsError, NotFound
from assistants.models import Answer, Notification, ReviewDecision, ReviewItem, rows
from assistants.services import guarding
from assistants.services.closing import cited_passages
from assistants.services.conversations import access_answer
from assistants.services.differences import compare_words, hide_removed
from assistants.services.given import fingerprint
from assistants.services.notifications import notify
from assistants.services.review_notes import REJECTED
from assistants.services.review_sources import cite, open_passages, quote_passages
from assistants.services.reviews import (
    Action,
    check_text,
    held_seconds,
    record,
    review_of,
    reviewing,
    take_step,
    tell_asker,
)
from assistants.services.second_person import get_organisation
from assistants.types import Outcome, Scope

LONGEST_ANSWER = 32_000
CHANGED: tuple[str, ...] = (
    *("status", "text", "draft", "fingerprint", "error_code", "error_message"),
    *("receipt", "receipt_sha256"),
)
_LEARNED = {  # what is told to whom, by how it ended
    control.ReviewState.APPROVED: Notification.Kind.APPROVED,
    control.ReviewState.EDITED: Notification.Kind.EDITED,
    control.ReviewState.QUOTED: Notification.Kind.QUOTED,
    control.ReviewState.REJECTED: Notification.Kind.REJECTED,
}


class PersonalDataAdded(control.ReviewRefused):
    """The edit brings in what identifies somebody and was not there before. Confirmed, it goes."""

    code = "personal_data_added"


def approve(user: AbstractUser, item_id: uuid.UUID) -> ReviewItem:
    """As it is written; where the first of four eyes has decided, as that person decided."""
    with reviewing(user, item_id) as item:
        answer = _held_answer(item)
        proposal = get_proposal(item)
        text = proposal.text if proposal else answer.text
        _conclude(user, item, answer, Action.APPROVE, text)
    return item


def edit(
    user: AbstractUser,
    item_id: uuid.UUID,
    text: str,
    *,
    hides_removed: bool = False,
    confirmed: bool = False,
    restore: data.Restorer | None = None,
) -> ReviewItem:
    """Approve with another text, which passes the same checks as any other.

    `restore` puts values in the place of the placeholders that a sealed view showed. The asker
    sees what was changed; with `hides_removed` only that something was taken out. Raises
    PersonalDataAdded until `confirmed`, where the edit names somebody who was not named before.
    """
    text = check_text(text, "An answer cannot be empty. Reject it instead.", LONGEST_ANSWER)
    if restore is not None:
        text = restore.feed(text) + restore.finish()
        if restore.unknown:
            unknown = ", ".join(restore.unknown)
            raise _refuse("unknown_placeholder", f"Nothing stands behind {unknown}. Take it out.")
    with reviewing(user, item_id) as item:
        answer = _held_answer(item)
        if text == answer.text and not item.proposed:
            _conclude(user, item, answer, Action.APPROVE, text)
            return item
        _check_edit(item, answer, text)
        if not confirmed and (added := _names_added(answer, text)):
            raise PersonalDataAdded(
                f"edit of {item_id} adds {added}",
                user_message=f"Your edit brings in what was not there before: {added}. "
                "Take it out, or confirm that it belongs there.",
            )
        _conclude(user, item, answer, Action.EDIT, text, hides_removed=hides_removed)
    return item


def answer_with_quotes(user: AbstractUser, item_id: uuid.UUID) -> ReviewItem:
    """In place of what the model wrote, what the documents say, verbatim."""
    with reviewing(user, item_id) as item:
        answer = _held_answer(item)
        opened = open_passages(answer, Scope(()))
        text = quote_passages(answer.message.text, opened)
        if not text:
            raise control.ReviewRefused(
                f"answer {answer.pk} has no passages",
                code="nothing_to_quote",
                user_message="It was made from no documents: there is nothing to quote.",
            )
        _check_edit(item, answer, text)
        _conclude(user, item, answer, Action.QUOTE, text)
    return item


def reject(user: AbstractUser, item_id: uuid.UUID, reason: str) -> ReviewItem:
    """The asker gets the reason, and none of the text."""
    reason = check_text(reason, "Give a reason: whoever asked will read it.")
    with reviewing(user, item_id) as item:
        answer = _held_answer(item)
        _conclude(user, item, answer, Action.REJECT, "", reason=reason)
    return item


def judge(user: AbstractUser, item_id: uuid.UUID, verdict: str, reason: str = "") -> ReviewItem:
    """One of the two judgements of a blind sample."""
    if verdict not in ReviewDecision.Verdict.values:
        raise control.ReviewRefused("verdict", user_message="Say whether it is fine or a problem.")
    if verdict == ReviewDecision.Verdict.PROBLEM:
        reason = check_text(reason, "Say what the problem is.")
    with reviewing(user, item_id) as item:
        seconds = held_seconds(item)
        after = take_step(item, Action.JUDGE, user, _ended() if item.votes else None)
        ReviewDecision.objects.create(
            item=item,
            reviewer_id=user.pk,
            action=str(Action.JUDGE),
            verdict=verdict,
            reason=reason.strip(),
            seconds=seconds,
        )
        record(item, "judged", user, votes=after.votes)
    return item


def approve_in_bulk(user: AbstractUser, item_ids: Collection[uuid.UUID]) -> tuple[int, int]:
    """Those of slight risk that take one person; how many were approved, and how many were not."""
    done = 0
    for item_id in item_ids:
        try:
            with reviewing(user, item_id) as item:
                if not control.is_safe_in_bulk(review_of(item), item.severity):
                    continue
                if item.holder_id != user.pk:
                    take_step(item, Action.CLAIM, user, {"taken": timezone.now()})
                answer = _held_answer(item)
                _conclude(user, item, answer, Action.APPROVE, answer.text, bulk=True)
        except (control.ReviewRefused, NotFound):
            continue
        done += 1
    return done, len(item_ids) - done


def appeal(user: AbstractUser, answer_id: uuid.UUID, comment: str) -> ReviewItem:
    """Whoever asked does not accept a rejection: another reviewer decides, who sees the comment.

    Once an answer; the one who rejected it cannot take it again.
    """
    comment = check_text(comment, "Say why the answer should be looked at again.")
    with data.rights_of_user(user) as scope:
        answer = access_answer(scope, answer_id)
        rejected = _rejected(answer)
        with data.rights_of_system():  # what was rejected is not the asker's to see
            decisions = list(rejected.decisions.order_by("id"))
            if ReviewItem.objects.filter(appeal_of=rejected).exists() or rejected.appeal_of_id:
                raise _refuse("appealed", "This was appealed already. A reviewer decides.")
        last = decisions[-1]
        wait = control.decide_due(rejected.severity, get_organisation().review_minutes)
        item = ReviewItem(
            kind=rejected.kind,
            answer=answer,
            asker_id=user.pk,
            assistant_id=rejected.assistant_id,
            department_id=rejected.department_id,
            reviewers=rejected.reviewers,
            escalated_to_id=get_organisation().review_escalation_id,
            policy=rejected.policy,
            rule=rejected.rule,
            findings=rejected.findings,
            severity=rejected.severity,
            four_eyes=rejected.four_eyes,
            barred=sorted({*rejected.barred, last.reviewer_id}),
            due=timezone.now() + wait,
            appeal_of=rejected,
            appeal=comment,
        )
        item.save(force_insert=True)
        answer.status, answer.text = Answer.Status.HELD, last.before
        answer.error_code = answer.error_message = ""
        store_outcome(answer, item, user, "appealed", was=Answer.Status.BLOCKED)
        record(item, "appealed", user)
    return item


# ---- Inside --------------------------------------------------------------------------------------


def _held_answer(item: ReviewItem) -> Answer:
    answer = (
        Answer.objects.select_related("message").filter(pk=item.answer_id).first()
        if item.answer_id
        else None
    )
    if answer is None:
        raise NotFound(f"answer of review {item.pk}")
    if answer.status != Answer.Status.HELD:
        raise _refuse("decided", "This answer does not wait any more.")
    return answer


def _conclude(
    user: AbstractUser,
    item: ReviewItem,
    answer: Answer,
    action: control.ReviewAction,
    text: str,
    *,
    reason: str = "",
    hides_removed: bool = False,
    bulk: bool = False,
) -> None:
    """The step, the decision and, where it is the last, the answer."""
    before, seconds = answer.text, held_seconds(item)
    proposal = get_proposal(item)
    if proposal and action is Action.APPROVE:
        hides_removed = proposal.hides_removed
    after = control.step_review(review_of(item), action, user.pk, now=timezone.now().timestamp())
    ends = not after.is_open
    difference = []
    if ends and after.state in control.SHOWN and text != before:
        difference = [list(each) for each in compare_words(before, text)]
        if hides_removed:
            difference = [list(each) for each in hide_removed(difference)]
    fields = {"message": reason, "difference": difference, **_ended()} if ends else None
    take_step(item, action, user, fields)
    ReviewDecision.objects.create(
        item=item,
        reviewer_id=user.pk,
        action=str(action),
        reason=reason,
        before=before,
        text=text,
        hides_removed=hides_removed,
        seconds=seconds,
    )
    if not ends:
        record(item, str(action), user, ends=False, bulk=bulk)
        return
    if after.state is control.ReviewState.REJECTED:
        answer.status, answer.text, answer.draft = Answer.Status.BLOCKED, "", ""
        answer.error_code, answer.error_message = REJECTED, rejection(reason)
    else:
        answer.status, answer.text = Answer.Status.COMPLETED, text
        if text != before:
            answer.draft = ""
            opened = open_passages(answer, Scope(()))
            cited = cited_passages(text, [each.passage for each in opened])
            cite(answer, {passage.number for passage in cited}, opened)
    notify([item.asker_id], _LEARNED[after.state], item)
    tell_asker(item, "review.decided")
    # Appends to the trail wait for each other, so they come last.
    record(item, str(action), user, ends=True, bulk=bulk)
    store_outcome(answer, item, user, str(after.state), was=Answer.Status.HELD)


def rejection(reason: str) -> str:
    return f"A reviewer did not approve this answer: {reason}"


def store_outcome(
    answer: Answer, item: ReviewItem, user: AbstractUser | None, what: str, *, was: Answer.Status
) -> None:
    """The answer with its receipt, which says who reviewed it; the trail holds the new hash."""
    answer.fingerprint = fingerprint(answer.text)
    receipt = dict(answer.receipt or {})
    receipt |= {
        "status": str(answer.status),
        "answer_sha256": _sha256(answer.text),
        "draft_sha256": _sha256(answer.draft) if answer.draft else None,
        "cited": sorted(answer.citations.values_list("number", flat=True)) if answer.text else [],
        "reviews": [
            *receipt.get("reviews", ()),
            {
                "item": str(item.pk),
                "outcome": what,
                "by": user.get_username() if user else None,
                "with": item.proposer.get_username() if item.proposer else None,
                "policy": item.policy,
                "rule": item.rule,
                "at": timezone.now().isoformat(),
                "receipt_sha256_before": answer.receipt_sha256,
            },
        ],
    }
    answer.receipt, answer.receipt_sha256 = receipt, control.sha256_of(receipt)
    if not rows.update(answer, CHANGED, "status = %s", [str(was)]):
        raise _refuse("conflict", "This answer does not wait any more.")
    control.record_event(
        action=f"answer.{what}",
        actor=user.get_username() if user else "",
        subject=str(answer.pk),
        data={"receipt_sha256": answer.receipt_sha256, "rule": item.rule, "review": str(item.pk)},
    )


def get_proposal(item: ReviewItem) -> ReviewDecision | None:
    """What the first of four eyes decided; for reviewers' rights."""
    if not item.proposed:
        return None
    made = item.decisions.filter(reviewer=item.proposer_id, action=item.proposed)
    return made.order_by("-id").first()


def _rejected(answer: Answer) -> ReviewItem:
    item = (
        answer.reviews.filter(kind=ReviewItem.Kind.POLICY)
        .select_related("reviewers")
        .order_by("-id")
        .first()
    )
    if item is not None and item.state in control.OPEN:
        raise _refuse("appealed", "This was appealed already. A reviewer decides.")
    if item is None or item.state != ReviewItem.State.REJECTED:
        raise _refuse("not_rejected", "There is nothing to appeal: it was not rejected.")
    return item


def _check_edit(item: ReviewItem, answer: Answer, text: str) -> None:
    decision = guarding.check_edit(item.assistant_id, answer, text)
    if decision.outcome is Outcome.BLOCK:
        raise control.ReviewRefused(
            decision.rule, code="blocked", user_message=decision.message or decision.rule
        )


def _names_added(answer: Answer, text: str) -> str:
    """Types of what identifies somebody in the text and stood in neither question nor answer."""
    known = f"{answer.message.text}\n\n{answer.text}"
    found = data.find_spans(text, data.get_term_list())
    added = {
        span.type.lower().replace("_", " ")
        for span in found
        if span.type not in data.QUASI_IDENTIFIERS and text[span.start : span.end] not in known
    }
    return ", ".join(sorted(added))


def _ended() -> dict[str, object]:
    return {"decided": timezone.now()}


def _refuse(code: str, message: str) -> AssistantsError:
    return control.ReviewRefused(code, code=code, user_message=message)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
