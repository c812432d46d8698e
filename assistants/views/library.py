"""A person's own prompts: the list, the form, earlier versions. Departments' are read here."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants.exceptions import AssistantsError, NotFound
from assistants.services import library


@require_safe
@never_cache
@login_required
def prompt_list(request: HttpRequest) -> HttpResponse:
    offered = library.list_prompts(_user(request))
    departments: dict[str, list[library.OfferedPrompt]] = {}
    for each in offered:
        if each.department:
            departments.setdefault(each.department, []).append(each)
    own = [each for each in offered if not each.department]
    context = {"section": "prompts", "own": own, "departments": departments}
    return render(request, "prompts/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def edit(request: HttpRequest, prompt_id: uuid.UUID | None = None) -> HttpResponse:
    """The form of a new prompt, or of one's own; what is wrong is told, and nothing typed lost."""
    user, problem = _user(request), ""
    prompt, versions = None, []
    try:
        if prompt_id:
            prompt = library.get_own(user, prompt_id)
            versions = library.list_versions(user, prompt_id)
        if request.method == "POST":
            library.save_own(user, prompt_id=prompt_id, **_typed(request))
            messages.success(request, "Saved. Type / in a chat to use it.")
            return redirect("prompts")
    except NotFound as error:
        raise Http404(error.user_message) from error
    except AssistantsError as error:
        problem = error.user_message
    shown = _typed(request) if request.method == "POST" else _fields(prompt)
    if not prompt and not problem and "copy" in request.GET:
        shown = _copied(user, request.GET["copy"]) or shown
    context = {
        "section": "prompts",
        "prompt": prompt,
        "shown": shown,
        "problem": problem,
        "earlier": versions[1:],
    }
    return render(request, "prompts/prompt.html", context, status=400 if problem else 200)


@require_POST
@login_required
def delete(request: HttpRequest, prompt_id: uuid.UUID) -> HttpResponse:
    try:
        library.delete_own(_user(request), prompt_id)
    except NotFound as error:
        raise Http404(error.user_message) from error
    messages.success(request, "Deleted.")
    return redirect("prompts")


@require_POST
@login_required
def restore(request: HttpRequest, prompt_id: uuid.UUID) -> HttpResponse:
    number = request.POST.get("number", "")
    try:
        if not (number.isascii() and number.isdigit() and len(number) < 7):
            raise NotFound(f"version {number[:20]!r}")
        library.restore_own(_user(request), prompt_id, int(number))
    except NotFound as error:
        raise Http404(error.user_message) from error
    messages.success(request, f"Version {number} holds again.")
    return redirect("prompt", prompt_id)


def _typed(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in ("name", "description", "text")}


def _fields(prompt: library.OfferedPrompt | None) -> dict[str, str]:
    if prompt is None:
        return {}
    return {"name": prompt.name, "description": prompt.description, "text": prompt.text}


def _copied(user: AbstractUser, prompt_id: str) -> dict[str, str]:
    """A department's prompt as the beginning of one's own."""
    offered = {str(each.id): each for each in library.list_prompts(user)}
    return _fields(offered.get(prompt_id))


def _user(request: HttpRequest) -> AbstractUser:
    assert request.user.is_authenticated  # noqa: S101  # by login_required
    return request.user
