"""What servers of the OpenAI protocol mean by their refusals, each in its own way.

A body may repeat the prompt: it is looked at, and never put into an error.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from assistants.compute.providers.base import failure
from assistants.exceptions import ProviderError

BODY_BYTES = 64 * 1024
BODY_SECONDS = 2.5

_CODE_OF_STATUS = {
    401: "unauthorized",
    402: "spend_limit",
    403: "unauthorized",
    404: "model_missing",
    408: "timeout",
    413: "context_exceeded",
    429: "rate_limited",
    502: "overloaded",
    503: "overloaded",
    504: "overloaded",
    529: "overloaded",
}
# What servers say when a prompt is too long: vLLM and OpenAI, llama.cpp, TGI and Triton.
_TOO_LONG = re.compile(
    r"context_length_exceeded|maximum context length|context (size|length|window)|exceed_context"
    r"|too many (input )?tokens|(prompt|input) is too long|inputs? tokens.{0,40}must be",
    re.IGNORECASE,
)
# OpenAI's and its like's names for an account that may spend no more: waiting does not help.
_SPENT = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "enforced_spend_limit_reached",
}
_FILTERED = {"content_filter", "content_policy_violation", "responsibleaipolicyviolation"}
# A strict server, or a model that reasons, refuses these of our usual parameters by name.
_PARAMETERS = ("max_tokens", "temperature", "stream_options")


async def read_body(response: aiohttp.ClientResponse) -> str:
    """The beginning of what came with a refusal, or nothing. Frees the connection."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return (await response.content.read(BODY_BYTES)).decode(errors="replace")
    except (TimeoutError, aiohttp.ClientError, OSError):
        return ""  # the status says enough
    finally:
        response.release()


def refusal(status: int, headers: Mapping[str, str], body: str) -> ProviderError:
    """The typed error for a status other than 200."""
    code = _CODE_OF_STATUS.get(status, "bad_response")
    named = _names(_error_of(body))
    if named & _SPENT:
        code = "spend_limit"
    elif named & _FILTERED:
        code = "refused"
    elif status in (400, 413, 422, 500) and _TOO_LONG.search(body):
        code = "context_exceeded"
    return failure(code, f"HTTP {status}", retry_after=_seconds(headers.get("Retry-After", "")))


def refused_parameters(status: int, body: str) -> set[str]:
    """Which parameters of a request this server takes no offence at once they are left out."""
    if status not in (400, 422):
        return set()
    error = _error_of(body)
    said = f"{error.get('param') or ''} {error.get('message') or ''} {error.get('detail') or ''}"
    return {name for name in _PARAMETERS if re.search(rf"\b{name}\b", said)}


def error_in_stream(error: Any) -> ProviderError:
    if not isinstance(error, dict):
        error = {"message": str(error)}
    status = error.get("code") if isinstance(error.get("code"), int) else error.get("status_code")
    said = f"{error.get('type', '')} {error.get('code', '')} {error.get('message', '')}"
    if _names(error) & _SPENT:
        code = "spend_limit"
    elif _names(error) & _FILTERED:
        code = "refused"
    elif _TOO_LONG.search(said):
        code = "context_exceeded"
    elif status in _CODE_OF_STATUS:
        code = _CODE_OF_STATUS[status]
    elif "overloaded" in said.lower():
        code = "overloaded"
    elif "rate" in said.lower() and "limit" in said.lower():
        code = "rate_limited"
    else:
        code = "bad_response"
    return failure(code, "the server reported an error in the stream")


def _error_of(body: str) -> dict[str, Any]:
    """`{"error": {…}}`, in a list (Gemini), or the error itself (Mistral); else nothing."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {"message": body}
    if isinstance(told, list) and told:
        told = told[0]
    if isinstance(told, dict):
        error = told.get("error", told)
        return error if isinstance(error, dict) else {"message": str(error)}
    return {}


def _names(error: dict[str, Any]) -> set[str]:
    """The names that an error is given, in small letters; Azure's lies one deeper."""
    inner = error.get("innererror")
    found = [error.get(name) for name in ("type", "code", "status")]
    found += [inner.get("code")] if isinstance(inner, dict) else []
    return {str(name).lower() for name in found if name}


def _seconds(retry_after: str) -> float | None:
    """Retry-After is a number of seconds or a date."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
