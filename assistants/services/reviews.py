"""Review queues: what waits for a person, who may take it, and each step they take with it.

What a decision does to the answer is in `services/review_decisions.py`, what a reviewer reads in
`services/review_pages.py`. Every step is decided by `control.step_review` and carried out by one
UPDATE on the version that was read, under the reviewer's own rights: row-level security looks at
the right again in that very statement.
"""

from __future__ import annotations

import hashlib
import hmac
import statistics
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser, Group, User
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from assistants import control, data
from assistants.exceptions import NotFound
from assistants.models import Answer, Assistant, Notification, ReviewDecision, ReviewItem, rows
from assistants.services.notifications import notify, tell
from assistants.services.second_person import get_organisation
from assistants.types import Decision, Finding, Outcome, Scope

REVIEWERS = "reviewers"  # the group that decides where none other is named
OF_DEPARTMENT = " reviewers"  # after a department's name: the group that decides for it
VIEW_QUEUES = "assistants.view_reviewitem"
RECENT_DECISIONS = 50
LISTED = 500

# Where an assistant holds all it says, and no policy has said why.
HELD = Decision(
    Outcome.REVIEW, rule="Every answer of this assistant is reviewed before it is shown."
)
OWN_QUESTION = "This is your own question, so somebody else decides it."
SAMPLED = "Drawn as a blind sample of what was shown."

Action = control.ReviewAction
OPEN = sorted(control.OPEN)


# ---- Opening -------------------------------------------------------------------------------------


def open_item(answer: Answer, decision: Decision = HELD) -> ReviewItem:
    """Put a held answer into the queue of whoever decides it, in the caller's transaction.

    Of its findings what they say is kept, not the text they are about.
    """
    item = _new_item(answer, decision.severity or 0.5)
    item.reviewers = find_reviewers(decision.reviewers, item.department)
    item.policy, item.rule = decision.policy[:200], decision.rule[:500]
    item.findings = [keep_finding(finding) for finding in decision.findings]
    item.four_eyes = decision.four_eyes
    rows.insert(item)
    return item


def open_sample(answer: Answer) -> ReviewItem | None:
    """An item for a shown answer that is drawn for a blind review; None for any other.

    The draw is a keyed hash of the answer's id: it can be repeated here, and foretold nowhere.
    """
    assistant: Assistant = answer.message.conversation.assistant
    if not assistant.blind_share or not is_drawn(answer.pk, assistant.blind_share):
        return None
    item = _new_item(answer, 0.0)
    item.kind, item.rule = ReviewItem.Kind.BLIND, SAMPLED
    item.reviewers = find_reviewers("", item.department)
    rows.insert(item)
    return item


def is_drawn(answer_id: uuid.UUID, share: float) -> bool:
    key = f"blind samples {settings.SECRET_KEY}".encode()
    return control.draws_sample(hmac.digest(key, answer_id.bytes, hashlib.sha256), share)


def _new_item(answer: Answer, severity: float) -> ReviewItem:
    message = answer.message
    assistant = message.conversation.assistant
    wait = control.decide_due(severity, get_organisation().review_minutes)
    return ReviewItem(
        answer=answer,
        asker_id=message.author_id,
        assistant_id=assistant.pk,
        department=Group.objects.get(pk=assistant.department_id),
        severity=severity,
        due=timezone.now() + wait,
    )


def find_reviewers(named: str, department: Group) -> Group:
    """The group that policy names; else the department's reviewers, if there is such a group with
    people in it; else the reviewers of the house.
    """
    names = [name for name in (named, f"{department.name}{OF_DEPARTMENT}") if name]
    found = {group.name: group for group in Group.objects.filter(name__in=names)}
    for name in names:
        if name in found and (name == named or found[name].user_set.exists()):
            return found[name]
    return Group.objects.get_or_create(name=REVIEWERS)[0]


def keep_finding(finding: Finding) -> dict[str, Any]:
    return {**asdict(finding), "stage": str(finding.stage)}


