"""A conversation as a file: its newest branch with sources, badges and receipts, under the rights
that its reader has now. What is withheld, held or not approved stands there as that.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.utils import timezone

from assistants import control, pdf
from assistants.exceptions import NotFound
from assistants.services.conversations import AnswerView, ConversationView, Turn, get_conversation
from assistants.services.facts import in_words
from assistants.types import ON_PREM

TYPES = {"markdown": ("md", "text/markdown; charset=utf-8"), "pdf": ("pdf", "application/pdf")}
WITHOUT_TEXT = {
    "pending": "This answer is still being written.",
    "held": "This answer waits for a reviewer and is not shown.",
    "blocked": "This answer is not shown: policy does not permit it.",
    "failed": "This answer could not be finished.",
    "interrupted": "This answer was interrupted. What came so far is kept.",
    "stopped": "This answer was stopped. What came so far is kept.",
}
_NOT_IN_A_NAME = re.compile(r"[^\w\- ]+")


@dataclass(frozen=True, slots=True)
class Export:
    name: str
    media_type: str
    content: bytes


def export_conversation(user: AbstractUser, conversation_id: uuid.UUID, kind: str) -> Export:
    """`kind` is markdown or pdf. NotFound where it is neither, or the conversation not theirs.

    That it was exported is recorded, with the hash of the file.
    """
    if kind not in TYPES:
        raise NotFound(f"export as {kind[:40]}")
    view = get_conversation(user, conversation_id)
    at, reader = timezone.now(), user.get_full_name() or user.get_username()
    if kind == "pdf":
        content = pdf.render_pdf(
            _parts(view, reader, at), title=view.conversation.title, author=reader
        )
    else:
        content = _markdown(view, reader, at).encode()
    ending, media_type = TYPES[kind]
    control.record_event(
        action="conversation.exported",
        actor=user.get_username(),
        subject=str(view.conversation.pk),
        data={"as": kind, "sha256": control.sha256_of(content.hex())},
    )
    return Export(f"{_file_name(view.conversation.title)}.{ending}", media_type, content)


def _file_name(title: str) -> str:
    """Letters of any alphabet; no sign that a file system minds."""
    name = _NOT_IN_A_NAME.sub(" ", unicodedata.normalize("NFC", title))
    return " ".join(name.split())[:80] or "conversation"


def _head(view: ConversationView, reader: str, at: datetime) -> list[str]:
    chat, zone = view.conversation, view.zone
    stays = ", stays on the premises" if zone.on_prem_only else ""
    return [
        f"Assistant: {chat.assistant.name}",
        f"Data of: {', '.join(zone.zones)} ({zone.sensitivity}{stays})",
        f"Begun {_moment(chat.created)}, exported {_moment(at)} by {reader}",
    ]


def _markdown(view: ConversationView, reader: str, at: datetime) -> str:
    lines = [f"# {_escaped(view.conversation.title)}", ""]
    lines += [f"- {_escaped(line)}" for line in _head(view, reader, at)]
    for turn in view.turns:
        lines += [
            "",
            "---",
            "",
            f"**Question**, {_moment(turn.message.created)}{_others(turn)}",
            "",
        ]
        lines += [f"> {line}".rstrip() for line in _escaped(turn.message.text).split("\n")]
        for answer in _shown(view, turn):
            lines += ["", f"**{_escaped(view.conversation.assistant.name)}**{_badge(answer)}", ""]
            lines += [answer.text, ""] if answer.text else []
            lines += [f"> {_escaped(note)}" for note in _notes(answer)]
            lines += ["", *(f"- {_escaped(source)}" for source in _sources(answer))]
            lines += ["", *(f"<sub>{_escaped(line)}</sub>  " for line in _proof(answer))]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _parts(view: ConversationView, reader: str, at: datetime) -> list[pdf.Part]:
    parts = [(pdf.TITLE, view.conversation.title)]
    parts += [(pdf.META, line) for line in _head(view, reader, at)]
    for turn in view.turns:
        parts.append((pdf.QUESTION, turn.message.text))
        parts.append((pdf.SMALL, f"Asked {_moment(turn.message.created)}{_others(turn)}"))
        for answer in _shown(view, turn):
            parts.append((pdf.NAME, f"{view.conversation.assistant.name}{_badge(answer)}"))
            parts += [(pdf.MARKDOWN, answer.text)] if answer.text else []
            parts += [(pdf.NOTE, note) for note in _notes(answer)]
            parts += [(pdf.SMALL, source) for source in _sources(answer)]
            parts += [(pdf.SMALL, line) for line in _proof(answer)]
    return parts


def _shown(view: ConversationView, turn: Turn) -> list[AnswerView]:
    """The answer that the branch goes on from, or the newest."""
    after = {each.message.parent_id for each in view.turns}
    followed = [answer for answer in turn.answers if answer.id in after]
    return followed[:1] or turn.answers[-1:]


def _others(turn: Turn) -> str:
    """What the file leaves out."""
    told = []
    if len(turn.siblings) > 1:
        told.append(f"one of {len(turn.siblings)} versions")
    if len(turn.answers) > 1:
        told.append(f"one of {len(turn.answers)} answers")
    if turn.message.as_of:
        told.append(f"from the documents as of {turn.message.as_of.isoformat()}")
    return f" ({', '.join(told)})" if told else ""


def _badge(answer: AnswerView) -> str:
    badge = answer.badge or {}
    if not badge:
        return ""
    where = "on the premises"
    if badge.get("environment") != ON_PREM:
        place = ", ".join(str(badge[each]) for each in ("provider", "region") if badge.get(each))
        where = f"cloud: {place or badge.get('deployment')}"
    model = f"{badge.get('model') or badge.get('deployment') or ''} {badge.get('version') or ''}"
    told = [where, model.strip(), "quoted from documents" if badge.get("grounded") else ""]
    if badge.get("sealed"):
        replaced = badge.get("replaced")
        told.append(f"sealed, {in_words(replaced if isinstance(replaced, Mapping) else {})}")
    return " · " + " · ".join(each for each in told if each)


def _notes(answer: AnswerView) -> list[str]:
    notes = []
    if answer.error_message or answer.status in WITHOUT_TEXT:
        notes.append(answer.error_message or WITHOUT_TEXT[answer.status])
    if answer.facts.fallback:
        notes.append(answer.facts.fallback)
    if answer.review and not answer.review.waits and answer.review.state != "rejected":
        notes.append(f"Reviewed: {answer.review.state}.")
    for start, end in answer.facts.unsupported:
        notes.append(f"Not supported by the sources: “{answer.text[start:end].strip()}”")
    if answer.facts.unrestored:
        notes.append(f"Placeholders that stand for nothing: {', '.join(answer.facts.unrestored)}")
    return [*notes, *answer.facts.disclaimers]


def _sources(answer: AnswerView) -> list[str]:
    return [
        f"[{source['number']}] {source['title']}"
        + (f", {source['section']}" if source["section"] else "")
        + (f" (version {source['version']}" if source["version"] else " (version not kept")
        + (f", superseded {source['superseded']})" if source["superseded"] else ")")
        for source in answer.citations
    ]


def _proof(answer: AnswerView) -> list[str]:
    told = [f"Why here: {answer.rule}"] if answer.rule else []
    told += answer.facts.left
    if answer.receipt:
        told.append(f"Receipt {answer.receipt['id']}, SHA-256 {answer.receipt['sha256']}")
    return told


def _moment(at: datetime) -> str:
    return f"{at.astimezone(timezone.get_default_timezone()):%Y-%m-%d %H:%M %Z}"


def _escaped(text: str) -> str:
    """Plain text that Markdown leaves as it is."""
    return re.sub(r"([\\`*_\[\]<>#|~])", r"\\\1", text)
