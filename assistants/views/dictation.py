"""Words spoken into the composer: sound in, text out, while somebody still speaks."""

from __future__ import annotations

import json
from dataclasses import asdict

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from assistants import tasks
from assistants.exceptions import AssistantsError, InvalidRequest, NotFound
from assistants.services import live_dictation
from assistants.services.languages import in_language

LONGEST_WORDS = 100_000  # characters of `before`


@require_POST
@never_cache
@login_required
def listen(request: HttpRequest) -> JsonResponse:
    """`sound` (a file: 16-bit samples, little-endian, 16 kHz mono), `assistant`, `before` (a JSON
    list of words), `final?`, `language?` → `{"fixed": [{text, end}], "pending", "until",
    "language"}`, or `{"code", "message"}`.
    """
    try:
        sound = request.FILES.get("sound")
        if sound is None:
            raise InvalidRequest("no sound", user_message="Nothing was heard. Please speak again.")
        heard = live_dictation.listen(
            _user(request),
            request.POST.get("assistant", ""),
            sound.read(),
            _words(request.POST.get("before", "[]")),
            tasks.dictate.delay,
            final=request.POST.get("final") == "1",
            language=request.POST.get("language", ""),
        )
    except AssistantsError as error:
        status = 404 if isinstance(error, NotFound) else 400 if error.permanent else 503
        return JsonResponse(
            {"code": error.code, "message": in_language(error.user_message)}, status=status
        )
    return JsonResponse(asdict(heard))


def _words(written: str) -> list[str]:
    try:
        words = json.loads(written) if len(written) <= LONGEST_WORDS else None
    except (ValueError, RecursionError):
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise InvalidRequest("before")
    return words


def _user(request: HttpRequest) -> AbstractUser:
    assert request.user.is_authenticated  # noqa: S101  # by login_required
    return request.user