# ---- Who, and what is there ----------------------------------------------------------------------


def is_reviewer(user: AbstractUser) -> bool:
    """Whether any queue is theirs: by a group that reviews, or that some item names."""
    if not user.is_active:
        return False
    groups = user.groups.values_list("pk", "name")
    if any(name == REVIEWERS or name.endswith(OF_DEPARTMENT) for _, name in groups):
        return True
    keys = [key for key, _ in groups]
    if get_organisation().review_escalation_id in keys:
        return True
    with data.rights_of_user(user):
        return ReviewItem.objects.filter(_of_groups(keys)).exists()


def may_see_queues(user: AbstractUser) -> bool:
    """The list, which tells no content: for reviewers, and by permission for admins."""
    return user.is_active and (user.has_perm(VIEW_QUEUES) or is_reviewer(user))


def _of_groups(keys: Collection[int]) -> Q:
    return Q(reviewers__in=keys) | Q(escalated_to__in=keys)


@contextmanager
def reading_queues(user: AbstractUser) -> Iterator[Scope]:
    """Inside, the queues of this user; of whoever may see all of them, all. Never content."""
    if user.has_perm(VIEW_QUEUES) and user.is_active:
        scope = data.get_scope(user)
        with data.rights_of_system():
            yield scope
    else:
        with data.rights_of_user(user) as scope:
            yield scope


