"""What may be stored as a person's message, and what to tell them where it may not."""

from __future__ import annotations

import unicodedata

from django.conf import settings

from assistants.exceptions import InvalidRequest

TITLE_CHARACTERS = 60
CLIENT_ID_CHARACTERS = 64


def check_message(client_id: str, text: str) -> str:
    """The text as it will be stored; raises InvalidRequest with what to do about it."""
    if not client_id or len(client_id) > CLIENT_ID_CHARACTERS:
        raise InvalidRequest(
            "client_id",
            user_message=f"client_id must have 1 to {CLIENT_ID_CHARACTERS} characters.",
        )
    if len(text) > settings.MAX_MESSAGE_CHARACTERS:
        raise InvalidRequest(
            f"{len(text)} characters",
            code="too_long",
            user_message=f"This message has {len(text):,} characters; at most "
            f"{settings.MAX_MESSAGE_CHARACTERS:,} are possible. Please shorten it, or upload the "
            "long part as a document.",
        )
    text = clean_text(text)
    if not text:
        raise InvalidRequest("empty", code="empty", user_message="Please write a message first.")
    return text


def clean_text(text: str) -> str:
    """NFC, one kind of line end, outer blanks off. Raises InvalidRequest for what is no text:
    NUL and other control characters, halves of surrogate pairs.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    if any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t" for sign in text):
        raise InvalidRequest(
            "control characters",
            code="invalid_text",
            user_message="This message contains characters that are not text, such as NUL or "
            "control characters. Please remove them, or upload the file as a document.",
        )
    # Marks that join or space nothing do not make a message.
    visible = any(unicodedata.category(sign)[0] not in "ZC" for sign in text)
    return text.strip() if visible else ""


def title_of(text: str) -> str:
    """A conversation's first title: how its first message begins."""
    line = " ".join(text.split())
    if len(line) <= TITLE_CHARACTERS:
        return line
    return line[: TITLE_CHARACTERS - 1].rsplit(" ", 1)[0] + "…"
