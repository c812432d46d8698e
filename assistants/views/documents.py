"""The documents a user may read: list, upload, one document, one passage."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractUser
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants import tasks
from assistants.exceptions import AssistantsError, NotFound
from assistants.services import document_pages, documents, linking
from assistants.services.documents import FileOutcome, FileResult
from assistants.services.languages import in_language


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def document_list(request: HttpRequest) -> HttpResponse:
    """GET lists (`?zone=&q=&state=&page=`; `?fragment=1`: only the lists); POST takes `zone` and
    `files`.

    A POST that accepts JSON is answered with `{"results": [{name, outcome, message, document}]}`.
    """
    results: list[FileResult] = []
    problem = ""
    if request.method == "POST":
        results, problem = _upload(request)
        if request.accepts("application/json") and not request.accepts("text/html"):
            return _as_json(results, problem)
    user = _user(request)
    asked = request.GET if request.method != "POST" else QueryDict()
    narrowed = {
        "zone": _word(asked, "zone"),
        "query": _word(asked, "q"),
        "state": _word(asked, "state"),
    }
    listed = document_pages.get_page(user, **narrowed, number=_page(asked))
    context = {
        "section": "documents",
        "list": listed,
        **narrowed,
        "narrowed": any(narrowed.values()),
        "search": urlencode(
            {"zone": narrowed["zone"], "q": narrowed["query"], "state": narrowed["state"]}
        ),
        "zones": listed.zones,
        "chosen_zone": request.POST.get("zone", ""),
        "results": results,
        "problem": problem,
        "limit": settings.MAX_UPLOAD_BYTES,
    }
    fragment = request.method != "POST" and request.GET.get("fragment") == "1"
    template = "documents/_list.html" if fragment else "documents/list.html"
    return render(request, template, context, status=400 if problem else 200)


@require_POST
@login_required
def remove(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    return _change(request, lambda user: documents.remove_document(user, document_id))


@require_POST
@login_required
def restore(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    return _change(request, lambda user: documents.restore_document(user, document_id))


@require_POST
@login_required
def retry(request: HttpRequest, version_id: uuid.UUID) -> HttpResponse:
    return _change(
        request, lambda user: documents.retry_version(user, version_id, tasks.ingest.delay)
    )


@require_POST
@login_required
def discard(request: HttpRequest, version_id: uuid.UUID) -> HttpResponse:
    return _change(request, lambda user: documents.discard_version(user, version_id))


def _change(request: HttpRequest, change: Callable[[AbstractUser], None]) -> HttpResponse:
    """Back to where the button was, or to the list; what may not be done is said there."""
    try:
        change(_user(request))
    except NotFound as error:
        raise Http404(error.user_message) from error
    except AssistantsError as error:
        messages.error(request, error.user_message)
    back = request.POST.get("back", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = reverse("documents")
    return redirect(back)


@require_safe
@never_cache
@login_required
def document(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """`?start=&end=` marks that range; `?version=` shows a version other than the current one."""
    try:
        view = document_pages.get_document(
            _user(request), document_id, _version(request), *_range(request)
        )
    except NotFound as error:
        raise Http404(error.user_message) from error
    links = linking.list_links(_user(request), document_id)
    context = {"section": "documents", "view": view, "links": links}
    return render(request, "documents/document.html", context)


@require_safe
@never_cache
@login_required
def passage(request: HttpRequest, document_id: uuid.UUID) -> HttpResponse:
    """A passage in its surroundings; `?fragment=1` is the side panel's inner HTML."""
    try:
        view = document_pages.get_passage(
            _user(request), document_id, _version(request), *_range(request)
        )
    except NotFound as error:
        raise Http404(error.user_message) from error
    fragment = request.GET.get("fragment") == "1"
    template = "citations/_passage.html" if fragment else "documents/passage.html"
    return render(request, template, {"section": "documents", "citation": view})


def _upload(request: HttpRequest) -> tuple[list[FileResult], str]:
    """The result of each file, or what was wrong with the whole request."""
    files = request.FILES.getlist("files")
    if not files:
        return [], "Choose at least one file."
    try:
        results = documents.upload(
            _user(request), request.POST.get("zone", ""), files, tasks.ingest.delay
        )
    except NotFound:
        return [], "Choose one of your zones."
    return results, ""


def _as_json(results: list[FileResult], problem: str) -> JsonResponse:
    if problem:
        return JsonResponse({"message": in_language(problem)}, status=400)
    listed = [
        {
            "name": result.name,
            "outcome": result.outcome.value,
            "message": in_language(result.message),
            "document": str(result.document) if result.document else None,
        }
        for result in results
    ]
    outcomes = {result.outcome for result in results}
    if outcomes == {FileOutcome.REFUSED}:
        return JsonResponse({"results": listed}, status=429, headers={"Retry-After": "10"})
    return JsonResponse(
        {"results": listed}, status=422 if outcomes == {FileOutcome.REJECTED} else 200
    )


def _word(asked: QueryDict, name: str) -> str:
    """What a database text cannot hold is left out."""
    return asked.get(name, "").replace("\x00", "").strip()[:200]


def _page(asked: QueryDict) -> int:
    number = asked.get("page", "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 1


def _version(request: HttpRequest) -> uuid.UUID | None:
    """None if not asked for; what is no id names nothing."""
    asked = request.GET.get("version", "")
    try:
        return uuid.UUID(asked) if asked else None
    except ValueError as error:
        raise Http404 from error


def _range(request: HttpRequest) -> tuple[int, int]:
    """Characters to mark; (0, 0), which marks nothing, for what is no range."""
    values = request.GET.get("start", ""), request.GET.get("end", "")
    if not all(value.isascii() and value.isdigit() and len(value) < 10 for value in values):
        return 0, 0
    return int(values[0]), int(values[1])


def _user(request: HttpRequest) -> AbstractUser:
    assert request.user.is_authenticated  # noqa: S101  # by login_required
    return request.user