def list_queue(
    user: AbstractUser,
    *,
    department: str = "",
    risk: str = "",
    state: str = "open",
    kind: str = "",
    mine: bool = False,
) -> list[ReviewItem]:
    """What waits, the most urgent first; without a word of content. `risk` is high, medium or low,
    `state` a state, or `open` or `all`. One's own questions are not among them.
    """
    with reading_queues(user) as scope:
        found: QuerySet[ReviewItem] = ReviewItem.objects.select_related(
            "department", "reviewers", "assistant", "holder", "escalated_to"
        ).exclude(asker=user.pk)
        if not user.has_perm(VIEW_QUEUES):
            found = found.filter(_of_groups(scope.group_ids))
        if department:
            found = found.filter(department__name=department)
        if state == "open":
            found = found.filter(state__in=OPEN)
        elif state != "all":
            found = found.filter(state=state)
        if kind:
            found = found.filter(kind=kind)
        if mine:
            found = found.filter(holder=user.pk, state__in=OPEN)
        listed = list(found.order_by("due")[:LISTED])
    return [item for item in listed if not risk or control.risk_of(item.severity) == risk]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many wait: beyond their clock, nearly so, and the others."""

    late: int
    soon: int
    later: int


def count_waiting(user: AbstractUser, *, soon: datetime) -> Waiting:
    """Of the queues that this user may see; their own questions are not among them."""
    with reading_queues(user) as scope:
        found = ReviewItem.objects.filter(state__in=OPEN).exclude(asker=user.pk)
        if not user.has_perm(VIEW_QUEUES):
            found = found.filter(_of_groups(scope.group_ids))
        now = timezone.now()
        counted = found.aggregate(
            late=Count("pk", filter=Q(due__lt=now)),
            soon=Count("pk", filter=Q(due__gte=now, due__lt=soon)),
            later=Count("pk", filter=Q(due__gte=soon)),
        )
    return Waiting(**counted)


def usual_seconds(reviewers_id: int) -> float | None:
    """The median of how long this group's last decisions took, in seconds; None before the first.

    To be called with any rights: it tells a figure only.
    """
    with data.rights_of_system():
        times = list(
            ReviewItem.objects.filter(
                reviewers=reviewers_id, kind=ReviewItem.Kind.POLICY, decided__isnull=False
            )
            .order_by("-decided")
            .values_list("created", "decided")[:RECENT_DECISIONS]
        )
    waits = [(decided - created).total_seconds() for created, decided in times if decided]
    return statistics.median(waits) if waits else None


# ---- Steps ---------------------------------------------------------------------------------------


def claim(user: AbstractUser, item_id: uuid.UUID) -> ReviewItem:
    """Take an item, or keep it: for a quarter of an hour nobody else can work on it."""
    with reviewing(user, item_id) as item:
        fresh = item.holder_id != user.pk or item.state != ReviewItem.State.CLAIMED
        taken = timezone.now() if fresh else item.taken
        take_step(item, Action.CLAIM, user, {"taken": taken})
        if fresh:
            record(item, "claimed", user)
    return item


def release(user: AbstractUser, item_id: uuid.UUID) -> ReviewItem:
    """Put it back into the queue."""
    with reviewing(user, item_id) as item:
        take_step(item, Action.RELEASE, user)
        record(item, "released", user)
    return item


def hand_over(user: AbstractUser, item_id: uuid.UUID, username: str) -> ReviewItem:
    """To another of its reviewers, who then holds it."""
    with reviewing(user, item_id) as item:
        target = next(
            (each for each in list_colleagues(item, user) if each.username == username), None
        )
        take_step(item, Action.HAND_OVER, user, {"taken": timezone.now()}, target=target)
        _note(item, user, Action.HAND_OVER, username)
        if target:
            notify([target.pk], Notification.Kind.HANDED, item)
        record(item, "handed_over", user, to=username)
    return item


def escalate(user: AbstractUser, item_id: uuid.UUID, reason: str) -> ReviewItem:
    """Somebody else has to decide: of the same group, or of the one that escalation names."""
    with reviewing(user, item_id) as item:
        wider = get_organisation().review_escalation_id or item.escalated_to_id
        fields = {"escalated": True, "escalated_to_id": wider}
        take_step(item, Action.ESCALATE, user, fields)
        _note(item, user, Action.ESCALATE, reason)
        record(item, "escalated", user)
    return item


def ask_author(user: AbstractUser, item_id: uuid.UUID, question: str) -> ReviewItem:
    """Put a question to whoever asked; their reply arrives in the item."""
    question = check_text(question, "Write what you want to know.")
    with reviewing(user, item_id) as item:
        take_step(item, Action.ASK, user, {"question": question, "reply": ""})
        _note(item, user, Action.ASK, question)
        notify([item.asker_id], Notification.Kind.ASKED, item)
        tell_asker(item, "review.asked")
        record(item, "asked", user)
    return item


def reply(user: AbstractUser, item_id: uuid.UUID, text: str) -> ReviewItem:
    """What whoever asked says to a reviewer's question."""
    text = check_text(text, "Write your reply.")
    with data.rights_of_user(user):
        item = _get(item_id)
        asked_by = item.holder_id
        take_step(item, Action.REPLY, user, {"reply": text})
        if asked_by:
            notify([asked_by], Notification.Kind.REPLIED, item)
        record(item, "replied", user)
    return item


def list_colleagues(item: ReviewItem, user: AbstractUser) -> list[User]:
    """Who else may take it over."""
    groups = [key for key in (item.reviewers_id, item.escalated_to_id) if key]
    people = User.objects.filter(is_active=True, is_staff=True, groups__in=groups)
    barred = {user.pk, item.asker_id, item.proposer_id, *item.barred}
    return [each for each in people.distinct().order_by("username") if each.pk not in barred]


@contextmanager
def reviewing(user: AbstractUser, item_id: uuid.UUID) -> Iterator[ReviewItem]:
    """One transaction with a reviewer's rights to this item; NotFound where there are none."""
    with data.rights_of_reviewer(user, item_id) as scope:
        item = _get(item_id)
        if not {item.reviewers_id, item.escalated_to_id} & set(scope.group_ids):
            raise NotFound(f"{user} is no reviewer of {item_id}")
        if item.asker_id == user.pk:  # a reviewer too, and they must not read it by that
            raise NotFound(f"{user} asked {item_id}", user_message=OWN_QUESTION)
        yield item


