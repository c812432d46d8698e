"""Files dropped on the composer: read at once, their text kept until the message is sent.

The web process hands hostile formats to a reader in a process of its own, as ingestion does; a few
at a time, so that a burst of them does not take the processors from answers.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser

from assistants import control, data
from assistants.exceptions import AssistantsError, DocumentRejected, InvalidRequest
from assistants.models import Attachment
from assistants.services.attaching import list_zones
from assistants.services.composing import get_assistant
from assistants.services.documents import UploadedFile, clean_origin

READ_AT_ONCE = 2  # in one process
PATIENCE = 10.0  # seconds until it is one's turn
WAITING = 20  # unsent files of one person
KEPT = timedelta(days=1)
NAME_CHARACTERS = 200
SCANS = 10  # pages whose text is recognised while somebody waits

_reading = threading.BoundedSemaphore(READ_AT_ONCE)


class ReaderBusy(AssistantsError):
    code = "busy"
    user_message = "Many files are being read at the moment. Please attach it again in a minute."


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """`zones` are (slug, name): what its sender may choose from, first what is taken unless they
    do. `recognised` is the text where it was recognised in pictures, `confidence` how sure it is.
    """

    id: uuid.UUID
    name: str
    characters: int
    zones: list[tuple[str, str]]
    confidence: float | None = None
    recognised: str = ""

    @property
    def sure(self) -> str:
        """In words."""
        return "" if self.confidence is None else data.how_sure(self.confidence)


def receive_file(
    user: AbstractBaseUser, file: UploadedFile, *, assistant: str, conversation: str | None = None
) -> ReceivedFile:
    """Read a file for the next message to this assistant, or in this conversation.

    Raises DocumentRejected and InvalidRequest with what to do, NotFound, RateLimited, ReaderBusy.
    """
    control.check_preview_rate(user.pk)
    with data.rights_of_user(user) as scope:
        chosen = get_assistant(user, scope, assistant, conversation)
        if Attachment.objects.filter(owner=scope.user_id).count() >= WAITING:
            raise InvalidRequest(
                "too many files",
                code="too_many_files",
                user_message=f"{WAITING} files wait to be sent already. Please send or remove "
                "some of them first.",
            )
        zones = list_zones(scope, chosen)
    name = clean_origin(data.file_name(file.name or ""))[-NAME_CHARACTERS:]
    content = file.read(settings.MAX_UPLOAD_BYTES + 1)
    found = _read(name, content)
    with data.rights_of_user(user):
        kept = Attachment.objects.create(
            owner_id=user.pk,
            name=name,
            text=found.text,
            sha256=hashlib.sha256(content).hexdigest(),
            recognised=found.confidence,
        )
    recognised = found.text if found.confidence is not None else ""
    return ReceivedFile(kept.pk, name, len(found.text), zones, found.confidence, recognised)


def remove_file(user: AbstractBaseUser, file_id: uuid.UUID) -> None:
    """Harmless where it is gone."""
    with data.rights_of_user(user) as scope:
        Attachment.objects.filter(pk=file_id, owner=scope.user_id).delete()


def delete_unsent(at: datetime) -> int:
    """What nobody sent for a day; how many."""
    with data.rights_of_system():
        deleted, _ = Attachment.objects.filter(created__lt=at - KEPT).delete()
    return deleted


def _read(name: str, content: bytes) -> data.ReadFile:
    if not _reading.acquire(timeout=PATIENCE):
        raise ReaderBusy
    try:
        found = data.read_file(name, content, settings.MAX_UPLOAD_BYTES, SCANS)
    finally:
        _reading.release()
    if len(found.text) > settings.MAX_MESSAGE_CHARACTERS:
        raise DocumentRejected(
            f"{name}: {len(found.text)} characters",
            code="file_too_long",
            user_message=f"“{name}” has {len(found.text):,} characters; at most "
            f"{settings.MAX_MESSAGE_CHARACTERS:,} fit beside a question. Add it under Documents, "
            "then name it with #.",
        )
    return found
