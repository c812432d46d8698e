"""Trying a draft beside what holds: the same question, the same rights, real turns.

A trial is asked by whoever may change the assistant, under their own rights; its conversation is
marked, so that it is in nobody's history and in no reviewer's queue.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from assistants import control, data
from assistants.models import (
    Answer,
    Assistant,
    AssistantTrial,
    AssistantVersion,
    Conversation,
    Message,
    Zone,
    rows,
)
from assistants.services import assistant_states, assistant_versions, guarding
from assistants.services.arrivals import Enqueue
from assistants.services.assistant_versions import CHANGE_ASSISTANTS
from assistants.services.conversations import AnswerView, view_answer
from assistants.services.messages import check_message
from assistants.services.publishing import hash_question
from assistants.services.second_person import check_permission
from assistants.services.titles import title_of

RUNS_SHOWN = 20
KEPT_DAYS = 90  # what was published is kept; what was said in trying it is not needed so long


@dataclass(frozen=True, slots=True)
class Side:
    """What one version said. `missing` are expected words that its text does not hold."""

    version: AssistantVersion
    answer: AnswerView
    pending: bool
    cost: Decimal
    seconds: float | None
    missing: tuple[str, ...] = ()


@dataclass(slots=True)
class Trial:
    """One question, put to both sides at once. `stale`: the draft was changed since."""

    run: uuid.UUID
    question: str
    expect: str
    stale: bool
    draft: Side | None = None
    active: Side | None = None

    @property
    def pending(self) -> bool:
        return any(side.pending for side in (self.draft, self.active) if side)


@dataclass(frozen=True, slots=True)
class Tried:
    """A person's own trials of a version, newest first; `others` counts those of other people.

    `unread` names zones that the draft searches and this person may not read: nothing of them is
    found in their trials.
    """

    trials: list[Trial] = field(default_factory=list)
    others: int = 0
    unread: list[str] = field(default_factory=list)

    @property
    def pending(self) -> bool:
        return any(trial.pending for trial in self.trials)


def open_trials(
    user: AbstractUser, version_id: uuid.UUID, questions: Sequence[str], *, enqueue: Enqueue
) -> list[uuid.UUID]:
    """Put each question to the version and, where there is one, to the active one beside it.

    Returns the trials' ids. Raises InvalidRequest, RateLimited or what guardrails say of the
    question; nothing of it is asked then.
    """
    check_permission(user, CHANGE_ASSISTANTS)
    texts = [check_message("trial", question) for question in questions]
    version = assistant_versions.get_version(version_id)
    active = assistant_versions.record_active(version.assistant)
    sides = [version, *([active] if active and active.pk != version.pk else [])]
    return [_open(user, version, sides, text, enqueue) for text in texts]


def _open(
    user: AbstractUser,
    version: AssistantVersion,
    sides: Sequence[AssistantVersion],
    text: str,
    enqueue: Enqueue,
) -> uuid.UUID:
    run = uuid.uuid4()
    try:
        with data.rights_of_user(user) as scope:
            control.check_rate(user.pk)
            for ran in sides:
                tried = assistant_states.as_tried(ran)
                zones = [tried.question_zone.slug]
                guarding.check_message(user, scope, tried, zones, [text])
                answer = _store(user, tried, text, zones)
                AssistantTrial.objects.create(
                    conversation_id=answer.message.conversation_id,
                    run=run,
                    version=version,
                    ran=ran,
                    edits=version.edits,
                    question_sha256=hash_question(text),
                    by_id=user.pk,
                )
                transaction.on_commit(partial(enqueue, str(answer.pk)), robust=True)
            control.record_event(
                action="assistant.tried",
                actor=user.get_username(),
                subject=version.assistant.slug,
                data={"version": version.number, "beside": [each.number for each in sides[1:]]},
            )
    except guarding.MessageBlocked as blocked:
        guarding.record_blocked(user, blocked)
        raise
    return run


def _store(user: AbstractUser, tried: Assistant, text: str, zones: list[str]) -> Answer:
    chat = Conversation(
        owner_id=user.pk,
        assistant=tried,
        title=title_of(text),
        zones=zones,
        origin=Conversation.Origin.TRIAL,
    )
    message = Message(
        conversation=chat,
        author_id=user.pk,
        client_id=f"trial-{uuid.uuid4()}",
        text=text,
        zones=zones,
    )
    answer = Answer(message=message, made_from=[])
    rows.insert(chat, message, answer)
    return answer


def list_trials(user: AbstractUser, version: AssistantVersion) -> Tried:
    """What the user's own trials of this version came to, under their rights of now."""
    check_permission(user, CHANGE_ASSISTANTS)
    every = AssistantTrial.objects.filter(version=version)
    expected = {each["text"]: each["expect"] for each in version.questions}
    trials: dict[uuid.UUID, Trial] = {}
    with data.rights_of_user(user) as scope:
        answers = (
            Answer.objects.filter(
                message__conversation__owner=scope.user_id,
                message__conversation__trial__version=version,
            )
            .select_related("message__conversation__trial__ran", "deployment")
            .prefetch_related("citations__version")
            .order_by("-pk")[: 2 * RUNS_SHOWN]
        )
        for answer in answers:
            trial = answer.message.conversation.trial
            question = answer.message.text
            shown = trials.setdefault(
                trial.run,
                Trial(
                    trial.run,
                    question,
                    expected.get(question, ""),
                    stale=trial.edits != version.edits,
                ),
            )
            side = _side(trial.ran, answer, shown.expect)
            if trial.ran_id == version.pk:
                shown.draft = side
            else:
                shown.active = side
        zones = assistant_states.read_state(version).zones
        unread = Zone.objects.filter(slug__in=set(zones) - set(scope.slugs))
        names = list(unread.values_list("name", flat=True))
    others = every.filter(ran=version).exclude(by_id=user.pk).count()
    return Tried(list(trials.values()), others, names)


def _side(version: AssistantVersion, answer: Answer, expect: str) -> Side:
    view = view_answer(answer)
    pending = answer.status == Answer.Status.PENDING
    words = [word.strip() for word in expect.split(";") if word.strip()]
    text = view.text.casefold()
    seconds = (answer.ended - answer.created).total_seconds() if answer.ended else None
    return Side(
        version,
        view,
        pending,
        answer.cost,
        seconds,
        () if pending else tuple(word for word in words if word.casefold() not in text),
    )


def delete_old_trials(at: datetime | None = None) -> int:
    """Questions and answers of trials that are older than KEPT_DAYS by then (now); how many."""
    at = at or timezone.now()
    with data.rights_of_system():
        old = Conversation.objects.filter(trial__created__lt=at - timedelta(days=KEPT_DAYS))
        _, deleted = old.delete()
        number = deleted.get(Conversation._meta.label, 0)
        if number:
            control.record_event(action="trials.expired", data={"conversations": number})
    return number
