"""E-mail to Markdown: who wrote what to whom and when, earlier mails apart, attachments unread."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from itertools import groupby
from typing import cast

from assistants.formats import MAX_PARTS, Attachment, Reading, Reason, Unreadable, html, markup

MAX_NAME = 120  # characters
_LOCKED = {"application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted"}
_PICTURES = {f"image/{each}" for each in ("png", "jpeg", "gif", "tiff", "webp", "bmp")}
_SIGNATURES = {"application/pkcs7-signature", "application/x-pkcs7-signature"} | {
    "application/pgp-signature", "application/pgp-keys",
}  # fmt: skip
# What mail programs write above the mail that is answered or passed on
_EARLIER = re.compile(
    r"^[>\s]*(?:"
    r"-{2,}\s*(?:Original Message|Forwarded message|Ursprüngliche Nachricht|Message d'origine"
    r"|Weitergeleitete Nachricht|Begin forwarded message)\s*-{2,}"
    r"|Begin forwarded message:"
    r"|On [^\n]{6,120}(?:\n[^\n]{0,120})?\bwrote:"
    r"|Am [^\n]{6,120}(?:\n[^\n]{0,120})?\bschrieb[^\n]{0,120}:"
    r"|Le [^\n]{6,120}(?:\n[^\n]{0,120})?\ba écrit\s?:"
    r"|(?:\*\*)?(?:From|Von|De):[^\n]{3,200}\n+(?:[^\n]{1,200}\n+){0,2}?"
    r"(?:\*\*)?(?:Sent|Date|Gesendet|Datum|Envoyé|To|An):"
    r")",
    re.M | re.I,
)
_BLANK = re.compile(r"\n[^\S\n]*\n")
_QUOTE_MARKS = re.compile(r"^(?:> ?)+", re.M)


def read(content: bytes) -> Reading:
    """Nothing is fetched that the mail only links to. Mails within it are attachments too."""
    mail = email.message_from_bytes(content, _class=EmailMessage, policy=email.policy.default)
    if mail.get_content_type() in _LOCKED and mail.get_param("smime-type") != "signed-data":
        raise Unreadable(Reason.ENCRYPTED)
    subject = " ".join(header(mail, "Subject").split())
    out = [markup.heading(1, subject)] if subject else []
    lines = [
        f"{name}: {value}" for name in ("From", "To", "Cc", "Date") if (value := header(mail, name))
    ]
    out.append(markup.paragraph("\n".join(lines)))
    parts = leaves(mail)
    body, written_as, shown = body_of(parts)
    written, earlier = apart(body)
    out.append(written_as(written))
    if earlier:
        out += [markup.heading(2, "Earlier messages"), written_as(earlier)]
    attachments = [
        attachment
        for number, part in enumerate(parts)
        if part not in shown and (attachment := attached(part, number + 1)) is not None
    ]
    return Reading(subject, "\n\n".join(filter(None, out)), attachments=tuple(attachments))


def header(mail: EmailMessage, name: str) -> str:
    """One line; a date as 2025-03-14 09:12 +0100. "" where it is missing or makes no sense."""
    try:
        value = str(mail.get(name) or "")
    except (ValueError, IndexError, AttributeError, TypeError):  # the parser of hostile headers
        value = next((str(raw) for key, raw in mail.raw_items() if key.lower() == name.lower()), "")
    value = " ".join(value.split())[:2000]
    if name == "Date" and value:
        try:
            return parsedate_to_datetime(value).strftime("%Y-%m-%d %H:%M %z").strip()
        except (ValueError, TypeError, IndexError):
            return value
    return value


def leaves(mail: EmailMessage) -> list[EmailMessage]:
    """The parts that hold something, mails within it unopened. Raises Unreadable for too many."""
    found: list[EmailMessage] = []
    waiting = [mail]
    while waiting:
        part = waiting.pop()
        if part.get_content_type() in _LOCKED - {"application/pkcs7-mime"} and part is not mail:
            raise Unreadable(Reason.ENCRYPTED)
        if part.is_multipart() and part.get_content_maintype() != "message":
            waiting += reversed(cast(list[EmailMessage], part.get_payload()))
        else:
            found.append(part)
        if len(found) + len(waiting) > MAX_PARTS:
            raise Unreadable(Reason.TOO_MANY_PARTS, f"over {MAX_PARTS} parts")
    return found


def body_of(
    parts: list[EmailMessage],
) -> tuple[str, Callable[[str], str], list[EmailMessage]]:
    """The first text, how it becomes Markdown, and the parts that need no mention any more."""
    texts = [part for part in parts if is_body(part)]
    plain = next((p for p in texts if p.get_content_type() == "text/plain" and text_of(p)), None)
    page = next((p for p in texts if p.get_content_type() == "text/html"), None)
    if plain is not None:
        # the page is the same text once more
        return text_of(plain), plain_markdown, [plain, *([page] if page is not None else [])]
    if page is not None:
        return html.read(payload(page)).text, str, [page]
    return "", str, []


def is_body(part: EmailMessage) -> bool:
    disposition = part.get_content_disposition()
    return (
        part.get_content_maintype() == "text" and disposition != "attachment" and not name_of(part)
    )


def plain_markdown(text: str) -> str:
    """Paragraphs; lines that are quoted stay quotations."""
    out: list[str] = []
    for block in _BLANK.split(text):
        for quoted, lines in groupby(block.strip("\n").split("\n"), _is_quoted):
            piece = "\n".join(lines)
            if piece.strip(" >\n"):
                out.append(piece if quoted else markup.paragraph(piece))
    return "\n\n".join(out)


def apart(body: str) -> tuple[str, str]:
    """What was written now, and the trail of earlier mails below it without its quotation marks.

    Answers between the quoted lines belong with what they answer: there nothing is kept apart.
    """
    found = _EARLIER.search(body)
    if not found:
        return body, ""
    written, earlier = body[: found.start()].strip(), body[found.start() :]
    quoted = [_is_quoted(line) for line in body[found.end() :].split("\n") if line.strip()]
    if not written and any(quoted) and not quoted[-1]:
        return body, ""
    return written, _QUOTE_MARKS.sub("", earlier).strip()


def _is_quoted(line: str) -> bool:
    return line.startswith(">")


def attached(part: EmailMessage, number: int) -> Attachment | None:
    kind = part.get_content_type()
    if kind in _SIGNATURES:
        return None
    if kind == "message/rfc822":
        inner = part.get_payload()
        if not isinstance(inner, list) or not inner:
            return None
        mail = cast(EmailMessage, inner[0])
        content = mail.as_bytes(policy=email.policy.compat32)
        name = name_of(part) or header(mail, "Subject") or "mail"
        return Attachment(name[:MAX_NAME].removesuffix(".eml") + ".eml", content)
    if part.get_content_maintype() in ("image", "audio", "video", "message"):
        if not name_of(part) or part.get_content_disposition() != "attachment":
            return None  # a signature's logo
        picture = payload(part) if kind in _PICTURES else b""
        return Attachment(name_of(part), picture)
    content = payload(part)
    suffix = {"text/html": "html", "text/calendar": "txt"}.get(kind, "txt")
    return Attachment(name_of(part) or f"part {number}.{suffix}", content) if content else None


def name_of(part: EmailMessage) -> str:
    try:
        return " ".join((part.get_filename() or "").split())[:MAX_NAME]
    except (ValueError, IndexError, AttributeError, TypeError):
        return ""


def payload(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def text_of(part: EmailMessage) -> str:
    """Decoded as the part says; where that is wrong, as most mail is."""
    content = payload(part)
    for encoding in (part.get_content_charset() or "utf-8", "utf-8"):
        try:
            return content.decode(encoding).replace("\r\n", "\n").strip()
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("cp1252", errors="replace").strip()
