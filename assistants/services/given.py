"""What a client of the API gives along with a message: its word on what went before. What is
attached on the page is stored in the same place (services/attaching.py).

It keeps no conversation here: it sends the whole of it each time, and may have changed or made up
any of it. So nothing of it becomes an answer of ours. It is stored with the message, each turn in
the assistant's name with the answer whose text it repeats, if there is one, and with the zones
that it has to be taken to come from.
"""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings

from assistants import data
from assistants.exceptions import AccessWithdrawn, InvalidRequest
from assistants.models import Answer, Assistant, Conversation, Message
from assistants.services.messages import clean_text
from assistants.types import PromptMessage, Role, Sampling, Scope

# All that is given, as a multiple of the longest message: more than any model here can read.
LONGEST_GIVEN = 8


@dataclass(frozen=True, slots=True)
class Given:
    """`turns` as the client tells them, oldest first; those of the role `system` are what it asks
    of the assistant, and take no other place than a person's words.
    """

    turns: tuple[PromptMessage, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    api_key: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Traced:
    """The turns as they are stored, and the slugs of all zones that they come from."""

    turns: list[dict[str, object]]
    zones: set[str]


def check_given(given: Given) -> Given:
    """With each text as it will be stored; raises InvalidRequest with what to do about it."""
    turns = tuple(PromptMessage(turn.role, clean_text(turn.text)) for turn in given.turns)
    limit = settings.MAX_MESSAGE_CHARACTERS
    longest = max((len(turn.text) for turn in turns if turn.role is not Role.ASSISTANT), default=0)
    if longest > limit:
        raise InvalidRequest(
            f"{longest} characters given",
            code="too_long",
            user_message=f"One of the messages has {longest:,} characters; at most {limit:,} are "
            "possible. Please shorten it, or upload the long part as a document.",
        )
    total = sum(len(turn.text) for turn in turns)
    if total > LONGEST_GIVEN * limit:
        raise InvalidRequest(
            f"{total} characters given",
            code="too_long",
            user_message=f"The messages before the last have {total:,} characters; at most "
            f"{LONGEST_GIVEN * limit:,} are possible. Please leave out the oldest.",
        )
    return Given(tuple(turn for turn in turns if turn.text), given.sampling, given.api_key)


def trace_answers(scope: Scope, assistant: Assistant, turns: Sequence[PromptMessage]) -> Traced:
    """Find the user's own answers that the turns in the assistant's name repeat.

    Such a turn comes from what the answer was made from. One that repeats none may be an answer
    that was changed on the way: it is taken to come from all that this assistant searches.
    AccessWithdrawn if it repeats what the user may not read any more.
    """
    told = {fingerprint(turn.text) for turn in turns if turn.role is Role.ASSISTANT}
    known = _find_answers(scope, told)
    searched = _searched_zones(assistant)
    traced: list[dict[str, object]] = []
    zones: set[str] = set()
    for turn in turns:
        stored: dict[str, object] = {"role": str(turn.role), "text": turn.text}
        if turn.role is Role.ASSISTANT:
            found = known.get(fingerprint(turn.text))
            if found is None:
                found = _Source(None, set(searched), searched & set(scope.slugs))
            zones |= found.zones
            answer = str(found.answer) if found.answer else None
            stored |= {"answer": answer, "made_from": sorted(found.made_from)}
        traced.append(stored)
    return Traced(traced, zones)


@dataclass(slots=True)
class _Source:
    answer: uuid.UUID | None
    zones: set[str]
    made_from: set[str]


def _find_answers(scope: Scope, fingerprints: set[str]) -> dict[str, _Source]:
    """By fingerprint. Where several answers say the same, from the zones of all that the user may
    read. Only the zones are looked at, with the system's rights: of what the user may not read any
    more, it has to be known that it was theirs.
    """
    if not fingerprints:
        return {}
    same = ("fingerprint", "zones", "made_from")
    with data.rights_of_system():
        answers = list(
            Answer.objects.filter(message__author=scope.user_id, fingerprint__in=fingerprints)
            .order_by(*same, "-pk")
            .distinct(*same)
            .values_list("pk", *same)
        )
    found: dict[str, _Source] = {}
    for pk, mark, zones, made_from in sorted(answers, key=lambda answer: answer[0]):
        sources = set(zones if made_from is None else made_from)
        if sources <= set(scope.slugs):
            source = found.setdefault(mark, _Source(pk, set(), set()))
            source.answer = pk
            source.zones |= set(zones)
            source.made_from |= sources
    withdrawn = {mark for _, mark, _, _ in answers} - set(found)
    if withdrawn:
        raise AccessWithdrawn(
            "a given answer",
            user_message="You may no longer read what one of the assistant's messages was made "
            "from. Please leave it out, or begin a new conversation.",
        )
    return found


def _searched_zones(assistant: Assistant) -> set[str]:
    return set(assistant.zones.values_list("slug", flat=True))


def fingerprint(text: str) -> str:
    """The same for a text whose blanks or line ends were changed on the way to a client and back.
    Empty for no text.
    """
    words = " ".join(unicodedata.normalize("NFC", text).split())
    return hashlib.sha256(words.encode()).hexdigest() if words else ""


def history_of(message: Message) -> tuple[list[PromptMessage], set[str]]:
    """What was given before this message, persons and assistant in turns; and the zones that the
    assistant's turns are made from.
    """
    history: list[PromptMessage] = []
    made_from: set[str] = set()
    for turn in message.given:
        role = Role(turn["role"])
        if role is Role.SYSTEM:
            continue
        made_from |= set(turn.get("made_from", ()))
        text = turn["text"]
        if history and history[-1].role is role:
            text = f"{history.pop().text}\n\n{text}"
        history.append(PromptMessage(role, text))
    return history, made_from


def instructions_of(message: Message) -> str:
    """What the client asks of the assistant beside the question."""
    return "\n\n".join(turn["text"] for turn in message.given if turn["role"] == Role.SYSTEM)


def last_answer_of(message: Message) -> uuid.UUID | None:
    """The id of the answer of ours that this message follows on, if the client gave it whole."""
    answers = [turn["answer"] for turn in message.given if turn["role"] == Role.ASSISTANT]
    return uuid.UUID(answers[-1]) if answers and answers[-1] else None


def texts_of(message: Message) -> list[str]:
    """All that the client sent with this message, the message itself last: what has to be looked
    at for sensitive content.
    """
    return [*(turn["text"] for turn in message.given), message.text]


def receipt_of(message: Message) -> dict[str, object]:
    """What the receipt says of it, without text; of a message of the page, what is attached."""
    conversation = message.conversation
    if conversation.origin == Conversation.Origin.TRIAL:
        return {"origin": str(conversation.origin)}
    if conversation.origin != Conversation.Origin.API:
        attached = [
            {
                **({"recording": turn["recording"]} if turn.get("recording") else {}),
                **({"file_sha256": turn["sha256"]} if turn.get("file") else {}),
                **({"recognised": f"{turn['recognised']:.3f}"} if "recognised" in turn else {}),
                "sha256": hashlib.sha256(turn["text"].encode()).hexdigest(),
            }
            for turn in message.given
            if turn.get("recording") or turn.get("file")
        ]
        named = [str(document) for document in message.documents]
        return {
            **({"attached": attached} if attached else {}),
            **({"documents": named} if named else {}),
        }
    return {
        "origin": conversation.origin,
        "api_key": str(conversation.api_key_id),
        "given": [
            {
                "role": turn["role"],
                "sha256": hashlib.sha256(turn["text"].encode()).hexdigest(),
                "answer": turn.get("answer"),
            }
            for turn in message.given
        ],
        "sampling": {name: str(value) for name, value in message.sampling.items()},
    }


def sampling_of(message: Message) -> Sampling:
    stored = message.sampling
    return Sampling(
        stored.get("max_tokens"), stored.get("temperature"), tuple(stored.get("stop", ()))
    )


def store_sampling(sampling: Sampling) -> dict[str, object]:
    """Only what was asked for."""
    asked = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "stop": list(sampling.stop) or None,
    }
    return {name: value for name, value in asked.items() if value is not None}
