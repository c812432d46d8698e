"""A conversation as a file to keep."""

from __future__ import annotations

import uuid
from urllib.parse import quote

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from assistants.exceptions import NotFound
from assistants.services.exports import export_conversation
from assistants.views.history import person


@require_safe
@never_cache
@login_required
def export(request: HttpRequest, conversation_id: uuid.UUID, kind: str) -> HttpResponse:
    """`kind` is markdown or pdf."""
    try:
        file = export_conversation(person(request), conversation_id, kind)
    except NotFound as error:
        raise Http404(error.user_message) from error
    return HttpResponse(
        file.content,
        content_type=file.media_type,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name)}"},
    )
