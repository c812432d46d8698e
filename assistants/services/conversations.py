"""What a user reads: assistants, conversations, answers, citations. Each under their rights now."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.utils import timezone

from assistants import data, markdown
from assistants.exceptions import AccessWithdrawn, NotFound
from assistants.models import (
    Answer,
    Assistant,
    Citation,
    Conversation,
    DocumentVersion,
    Feedback,
    Message,
)
from assistants.services import registry
from assistants.services.attached_passages import get_attached_passage
from assistants.services.document_pages import PassageView, get_passage
from assistants.services.facts import AnswerFacts, get_facts
from assistants.services.review_notes import ReviewNote, get_notes, is_rejected
from assistants.types import CLOUD, Scope, Sensitivity, Treatment, ZoneRules

# Of a cited version, whether and when it was replaced; its text is long.
VERSIONS = DocumentVersion.objects.only("current", "valid_until")


@dataclass(frozen=True, slots=True)
class ZoneLabel:
    """An effective zone, in words for the page."""

    zones: list[str]
    label: str
    sensitivity: str
    on_prem_only: bool


@dataclass(frozen=True, slots=True)
class AnswerView:
    """`ratchet` says what became stricter for the conversation with this answer, or "". `draft`
    is the HTML of the draft made on the premises, where another deployment polished it.
    """

    id: uuid.UUID
    number: int
    status: str
    text: str
    html: str
    citations: list[dict[str, object]]
    badge: dict[str, object] | None
    rule: str
    receipt: dict[str, object] | None
    error_code: str
    error_message: str
    facts: AnswerFacts = field(default_factory=AnswerFacts)
    ratchet: str = ""
    draft: str = ""
    review: ReviewNote | None = None
    feedback: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """A message and its answers, oldest first; `siblings` are the ids of its other versions,
    `named` the titles of the documents that its author named, as far as they may read them.
    """

    message: Message
    answers: list[AnswerView]
    siblings: list[uuid.UUID] = field(default_factory=list)
    named: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ConversationView:
    """`earlier` is how many turns of the branch come before those that are shown."""

    conversation: Conversation
    zone: ZoneLabel
    turns: list[Turn]
    earlier: int = 0


def list_assistants(user: AbstractBaseUser) -> QuerySet[Assistant]:
    """The enabled assistants of the departments the user belongs to."""
    if not user.is_active:
        return Assistant.objects.none()
    return Assistant.objects.filter(enabled=True, department__user=user.pk).distinct()


def access_conversation(scope: Scope, conversation_id: str | uuid.UUID) -> Conversation:
    """The user's own conversation; NotFound otherwise, also for a temporary one that has ended.
    Inside `data.rights_of_user`, whose scope it is given, like `access_answer`.
    """
    conversation = (
        Conversation.objects.filter(pk=_uuid(conversation_id), owner=scope.user_id)
        .exclude(origin=Conversation.Origin.TRIAL)
        .select_related("assistant")
        .first()
    )
    if conversation is None or is_over(conversation):
        raise NotFound(f"conversation {conversation_id}")
    return conversation


def get_own(user: AbstractBaseUser, conversation_id: str | uuid.UUID) -> Conversation:
    """The user's own conversation without its messages; NotFound otherwise."""
    with data.rights_of_user(user) as scope:
        return access_conversation(scope, conversation_id)


def is_over(conversation: Conversation) -> bool:
    """Whether it is a temporary one that has ended, and only waits to be deleted."""
    return conversation.expires is not None and conversation.expires <= timezone.now()


def access_answer(scope: Scope, answer_id: str | uuid.UUID) -> Answer:
    """An answer in one of the user's own conversations; NotFound otherwise.

    AccessWithdrawn where it is theirs, and made from what they may not read any more.
    """
    answer = (
        Answer.objects.filter(pk=_uuid(answer_id), message__conversation__owner=scope.user_id)
        .select_related("message__conversation__assistant", "deployment")
        .first()
    )
    if answer is None:
        if data.is_asker(scope, _uuid(answer_id)):
            raise AccessWithdrawn(f"answer {answer_id}")
        raise NotFound(f"answer {answer_id}")
    return answer


