"""The documents a user may read: list, upload, one document, one passage."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from assistants import tasks
from assistants.exceptions import NotFound
from assistants.services import document_pages, documents
from assistants.services.documents import FileOutcome, FileResult


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def document_list(request: HttpRequest) -> HttpResponse:
    """GET lists (`?fragment=1`: only the lists); POST takes `zone` and `files`.

    A POST that accepts JSON is answered with `{"results": [{name, outcome, message, document}]}`.
    """
    results: list[FileResult] = []
    problem = ""
    if request.method == "POST":
        results, problem = _upload(request)
        if request.accepts("application/json") and not request.accepts("text/html"):
            return _as_json(results, problem)
    user = _user(request)
    listed = document_pages.list_by_zone(user)
    context = {
        "section": "documents",
        "groups": listed,
        "waiting": any(d.status == "received" for group in listed for d in group.documents),
        "zones": documents.list_zones(user),
        "chosen_zone": request.POST.get("zone", ""),
        "results": results,
        "problem": problem,
        "limit": settings.MAX_UPLOAD_BYTES,
    }
    fragment = request.method != "POST" and request.GET.get("fragment") == "1"
    template = "documents/_list.html" if fragment else "documents/list.html"
    return render(request, template, context, status=400 if problem else 200)


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
    return render(request, "documents/document.html", {"section": "documents", "view": view})


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
        return JsonResponse({"message": problem}, status=400)
    listed = [
        {
            "name": result.name,
            "outcome": result.outcome.value,
            "message": result.message,
            "document": str(result.document) if result.document else None,
        }
        for result in results
    ]
    rejected = all(result.outcome is FileOutcome.REJECTED for result in results)
    return JsonResponse({"results": listed}, status=422 if rejected else 200)


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


def _user(request: HttpRequest) -> AbstractBaseUser:
    assert request.user.is_authenticated  # noqa: S101  # by login_required
    return request.user
