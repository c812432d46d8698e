"""Anthropic's Messages API, through its SDK: requests, keys and errors are the SDK's; the bytes of
the stream are read here, since building a typed object a token costs more than all the rest.

The SDK's own retries are off: a request that fails is this product's to place, and its timing is
bounded. It follows no redirect and reads no proxy from the environment, so that bytes go to the
deployment's address and nowhere else.
"""

from __future__ import annotations

import asyncio
import json
import random
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from typing import Any, cast

import anthropic
import httpx2
from anthropic.types import MessageParam, TextBlockParam

from assistants.compute.providers.base import failure
from assistants.compute.providers.events import EventReader
from assistants.compute.providers.keys import read_key
from assistants.exceptions import ProviderError
from assistants.types import (
    Delta,
    DeploymentSpec,
    Finished,
    FinishReason,
    GenerationEvent,
    Health,
    Prompt,
    PromptMessage,
    Role,
    Started,
    Usage,
)

BASE_URL = "https://api.anthropic.com"
CONNECT_SECONDS = 2.5
FIRST_TOKEN_SECONDS = 20.0  # unless the deployment says otherwise
NEXT_TOKEN_SECONDS = 30.0
GATHER_SECONDS = 0.02  # as in openai_compatible
CHECK_SECONDS = 2.0
# A second try at the same place, before any text: only if it can begin this soon, and the first
# failed this soon. Beyond that the next permitted deployment is quicker; with one connection that
# is never made it has the request within five seconds.
PATIENCE_SECONDS = 1.5
JITTER_SECONDS = (0.2, 0.8)

_CODE_OF_STATUS = {
    401: "unauthorized",
    402: "spend_limit",
    403: "unauthorized",
    404: "model_missing",
    408: "timeout",
    413: "context_exceeded",
    429: "rate_limited",
    500: "overloaded",
    502: "overloaded",
    503: "overloaded",
    504: "overloaded",
    529: "overloaded",
}
_CODE_OF_TYPE = {
    "authentication_error": "unauthorized",
    "permission_error": "unauthorized",
    "billing_error": "spend_limit",
    "not_found_error": "model_missing",
    "rate_limit_error": "rate_limited",
    "timeout_error": "timeout",
    "overloaded_error": "overloaded",
    "api_error": "overloaded",
}
_FINISH_REASONS = {
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
}
_AGAIN = {"overloaded", "rate_limited", "unreachable"}

_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = (
    weakref.WeakKeyDictionary()
)


def _http_client() -> httpx2.AsyncClient:
    """The one client of the running loop, for all deployments."""
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None or client.is_closed:
        client = _clients[loop] = httpx2.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            limits=httpx2.Limits(max_connections=None, keepalive_expiry=30),
            headers={"Accept-Encoding": "identity"},  # a compressed stream comes in lumps
        )
    return client