def get_conversation(
    user: AbstractBaseUser,
    conversation_id: str | uuid.UUID,
    message_id: str | None = None,
    *,
    most: int | None = None,
    before: str | None = None,
) -> ConversationView:
    """The newest branch of a conversation, with all sibling answers of each message on it.

    With `message_id`, the newest branch that this message is on. In the place of an answer that
    the user may not read any more stands a notice. With `most`, the last so many turns, and more
    where `message_id` comes before them; with `before`, those before this message, on its branch.
    """
    with data.rights_of_user(user) as scope:
        conversation = access_conversation(scope, conversation_id)
        return view_conversation(scope, conversation, message_id, most=most, before=before)


def view_conversation(
    scope: Scope,
    conversation: Conversation,
    message_id: str | None = None,
    *,
    most: int | None = None,
    before: str | None = None,
) -> ConversationView:
    """As `get_conversation`, of one that the rights of this transaction show."""
    # Which turns there are is told by ids alone; what is on them is read for those shown.
    ids = Prefetch("answers", Answer.objects.only("id", "message_id"))
    every = list(
        conversation.messages.order_by("id")
        .only("id", "parent_id", "conversation_id")
        .prefetch_related(ids)
    )
    withheld = data.list_withheld(scope, conversation.pk)
    sought = before or message_id
    through = _uuid(sought) if sought else None
    branch = [message.pk for message in newest_branch(every, through, withheld)]
    if before and through not in branch:
        raise NotFound(f"message {before}")
    place = branch.index(through) if through in branch else len(branch)
    end = place if before else len(branch)
    start = max(0, min(end - most, place)) if most else 0
    messages = _read_turns(conversation, branch[start:end])
    answers_shown = [answer for message in messages for answer in message.answers.all()]
    notes = get_notes(answers_shown)
    verdicts = _get_verdicts(answers_shown)
    titles = data.naming.get_titles([pk for message in messages for pk in message.documents])
    siblings: dict[uuid.UUID | None, list[uuid.UUID]] = defaultdict(list)
    for each in every:
        siblings[each.parent_id].append(each.pk)
    turns = [
        Turn(
            message=message,
            answers=_view_answers(message, withheld, notes, verdicts),
            siblings=siblings[message.parent_id],
            named=[titles.get(pk, "a document") for pk in message.documents],
        )
        for message in messages
    ]
    zone = label_zones(conversation.zones, conversation.detected)
    return ConversationView(conversation, zone, turns, earlier=start)


def _read_turns(conversation: Conversation, ids: Sequence[uuid.UUID]) -> list[Message]:
    answers = Answer.objects.select_related("deployment").prefetch_related(
        "citations", Prefetch("citations__version", VERSIONS)
    )
    found = conversation.messages.filter(pk__in=ids)
    return list(found.order_by("id").prefetch_related(Prefetch("answers", answers)))


def _view_answers(
    message: Message,
    withheld: Iterable[data.Withheld],
    notes: Mapping[uuid.UUID, ReviewNote],
    verdicts: Mapping[uuid.UUID, str],
) -> list[AnswerView]:
    views = [
        replace(
            view_answer(answer),
            ratchet=ratchet_note(message.zones, answer.zones),
            review=notes.get(answer.pk),
            feedback=verdicts.get(answer.pk, ""),
        )
        for answer in message.answers.all()
    ]
    views += [_view_withheld(answer) for answer in withheld if answer.message == message.pk]
    return sorted(views, key=lambda view: view.number)


def _get_verdicts(answers: Iterable[Answer]) -> dict[uuid.UUID, str]:
    """What their asker said of them, as far as they did."""
    given = Feedback.objects.filter(answer__in=[answer.pk for answer in answers])
    return dict(given.values_list("answer_id", "verdict"))


