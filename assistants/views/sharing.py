"""Sharing a conversation: the form, what is shared, and the page that a colleague reads."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assistants.exceptions import AccessWithdrawn, AssistantsError, NotFound
from assistants.services import conversations, sharing
from assistants.views.chat import place_turns
from assistants.views.history import person


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def share(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """The dialog's form: `username` shares it, `revoke` takes a share back. It stays open."""
    user = person(request)
    context: dict[str, object] = {}
    try:
        context["conversation"] = conversations.get_own(user, conversation_id)
        if request.method == "POST":
            try:
                if revoked := request.POST.get("revoke"):
                    sharing.revoke_share(user, uuid.UUID(revoked))
                else:
                    username = request.POST.get("username", "")
                    sharing.share_conversation(user, conversation_id, username)
            except NotFound:
                raise
            except AssistantsError as error:
                context |= {"error": error.user_message, "typed": request.POST}
        context["shares"] = [
            (each, request.build_absolute_uri(reverse("shared", args=[each.id])))
            for each in sharing.list_shares_of(user, conversation_id)
        ]
        context["colleagues"] = sharing.suggest_colleagues(user, conversation_id)
    except (NotFound, ValueError) as error:
        raise Http404("This conversation is not there any more.") from error
    return render(
        request, "history/_share.html", context, status=400 if "error" in context else 200
    )


@require_safe
@never_cache
@login_required
def shares(request: HttpRequest) -> HttpResponse:
    """What is shared with the user, and what they share."""
    received, given = sharing.list_shares(person(request))
    context = {"received": received, "given": given, "section": "shares"}
    return render(request, "history/shares.html", context)


@require_safe
@never_cache
@login_required
def shared(request: HttpRequest, share_id: uuid.UUID) -> HttpResponse:
    """The conversation, to read; 403 where the reader may not read all of it now."""
    try:
        opened = sharing.open_share(person(request), share_id)
    except AccessWithdrawn as error:
        closed = {"closed": error.user_message, "section": "shares"}
        return render(request, "history/shared.html", closed, status=403)
    except NotFound as error:
        raise Http404("This conversation is not shared with you, or not any more.") from error
    view = opened.view
    context = {
        "title": view.conversation.title,
        "owner": opened.owner,
        "assistant": view.conversation.assistant,
        "zone": view.zone,
        "turns": place_turns(view.turns),
        "section": "shares",
    }
    return render(request, "history/shared.html", context)


@require_POST
@login_required
def revoke(request: HttpRequest, share_id: uuid.UUID) -> HttpResponse:
    try:
        sharing.revoke_share(person(request), share_id)
    except NotFound as error:
        raise Http404(error.user_message) from error
    return redirect("shares")