async def close_session() -> None:
    """Close the running loop's client, if there is one; for the end of a loop's life."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()


class Anthropic:
    """See `Provider`. The key is read at each call and never kept.

    Two prefixes are marked for the server to cache: the system prompt, which is the same for all
    requests of an assistant, and the conversation before the question, which only grows.
    """

    def __init__(self, deployment: DeploymentSpec) -> None:
        self._deployment = deployment
        self._patience = float(deployment.first_token_seconds or FIRST_TOKEN_SECONDS)

    async def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationEvent, None]:
        again = True
        begun = asyncio.get_running_loop().time()
        while True:
            answer = _Answer(self._deployment, self._patience)
            try:
                async with aclosing(self._stream(prompt, answer)) as events:
                    async for event in events:
                        yield event
                return
            except ProviderError as error:
                pause = _pause(error)
                late = asyncio.get_running_loop().time() - begun > PATIENCE_SECONDS
                if not again or late or answer.announced or pause is None:
                    raise
                again = False
                await asyncio.sleep(pause)

    async def _stream(
        self, prompt: Prompt, answer: _Answer
    ) -> AsyncGenerator[GenerationEvent, None]:
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self._patience):
                    response = await stack.enter_async_context(self._open(prompt))
                chunks = response.iter_bytes()
                while not answer.done:
                    text = await answer.read_more(chunks)
                    if answer.model and not answer.announced:
                        answer.announced = True
                        yield answer.started()
                    if text:
                        yield Delta(text)
                        if not answer.done:
                            await asyncio.sleep(GATHER_SECONDS)
                if answer.error:
                    raise answer.error
                yield answer.finished()
        except TimeoutError:
            raise failure("timeout", "no answer in time") from None
        except anthropic.APIStatusError as error:
            raise _refusal(error) from None
        except anthropic.APITimeoutError:
            raise failure(answer.cut_off("timeout"), "timeout of the connection") from None
        except anthropic.APIConnectionError as error:
            cause = type(error.__cause__).__name__
            raise failure(answer.cut_off("unreachable"), cause) from None
        except (anthropic.AnthropicError, httpx2.HTTPError) as error:
            raise failure(answer.cut_off("unreachable"), type(error).__name__) from None

    async def check(self) -> Health:
        """Ask what the server knows of the model, for two seconds at most."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                found = await self._client().models.retrieve(self._deployment.model)
        except TimeoutError:
            return Health(False, f"no answer within {CHECK_SECONDS:.0f} s")
        except anthropic.APIStatusError as error:
            refusal = _refusal(error)
            return Health(False, f"{refusal.code}: {refusal}")
        except (ProviderError, anthropic.AnthropicError, httpx2.HTTPError) as error:
            return Health(False, getattr(error, "code", "unreachable"))
        return Health(True, found.id)

    def _client(self) -> anthropic.AsyncAnthropic:
        return anthropic.AsyncAnthropic(
            api_key=read_key(self._deployment.key_variable),
            base_url=self._deployment.base_url or BASE_URL,
            max_retries=0,
            timeout=httpx2.Timeout(
                NEXT_TOKEN_SECONDS, connect=CONNECT_SECONDS, read=self._patience
            ),
            http_client=_http_client(),
        )

    def _open(self, prompt: Prompt) -> AbstractAsyncContextManager[anthropic.AsyncAPIResponse[Any]]:
        system = "\n\n".join(m.text for m in prompt.messages if m.role is Role.SYSTEM)
        return self._client().messages.with_streaming_response.create(
            model=self._deployment.model,
            max_tokens=min(prompt.max_tokens, self._deployment.max_tokens),
            system=[_end_of_prefix(system)] if system else anthropic.omit,
            messages=_messages([m for m in prompt.messages if m.role is not Role.SYSTEM]),
            stream=True,
        )


def _messages(turns: Sequence[PromptMessage]) -> list[MessageParam]:
    """The last of the turns is the question."""
    messages: list[dict[str, object]] = []
    for number, turn in enumerate(turns, start=1):
        before_the_question = number == len(turns) - 1
        content = [_end_of_prefix(turn.text)] if before_the_question else turn.text
        role = "assistant" if turn.role is Role.ASSISTANT else "user"
        messages.append({"role": role, "content": content})
    return cast(list[MessageParam], messages)


def _end_of_prefix(text: str) -> TextBlockParam:
    """Up to here, a server may take what it has read before."""
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}


