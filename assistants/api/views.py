"""The API's addresses. Keys only: no session, no cookie, nothing for pages of other sites."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from assistants import tasks
from assistants.api import errors, requests, responses
from assistants.exceptions import AssistantsError, NotFound
from assistants.models import Answer
from assistants.services import api_keys, completions
from assistants.services.completions import Ended, Opened
from assistants.services.connections import on_a_thread
from assistants.services.given import Given

logger = logging.getLogger(__name__)

View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


class AnswerFailed(AssistantsError):
    """A turn that was opened and ended without an answer. All that may be tried has been tried."""


def for_programs(method: str) -> Callable[[View], View]:
    """A view with the bearer's key as `key`, whose errors are told in the standard's form."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @functools.wraps(view)
        async def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            try:
                key = _bearer(request)
                if method not in (request.method, ""):
                    raise errors.WrongMethod(method)
                response = await view(request, key, **kwargs)
            except AssistantsError as error:
                logger.info("%r: %s", request.path, error)
                response = errors.respond(error, retry=not isinstance(error, AnswerFailed))
            except Exception:
                logger.exception("%r", request.path)
                response = errors.respond(AssistantsError())
            response["Cache-Control"] = "no-store"
            # Django's own log has nothing to add to a refusal.
            response._has_been_logged = True  # type: ignore[attr-defined]
            return response

        return guarded

    return decorate


def _bearer(request: HttpRequest) -> str:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise errors.NoKey
    return key.strip()


@for_programs("GET")
async def models(request: HttpRequest, key: str) -> HttpResponseBase:
    listed = await on_a_thread(_list_models)(key)
    return JsonResponse({"object": "list", "data": listed})


@for_programs("GET")
async def model(request: HttpRequest, key: str, name: str) -> HttpResponseBase:
    listed = await on_a_thread(_list_models)(key)
    found = next((each for each in listed if each["id"] == name), None)
    if found is None:
        raise errors.UnknownModel(name)
    return JsonResponse(found)


def _list_models(key: str) -> list[dict[str, object]]:
    user, _ = api_keys.authenticate(key)
    return [responses.model(assistant) for assistant in completions.list_models(user)]


@for_programs("POST")
async def create_completion(request: HttpRequest, key: str) -> HttpResponseBase:
    wanted: list[requests.ChatRequest] = []

    def opening() -> Opened:
        user, api_key = api_keys.authenticate(key)
        chat = requests.parse(_body(request))
        wanted.append(chat)
        try:
            return completions.open_completion(
                user,
                api_key,
                assistant=_printable(chat.model),
                text=chat.text,
                given=Given(chat.turns, chat.sampling, api_key.pk),
                enqueue=tasks.answer.delay,
            )
        except NotFound as error:
            if error.code != NotFound.code:
                raise
            raise errors.UnknownModel(chat.model) from error

    opened = await completions.open_unless_gone(opening)
    (chat,) = wanted
    response: HttpResponseBase
    if chat.stream:
        response = await _stream(opened, chat)
    else:
        response = JsonResponse(responses.completion(await _wait(opened)))
    response["X-Request-Id"] = opened.answer
    return response


def _body(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig as error:
        raise errors.TooLarge from error


def _printable(model: str) -> str:
    if not model.isprintable():
        raise errors.UnknownModel(model)
    return model


async def _wait(opened: Opened) -> Ended:
    async with completions.followed(opened) as pieces:
        async for piece in pieces:
            if isinstance(piece, Ended):
                return _answered(piece)
    raise AssistantsError(f"answer {opened.answer} ended without an end")


def _answered(ended: Ended) -> Ended:
    if ended.status in (Answer.Status.FAILED, Answer.Status.INTERRUPTED):
        raise AnswerFailed(ended.answer, code=ended.code, user_message=ended.message)
    return ended


async def _stream(opened: Opened, chat: requests.ChatRequest) -> StreamingHttpResponse:
    events = _events(opened, chat)
    # Begun here: from now on, wherever it is dropped, its end stops the answer.
    first = await anext(events)
    response = StreamingHttpResponse(_after(first, events), content_type="text/event-stream")
    response["X-Accel-Buffering"] = "no"  # a proxy that gathers would hold the text back
    return response


async def _after(first: bytes, events: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        yield first
        async for event in events:
            yield event


async def _events(opened: Opened, chat: requests.ChatRequest) -> AsyncGenerator[bytes, None]:
    chunks = responses.Chunks(
        opened.answer, chat.model, int(time.time()), include_usage=chat.include_usage
    )
    try:
        async with completions.followed(opened) as pieces:
            yield chunks.first()
            async for piece in pieces:
                if piece is None:
                    yield responses.QUIET
                elif isinstance(piece, str):
                    yield chunks.text(piece)
                elif isinstance(piece, completions.Withdrawn):
                    raise AssistantsError("withdrawn", code="withdrawn", user_message=piece.message)
                else:
                    yield chunks.finish(_answered(piece))
    except AssistantsError as error:
        logger.info("answer %s: %s", opened.answer, error)
        yield responses.event(errors.body_of(error))
    except Exception:
        logger.exception("answer %s", opened.answer)
        yield responses.event(errors.body_of(AssistantsError()))


@for_programs("GET")
async def completion(request: HttpRequest, key: str, name: str) -> HttpResponseBase:
    """An answer of before, such as one that waited for a reviewer."""

    def find() -> Ended:
        user, _ = api_keys.authenticate(key)
        return completions.get_completion(user, name.removeprefix(responses.ID))

    return JsonResponse(responses.completion(_answered(await on_a_thread(find)())))


@for_programs("")
async def unknown(request: HttpRequest, key: str, rest: str) -> HttpResponseBase:
    await on_a_thread(api_keys.authenticate)(key)
    raise errors.UnknownAddress