def take_step(
    item: ReviewItem,
    action: control.ReviewAction,
    user: AbstractUser | None,
    fields: Mapping[str, object] | None = None,
    *,
    target: User | None = None,
) -> control.Review:
    """Carry out one step, with further fields; in the transaction of whoever calls.

    ReviewRefused where it is not possible, or where another step came first.
    """
    before = review_of(item)
    after = control.step_review(
        before,
        action,
        user.pk if user else None,
        now=timezone.now().timestamp(),
        target=target.pk if target else None,
    )
    changes = {**_columns(after), **(fields or {})}
    where = ReviewItem.objects.filter(pk=item.pk, version=before.version, state=before.state)
    if not where.update(**changes):
        raise control.ReviewRefused(
            f"item {item.pk} has moved on from version {before.version}",
            code="conflict",
            user_message="Somebody else was faster, or you may not review this any more. "
            "Look at the item again.",
        )
    for name, value in changes.items():
        setattr(item, name, value)
    return after


def review_of(item: ReviewItem) -> control.Review:
    return control.Review(
        kind=control.ReviewKind(item.kind),
        state=control.ReviewState(item.state),
        asker=item.asker_id,
        version=item.version,
        four_eyes=item.four_eyes,
        holder=item.holder_id,
        claim_expires=item.claim_expires.timestamp() if item.claim_expires else None,
        proposed=control.ReviewAction(item.proposed) if item.proposed else None,
        proposer=item.proposer_id,
        barred=frozenset(item.barred),
        votes=item.votes,
    )


def _columns(review: control.Review) -> dict[str, object]:
    expires = review.claim_expires
    return {
        "state": str(review.state),
        "version": review.version,
        "holder_id": review.holder,
        "claim_expires": datetime.fromtimestamp(expires, UTC) if expires is not None else None,
        "proposed": str(review.proposed or ""),
        "proposer_id": review.proposer,
        "barred": sorted(review.barred),
        "votes": review.votes,
    }


def _get(item_id: uuid.UUID) -> ReviewItem:
    item = (
        ReviewItem.objects.select_related("department", "reviewers", "assistant", "asker", "holder")
        .filter(pk=item_id)
        .first()
    )
    if item is None:
        raise NotFound(f"review {item_id}")
    return item


def _note(item: ReviewItem, user: AbstractUser, action: control.ReviewAction, text: str) -> None:
    ReviewDecision.objects.create(item=item, reviewer_id=user.pk, action=str(action), reason=text)


def record(item: ReviewItem, what: str, user: AbstractUser | None, **more: object) -> None:
    control.record_event(
        action=f"review.{what}",
        actor=user.get_username() if user else "",
        subject=str(item.pk),
        data={"answer": str(item.answer_id or ""), "kind": item.kind, **more},
    )


def tell_asker(item: ReviewItem, kind: str) -> None:
    """The asker's open pages; what it was decided they fetch, by their rights."""
    tell(item.asker_id, {"type": kind, "answer": str(item.answer_id), "state": item.state})


def check_text(text: str, empty: str, longest: int = 4000) -> str:
    """A text as it is kept. Raises ReviewRefused."""
    text = text.strip().replace("\r\n", "\n")
    if not text:
        raise control.ReviewRefused("empty", code="empty", user_message=empty)
    if len(text) > longest or "\x00" in text:
        raise control.ReviewRefused(
            "too long", code="too_long", user_message=f"Keep it below {longest} characters."
        )
    return text


def held_seconds(item: ReviewItem) -> float:
    """How long its holder has had it."""
    return (timezone.now() - item.taken).total_seconds() if item.taken else 0.0


def in_words(seconds: float | None) -> str:
    """How long a queue usually takes, for the asker."""
    if seconds is None:
        return "There is no usual time yet."
    if seconds < 90:
        return "Usually about a minute."
    if seconds < 90 * 60:
        return f"Usually about {round(seconds / 60)} minutes."
    return f"Usually about {round(seconds / 3600)} hours."