class _Answer:
    """Reads one answer and keeps what is known of it."""

    def __init__(self, deployment: DeploymentSpec, patience: float) -> None:
        self._deployment = deployment
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + patience
        self._reader = EventReader()
        self._reason = ""
        self._asked = 0
        self._written = 0
        self.model = ""
        self.announced = False
        self.characters = 0
        self.done = False
        self.error: ProviderError | None = None

    def cut_off(self, code: str) -> str:
        """What a broken connection means: with text out it is an interruption."""
        return "interrupted" if self.characters else code

    async def read_more(self, chunks: AsyncIterator[bytes]) -> str:
        """The text of the next bytes. Sets `done` at the end, and `error` where that is none.

        A ping, and all that comes before the text, keeps the connection open and is no progress.
        """
        try:
            async with asyncio.timeout_at(self._deadline):
                data = await anext(chunks, b"")
        except TimeoutError:
            raise failure(self.cut_off("timeout"), "the stream stalled") from None
        parts: list[str] = []
        try:
            for event in self._reader.feed(data) if data else self._reader.close():
                self._take(json.loads(event), parts)
                if self.done:
                    break
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            self._fail(failure("bad_response", f"in the stream: {type(error).__name__}"))
        if not data and not self.done:
            self._fail(failure(self.cut_off("bad_response"), "the stream ended early"))
        text = "".join(parts)
        self.characters += len(text)
        return text

    def _take(self, event: dict[str, Any], parts: list[str]) -> None:
        kind = event["type"]
        if kind == "content_block_delta":
            self._deadline = self._loop.time() + NEXT_TOKEN_SECONDS
            if event["delta"]["type"] == "text_delta":
                parts.append(event["delta"]["text"])
        elif kind == "message_start":
            message = event["message"]
            self.model = str(message["model"])
            self._count(message.get("usage") or {})
        elif kind == "message_delta":
            self._reason = event["delta"].get("stop_reason") or self._reason
            self._count(event.get("usage") or {})
        elif kind == "message_stop":
            self.done = True
            if self._reason == "refusal":
                self._fail(failure("refused", "stop_reason refusal"))
        elif kind == "error":
            self._fail(_error_in_stream(event.get("error") or {}))

    def _fail(self, error: ProviderError) -> None:
        self.error = error
        self.done = True

    def _count(self, usage: dict[str, Any]) -> None:
        """Cumulative counts. What came from the server's cache was asked all the same."""
        if usage.get("input_tokens") is not None:
            self._asked = sum(
                int(usage.get(name) or 0)
                for name in (
                    "input_tokens",
                    "cache_creation_input_tokens",
                    "cache_read_input_tokens",
                )
            )
        self._written = int(usage.get("output_tokens") or self._written)

    def started(self) -> Started:
        return Started(self.model, self._deployment.version)

    def finished(self) -> Finished:
        reason = _FINISH_REASONS.get(self._reason, FinishReason.STOP)
        return Finished(reason, Usage(self._asked, self._written))


def _pause(error: ProviderError) -> float | None:
    """How long to wait before a second try; None if there should be none."""
    if error.code not in _AGAIN:
        return None
    if error.retry_after is None:
        return random.uniform(*JITTER_SECONDS)  # noqa: S311  # no secret
    return error.retry_after if error.retry_after <= PATIENCE_SECONDS else None


def _refusal(error: anthropic.APIStatusError) -> ProviderError:
    """The typed error for a status that is not 200. The body may repeat the prompt: it is looked
    at, and never put into the error.
    """
    code = _CODE_OF_STATUS.get(error.status_code, "bad_response")
    said = (error.api_message or "").lower()
    if error.status_code == 400 and "too long" in said:
        code = "context_exceeded"
    if error.status_code == 400 and "credit balance" in said:
        code = "spend_limit"
    if error.type == "billing_error" or "spend_limit" in (error.error_code or ""):
        code = "spend_limit"
    return failure(
        code,
        f"HTTP {error.status_code} {error.type or ''} {error.error_code or ''}".strip(),
        retry_after=_seconds(error.response.headers),
    )


def _error_in_stream(error: dict[str, Any]) -> ProviderError:
    details = error.get("details") or {}
    code = _CODE_OF_TYPE.get(str(error.get("type")), "bad_response")
    if "spend_limit" in str(details.get("error_code", "")):
        code = "spend_limit"
    return failure(code, "the server reported an error in the stream")


def _seconds(headers: httpx2.Headers) -> float | None:
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None
