"""A note's page: read it against the recording, change it, approve it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractUser
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from assistants import tasks
from assistants.exceptions import AssistantsError, InvalidRequest, NotFound
from assistants.services import notes
from assistants.services.languages import in_language


@require_safe
@never_cache
@login_required
def note(request: HttpRequest, note_id: uuid.UUID) -> HttpResponse:
    """`?fragment=1`: what changes while it is drafted and edited."""
    try:
        view = notes.get_note(_user(request), note_id, tasks.draft_note.delay)
    except NotFound as error:
        raise Http404(error.user_message) from error
    fragment = request.GET.get("fragment") == "1"
    template = "notes/_note.html" if fragment else "notes/note.html"
    return render(request, template, {"section": "recordings", "view": view, "note": view.note})


@require_POST
@login_required
def edit(request: HttpRequest, note_id: uuid.UUID) -> HttpResponse:
    """JSON {number, statements: [{section, text, index?}]} in; the note's fragment out, or
    {code, message}.
    """
    try:
        number, changes = _read(request)
        view = notes.edit_note(_user(request), note_id, changes, number=number)
    except AssistantsError as error:
        status = 404 if isinstance(error, NotFound) else 409 if "changed" in error.code else 400
        return JsonResponse(
            {"code": error.code, "message": in_language(error.user_message)}, status=status
        )
    return render(request, "notes/_note.html", {"view": view, "note": view.note})


@require_POST
@login_required
def approve(request: HttpRequest, note_id: uuid.UUID) -> HttpResponse:
    """`number` is the version that was read; `looked` confirms that its marks were."""
    number = request.POST.get("number", "")
    if not (number.isascii() and number.isdigit() and len(number) < 7):
        return HttpResponse("The version is missing.", status=400)
    looked = bool(request.POST.get("looked"))
    return _act(
        request,
        note_id,
        lambda user: notes.approve_note(user, note_id, number=int(number), looked_at_marks=looked),
    )


@require_POST
@login_required
def retry(request: HttpRequest, note_id: uuid.UUID) -> HttpResponse:
    return _act(
        request, note_id, lambda user: notes.retry_draft(user, note_id, tasks.draft_note.delay)
    )


@require_POST
@login_required
def delete(request: HttpRequest, note_id: uuid.UUID) -> HttpResponse:
    try:
        recording_id = notes.delete_note(_user(request), note_id)
    except NotFound as error:
        raise Http404(error.user_message) from error
    except AssistantsError as error:
        messages.error(request, error.user_message)
        return redirect("note", note_id)
    return redirect("recording", recording_id)


@require_safe
@never_cache
@login_required
def export(request: HttpRequest, note_id: uuid.UUID) -> HttpResponse:
    """An approved note as Markdown."""
    try:
        name, text = notes.export_note(_user(request), note_id)
    except NotFound as error:
        raise Http404(error.user_message) from error
    except AssistantsError as error:
        messages.error(request, error.user_message)
        return redirect("note", note_id)
    return HttpResponse(
        text,
        content_type="text/markdown; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"},
    )


def _act(
    request: HttpRequest, note_id: uuid.UUID, act: Callable[[AbstractUser], object]
) -> HttpResponse:
    try:
        act(_user(request))
    except NotFound as error:
        raise Http404(error.user_message) from error
    except AssistantsError as error:
        messages.error(request, error.user_message)
    return redirect("note", note_id)


def _read(request: HttpRequest) -> tuple[int, list[notes.Change]]:
    try:
        asked: Any = json.loads(request.body)
        number = asked["number"]
        changes = [
            notes.Change(each["section"], each["text"], each.get("index"))
            for each in asked["statements"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InvalidRequest("not a note's fields") from None
    fits = isinstance(number, int) and all(
        isinstance(each.section, str)
        and isinstance(each.text, str)
        and (each.index is None or isinstance(each.index, int))
        for each in changes
    )
    if not fits:
        raise InvalidRequest("not a note's fields")
    return number, [each for each in changes if each.text.strip()]


def _user(request: HttpRequest) -> AbstractUser:
    assert request.user.is_authenticated  # noqa: S101  # by login_required
    return request.user
