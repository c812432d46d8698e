"""The list of conversations, the search over them, and what a person does with one: pieces of
HTML for the page that is open. A change answers 204, or 400 with its form and what is wrong.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants.exceptions import AssistantsError, InvalidRequest, NotFound
from assistants.models import Conversation
from assistants.services import conversations, history, lifecycle
from assistants.services.languages import in_language

DONE = 204
NEWEST = 8  # offered before anything is typed


@require_safe
@never_cache
@login_required
def conversation_list(request: HttpRequest) -> HttpResponse:
    """The sidebar's list; with `?after=` or `?folder=` one page of it. `?current=` is the
    conversation on the page, `?opened=` the folders that are open on it.
    """
    user, asked = person(request), request.GET
    try:
        if "after" in asked or "folder" in asked:
            folder = asked.get("folder", "")
            page = history.list_more(user, asked.get("after", ""), folder)
            context = {"page": page, "folder": folder, "current": asked.get("current", "")}
            return render(request, "history/_page.html", context)
        current = _current(user, asked.get("current", ""))
        side = history.get_sidebar(user, current, asked.getlist("opened"))
    except AssistantsError as error:
        return HttpResponse(in_language(error.user_message), status=400)
    return render(request, "history/_list.html", {"side": side, "current": current and current.pk})


@require_safe
@never_cache
@login_required
def search(request: HttpRequest) -> HttpResponse:
    """`?q=`: the conversations that hold these words; without any, the newest ones."""
    text = request.GET.get("q", "").strip()
    try:
        hits = history.search(person(request), text)
        newest = [] if text else history.list_newest(person(request), NEWEST)
    except InvalidRequest as error:
        return render(request, "history/_found.html", {"error": error.user_message}, status=400)
    found = [(hit, _place(hit)) for hit in hits]
    return render(request, "history/_found.html", {"text": text, "found": found, "newest": newest})


@require_safe
@never_cache
@login_required
def archive_page(request: HttpRequest) -> HttpResponse:
    """All that is archived; `?after=` goes on."""
    try:
        page = history.list_more(person(request), request.GET.get("after", ""), archived=True)
    except InvalidRequest as error:
        raise Http404(error.user_message) from error
    context = {"page": page, "section": "archive"}
    return render(request, "history/archive.html", context)


@require_POST
@login_required
def pin(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """`on` is 1 or 0, as below."""
    on = request.POST.get("on") == "1"
    return _changed(lambda: lifecycle.pin(person(request), conversation_id, on=on))


@require_POST
@login_required
def archive(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    on = request.POST.get("on") == "1"
    return _changed(lambda: lifecycle.archive(person(request), conversation_id, on=on))


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def rename(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    def change() -> None:
        lifecycle.rename(person(request), conversation_id, request.POST.get("title", ""))

    return _form(request, conversation_id, "history/_rename.html", change)


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def move(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    def change() -> None:
        folder, name = request.POST.get("folder", ""), request.POST.get("name", "")
        if folder == "new" and not name.strip():
            raise InvalidRequest("no name", user_message="Give the new folder a name.")
        new = name if folder == "new" else ""
        lifecycle.move(person(request), conversation_id, "" if new else folder, new=new)

    more = {"folders": history.list_folders(person(request))}
    return _form(request, conversation_id, "history/_move.html", change, more)


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def delete(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    def change() -> None:
        lifecycle.delete_conversation(person(request), conversation_id)

    return _form(request, conversation_id, "history/_delete.html", change)


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def folder(request: HttpRequest, folder_id: uuid.UUID) -> HttpResponse:
    """Rename it or, with `delete`, take it away; what was in it stays."""
    user, key = person(request), str(folder_id)
    found = next((each for each in history.list_folders(user) if each.pk == folder_id), None)
    if found is None:
        raise Http404("This folder is not there any more.")
    context = {"folder": found, "name": request.POST.get("name", found.name)}
    if request.method == "POST":
        try:
            if request.POST.get("delete"):
                lifecycle.delete_folder(user, key)
            else:
                lifecycle.rename_folder(user, key, request.POST.get("name", ""))
        except InvalidRequest as error:
            context["error"] = error.user_message
            return render(request, "history/_folder.html", context, status=400)
        return HttpResponse(status=DONE)
    return render(request, "history/_folder.html", context)


def _form(
    request: HttpRequest,
    conversation_id: uuid.UUID,
    template: str,
    change: Callable[[], None],
    more: Mapping[str, object] | None = None,
) -> HttpResponse:
    """The form on GET; on POST the change, or the form again with what was typed."""
    context: dict[str, object] = {**(more or {}), "typed": request.POST}
    try:
        context["conversation"] = conversations.get_own(person(request), conversation_id)
        if request.method == "POST":
            change()
            return HttpResponse(status=DONE)
    except NotFound as error:
        raise Http404(error.user_message) from error
    except AssistantsError as error:
        context["error"] = error.user_message
    return render(request, template, context, status=400 if "error" in context else 200)


def _changed(change: Callable[[], None]) -> HttpResponse:
    try:
        change()
    except NotFound as error:
        raise Http404(error.user_message) from error
    except AssistantsError as error:
        return HttpResponse(in_language(error.user_message), status=400)
    return HttpResponse(status=DONE)


def _place(hit: history.Hit) -> str:
    """Where in its conversation a hit is read."""
    address = f"/chat/{hit.conversation}/"
    if hit.message is None:
        return address
    asked = {"message": hit.message, **({"answer": hit.answer} if hit.answer else {})}
    return f"{address}?{urlencode(asked)}#m-{hit.message}"


def _current(user: AbstractUser, conversation_id: str) -> Conversation | None:
    if not conversation_id:
        return None
    try:
        return conversations.get_own(user, conversation_id)
    except NotFound:
        return None


def person(request: HttpRequest) -> AbstractUser:
    assert request.user.is_authenticated  # noqa: S101  # by login_required
    return request.user
