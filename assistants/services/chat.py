"""One chat turn, top to bottom: open it, answer it, close it. ARCHITECTURE.md follows it along."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from assistants import compute, control, data
from assistants.exceptions import (
    AccessWithdrawn,
    AssistantsError,
    InvalidRequest,
    LeaseLost,
    NotFound,
)
from assistants.models import Answer, Assistant, Conversation, Message
from assistants.services import (
    egress,
    guarding,
    prompts,
    registry,
    rights,
    routing,
)
from assistants.services.answers import get_answer
from assistants.services.arrivals import (
    Accepted,
    Enqueue,
    accept,
    find_parent,
    hand_over,
    parse_id,
    store_message,
    store_once,
)
from assistants.services.attaching import (
    Parts,
    SentFile,
    attach,
    record_attached,
    record_files,
)
from assistants.services.attempts import Turn
from assistants.services.closing import (
    WITHDRAWN,
    close_turn,
    end_frame,
    ratchet,
    withdrawn,
)
from assistants.services.connections import give_back_connection
from assistants.services.conversations import (
    access_answer,
    access_conversation,
)
from assistants.services.generation import Result, generate_answer
from assistants.services.given import (
    Given,
    check_given,
    instructions_of,
    sampling_of,
    store_sampling,
    trace_answers,
)
from assistants.services.guarding import Guard
from assistants.services.lifecycle import TEMPORARY_FOR
from assistants.services.messages import Harmless, check_message
from assistants.services.planning import Plan, cited_before, make_plan, read_history
from assistants.services.retrieval import parse_as_of
from assistants.services.settling import settle
from assistants.services.titles import title_of
from assistants.types import (
    DeploymentSpec,
    Prompt,
    Scope,
)

logger = logging.getLogger(__name__)

# An answer that so many runners have begun and none has ended is not tried again.
MAX_RUNS = 5
SWEEP_AFTER = timedelta(seconds=10)
SWEEP_AT_ONCE = 500


# ---- Open: the message is checked and stored, its answer is queued ------------------------------


def open_turn(
    user: AbstractBaseUser,
    *,
    client_id: str,
    assistant: str,
    text: str,
    enqueue: Enqueue,
    conversation: str | None = None,
    parent: str | None = None,
    as_of: str | None = None,
    harmless: Sequence[Harmless] = (),
    given: Given | None = None,
    recording: str | None = None,
    temporary: bool = False,
    files: Sequence[SentFile] = (),
    documents: Sequence[uuid.UUID] = (),
) -> Accepted:
    """Store a message and its pending answer; `enqueue` gets the answer's id once committed.

    `as_of` is a day such as 2026-01-31: answer from the documents as they were then. `harmless`
    are values that this person says are no secrets; they leave as written from now on. `given` is
    what a client of the API says went before: the conversation is then a new one of its own. The
    transcript of `recording` goes with a new conversation, which takes over its zone, and so do
    `files` with any. It is answered from `documents` only, where there are some. A new conversation
    that is `temporary` is neither listed nor found, and deleted soon. A `client_id` that this user
    has sent before is answered with its first arrival. Raises InvalidRequest, NotFound or
    RateLimited; nothing is stored then.
    """
    text = check_message(client_id, text)
    day = parse_as_of(as_of)
    given = check_given(given) if given else None
    texts = [*(turn.text for turn in given.turns), text] if given else [text]
    parts = Parts(recording, tuple(files), tuple(documents))

    def store(scope: Scope) -> Accepted:
        if conversation is not None:
            if recording:
                raise InvalidRequest(
                    "attached later",
                    code="attach_to_new",
                    user_message="A transcript is attached to a new conversation. Start one.",
                )
            chat = access_conversation(scope, conversation)
            _check_membership(scope, chat.assistant)
            attached = attach(user, scope, chat.assistant, parts)
            ratchet(chat, sorted(attached.zones), None)
            chat.zones = sorted({*chat.zones, *attached.zones})
            guarding.check_message(user, scope, chat.assistant, chat.zones, texts)
            before = find_parent(scope, chat, parent)
            accepted = store_message(
                user, chat, text, client_id, before, enqueue, day, harmless, **attached.fields
            )
            if attached.files:
                record_files(user, accepted.message, attached.files)
            return accepted
        known = registry.get_assistants().values()
        chosen = next((each for each in known if each.slug == assistant), None)
        if chosen is None:
            raise NotFound(f"assistant {assistant!r}")
        _check_membership(scope, chosen)
        chat = Conversation(
            owner_id=user.pk,
            assistant=chosen,
            title=title_of(text),
            zones=[chosen.question_zone.slug],
            expires=timezone.now() + TEMPORARY_FOR if temporary else None,
        )
        if given is None:
            attached = attach(user, scope, chosen, parts)
            chat.zones = sorted({*chat.zones, *attached.zones})
            guarding.check_message(user, scope, chosen, chat.zones, texts)
            accepted = store_message(
                user, chat, text, client_id, None, enqueue, day, harmless, **attached.fields
            )
            if attached.recording:
                record_attached(user, chat.pk, attached.recording)
            if attached.files:
                record_files(user, accepted.message, attached.files)
            return accepted
        guarding.check_message(user, scope, chosen, chat.zones, texts)
        traced = trace_answers(scope, chosen, given.turns)
        chat.zones = sorted({*chat.zones, *traced.zones})
        chat.origin, chat.api_key_id = Conversation.Origin.API, given.api_key
        sampling = store_sampling(given.sampling)
        return store_message(
            user, chat, text, client_id, None, enqueue, day, given=traced.turns, sampling=sampling
        )

    return store_once(user, client_id, store)


def edit_message(
    user: AbstractBaseUser,
    *,
    client_id: str,
    message: str,
    text: str,
    enqueue: Enqueue,
    harmless: Sequence[Harmless] = (),
) -> Accepted:
    """Ask anew in place of an earlier message: a sibling that starts a branch."""
    text = check_message(client_id, text)

    def store(scope: Scope) -> Accepted:
        original = (
            Message.objects.filter(pk=parse_id(message), conversation__owner=user.pk)
            .select_related("conversation__assistant")
            .first()
        )
        if original is None:
            raise NotFound(f"message {message}")
        chat = original.conversation
        _check_membership(scope, chat.assistant)
        guarding.check_message(user, scope, chat.assistant, chat.zones, [text])
        before, day = original.parent_id, original.as_of
        kept = {name: getattr(original, name) for name in ("given", "sampling", "documents")}
        return store_message(user, chat, text, client_id, before, enqueue, day, harmless, **kept)

    return store_once(user, client_id, store)


def regenerate(
    user: AbstractBaseUser, *, client_id: str, answer: str, enqueue: Enqueue
) -> Accepted:
    """A further answer to the same message, shown as its sibling."""
    with data.rights_of_user(user) as scope:
        message = access_answer(scope, answer).message
        _check_membership(scope, message.conversation.assistant)
        control.check_rate(user.pk)
        Message.objects.select_for_update().get(pk=message.pk)
        siblings = Answer.objects.filter(message=message)
        pending = siblings.filter(status=Answer.Status.PENDING).first()
        hidden = data.list_withheld(scope, message.conversation_id)
        count = siblings.count() + sum(other.message == message.pk for other in hidden)
        sibling = pending or Answer.objects.create(message=message, number=count + 1, made_from=[])
        if not pending:
            transaction.on_commit(lambda: hand_over(enqueue, sibling))
    return accept(client_id, message, sibling.pk, duplicate=bool(pending))


def stop_answer(user: AbstractBaseUser, answer: str) -> None:
    """Ask the runner to stop; the end frame follows on the stream. Harmless when it has ended."""
    with data.rights_of_user(user) as scope:
        found = access_answer(scope, answer)
    if found.status == Answer.Status.PENDING:
        compute.request_stop(str(found.pk))


def _check_membership(scope: Scope, assistant: Assistant) -> None:
    if not assistant.enabled or assistant.department_id not in scope.group_ids:
        raise NotFound(f"assistant {assistant.slug}")


# ---- Answer: on a trusted worker ----------------------------------------------------------------


def answer(answer_id: str) -> None:
    """Answer one message. A second runner of the same answer finds the lease taken and leaves."""
    try:
        with compute.open_writer(answer_id) as writer:
            _answer(answer_id, writer)
    except LeaseLost as lost:
        logger.info("%s", lost)


def _answer(answer_id: str, writer: compute.AnswerWriter) -> None:
    with data.rights_of_asker(answer_id) as scope:
        pending = get_answer(answer_id)
        history, made_from = read_history(pending.message) if pending else ([], set())
        cited = cited_before(pending.message) if pending else []
        before = routing.get_answered_before(pending.message) if pending else None
    if pending is None:
        _end_withdrawn(answer_id, writer)
        return
    if pending.status != Answer.Status.PENDING:
        if not any(frame.type in compute.END_TYPES for frame in writer.earlier):
            compute.run(writer.append([end_frame(pending)]))
        return
    plan: Plan | None = None
    guard = guarding.make_guard(pending, scope)
    try:
        if writer.runs > MAX_RUNS:
            raise AssistantsError(f"answer {answer_id}: {writer.runs} runners did not end it")
        plan = make_plan(pending, writer, scope, history, made_from, cited, before, guard)
        # The connection goes back to the pool while the answer streams.
        give_back_connection()
        result = settle(guard, compute.run(_generate(pending, plan, writer, guard)), writer)
    except (LeaseLost, OperationalError, InterfaceError, *compute.BROKER_DOWN):
        # Taken over, or database or broker are away: it stays pending, and the sweeper sees to it.
        raise
    except AccessWithdrawn as error:
        logger.info("answer %s: %s", answer_id, error)
        result = withdrawn()
    except guarding.TurnBlocked as blocked:
        result = settle(guard, blocked_result(blocked), writer)
    except AssistantsError as error:
        logger.warning("answer %s: %s", answer_id, error)
        result = _failure(writer, error)
    except Exception:
        logger.exception("answer %s", answer_id)
        result = _failure(writer, AssistantsError())
    _close(pending, result, plan, writer, guard)


def _end_withdrawn(answer_id: str, writer: compute.AnswerWriter) -> None:
    """End an answer that its asker may not read any more, or see at all; none of it is shown."""
    with data.rights_of_system():
        answer = get_answer(answer_id)
    if answer is None:  # deleted meanwhile
        return
    if answer.status == Answer.Status.PENDING:
        _close(answer, withdrawn(), None, writer)
    elif not any(frame.type in compute.END_TYPES for frame in writer.earlier):
        compute.run(writer.append([WITHDRAWN]))


def _close(
    pending: Answer,
    result: Result,
    plan: Plan | None,
    writer: compute.AnswerWriter,
    guard: Guard | None = None,
) -> None:
    frame = close_turn(
        pending,
        result,
        route=plan.route if plan else None,
        zones=plan.zones if plan else pending.message.conversation.zones,
        detected=plan.detected if plan else None,
        guard=guard,
    )
    give_back_connection()
    compute.run(writer.append([frame]))


async def _generate(
    pending: Answer, plan: Plan, writer: compute.AnswerWriter, guard: Guard
) -> Result:
    assistant = pending.message.conversation.assistant

    def build_prompt(deployment: DeploymentSpec) -> Prompt:
        return prompts.build(
            system=assistant.prompt.text,
            question=pending.message.text,
            asked=plan.asked.whole,
            as_of=pending.message.as_of,
            passages=plan.passages,
            history=plan.history,
            deployment=deployment,
            task=plan.route.task,
            instructions=instructions_of(pending.message),
            sampling=sampling_of(pending.message),
        )

    citable = [passage.number for passage in plan.passages]
    lost = asyncio.Event()

    def withdraw() -> None:
        lost.set()
        writer.stop.set()

    subject = egress.subject_of(pending, plan.zones, plan.detected)
    with rights.watch_answer(str(pending.pk), withdraw):
        turn = Turn(writer, plan.route, plan.mode, citable, lost, subject, guard.check_block)
        return await generate_answer(turn, build_prompt, polish=assistant.polish)


def blocked_result(blocked: guarding.TurnBlocked) -> Result:
    return Result(Answer.Status.BLOCKED, code=blocked.code, message=blocked.user_message)


def _failure(writer: compute.AnswerWriter, error: AssistantsError) -> Result:
    """The end of an answer that failed outside its generation; text that is out stands."""
    text = writer.released
    return Result(
        Answer.Status.INTERRUPTED if text else Answer.Status.FAILED,
        text,
        code=error.code,
        message=error.user_message,
    )


# ---- Sweep: no answer is lost --------------------------------------------------------------------


def sweep(enqueue: Enqueue) -> int:
    """Queue again every pending answer that has no living runner; returns how many."""
    pending = Answer.objects.filter(
        status=Answer.Status.PENDING, created__lt=timezone.now() - SWEEP_AFTER
    )
    oldest = pending.order_by("created").values_list("pk", flat=True)[:SWEEP_AT_ONCE]
    with data.rights_of_system():
        ids = [str(pk) for pk in oldest]
    abandoned = compute.claim_abandoned(ids)
    for answer_id in abandoned:
        logger.warning("answer %s has no runner; it is queued again", answer_id)
        enqueue(answer_id)
    return len(abandoned)
