"""What the composer asks for while somebody writes: prompts, documents to name, files to read."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from assistants.exceptions import (
    AssistantsError,
    InvalidRequest,
    NotFound,
    RateLimited,
)
from assistants.services import attached_files, composing, library
from assistants.services.languages import in_language


@require_safe
@never_cache
@login_required
def prompt_choices(request: HttpRequest) -> JsonResponse:
    """`{"choices": [{id, name, description, text, department}]}`; theirs first."""
    choices = [
        {
            "id": str(each.id),
            "name": each.name,
            "description": each.description,
            "text": each.text,
            "department": each.department,
        }
        for each in library.list_prompts(_user(request))
    ]
    return JsonResponse({"choices": choices})


@require_safe
@never_cache
@login_required
def document_choices(request: HttpRequest) -> JsonResponse:
    """`?assistant=`, or `?conversation=`, and `?q=`, words of a title or file name, →
    `{"choices": [{id, name, description}]}`.
    """
    try:
        found = composing.list_documents(
            _user(request),
            assistant=request.GET.get("assistant", ""),
            conversation=request.GET.get("conversation") or None,
            query=request.GET.get("q", ""),
        )
    except AssistantsError as error:
        return _refused(error)
    choices = [{"id": str(each.id), "name": each.title, "description": each.zone} for each in found]
    return JsonResponse({"choices": choices})


@require_POST
@never_cache
@login_required
def receive_file(request: HttpRequest) -> JsonResponse:
    """`file`, `assistant`, `conversation?` → `{id, name, characters, zones: [{slug, name}]}`, or
    `{code, message}`. Of a picture or a scan also `recognised`, its text, and `sure`, in words.
    """
    try:
        file = request.FILES.get("file")
        if file is None:
            raise InvalidRequest("no file", user_message="No file arrived. Please attach it again.")
        received = attached_files.receive_file(
            _user(request),
            file,
            assistant=request.POST.get("assistant", ""),
            conversation=request.POST.get("conversation") or None,
        )
    except AssistantsError as error:
        return _refused(error)
    zones = [{"slug": slug, "name": name} for slug, name in received.zones]
    told: dict[str, object] = {
        "id": str(received.id),
        "name": received.name,
        "characters": received.characters,
        "zones": zones,
    }
    if received.confidence is not None:
        told |= {"recognised": received.recognised, "sure": in_language(received.sure)}
    return JsonResponse(told)


@require_POST
@login_required
def remove_file(request: HttpRequest, file_id: uuid.UUID) -> JsonResponse:
    attached_files.remove_file(_user(request), file_id)
    return JsonResponse({})


def _refused(error: AssistantsError) -> JsonResponse:
    statuses = {NotFound: 404, RateLimited: 429}
    status = statuses.get(type(error), 400 if error.permanent else 503)
    return JsonResponse(
        {"code": error.code, "message": in_language(error.user_message)}, status=status
    )


def _user(request: HttpRequest) -> AbstractBaseUser:
    assert request.user.is_authenticated  # noqa: S101  # by login_required
    return request.user
