"""An answer's receipt: as a page, or as the bytes that its hash is of."""

from __future__ import annotations

import json
import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from assistants.exceptions import NotFound
from assistants.services import receipts


@require_safe
@never_cache
@login_required
def receipt(request: HttpRequest, answer_id: uuid.UUID) -> HttpResponse:
    """`?format=json` downloads the receipt alone, so that `sha256sum` of the file is its hash."""
    assert request.user.is_authenticated  # noqa: S101  # by login_required
    try:
        view = receipts.get_receipt(request.user, answer_id)
    except NotFound as error:
        raise Http404(error.user_message) from error
    if request.GET.get("format") == "json":
        name = f'attachment; filename="receipt-{answer_id}.json"'
        return HttpResponse(
            view.canonical,
            content_type="application/json",
            headers={"Content-Disposition": name},
        )
    shown = json.dumps(view.receipt, indent=2, sort_keys=True, ensure_ascii=False)
    return render(request, "receipts/page.html", {"view": view, "json": shown})
