"""What is decided before a model runs: passages, zones, and who may answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from assistants import compute, control, data
from assistants.exceptions import AccessWithdrawn, NotFound
from assistants.models import Answer, Citation, Message
from assistants.services import (
    assistant_states,
    egress,
    prompts,
    registry,
    routing,
)
from assistants.services.attached_passages import find_attached
from assistants.services.attached_passages import merge as merge_attached
from assistants.services.budgets import Payer
from assistants.services.conversations import (
    label_zones,
    newest_branch,
    ratchet_note,
)
from assistants.services.given import history_of, last_answer_of, texts_of
from assistants.services.guarding import Guard
from assistants.services.retrieval import Found, embed_question, find_passages
from assistants.services.rewriting import AskedQuestion
from assistants.types import (
    Capability,
    EmbeddingSpec,
    Outcome,
    Passage,
    PromptMessage,
    ReleaseMode,
    Role,
    Route,
    Scope,
    Sensitivity,
)

HISTORY_MESSAGES = 40
_TOLD = {Answer.Status.COMPLETED, Answer.Status.STOPPED, Answer.Status.INTERRUPTED}


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


def make_plan(
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


def read_history(message: Message) -> tuple[list[PromptMessage], set[str]]:
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


def cited_before(message: Message) -> list[str]:
    """The titles and sections that the answer cites which this message follows."""
    answer = message.parent_id or last_answer_of(message)
    cited = Citation.objects.filter(answer=answer) if answer else ()
    return [f"{citation.title} {citation.section}".strip() for citation in cited]
