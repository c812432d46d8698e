"""What the asker says of an answer: one press, then reasons if they like."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from assistants.exceptions import AssistantsError, NotFound
from assistants.services import feedback as service
from assistants.views.history import person

TEMPLATE = "history/_feedback.html"


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def feedback(request: HttpRequest, answer_id: uuid.UUID) -> HttpResponse:
    """The form on GET; on POST `verdict` (up, down), with `saved` also `reasons` and `comment`; or
    `withdraw`.
    """
    user, sent = person(request), request.POST
    try:
        if request.method == "GET":
            form = service.get_form(user, answer_id)
        elif sent.get("withdraw"):
            service.withdraw_feedback(user, answer_id)
            return render(request, TEMPLATE, {"withdrawn": True})
        elif sent.get("saved"):
            reasons, comment = sent.getlist("reasons"), sent.get("comment", "")
            form = service.give_feedback(user, answer_id, sent.get("verdict", ""), reasons, comment)
            return render(request, TEMPLATE, {"form": form, "saved": True})
        else:
            form = service.give_feedback(user, answer_id, sent.get("verdict", ""))
    except NotFound as error:
        raise Http404(error.user_message) from error
    except AssistantsError as error:
        return render(request, TEMPLATE, {"error": error.user_message}, status=400)
    return render(request, TEMPLATE, {"form": form})
