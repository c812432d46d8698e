"""What may be stored as a person's message, and what to tell them where it may not."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from django.conf import settings

from assistants.exceptions import InvalidRequest

CLIENT_ID_CHARACTERS = 64
HARMLESS_AT_ONCE = 50
HARMLESS_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Harmless:
    """A value that a person says is no secret, and why."""

    text: str
    reason: str


def check_message(client_id: str, text: str) -> str:
    """The text as it will be stored; raises InvalidRequest with what to do about it."""
    if not client_id or len(client_id) > CLIENT_ID_CHARACTERS:
        raise InvalidRequest(
            "client_id",
            user_message=f"client_id must have 1 to {CLIENT_ID_CHARACTERS} characters.",
        )
    check_length(text)
    text = clean_text(text)
    if not text:
        raise InvalidRequest("empty", code="empty", user_message="Please write a message first.")
    return text


def check_length(text: str) -> None:
    """Raises InvalidRequest for a text that is too long for a message."""
    if len(text) > settings.MAX_MESSAGE_CHARACTERS:
        raise InvalidRequest(
            f"{len(text)} characters",
            code="too_long",
            user_message=f"This message has {len(text):,} characters; at most "
            f"{settings.MAX_MESSAGE_CHARACTERS:,} are possible. Please shorten it, or upload the "
            "long part as a document.",
        )


def parse_harmless(value: object) -> tuple[Harmless, ...]:
    """`harmless` of a frame: [{"text", "reason"}], or nothing; raises InvalidRequest.

    The texts are cleaned as a message is, so that they are found in it.
    """
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > HARMLESS_AT_ONCE:
        raise _not_harmless(f"at most {HARMLESS_AT_ONCE} values can be marked in one message")
    return tuple(_harmless(item) for item in value)


def _harmless(item: object) -> Harmless:
    fields = [item.get("text"), item.get("reason")] if isinstance(item, dict) else []
    texts = [clean_text(field) for field in fields if isinstance(field, str)]
    if len(texts) != 2 or not all(0 < len(text) <= HARMLESS_CHARACTERS for text in texts):
        raise _not_harmless(
            f"each needs a text and a reason of 1 to {HARMLESS_CHARACTERS} characters"
        )
    return Harmless(*texts)


def _not_harmless(why: str) -> InvalidRequest:
    return InvalidRequest("harmless", user_message=f"What is marked as not sensitive: {why}.")


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
