"""Errors in the standard's form: `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.http import JsonResponse

from assistants.exceptions import AssistantsError, InvalidRequest

INVALID = "invalid_request_error"
FAILED = "server_error"


class InvalidParameter(InvalidRequest):
    """One part of the request that cannot be carried out; `param` names it, as in `messages[2]`."""

    def __init__(self, param: str, message: str, *, code: str = "invalid_value") -> None:
        super().__init__(param, code=code, user_message=message)
        self.param = param


class NoKey(AssistantsError):
    code = "invalid_api_key"
    user_message = (
        "No API key was given. Send it in the header “Authorization: Bearer KEY”; your "
        "administrator makes one with manage.py create_api_key."
    )


class UnknownModel(AssistantsError):
    code = "model_not_found"

    def __init__(self, model: str) -> None:
        named = f"“{model[:80]}”" if model.isprintable() else "of this name"
        message = f"There is no model {named} that this key may ask. GET /v1/models lists them."
        super().__init__(user_message=message)


class UnknownAddress(AssistantsError):
    code = "unknown_url"
    user_message = (
        "There is nothing at this address. The API serves /v1/models and /v1/chat/completions."
    )


class WrongMethod(AssistantsError):
    code = "method_not_allowed"

    def __init__(self, methods: str) -> None:
        super().__init__(user_message=f"This address takes {methods} only.")


class TooLarge(AssistantsError):
    code = "request_too_large"
    user_message = "This request is too large. Leave out the oldest messages."


@dataclass(frozen=True, slots=True)
class Form:
    """How one of our codes is told: HTTP status, type, and the standard's code where it has one."""

    status: int
    type: str
    code: str = ""


FORMS = {
    "invalid_api_key": Form(401, INVALID),
    "access_withdrawn": Form(403, "permission_error"),
    "model_not_found": Form(404, INVALID),
    "not_found": Form(404, INVALID),
    "unknown_url": Form(404, INVALID),
    "method_not_allowed": Form(405, INVALID),
    "request_too_large": Form(413, INVALID),
    "rate_limited": Form(429, "rate_limit_error", "rate_limit_exceeded"),
    "too_long": Form(400, INVALID, "context_length_exceeded"),
    "context_exceeded": Form(400, INVALID, "context_length_exceeded"),
    "blocked": Form(400, INVALID, "content_filter"),
    "error": Form(500, FAILED, "internal_error"),
}


def form_of(error: AssistantsError) -> Form:
    if error.code in FORMS:
        return FORMS[error.code]
    return Form(400, INVALID) if isinstance(error, InvalidRequest) else Form(503, FAILED)


def body_of(error: AssistantsError) -> dict[str, object]:
    form = form_of(error)
    told = {
        "message": error.user_message,
        "type": form.type,
        "param": getattr(error, "param", None),
        "code": form.code or error.code,
    }
    return {"error": told}


def respond(error: AssistantsError, *, retry: bool = True) -> JsonResponse:
    """`retry` is whether the client may try again by itself, as the official ones do."""
    form = form_of(error)
    response = JsonResponse(body_of(error), status=form.status)
    if form.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if error.retry_after is not None:
        response["Retry-After"] = str(math.ceil(error.retry_after))
    if not retry:
        response["X-Should-Retry"] = "false"
    return response
