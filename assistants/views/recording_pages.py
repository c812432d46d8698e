"""The recordings' pages: the list, one with its transcript, corrections, a draft of a note.

What comes and goes as bytes (uploads, sound, exports) is in `recordings.py`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractUser
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants import tasks
from assistants.exceptions import AssistantsError, InvalidRequest, NotFound
from assistants.services import notes, recording_pages, recordings, transcripts
from assistants.services.languages import in_language

SPEEDS = ("0.75", "1", "1.25", "1.5", "2")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def recording_list(request: HttpRequest) -> HttpResponse:
    """GET lists (`?fragment=1`: the list alone); POST takes `zone` and `files` whole, for a browser
    that runs no script.
    """
    user = _user(request)
    problem = ""
    if request.method == "POST":
        try:
            files = request.FILES.getlist("files")
            if not files:
                raise InvalidRequest("no file", user_message="Choose at least one recording.")
            for file in files:
                recordings.upload(user, request.POST.get("zone", ""), file, tasks.transcribe.delay)
            return redirect("recordings")
        except NotFound:
            problem = "Choose one of your zones."
        except AssistantsError as error:
            problem = error.user_message
    context = {
        "section": "recordings",
        "page": recording_pages.get_page(user),
        "problem": problem,
        "limit": settings.MAX_RECORDING_BYTES,
        "chunk": recordings.CHUNK_BYTES,
    }
    template = "recordings/_list.html" if _is_fragment(request) else "recordings/list.html"
    return render(request, template, context, status=400 if problem else 200)


@require_safe
@never_cache
@login_required
def recording(request: HttpRequest, recording_id: uuid.UUID) -> HttpResponse:
    """One recording with its transcript; `?fragment=1`: what changes while it is transcribed."""
    user = _user(request)
    view = _or_404(lambda: transcripts.get_transcript(user, recording_id))
    progress = recordings.get_progress(user, recording_id)
    context = {
        "section": "recordings",
        "view": view,
        "recording": view.recording,
        "mine": view.recording.owner_id == user.pk,
        "progress": progress,
        "segments": [{"segment": each, "speaker": view.speaker_of(each)} for each in view.segments],
        "formats": transcripts.FORMATS,
        "speeds": SPEEDS,
        "notes": notes.list_notes(user, recording_id),
        "templates": notes.list_templates(user),
    }
    template = (
        "recordings/_transcript.html" if _is_fragment(request) else "recordings/recording.html"
    )
    return render(request, template, context)


@require_POST
@login_required
def segment(request: HttpRequest, segment_id: uuid.UUID) -> JsonResponse:
    """JSON {version, text} or {version, speaker} in; {version, text, speaker} out."""

    def change() -> JsonResponse:
        asked = _json(request)
        version = asked.get("version")
        if not isinstance(version, int):
            raise InvalidRequest("version")
        user = _user(request)
        if isinstance(asked.get("text"), str):
            changed = transcripts.edit_segment(user, segment_id, asked["text"], version=version)
        elif isinstance(asked.get("speaker"), str):
            changed = transcripts.set_speaker(user, segment_id, asked["speaker"], version=version)
        else:
            raise InvalidRequest("neither text nor speaker")
        return JsonResponse(
            {"version": changed.version, "text": changed.text, "speaker": changed.speaker}
        )

    return _answer(change)


@require_safe
@never_cache
@login_required
def history(request: HttpRequest, segment_id: uuid.UUID) -> HttpResponse:
    """What a segment said before, as HTML for below it."""
    edits = transcripts.list_edits(_user(request), segment_id)
    return render(request, "recordings/_history.html", {"edits": edits})


@require_POST
@login_required
def speakers(request: HttpRequest, recording_id: uuid.UUID) -> JsonResponse:
    """JSON {speaker, name} names one; {one, other} says that they are the same person."""

    def change() -> JsonResponse:
        asked = _json(request)
        user = _user(request)
        if {"speaker", "name"} <= asked.keys():
            transcripts.rename_speaker(
                user, recording_id, str(asked["speaker"]), str(asked["name"])
            )
        elif {"one", "other"} <= asked.keys():
            transcripts.merge_speakers(user, recording_id, str(asked["one"]), str(asked["other"]))
        else:
            raise InvalidRequest("neither a name nor two speakers")
        return JsonResponse(
            {"speakers": dict(transcripts.get_transcript(user, recording_id).speakers)}
        )

    return _answer(change)


@require_POST
@login_required
def draft_note(request: HttpRequest, recording_id: uuid.UUID) -> HttpResponse:
    """Ask for a note by the named `template`, and go to its page."""
    try:
        note = notes.create_note(
            _user(request), recording_id, request.POST.get("template", ""), tasks.draft_note.delay
        )
    except NotFound as error:
        raise Http404(error.user_message) from error
    except AssistantsError as error:
        return _back(request, recording_id, error)
    return redirect("note", note.pk)


# -- inside ---------------------------------------------------------------------------------------


def _answer(act: Callable[[], JsonResponse]) -> JsonResponse:
    try:
        return act()
    except AssistantsError as error:
        told = {"code": error.code, "message": in_language(error.user_message)}
        status = 404 if isinstance(error, NotFound) else 409 if "changed" in error.code else 400
        return JsonResponse(told, status=status)


def _json(request: HttpRequest) -> dict[str, Any]:
    try:
        asked = json.loads(request.body)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise InvalidRequest("no JSON object")
    return asked


def _or_404(get: Callable[[], Any]) -> Any:
    try:
        return get()
    except NotFound as error:
        raise Http404(error.user_message) from error


def _back(request: HttpRequest, recording_id: uuid.UUID, error: AssistantsError) -> HttpResponse:
    messages.error(request, error.user_message)
    return redirect(reverse("recording", args=[recording_id]))


def _is_fragment(request: HttpRequest) -> bool:
    return request.method != "POST" and request.GET.get("fragment") == "1"


def _user(request: HttpRequest) -> AbstractUser:
    assert request.user.is_authenticated  # noqa: S101  # by login_required
    return request.user
