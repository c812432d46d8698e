"""The chat page and the cited passage. What changes while the page is open comes by websocket."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractBaseUser
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from assistants.exceptions import AssistantsError, InvalidRequest, NotFound, RateLimited
from assistants.services import attaching, conversations, dismissals, library
from assistants.services import preview as previews
from assistants.services.conversations import Turn
from assistants.services.languages import in_language

TURNS_SHOWN = 20  # of a long conversation, at first and with each step back


@dataclass(frozen=True, slots=True)
class Place:
    """Which of a message's versions is shown, and the ids of its neighbours."""

    number: int
    count: int
    before: uuid.UUID | None
    after: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class PlacedTurn:
    """`shown` is the one of its answers that the branch goes on from, or the newest."""

    turn: Turn
    place: Place | None
    shown: uuid.UUID | None


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return redirect("chat")


@require_safe
@never_cache
@login_required
def new_chat(request: HttpRequest) -> HttpResponse:
    """An empty page: the user's assistants and what one may ask them. `?assistant=` picks one,
    `?recording=` attaches its transcript, `?temporary=1` keeps what is asked out of the list.
    """
    assistants = list(conversations.list_assistants(_user(request)).select_related("department"))
    wanted = request.GET.get("assistant")
    chosen = next((item for item in assistants if item.slug == wanted), None)
    attached = None
    if recording := request.GET.get("recording"):
        try:
            attached = attaching.get_attachment(_user(request), recording)
        except NotFound as error:
            raise Http404(error.user_message) from error
        except AssistantsError as error:
            messages.error(request, error.user_message)
            return redirect("recordings")
    context = {
        "attached": attached,
        "recording": recording,
        "assistants": assistants,
        "assistant": chosen or next(iter(assistants), None),
        "limit": settings.MAX_MESSAGE_CHARACTERS,
        "file_limit": settings.MAX_UPLOAD_BYTES,
        "cloud": previews.is_any_cloud(),
        "temporary": request.GET.get("temporary") == "1",
        "first_visit": not dismissals.is_dismissed(_user(request), dismissals.FIRST_VISIT),
        "prompts": library.list_starters(_user(request)) if assistants else [],
    }
    return render(request, "chat/page.html", context)


@require_safe
@never_cache
@login_required
def conversation(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """One conversation; `?message=` shows the branch that a version of a message is on, and
    `&answer=` that one of its answers. A long one begins with its newest turns, and `?before=`
    is the HTML of those before a message.
    """
    before = request.GET.get("before")
    try:
        view = conversations.get_conversation(
            _user(request),
            conversation_id,
            request.GET.get("message"),
            most=TURNS_SHOWN,
            before=before,
        )
    except NotFound as error:
        raise Http404(error.user_message) from error
    context = {
        "conversation": view.conversation,
        "assistant": view.conversation.assistant,
        "zone": view.zone,
        "turns": place_turns(view.turns, request.GET.get("answer", "")),
        "earlier": view.earlier,
        "limit": settings.MAX_MESSAGE_CHARACTERS,
        "file_limit": settings.MAX_UPLOAD_BYTES,
        "cloud": previews.is_any_cloud(),
    }
    return render(request, "chat/_turns.html" if before else "chat/page.html", context)


@require_POST
@never_cache
@login_required
def preview(request: HttpRequest) -> JsonResponse:
    """What would be replaced before a text left: JSON {conversation, assistant, text, zones?}."""
    try:
        asked = json.loads(request.body)
        found = previews.preview_message(
            _user(request),
            conversation=asked["conversation"],
            assistant=str(asked["assistant"]),
            text=asked["text"] if isinstance(asked["text"], str) else "",
            zones=[str(zone) for zone in asked.get("zones", [])],
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        error: AssistantsError = InvalidRequest("not a preview's fields")
    except AssistantsError as refused:
        error = refused
    else:
        return JsonResponse({**asdict(found), "note": in_language(found.note)})
    told: dict[str, object] = {"code": error.code, "message": in_language(error.user_message)}
    if error.retry_after is not None:
        told["retry_after"] = error.retry_after
    return JsonResponse(told, status=_STATUS.get(type(error), 400))


_STATUS = {NotFound: 404, RateLimited: 429}


@require_safe
@never_cache
@login_required
def citation(request: HttpRequest, answer_id: uuid.UUID, number: int) -> HttpResponse:
    """The cited passage in its document; `?fragment=1` is the side panel's inner HTML."""
    try:
        view = conversations.get_citation(_user(request), answer_id, number)
    except NotFound as error:
        raise Http404(error.user_message) from error
    fragment = request.GET.get("fragment") == "1"
    template = "citations/_passage.html" if fragment else "citations/page.html"
    return render(request, template, {"citation": view, "number": number})


def place_turns(turns: Sequence[Turn], wanted: str = "") -> list[PlacedTurn]:
    """`wanted` is the id of an answer to show; an unknown one is ignored."""
    goes_on_from = [turn.message.parent_id for turn in turns[1:]]
    return [
        PlacedTurn(
            turn=turn,
            place=place_among(turn.message.pk, turn.siblings),
            shown=_wanted(turn, wanted)
            or chosen
            or (turn.answers[-1].id if turn.answers else None),
        )
        for turn, chosen in itertools.zip_longest(turns, goes_on_from)
    ]


def _wanted(turn: Turn, wanted: str) -> uuid.UUID | None:
    return next((answer.id for answer in turn.answers if str(answer.id) == wanted), None)


def place_among(message: uuid.UUID, siblings: Sequence[uuid.UUID]) -> Place | None:
    """None where there is only one version."""
    if len(siblings) < 2:
        return None
    index = siblings.index(message)
    return Place(
        number=index + 1,
        count=len(siblings),
        before=siblings[index - 1] if index else None,
        after=siblings[index + 1] if index + 1 < len(siblings) else None,
    )


def _user(request: HttpRequest) -> AbstractBaseUser:
    assert request.user.is_authenticated  # noqa: S101  # by login_required
    return request.user
