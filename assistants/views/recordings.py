"""Recordings over HTTP, for the page's own script: an upload in pieces that survives a lost
network, progress, the audio with ranges, exports. What fails is answered with
`{"error": {"code", "message"}}`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractUser
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from assistants import tasks
from assistants.exceptions import AssistantsError, InvalidRequest, NotFound
from assistants.models import Recording
from assistants.services import recordings, transcripts
from assistants.services.connections import on_a_thread
from assistants.services.languages import in_language

RANGE = re.compile(r"bytes=(\d*)-(\d*)$")
P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)


def _answers_errors(
    view: Callable[Concatenate[HttpRequest, P], R],
) -> Callable[Concatenate[HttpRequest, P], R | JsonResponse]:
    """What goes wrong is told in the answer; 404 for what does not exist for this user."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> R | JsonResponse:
        try:
            return view(request, *args, **kwargs)
        except AssistantsError as error:
            status = 404 if isinstance(error, NotFound) else 400 if error.permanent else 409
            told = {"code": error.code, "message": in_language(error.user_message)}
            return JsonResponse({"error": told}, status=status)

    return answer


@require_POST
@login_required
@_answers_errors
def create(request: HttpRequest) -> HttpResponse:
    """POST `zone`, `name`, `language?`, `conversation?` → 201 `{"id", "chunk_bytes"}`."""
    recording = recordings.create_recording(
        _user(request),
        request.POST.get("zone", ""),
        request.POST.get("name", ""),
        language=request.POST.get("language", ""),
        conversation_id=_uuid(request.POST.get("conversation", "")),
    )
    told = {"id": str(recording.pk), "chunk_bytes": recordings.CHUNK_BYTES}
    return JsonResponse(told, status=201)


@require_http_methods(["PUT", "POST"])
@login_required
@_answers_errors
def chunk(request: HttpRequest, recording_id: uuid.UUID, number: int) -> HttpResponse:
    """The bytes of one piece, with `X-Chunk-Sha256`; a resend changes nothing."""
    sha256 = request.headers.get("X-Chunk-Sha256", "")
    length = int(request.headers.get("Content-Length") or 0)
    content = request.body if length <= recordings.CHUNK_BYTES else b""
    recordings.append_chunk(_user(request), recording_id, number, content, sha256)
    return HttpResponse(status=204)


@require_GET
@never_cache
@login_required
@_answers_errors
def chunks(request: HttpRequest, recording_id: uuid.UUID) -> HttpResponse:
    """What has arrived: `{"chunks": [{"number", "size", "sha256"}]}`."""
    kept = recordings.list_chunks(_user(request), recording_id)
    told = [{"number": c.number, "size": c.size, "sha256": c.sha256} for c in kept]
    return JsonResponse({"chunks": told})


@require_POST
@login_required
@_answers_errors
def finish(request: HttpRequest, recording_id: uuid.UUID) -> HttpResponse:
    """POST `chunks`, how many there are → the progress. 409 where some are missing."""
    count = request.POST.get("chunks", "")
    if not count.isdecimal():
        raise InvalidRequest(f"chunks {count!r}", user_message="Say how many pieces there are.")
    user = _user(request)
    recordings.finish_upload(user, recording_id, int(count[:9]), tasks.transcribe.delay)
    return _progress(user, recording_id)


@require_GET
@never_cache
@login_required
@_answers_errors
def progress(request: HttpRequest, recording_id: uuid.UUID) -> HttpResponse:
    """`{"state", "share", "seconds_left", "error", "ended"}`."""
    return _progress(_user(request), recording_id)


