"""What goes with a question: a transcript, files, and the documents that it is to be answered from.

A transcript or a file becomes a turn before the question (`Message.given`), and the conversation
takes over its zone: what holds for typed text, detection, guardrails and the seal, holds for it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AbstractUser

from assistants import control, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import Assistant, Recording
from assistants.models import Attachment as AttachedFile
from assistants.services import registry, transcripts
from assistants.services.prompts import FILE, NOT_INSTRUCTIONS, TRANSCRIPT
from assistants.types import Role, Scope

FILES_AT_ONCE = 5
DOCUMENTS_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Attachment:
    """`turn` as a message's `given` holds it; `zone` is a slug."""

    name: str
    zone: str
    zone_name: str
    turn: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that was uploaded before, by its id, and the slug of the zone its sender puts it in:
    "" for the strictest that the assistant works with.
    """

    id: uuid.UUID
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a frame says goes with its text."""

    recording: str | None = None
    files: tuple[SentFile, ...] = ()
    documents: tuple[uuid.UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Attached:
    """Parts that were found: a message's further fields, and the slugs of the zones they are in."""

    fields: dict[str, object]
    zones: frozenset[str] = frozenset()
    recording: Attachment | None = None
    files: tuple[Attachment, ...] = ()


# -- reading a frame ------------------------------------------------------------------------------


def parse_parts(attachments: object, documents: object) -> Parts:
    """`attachments` of a frame: at most one {"recording": id}, and {"file": id, "zone"?: slug} for
    each file; `documents`: a list of ids. Raises InvalidRequest.
    """
    named = _parse_documents(documents)
    items: list[Any] = (
        attachments if isinstance(attachments, list) else [attachments] if attachments else []
    )
    files = [item for item in items if isinstance(item, dict) and "file" in item]
    if len(files) > FILES_AT_ONCE:
        raise InvalidRequest(
            f"{len(files)} files",
            code="attachments_unsupported",
            user_message=f"At most {FILES_AT_ONCE} files go with one message.",
        )
    recording = parse_recording([item for item in items if item not in files])
    return Parts(recording, tuple(map(_parse_file, files)), named)


def parse_recording(attachments: object) -> str | None:
    """The id in a frame's `attachments`: a list of at most one {"recording": id}."""
    if not attachments:
        return None
    first = attachments[0] if isinstance(attachments, list) and len(attachments) == 1 else None
    recording = first.get("recording") if isinstance(first, dict) else None
    if not isinstance(recording, str):
        raise _unsupported()
    return recording


def _parse_file(item: Mapping[str, object]) -> SentFile:
    zone = item.get("zone") or ""
    if not isinstance(zone, str):
        raise _unsupported()
    return SentFile(_parse_id(item["file"]), zone)


def _parse_documents(documents: object) -> tuple[uuid.UUID, ...]:
    if not documents:
        return ()
    if not isinstance(documents, list) or len(documents) > DOCUMENTS_AT_ONCE:
        raise InvalidRequest(
            "documents", user_message=f"At most {DOCUMENTS_AT_ONCE} documents can be named."
        )
    return tuple(dict.fromkeys(map(_parse_id, documents)))


def _parse_id(value: object) -> uuid.UUID:
    try:
        return uuid.UUID(value) if isinstance(value, str) else _no_id()
    except ValueError:
        return _no_id()


def _no_id() -> uuid.UUID:
    raise _unsupported()


def _unsupported() -> InvalidRequest:
    return InvalidRequest(
        "attachments",
        code="attachments_unsupported",
        user_message="What goes with a message is files uploaded here, or the transcript of one "
        "recording. Please attach it again.",
    )


# -- finding what it names ------------------------------------------------------------------------


def attach(user: AbstractBaseUser, scope: Scope, assistant: Assistant, parts: Parts) -> Attached:
    """Inside `data.rights_of_user`. Raises NotFound and InvalidRequest where something is not
    there, not ready, or too long. The files are taken: they are the message's from then on.
    """
    turns: list[Mapping[str, object]] = []
    zones: set[str] = set()
    files: list[Attachment] = []
    recording = None
    if parts.recording:
        recording = get_attachment(user, parts.recording)
        turns.append(recording.turn)
        zones.add(recording.zone)
    if parts.files:
        files = _take_files(scope, assistant, parts.files)
        turns += [each.turn for each in files]
        zones |= {each.zone for each in files}
    fields: dict[str, object] = {"given": turns} if turns else {}
    if parts.documents:
        _check_documents(scope, assistant, parts.documents)
        fields["documents"] = list(parts.documents)
    return Attached(fields, frozenset(zones), recording, tuple(files))


def record_files(user: AbstractBaseUser, message: str, files: Sequence[Attachment]) -> None:
    """In the caller's transaction, last."""
    control.record_event(
        action="file.attached",
        actor=user.get_username(),
        subject=message,
        data={"files": [{"sha256": each.turn["sha256"], "zone": each.zone} for each in files]},
    )


def list_zones(scope: Scope, assistant: Assistant) -> list[tuple[str, str]]:
    """Slug and name of each zone that a file may be put into, the one that is taken unless another
    is chosen first: the strictest of those the assistant searches, since what somebody has at hand
    is mostly their department's.
    """
    rules, names = registry.get_zone_rules(), registry.get_zone_names()
    readable = [slug for slug in scope.slugs if slug in rules]
    searched = set(assistant.zones.values_list("slug", flat=True))

    def strictest_first(slug: str) -> tuple[bool, int, str]:
        return slug not in searched, -rules[slug].sensitivity, slug

    return [(slug, names[slug]) for slug in sorted(readable, key=strictest_first)]


def _take_files(scope: Scope, assistant: Assistant, sent: Sequence[SentFile]) -> list[Attachment]:
    zones = dict(list_zones(scope, assistant))
    wanted = [each.id for each in sent]
    waiting = AttachedFile.objects.select_for_update().filter(owner=scope.user_id, pk__in=wanted)
    found = {each.pk: each for each in waiting}
    if set(wanted) - set(found) or not zones:
        raise InvalidRequest(
            "a file is gone",
            code="file_missing",
            user_message="A file that was attached is not kept any more: unsent files are deleted "
            "after a day. Please remove it and attach it again.",
        )
    total = sum(len(each.text) for each in found.values())
    if total > settings.MAX_MESSAGE_CHARACTERS:
        raise InvalidRequest(
            f"{total} characters",
            code="files_too_long",
            user_message=f"The attached files have {total:,} characters together; at most "
            f"{settings.MAX_MESSAGE_CHARACTERS:,} fit beside a question. Please remove one, or add "
            "them under Documents and name them with #.",
        )
    taken = []
    for each in sent:
        zone = each.zone or next(iter(zones))
        if zone not in zones:
            raise NotFound(f"zone {zone!r}", user_message="You may not put a file into this zone.")
        taken.append(_file_turn(found[each.id], zone, zones[zone]))
    waiting.delete()
    return taken


def _file_turn(file: AttachedFile, zone: str, zone_name: str) -> Attachment:
    name = file.name.replace('"', "'")
    whole = file.text.replace("</file", "<\\/file")
    how = ""
    turn: dict[str, object] = {"role": str(Role.USER), "made_from": [zone], "file": file.name}
    if file.recognised is not None:
        turn["recognised"] = file.recognised
        how = f' recognised="{data.how_sure(file.recognised)}"'
    turn["text"] = f'{FILE} name="{name}"{how}>\n{whole}\n</file>\n{NOT_INSTRUCTIONS}'
    turn["sha256"] = file.sha256
    return Attachment(file.name, zone, zone_name, turn)


def _check_documents(scope: Scope, assistant: Assistant, documents: Sequence[uuid.UUID]) -> None:
    zones = registry.get_searched_zones().get(assistant.pk, [])
    if len(data.naming.find_named(scope, zones, documents)) != len(documents):
        raise InvalidRequest(
            "a document is gone",
            code="document_missing",
            user_message="A document that you named is not there any more, or this assistant does "
            "not search it. Please remove it and send again.",
        )


def get_attachment(user: AbstractBaseUser, recording_id: str) -> Attachment:
    """The transcript as a turn before the question. Raises NotFound, and InvalidRequest where it is
    not ready, empty, or longer than a message may be.
    """
    try:
        view = transcripts.get_transcript(cast(AbstractUser, user), uuid.UUID(recording_id))
    except ValueError:
        raise NotFound(f"recording {recording_id!r}") from None
    recording = view.recording
    if recording.state != Recording.State.READY or not view.segments:
        raise InvalidRequest(
            f"{recording_id} is {recording.state}",
            code="transcript_missing",
            user_message="This recording has no transcript yet. Attach it once it is ready.",
        )
    text = "\n".join(
        ": ".join(filter(None, [view.speaker_of(each), each.text])) for each in view.segments
    )
    if len(text) > settings.MAX_MESSAGE_CHARACTERS:
        raise InvalidRequest(
            f"{len(text)} characters",
            code="transcript_too_long",
            user_message=f"This transcript has {len(text):,} characters; at most "
            f"{settings.MAX_MESSAGE_CHARACTERS:,} fit beside a question. Draft a note of it "
            "instead, or export it and upload it as a document.",
        )
    name = recording.name.replace('"', "'")
    whole = text.replace("</transcript", "<\\/transcript")
    turn = {
        "role": str(Role.USER),
        "text": f'{TRANSCRIPT} of="{name}">\n{whole}\n</transcript>\n{NOT_INSTRUCTIONS}',
        "made_from": [recording.zone.slug],
        "recording": str(recording.pk),
    }
    return Attachment(recording.name, recording.zone.slug, recording.zone.name, turn)


def record_attached(user: AbstractBaseUser, conversation: object, attachment: Attachment) -> None:
    """In the caller's transaction, last."""
    control.record_event(
        action="recording.attached",
        actor=user.get_username(),
        subject=str(conversation),
        data={"recording": attachment.turn["recording"], "zone": attachment.zone},
    )