def list_withheld(user: AbstractBaseUser, conversation_id: str) -> list[uuid.UUID]:
    """The answers of the user's own conversation that they may not read any more."""
    with data.rights_of_user(user) as scope:
        conversation = access_conversation(scope, conversation_id)
        return [answer.answer for answer in data.list_withheld(scope, conversation.pk)]


def newest_branch(
    messages: Sequence[Message],
    through: uuid.UUID | None = None,
    withheld: Iterable[data.Withheld] = (),
) -> list[Message]:
    """From the newest message back to the first, by parents; returned oldest first.

    `messages` are all of one conversation, oldest first, with `answers` prefetched. `through`
    is a message that the branch has to hold; an unknown one is ignored. `withheld` are the
    answers that are there and not among the prefetched ones.
    """
    by_id = {message.pk: message for message in messages}
    by_answer = {answer.pk: message for message in messages for answer in message.answers.all()}
    by_answer |= {answer.answer: by_id[answer.message] for answer in withheld}
    branch: list[Message] = []
    message = _newest_after(messages, by_answer, through) or (messages[-1] if messages else None)
    while message is not None:
        branch.append(message)
        message = by_answer.get(message.parent_id) if message.parent_id else None
    return branch[::-1]


def _newest_after(
    messages: Sequence[Message],
    by_answer: Mapping[uuid.UUID, Message],
    first: uuid.UUID | None,
) -> Message | None:
    """The newest message that follows from this one, or itself."""
    newest = None
    following: set[uuid.UUID] = set()
    for message in messages:
        parent = by_answer.get(message.parent_id) if message.parent_id else None
        if message.pk == first or (parent is not None and parent.pk in following):
            newest = message
            following.add(message.pk)
    return newest


def view_answer(answer: Answer) -> AnswerView:
    """An answer as its asker sees it: one that waits for a reviewer shows nothing of its text."""
    receipt = answer.receipt or {}
    held = answer.status == Answer.Status.HELD or is_rejected(answer)
    text = "" if held else answer.text
    facts = get_facts(receipt)
    citations = [] if held else list_citations(answer)
    return AnswerView(
        id=answer.pk,
        number=answer.number,
        status=answer.status,
        text=text,
        html=render_answer(text, citations, facts.unrestored, facts.unsupported),
        citations=citations,
        badge=receipt.get("badge"),
        rule=receipt.get("rule", ""),
        receipt={"id": str(answer.pk), "sha256": answer.receipt_sha256} if receipt else None,
        error_code=answer.error_code,
        error_message=answer.error_message,
        facts=facts,
        draft=render_answer(answer.draft, citations) if answer.draft and not held else "",
    )


def _view_withheld(answer: data.Withheld) -> AnswerView:
    return AnswerView(
        id=answer.answer,
        number=answer.number,
        status=Answer.Status.FAILED,
        text="",
        html="",
        citations=[],
        badge=None,
        rule="",
        receipt=None,
        error_code=AccessWithdrawn.code,
        error_message=AccessWithdrawn.user_message,
    )


def render_answer(
    text: str,
    citations: Sequence[dict[str, object]],
    unrestored: Sequence[str] = (),
    unsupported: Sequence[Sequence[int]] = (),
) -> str:
    numbers = {int(str(citation["number"])) for citation in citations}
    return markdown.render(text, numbers, unrestored, unsupported)


def list_citations(
    answer: Answer, cited: Iterable[Citation] | None = None
) -> list[dict[str, object]]:
    """Citations as the page and the socket give them; titles only, the text is opened by rights."""
    return [
        {
            "number": citation.number,
            "title": citation.title,
            "section": citation.section,
            "document": str(citation.document) if citation.document else None,
            "version": str(citation.version_id) if citation.version_id else None,
            "chunk": str(citation.chunk_id) if citation.chunk_id else None,
            "url": f"/citations/{answer.pk}/{citation.number}/",
            "superseded": _superseded_on(citation),
        }
        for citation in (answer.citations.all() if cited is None else cited)
    ]


def read_versions(citations: Sequence[Citation]) -> None:
    """What `list_citations` says of them, in one query; with the reader's rights."""
    prefetch_related_objects(citations, Prefetch("version", VERSIONS))


