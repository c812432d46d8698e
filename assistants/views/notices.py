"""Closing a notice for good: from the page without leaving it, or by its form."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from assistants.exceptions import InvalidRequest
from assistants.services import dismissals


@require_POST
@never_cache
@login_required
def close(request: HttpRequest, notice: str) -> HttpResponse:
    try:
        dismissals.dismiss(request.user, notice)  # type: ignore[arg-type]
    except InvalidRequest as error:
        raise Http404 from error
    if request.headers.get("X-Requested-With") == "fetch":
        return HttpResponse(status=204)
    wanted = request.POST.get("next", "")
    here = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return redirect(wanted if here else "chat")
