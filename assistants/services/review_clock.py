"""The clock of reviews: claims that lapse, rights that are gone, reminders, and who is asked next.

It never decides. What nobody has decided in a month ends unshown.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from assistants import control, data
from assistants.models import Answer, Notification, ReviewItem
from assistants.services.notifications import notify
from assistants.services.review_decisions import store_outcome
from assistants.services.review_notes import EXPIRED
from assistants.services.reviews import OPEN, Action, record, take_step, tell_asker
from assistants.services.second_person import get_organisation

logger = logging.getLogger(__name__)

AT_ONCE = 200
REMIND_BEFORE = 0.25  # of the time that it may wait
KEPT = timedelta(days=30)
NOBODY = "Nobody decided on this answer in time. You can ask again."


def sweep() -> int:
    """One look at all that is open; how many items were touched. Each in its own transaction."""
    now = timezone.now()
    with data.rights_of_system():
        waiting = list(
            ReviewItem.objects.filter(state__in=OPEN).order_by("due").values_list("pk", flat=True)
        )
    touched = 0
    for pk in waiting[:AT_ONCE]:
        try:
            with data.rights_of_system(), transaction.atomic():
                item = ReviewItem.objects.filter(pk=pk).first()
                touched += item is not None and _look(item, now)
        except control.ReviewRefused as refused:  # a person was faster
            logger.info("review %s: %s", pk, refused)
    return touched


def _look(item: ReviewItem, now: datetime) -> bool:
    if item.created < now - KEPT:
        _expire(item)
        return True
    touched = False
    if item.holder_id and item.holder_id not in {person.pk for person in _reviewers(item)}:
        take_step(item, Action.REVOKE, None)
        record(item, "revoked", None)
        touched = True
    elif item.claim_expires and item.claim_expires <= now:
        take_step(item, Action.LAPSE, None)
        record(item, "lapsed", None)
        touched = True
    return _remind(item, now) or touched


def _remind(item: ReviewItem, now: datetime) -> bool:
    if item.kind == ReviewItem.Kind.BLIND:  # nobody waits for it
        return False
    if now >= item.due and not item.escalated:
        # Whoever holds it had their time: from now on others may take it as well.
        if item.state == ReviewItem.State.CLAIMED:
            take_step(item, Action.REVOKE, None)
        item.escalated = True
        item.escalated_to_id = get_organisation().review_escalation_id or item.escalated_to_id
        item.save(update_fields=["escalated", "escalated_to"])
        notify((person.pk for person in _reviewers(item)), Notification.Kind.OVERDUE, item)
        record(item, "overdue", None)
        return True
    ahead = (item.due - item.created) * REMIND_BEFORE
    if item.reminded is None and not item.escalated and now >= item.due - ahead:
        item.reminded = now
        item.save(update_fields=["reminded"])
        people = [item.holder_id] if item.holder_id else [each.pk for each in _reviewers(item)]
        notify(people, Notification.Kind.DUE, item)
        return True
    return False


def _reviewers(item: ReviewItem) -> list[User]:
    groups = [key for key in (item.reviewers_id, item.escalated_to_id) if key]
    people = User.objects.filter(is_active=True, groups__in=groups).exclude(pk=item.asker_id)
    return list(people.distinct())


def _expire(item: ReviewItem) -> None:
    take_step(item, Action.EXPIRE, None, {"decided": timezone.now(), "message": NOBODY})
    held = Answer.objects.filter(reviews=item, status=Answer.Status.HELD)
    answer = held.first()
    if item.kind == ReviewItem.Kind.POLICY and answer is not None:
        answer.status, answer.text, answer.draft = Answer.Status.BLOCKED, "", ""
        answer.error_code, answer.error_message = EXPIRED, NOBODY
        store_outcome(answer, item, None, "expired", was=Answer.Status.HELD)
        notify([item.asker_id], Notification.Kind.EXPIRED, item)
        tell_asker(item, "review.decided")
    record(item, "expired", None)
