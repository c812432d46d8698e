"""What an asker sees and does about reviews of their answers, and the bell."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractUser
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from assistants.exceptions import AssistantsError, NotFound
from assistants.services import notifications, review_decisions, review_notes, reviews


@require_safe
@never_cache
@login_required
def note(request: HttpRequest, answer_id: uuid.UUID) -> HttpResponse:
    """The inner HTML of an answer's review note."""
    return _note(request, answer_id)


@require_POST
@never_cache
@login_required
def reply(request: HttpRequest, answer_id: uuid.UUID) -> HttpResponse:
    """The author's reply to a reviewer's question; the note again, with what went wrong."""
    try:
        item = review_notes.get_note(_user(request), answer_id).item
        reviews.reply(_user(request), item, request.POST.get("text", ""))
    except NotFound as error:
        raise Http404(error.user_message) from error
    except AssistantsError as error:
        return _note(request, answer_id, error=error)
    return _note(request, answer_id)


@require_POST
@never_cache
@login_required
def appeal(request: HttpRequest, answer_id: uuid.UUID) -> HttpResponse:
    """Have a rejected answer looked at by another reviewer."""
    try:
        review_decisions.appeal(_user(request), answer_id, request.POST.get("text", ""))
    except NotFound as error:
        raise Http404(error.user_message) from error
    except AssistantsError as error:
        return _note(request, answer_id, error=error)
    return _note(request, answer_id)


@require_safe
@never_cache
@login_required
def notification_list(request: HttpRequest) -> HttpResponse:
    """The bell's inner HTML; `X-Unread` is the number on it."""
    listed, unread = notifications.list_notifications(_user(request))
    page = render(request, "reviews/_notifications.html", {"notifications": listed})
    page["X-Unread"] = str(unread)
    return page


@require_POST
@never_cache
@login_required
def read_notifications(request: HttpRequest) -> HttpResponse:
    """All are read, or those of one `answer`."""
    try:
        answer = uuid.UUID(request.POST["answer"]) if request.POST.get("answer") else None
    except ValueError as error:
        raise Http404 from error
    return JsonResponse({"unread": notifications.mark_read(_user(request), answer)})


def _note(
    request: HttpRequest, answer_id: uuid.UUID, error: AssistantsError | None = None
) -> HttpResponse:
    try:
        found = review_notes.get_note(_user(request), answer_id)
    except NotFound as missing:
        raise Http404(missing.user_message) from missing
    context = {
        "review": found,
        "error": error.user_message if error else "",
        "text": request.POST.get("text", "") if error else "",
    }
    return render(request, "reviews/_note.html", context, status=400 if error else 200)


def _user(request: HttpRequest) -> AbstractUser:
    assert isinstance(request.user, AbstractUser)  # noqa: S101  # by login_required
    return request.user