@require_POST
@login_required
@_answers_errors
def change(request: HttpRequest, recording_id: uuid.UUID, action: str) -> HttpResponse:
    """POST to `cancel`, `retry`, `delete-audio`, `delete`, `share`, `unshare`, or `rename` with a
    `name`.
    """
    user = _user(request)
    done: dict[str, Callable[[], None]] = {
        "cancel": lambda: recordings.cancel_recording(user, recording_id),
        "retry": lambda: recordings.retry_recording(user, recording_id, tasks.transcribe.delay),
        "delete-audio": lambda: recordings.delete_audio(user, recording_id),
        "delete": lambda: recordings.delete_recording(user, recording_id),
        "share": lambda: recordings.share_recording(user, recording_id, True),
        "unshare": lambda: recordings.share_recording(user, recording_id, False),
        "rename": lambda: recordings.rename_recording(
            user, recording_id, request.POST.get("name", "")
        ),
    }
    if action not in done:
        raise NotFound(f"action {action}")
    done[action]()
    return HttpResponse(status=204)


@require_GET
@never_cache
@login_required
@_answers_errors
def audio(request: HttpRequest, recording_id: uuid.UUID) -> HttpResponseBase:
    """The file as received, with single byte ranges (RFC 9110, 14)."""
    user = _user(request)
    recording = recordings.get_recording(user, recording_id)
    size, _ = recordings.read_audio(user, recording_id, 0, 0)
    asked = _range(request.headers.get("Range", ""), size)
    if asked is None:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    start, end = asked
    _, pieces = recordings.read_audio(user, recording_id, start, end)
    whole = (start, end) == (0, size) and "Range" not in request.headers
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(end - start)}
    if not whole:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return StreamingHttpResponse(
        _stream(pieces),
        status=200 if whole else 206,
        content_type=_playable(recording),
        headers=headers,
    )


@require_GET
@never_cache
@login_required
@_answers_errors
def export(request: HttpRequest, recording_id: uuid.UUID, format: str) -> HttpResponse:
    """The transcript as a file; `?redacted=1` without what identifies anybody."""
    made = transcripts.export_transcript(
        _user(request), recording_id, format, redacted=request.GET.get("redacted") == "1"
    )
    response = HttpResponse(made.content, content_type=made.media_type)
    response["Content-Disposition"] = content_disposition_header(True, made.name) or ""
    return response


@require_GET
@never_cache
@login_required
@_answers_errors
def bleeped(request: HttpRequest, recording_id: uuid.UUID) -> HttpResponseBase:
    """The audio with a tone where something identifying is said."""
    name, pieces = transcripts.export_bleeped(_user(request), recording_id)
    response = StreamingHttpResponse(_stream(pieces), content_type="audio/wav")
    response["Content-Disposition"] = content_disposition_header(True, name) or ""
    return response


async def _stream(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Piece by piece beside the event loop: hours of sound are never in memory together."""
    following = on_a_thread(next)
    while piece := await following(pieces, b""):
        yield piece


def _progress(user: AbstractUser, recording_id: uuid.UUID) -> HttpResponse:
    found = recordings.get_progress(user, recording_id)
    return JsonResponse(
        {
            "state": found.state,
            "share": round(found.share, 4),
            "seconds_left": None if found.seconds_left is None else round(found.seconds_left),
            "error": in_language(found.error),
            "ended": found.ended,
        }
    )


def _range(asked: str, size: int) -> tuple[int, int] | None:
    """(start, end) of what is to be sent; None where it cannot be."""
    match = RANGE.match(asked)
    if not match or not any(match.groups()):
        return 0, size
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    return (start, end) if start < end else None


def _playable(recording: Recording) -> str:
    """A type that a browser takes: never one that it would show as a page."""
    kind = recording.media_type.removeprefix("audio/")
    known = {
        "mov": "audio/mp4",
        "matroska": "audio/webm",
        "wav": "audio/wav",
        "mp3": "audio/mpeg",
        "ogg": "audio/ogg",
        "flac": "audio/flac",
        "aac": "audio/aac",
    }
    return known.get(kind, "application/octet-stream")


def _uuid(text: str) -> uuid.UUID | None:
    if not text:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound(f"{text!r} is no id") from None


def _user(request: HttpRequest) -> Any:
    return request.user
