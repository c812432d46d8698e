"""One chat turn, top to bottom: open it, answer it, close it. ARCHITECTURE.md follows it along."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from assistants import compute, control, data
from assistants.exceptions import (
    AccessWithdrawn,
    AssistantsError,
    InvalidRequest,
    LeaseLost,
    NotFound,
)
from assistants.models import Answer, Assistant, Citation, Conversation, Message, rows
from assistants.services import (
    assistant_states,
    egress,
    guarding,
    prompts,
    registry,
    rights,
    routing,
)
from assistants.services.attached_passages import find_attached
from assistants.services.attached_passages import merge as merge_attached
from assistants.services.attaching import (
    Parts,
    SentFile,
    attach,
    record_attached,
    record_files,
)
from assistants.services.attempts import Turn
from assistants.services.budgets import Payer
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
    label_zones,
    newest_branch,
    ratchet_note,
)
from assistants.services.generation import Result, generate_answer
from assistants.services.given import (
    Given,
    check_given,
    history_of,
    instructions_of,
    last_answer_of,
    sampling_of,
    store_sampling,
    texts_of,
    trace_answers,
)
from assistants.services.guarding import Guard
from assistants.services.lifecycle import TEMPORARY_FOR
from assistants.services.messages import Harmless, check_message
from assistants.services.retrieval import Found, embed_question, find_passages, parse_as_of
from assistants.services.rewriting import AskedQuestion
from assistants.services.settling import settle
from assistants.services.titles import title_of
from assistants.types import (
    Capability,
    DeploymentSpec,
    EmbeddingSpec,
    Outcome,
    Passage,
    Prompt,
    PromptMessage,
    ReleaseMode,
    Role,
    Route,
    Scope,
    Sensitivity,
)

logger = logging.getLogger(__name__)

HISTORY_MESSAGES = 40
# An answer that so many runners have begun and none has ended is not tried again.
MAX_RUNS = 5
SWEEP_AFTER = timedelta(seconds=10)
SWEEP_AT_ONCE = 500

Enqueue = Callable[[str], object]

# The two reads of every turn, in plain SQL: to build them with the ORM costs a multiple of both.
ARRIVED = "select from assistants_message where author_id = %s and client_id = %s"

ANSWER, MESSAGE = rows.Columns(Answer, "answer"), rows.Columns(Message, "message")
CONVERSATION = rows.Columns(Conversation, "chat")
AUTHOR = rows.Columns(
    get_user_model(), "author", "id", "username", "first_name", "last_name", "is_active"
)
ASKED = f"""
select {ANSWER}, {MESSAGE}, {CONVERSATION}, {AUTHOR}
from assistants_answer answer
join assistants_message message on message.id = answer.message_id
join assistants_conversation chat on chat.id = message.conversation_id
join auth_user author on author.id = message.author_id
where answer.id = %s
"""  # noqa: S608  # the columns' names are the models' own


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stored message and the answer that is on its way."""

    client_id: str
    conversation: str
    message: str
    answer: str
    title: str
    duplicate: bool = False


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
            before = _parent(scope, chat, parent)
            accepted = _store(
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
            accepted = _store(
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
        return _store(
            user, chat, text, client_id, None, enqueue, day, given=traced.turns, sampling=sampling
        )

    return _store_once(user, client_id, store)


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
            Message.objects.filter(pk=_uuid(message), conversation__owner=user.pk)
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
        return _store(user, chat, text, client_id, before, enqueue, day, harmless, **kept)

    return _store_once(user, client_id, store)


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
            transaction.on_commit(lambda: _enqueue(enqueue, sibling))
    return _accepted(client_id, message, sibling.pk, duplicate=bool(pending))


def stop_answer(user: AbstractBaseUser, answer: str) -> None:
    """Ask the runner to stop; the end frame follows on the stream. Harmless when it has ended."""
    with data.rights_of_user(user) as scope:
        found = access_answer(scope, answer)
    if found.status == Answer.Status.PENDING:
        compute.request_stop(str(found.pk))


def _check_membership(scope: Scope, assistant: Assistant) -> None:
    if not assistant.enabled or assistant.department_id not in scope.group_ids:
        raise NotFound(f"assistant {assistant.slug}")


def _store_once(
    user: AbstractBaseUser, client_id: str, store: Callable[[Scope], Accepted]
) -> Accepted:
    """`store` in a transaction with the user's rights, unless this client_id was there before."""
    try:
        with data.rights_of_user(user) as scope:
            known = _first_arrival(scope, client_id)
            if known:
                return known
            control.check_rate(user.pk)
            return store(scope)
    except guarding.MessageBlocked as blocked:
        guarding.record_blocked(user, blocked)
        raise
    except IntegrityError:
        # The same client_id arrived on another socket a moment ago.
        with data.rights_of_user(user) as scope:
            known = _first_arrival(scope, client_id)
        if known is None:
            raise
        return known


def _first_arrival(scope: Scope, client_id: str) -> Accepted | None:
    if rows.read(ARRIVED, [scope.user_id, client_id]) is None:
        return None
    message = (
        Message.objects.filter(author=scope.user_id, client_id=client_id)
        .select_related("conversation")
        .first()
    )
    if message is None:
        return None
    answer = message.answers.order_by("number").values_list("pk", flat=True).first()
    if answer is None:
        answer = _withheld_of(scope, message.conversation_id, message.pk)[0]
    return _accepted(client_id, message, answer, duplicate=True)


def _parent(scope: Scope, chat: Conversation, parent: str | None) -> uuid.UUID | None:
    """The answer that a new message follows: the named one, or the newest of the newest branch.

    Either may be one that the user may not read any more: they go on from there without it.
    """
    if parent is not None:
        named = _uuid(parent)
        if not Answer.objects.filter(pk=named, message__conversation=chat).exists():
            hidden = data.list_withheld(scope, chat.pk)
            if named not in {answer.answer for answer in hidden}:
                raise NotFound(f"answer {parent}")
        return named
    newest = chat.messages.order_by("-pk", "-answers__number").values_list("pk", "answers__pk")
    message, answer = newest.first() or (None, None)
    if message is not None and answer is None:
        answer = _withheld_of(scope, chat.pk, message)[-1]
    return answer


def _withheld_of(scope: Scope, chat: uuid.UUID, message: uuid.UUID) -> list[uuid.UUID]:
    """The message's answers that the user may not read, oldest first."""
    hidden = data.list_withheld(scope, chat)
    return [answer.answer for answer in hidden if answer.message == message]


def _store(
    user: AbstractBaseUser,
    chat: Conversation,
    text: str,
    client_id: str,
    parent: uuid.UUID | None,
    enqueue: Enqueue,
    as_of: date | None,
    harmless: Sequence[Harmless] = (),
    **given: object,
) -> Accepted:
    """In the caller's transaction; `given` are the message's further fields."""
    if not chat._state.adding:
        now = timezone.now()
        expires = now + TEMPORARY_FOR if chat.expires else None
        Conversation.objects.filter(pk=chat.pk).update(updated=now, archived=None, expires=expires)
    message = Message(
        conversation=chat,
        author_id=user.pk,
        parent_id=parent,
        client_id=client_id,
        text=text,
        as_of=as_of,
        zones=chat.zones,
        **given,
    )
    answer = Answer(message=message, made_from=[])
    rows.insert(*([chat] if chat._state.adding else []), message, answer)
    transaction.on_commit(lambda: _enqueue(enqueue, answer))
    if harmless:
        egress.mark_harmless(user, str(chat.pk), harmless)
    return _accepted(client_id, message, answer.pk)


def _enqueue(enqueue: Enqueue, answer: Answer) -> None:
    try:
        enqueue(str(answer.pk))
    except Exception:  # stored already: the sweeper sends it out when the broker is back
        logger.exception("answer %s could not be queued now", answer.pk)


def _accepted(
    client_id: str, message: Message, answer: uuid.UUID, *, duplicate: bool = False
) -> Accepted:
    return Accepted(
        client_id=client_id,
        conversation=str(message.conversation_id),
        message=str(message.pk),
        answer=str(answer),
        title=message.conversation.title,
        duplicate=duplicate,
    )


# ---- Answer: on a trusted worker ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """What is decided before a model runs."""

    task: Capability
    route: Route
    passages: Sequence[Passage]
    history: Sequence[PromptMessage]
    zones: Sequence[str]
    detected: Sensitivity | None
    asked: AskedQuestion
    mode: ReleaseMode


def answer(answer_id: str) -> None:
    """Answer one message. A second runner of the same answer finds the lease taken and leaves."""
    try:
        with compute.open_writer(answer_id) as writer:
            _answer(answer_id, writer)
    except LeaseLost as lost:
        logger.info("%s", lost)


def _answer(answer_id: str, writer: compute.AnswerWriter) -> None:
    with data.rights_of_asker(answer_id) as scope:
        pending = _get_answer(answer_id)
        history, made_from = _history(pending.message) if pending else ([], set())
        cited = _cited_before(pending.message) if pending else []
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
        plan = _plan(pending, writer, scope, history, made_from, cited, before, guard)
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


def _get_answer(answer_id: str | uuid.UUID) -> Answer | None:
    """The answer with its message, conversation, author and assistant, as far as the rights of
    this transaction let it be seen.
    """
    found = rows.read(ASKED, [answer_id])
    if found is None:
        return None
    values = iter(found)
    answer, message = ANSWER.read(values), MESSAGE.read(values)
    chat, author = CONVERSATION.read(values), AUTHOR.read(values)
    answer.message, message.conversation, message.author = message, chat, author
    assistant = registry.get_assistants().get(chat.assistant_id)
    if chat.origin == Conversation.Origin.TRIAL:
        assistant = assistant_states.get_tried(chat)
    if assistant is not None:  # else it is read when it is asked for
        chat.assistant = assistant
    return answer


def _end_withdrawn(answer_id: str, writer: compute.AnswerWriter) -> None:
    """End an answer that its asker may not read any more, or see at all; none of it is shown."""
    with data.rights_of_system():
        answer = _get_answer(answer_id)
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


def _plan(
    pending: Answer,
    writer: compute.AnswerWriter,
    scope: Scope,
    history: Sequence[PromptMessage],
    made_from: Collection[str],
    cited: Sequence[str],
    before: routing.AnsweredBefore | None,
    guard: Guard,
) -> Plan:
    """Retrieve under the asker's rights, join the zones, decide the route.

    `made_from` are the zones of the history's answers, `cited` the titles and sections that the
    last of them cites, `before` says where it was made. AccessWithdrawn if a right to what was
    found is lost before it is used.
    """
    message = pending.message
    chat, assistant = message.conversation, message.conversation.assistant
    if assistant.tried_zones is None and (
        not assistant.enabled or assistant.department_id not in scope.group_ids
    ):
        raise NotFound(
            f"{message.author} may not use {assistant.slug}",
            user_message="You may not use this assistant any more. Ask your administrator.",
        )
    zone_ids = registry.get_zones_of(assistant)
    task = _task_of(message, has_documents=bool(zone_ids))
    history = guard.screen_attached(history, chat.zones)
    found = Found((), AskedQuestion(message.text))
    vector: Sequence[float] | None = None
    if zone_ids and task is not Capability.CHAT:

        async def announce_and_embed(text: str, model: EmbeddingSpec) -> Sequence[float]:
            nonlocal vector
            await writer.append([("answer.status", {"step": "searching"})])
            embedded = await embed_question(text, model)
            if text == message.text and not model.base_url:
                vector = embedded
            return embedded

        found = find_passages(
            assistant,
            scope,
            zone_ids,
            message.text,
            history=[each for each in history if not each.text.startswith(prompts.ATTACHED)],
            cited=cited,
            as_of=message.as_of,
            documents=message.documents,
            embed=announce_and_embed,
        )
    passages = guard.screen(found.passages, chat.zones)
    made_of = {*made_from, *(p.zone for p in passages)}  # an answer begins with none
    if made_of and not data.note_made_from(pending.pk, made_of):
        raise AccessWithdrawn(f"answer {pending.pk}")
    slugs = sorted({*chat.zones, *(passage.zone for passage in passages)})
    detected = egress.detect("\n\n".join(texts_of(message)), chat.detected)
    rules = egress.effective_rules(slugs, detected)
    asked = guard.check_question(
        vector,
        searched=bool(zone_ids) and task is Capability.GROUNDED_ANSWER,
        passages=passages,
        zones=slugs,
        detected=detected,
        task=task,
    )
    # The page has yet to be told of what came in with the message.
    came = any(turn.get("file") or turn.get("recording") for turn in message.given)
    if came or set(slugs) - set(chat.zones) or (detected or 0) > (chat.detected or 0):
        label = label_zones(slugs, detected)
        frame = {
            "conversation": str(chat.pk),
            "zones": label.zones,
            "label": label.label,
            "sensitivity": label.sensitivity,
            "on_prem_only": label.on_prem_only,
            "note": ratchet_note(chat.zones, slugs, chat.detected, detected),
        }
        compute.run(writer.append([("conversation.zone", frame)]))
    planned = routing.plan_route(
        routing.Request(
            text=message.text,
            task=task,
            has_documents=bool(zone_ids),
            zone=rules,
            refuse=lambda each: (
                egress.get_refusal(rules, detected, each)
                or assistant_states.get_refusal(assistant, each)
            ),
            payer=Payer(message.author_id, assistant.department_id),
            passages=passages,
            history=history,
            before=before,
            answer_id=str(pending.pk),
        )
    )
    route = planned.route
    if asked.outcome is Outcome.FALLBACK:
        route = _only_quotes(route)
    if any(turn.get("file") for turn in message.given):
        route, passages = _read_attached(message, found.asked.whole, route, passages, guard)
    guard.expect(
        passages,
        [*texts_of(message), *(turn.text for turn in history)],
        grounded=route.task is Capability.GROUNDED_ANSWER and bool(passages),
    )
    return Plan(task, route, passages, history, slugs, detected, found.asked, guard.mode)


def _task_of(message: Message, *, has_documents: bool) -> Capability:
    """What kind of work it is. What is attached has to be read, which no quotation of documents
    does; who names documents has a question to them.
    """
    task = control.decide_task(message.text, has_documents=has_documents)
    if task is Capability.GROUNDED_ANSWER and any(turn.get("file") for turn in message.given):
        return Capability.SUMMARY
    if task is Capability.CHAT and message.documents:
        return Capability.GROUNDED_ANSWER
    return task


def _only_quotes(route: Route) -> Route:
    """Policy wants the documents quoted; where nothing quotes, the route stays as it is checked."""
    quotes = tuple(each for each in route.deployments if each.provider == "quotes")
    return replace(route, deployments=quotes) if quotes else route


def _read_attached(
    message: Message,
    question: str,
    route: Route,
    passages: list[Passage],
    guard: Guard,
) -> tuple[Route, list[Passage]]:
    """Where a model reads the files, nothing that only quotes documents takes its place. Where only
    quoting is possible, the files are quoted, and with them documents that were named.
    """
    reads = tuple(each for each in route.deployments if each.provider != "quotes")
    if route.deployments and route.deployments[0].provider != "quotes":
        return replace(route, deployments=reads), passages
    attached = find_attached(message, question)
    kept = guard.screen(attached, message.conversation.zones)
    return route, merge_attached(kept, passages if message.documents else ())


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


def _history(message: Message) -> tuple[list[PromptMessage], set[str]]:
    """The branch that leads to this message: each earlier message with its newest answer.

    Also the zones that those answers are made from. An answer that the asker may not read any
    more is left out with its question. What was given or attached with a message goes before it.
    """
    attached, made_from = history_of(message)
    if message.parent_id is None:
        return attached, made_from
    earlier = message.conversation.messages.filter(pk__lt=message.pk).order_by("-pk")
    messages = list(earlier.prefetch_related("answers")[:HISTORY_MESSAGES])[::-1]
    branch = newest_branch([*messages, message])[:-1]
    history: list[PromptMessage] = []
    for turn in branch:
        given, of_given = history_of(turn)
        history += given
        made_from |= of_given
        told = [a for a in turn.answers.all() if a.text and a.status in _TOLD]
        if told:
            history += [
                PromptMessage(Role.USER, turn.text),
                PromptMessage(Role.ASSISTANT, told[-1].text),
            ]
            made_from |= set(told[-1].zones if told[-1].made_from is None else told[-1].made_from)
    return [*history, *attached], made_from


def _cited_before(message: Message) -> list[str]:
    """The titles and sections that the answer cites which this message follows."""
    answer = message.parent_id or last_answer_of(message)
    cited = Citation.objects.filter(answer=answer) if answer else ()
    return [f"{citation.title} {citation.section}".strip() for citation in cited]


_TOLD = {Answer.Status.COMPLETED, Answer.Status.STOPPED, Answer.Status.INTERRUPTED}


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


def _uuid(value: str) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except ValueError:
        raise NotFound(f"not an id: {value[:80]!r}") from None