def _superseded_on(citation: Citation) -> str | None:
    """The day on which the cited version was replaced, as far as its version was read."""
    version = citation.version if "version" in citation._state.fields_cache else None
    if version is None or version.current or version.valid_until is None:
        return None
    return timezone.localdate(version.valid_until).isoformat()


def get_citation(user: AbstractBaseUser, answer_id: str | uuid.UUID, number: int) -> PassageView:
    """The cited passage in its document, if the user may read that document now."""
    with data.rights_of_user(user) as scope:
        answer = access_answer(scope, answer_id)
        citation = answer.citations.filter(number=number).first()
    if citation is not None and citation.document is None:
        return get_attached_passage(answer.message, citation)
    if citation is None or citation.document is None or citation.version_id is None:
        raise NotFound(f"citation {number} of answer {answer_id}")
    return get_passage(user, citation.document, citation.version_id, citation.start, citation.end)


def list_rules(slugs: Sequence[str]) -> list[ZoneRules]:
    """The zones' rules; NotFound if a zone is gone, so that nothing is taken for harmless."""
    known = registry.get_zone_rules()
    missing = set(slugs) - set(known)
    if missing:
        raise NotFound(f"zones {sorted(missing)} do not exist any more")
    return [known[slug] for slug in slugs]


def label_zones(slugs: Sequence[str], detected: int | None = None) -> ZoneLabel:
    """In words: the effective zone of text that came from these zones and was found to be so
    sensitive itself.
    """
    found = data.rules_of_detected(Sensitivity(detected) if detected else None)
    rules = list_rules(slugs)
    joined = data.join_zones([*rules, found])
    names = [slug for slug in sorted(slugs) if slug in _most_sensitive(rules)]
    if rules and found.sensitivity > data.join_zones(rules).sensitivity:
        names = [_FOUND[found.sensitivity]]
    return ZoneLabel(
        zones=sorted(slugs),
        label=", ".join(names),
        sensitivity=joined.sensitivity.name.lower(),
        on_prem_only=_stays(joined),
    )


def ratchet_note(
    before: Sequence[str],
    after: Sequence[str],
    detected_before: int | None = None,
    detected: int | None = None,
) -> str:
    """What is said where zones that came in, or what was found in a message, keep a conversation
    on the premises from here; "" where that has not changed.
    """
    if _stays_by_content(detected) and not _stays_by_content(detected_before):
        return (
            "From here this conversation stays on the premises, because a message holds what "
            "looks like a patient’s record."
        )
    came = sorted(set(after) - set(before))
    if not came:
        return ""
    earlier = data.join_zones(list_rules(before))
    if _stays(earlier) or not _stays(data.join_zones(list_rules(after))):
        return ""
    alone = [slug for slug in came if _stays(data.join_zones([earlier, *list_rules([slug])]))]
    known = registry.get_zone_names()
    names = " and ".join(known[slug] for slug in alone or came)
    return (
        "From here this conversation stays on the premises, because an answer used "
        f"a passage from {names}."
    )


def _stays_by_content(detected: int | None) -> bool:
    return _stays(data.rules_of_detected(Sensitivity(detected) if detected else None))


def _stays(rules: ZoneRules) -> bool:
    """Whether no cloud may process it."""
    return rules.treatment is Treatment.DENY or not any(
        place.split(":")[0] == CLOUD for place in rules.residency
    )


_FOUND = {
    Sensitivity.CONFIDENTIAL: "numbers or keys in it",
    Sensitivity.RESTRICTED: "a patient’s record in it",
}


def _most_sensitive(rules: Sequence[ZoneRules]) -> set[str]:
    highest = max((rule.sensitivity for rule in rules), default=Sensitivity.PUBLIC)
    return {name for rule in rules if rule.sensitivity == highest for name in rule.names}


def _uuid(value: str | uuid.UUID) -> uuid.UUID:
    try:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))
    except ValueError:
        raise NotFound(f"not an id: {str(value)[:80]!r}") from None
