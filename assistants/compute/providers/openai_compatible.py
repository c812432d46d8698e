"""Any server that speaks the OpenAI chat protocol: vLLM, Triton, TGI, Ollama, llama.cpp on the
premises; OpenAI, Gemini and Mistral from a cloud worker.

The deployment's `base_url` is what stands before `/chat/completions`: it ends in `/v1` mostly.
Streaming costs a few microseconds of CPU a token, so hundreds of answers share one event loop, one
session and its kept connections.
"""

from __future__ import annotations

import asyncio
import json
import weakref
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from typing import Any

import aiohttp

from assistants.compute.providers import openai_errors as errors
from assistants.compute.providers.base import failure
from assistants.compute.providers.events import EventReader
from assistants.compute.providers.keys import read_key
from assistants.exceptions import ProviderError
from assistants.types import (
    ON_PREM,
    Delta,
    DeploymentSpec,
    Finished,
    FinishReason,
    GenerationEvent,
    Health,
    Prompt,
    Started,
    Usage,
)

CONNECT_SECONDS = 2.5
# Unless the deployment says otherwise. A server on the premises may read a long prompt for long.
FIRST_TOKEN_SECONDS = 60.0
CLOUD_FIRST_TOKEN_SECONDS = 20.0
NEXT_TOKEN_SECONDS = 30.0
DRAIN_SECONDS = 0.2
# Between two reads: what comes meanwhile is read at once. A token a read costs several times the
# processor time, and whoever shows the text gathers it for longer than this anyway. The more
# answers stream at once, the longer.
GATHER_SECONDS = 0.02
LONGEST_GATHER_SECONDS = 0.06
UNHURRIED_ANSWERS = 20
CHECK_SECONDS = 2.0
LISTED_BYTES = 1024 * 1024
CHARACTERS_PER_TOKEN = 4  # only where a server reports no usage

FILTERED = "content_filter"
_FINISH_REASONS = {"length": FinishReason.LENGTH}

_sessions: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = (
    weakref.WeakKeyDictionary()
)
_first_models: dict[tuple[str, str], str] = {}  # by base_url and key_variable
# By base_url and model: which of our usual parameters it was found to refuse.
_refused: dict[tuple[str, str], frozenset[str]] = {}


_streaming: set[_Answer] = set()  # of this process


def _session() -> aiohttp.ClientSession:
    """The one session of the running loop: no cookies, no proxy from the environment."""
    loop = asyncio.get_running_loop()
    session = _sessions.get(loop)
    if session is None or session.closed:
        session = _sessions[loop] = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            headers={"Accept-Encoding": "identity"},  # a compressed stream comes in lumps
        )
    return session


def _gather_seconds() -> float:
    crowd = max(1.0, len(_streaming) / UNHURRIED_ANSWERS)
    return min(GATHER_SECONDS * crowd, LONGEST_GATHER_SECONDS)


async def close_session() -> None:
    """Close the running loop's session, if there is one; for the end of a loop's life."""
    session = _sessions.pop(asyncio.get_running_loop(), None)
    if session is not None:
        await session.close()


class OpenAICompatible:
    """See `Provider`. The key is read at each call and never kept."""

    def __init__(self, deployment: DeploymentSpec) -> None:
        self._deployment = deployment
        self._base_url = deployment.base_url.rstrip("/")
        usual = (
            FIRST_TOKEN_SECONDS if deployment.environment == ON_PREM else CLOUD_FIRST_TOKEN_SECONDS
        )
        self._patience = float(deployment.first_token_seconds or usual)

    async def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationEvent, None]:
        try:
            response = await self._open(prompt)
        except ProviderError:
            self._forget_model()
            raise
        answer = _Answer(self._deployment, prompt, self._patience)
        _streaming.add(answer)
        try:
            while not answer.done:
                text = await answer.read_more(response.content)
                if not answer.announced and answer.chunks:
                    answer.announced = True
                    yield answer.started()
                if text:
                    yield Delta(text)
                    if not answer.done:
                        await asyncio.sleep(_gather_seconds())
            if answer.error:
                raise answer.error
            if not answer.announced:
                yield answer.started()
            await _drain(response.content)
            yield answer.finished()
        except ProviderError:
            self._forget_model()
            raise
        finally:
            _streaming.discard(answer)
            # Closes the connection unless all of it was read, which is what stops the server.
            response.release()

    async def check(self) -> Health:
        """Ask for the list of models, for two seconds at most."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                names = await self._list_models()
        except TimeoutError:
            return Health(False, f"no answer within {CHECK_SECONDS:.0f} s")
        except ProviderError as error:
            return Health(False, f"{error.code}: {error}")
        wanted = self._deployment.model
        if wanted and names and wanted not in names:
            return Health(False, f"it does not list the model {wanted}")
        return Health(True, wanted or (names[0] if names else ""))

    # -- requests -------------------------------------------------------------------------------

    async def _open(self, prompt: Prompt) -> aiohttp.ClientResponse:
        """Send the request; returns once the server has accepted it."""
        try:
            async with asyncio.timeout(self._patience):
                model = await self._model()
                try:
                    return await self._post(prompt, model)
                except ProviderError as error:
                    # Another model may have been loaded since the list was read.
                    if error.code != "model_missing" or self._deployment.model:
                        raise
                    self._forget_model()
                    return await self._post(prompt, await self._model())
        except TimeoutError:
            raise failure("timeout", f"no answer within {self._patience:.0f} s") from None

    async def _post(self, prompt: Prompt, model: str) -> aiohttp.ClientResponse:
        """Send it again without what the server refuses by name, and remember that it does."""
        where = (self._base_url, model)
        while True:
            refused = _refused.get(where, frozenset())
            body = self._body(prompt, model, refused)
            response = await self._request("POST", "/chat/completions", body)
            if response.status == 200:
                return response
            said = await errors.read_body(response)
            more = errors.refused_parameters(response.status, said) - refused
            if not more:
                raise errors.refusal(response.status, response.headers, said)
            _refused[where] = refused | more

    def _body(self, prompt: Prompt, model: str, refused: Collection[str]) -> bytes:
        most = "max_completion_tokens" if "max_tokens" in refused else "max_tokens"
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": m.role.value, "content": m.text} for m in prompt.messages],
            most: min(prompt.max_tokens, self._deployment.max_tokens),
            "stream": True,
        }
        if "temperature" not in refused:
            body["temperature"] = prompt.temperature
        if "stream_options" not in refused:
            body["stream_options"] = {"include_usage": True}
        return json.dumps(body).encode()

    async def _request(
        self, method: str, path: str, body: bytes | None = None
    ) -> aiohttp.ClientResponse:
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if not body:
            headers = {"Accept": "application/json"}
        if variable := self._deployment.key_variable:
            headers["Authorization"] = f"Bearer {read_key(variable)}"
        for last_try in (False, True):
            try:
                return await _session().request(
                    method, self._base_url + path, data=body, headers=headers, allow_redirects=False
                )
            except (
                aiohttp.ServerDisconnectedError,
                aiohttp.ClientOSError,
                aiohttp.ClientConnectionResetError,
            ) as error:
                # A kept connection may have been closed by the server just as it was used.
                if last_try or isinstance(error, aiohttp.ClientConnectorError):
                    raise failure("unreachable", type(error).__name__) from None
            except aiohttp.ServerTimeoutError:
                raise failure("unreachable", f"no connection in {CONNECT_SECONDS:.0f} s") from None
            except aiohttp.InvalidURL:
                raise failure("unreachable", "the base_url is not an address") from None
            except aiohttp.ClientError as error:
                raise failure("bad_response", type(error).__name__) from None
        raise AssertionError("the loop above returns or raises")

    # -- models ---------------------------------------------------------------------------------

    async def _model(self) -> str:
        if self._deployment.model:
            return self._deployment.model
        where = (self._base_url, self._deployment.key_variable)
        if where not in _first_models:
            names = await self._list_models()
            if not names:
                raise failure("model_missing", "the server lists no model")
            _first_models[where] = names[0]
        return _first_models[where]

    def _forget_model(self) -> None:
        _first_models.pop((self._base_url, self._deployment.key_variable), None)

    async def _list_models(self) -> list[str]:
        response = await self._request("GET", "/models")
        try:
            if response.status != 200:
                said = await errors.read_body(response)
                raise errors.refusal(response.status, response.headers, said)
            listed = json.loads(await response.content.read(LISTED_BYTES))
            return [str(model["id"]) for model in listed["data"]]
        except (ValueError, KeyError, TypeError, aiohttp.ClientError) as error:
            raise failure("bad_response", f"GET /models: {type(error).__name__}") from None
        finally:
            response.release()


class _Answer:
    """Reads one answer and keeps what is known of it."""

    __slots__ = (
        "_deadline",
        "_deployment",
        "_loop",
        "_model",
        "_prompt",
        "_reader",
        "_reason",
        "_usage",
        "_version",
        "announced",
        "characters",
        "chunks",
        "done",
        "error",
    )

    def __init__(self, deployment: DeploymentSpec, prompt: Prompt, patience: float) -> None:
        self._deployment = deployment
        self._prompt = prompt
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + patience
        self._reader = EventReader()
        self._reason = ""
        self._usage: dict[str, Any] | None = None
        self._model = ""
        self._version = ""
        self.announced = False
        self.characters = 0
        self.chunks = 0
        self.done = False
        self.error: ProviderError | None = None

    async def read_more(self, content: aiohttp.StreamReader) -> str:
        """Wait for the next bytes; returns their text, joined: what came together goes on
        together. Sets `done` at the end, and `error` where that is none: what was read before it
        is text all the same.
        """
        try:
            async with asyncio.timeout_at(self._deadline):
                data = await content.readany()
        except TimeoutError:
            raise failure("timeout", "the stream stalled") from None
        except (aiohttp.ClientError, OSError) as error:
            code = "interrupted" if self.characters else "unreachable"
            raise failure(code, type(error).__name__) from None
        chunks = self.chunks
        text = self._take(data)
        if self.chunks > chunks:  # a comment that keeps the connection open is no progress
            self._deadline = self._loop.time() + NEXT_TOKEN_SECONDS
        if self._reason == FILTERED:
            self.done = True
            self.error = failure("refused", "finish_reason content_filter")
        if not data and not self.done:
            self.done = True
            if not self._reason:
                code = "interrupted" if self.characters else "bad_response"
                self.error = failure(code, "the stream ended early")
        return text

    def _take(self, data: bytes) -> str:
        """The text of these bytes; none are the end."""
        parts: list[str] = []
        try:
            events = list(self._reader.feed(data) if data else self._reader.close())
            if b"[DONE]" in events:
                self.done = True
                events = events[: events.index(b"[DONE]")]
            for chunk in _parse(events):
                if chunk.get("error"):
                    self.error = errors.error_in_stream(chunk["error"])
                    self.done = True
                    break
                self._take_chunk(chunk, parts)
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            self.error = failure("bad_response", f"in the stream: {type(error).__name__}")
            self.done = True
        text = "".join(parts)
        self.characters += len(text)
        return text

    def _take_chunk(self, chunk: dict[str, Any], parts: list[str]) -> None:
        if not self.chunks:
            self._model = str(chunk.get("model") or "")
            self._version = str(chunk.get("system_fingerprint") or "")
        self.chunks += 1
        if chunk.get("usage"):
            self._usage = chunk["usage"]
        if choices := chunk.get("choices"):
            choice = choices[0]
            if text := choice["delta"].get("content"):
                parts.append(text)
            if choice.get("finish_reason"):
                self._reason = choice["finish_reason"]

    def started(self) -> Started:
        return Started(
            self._model or self._deployment.model, self._version or self._deployment.version
        )

    def finished(self) -> Finished:
        if self._usage is not None:
            asked = int(self._usage.get("prompt_tokens") or 0)
            written = int(self._usage.get("completion_tokens") or 0)
        else:
            asked = _estimate(sum(len(message.text) for message in self._prompt.messages))
            written = _estimate(self.characters)
        reason = _FINISH_REASONS.get(self._reason, FinishReason.STOP)
        return Finished(reason, Usage(asked, written))


def _parse(events: Sequence[bytes]) -> Iterable[Any]:
    """The events' JSON, in one go: most of what a short text costs is the call to parse it."""
    try:
        chunks = json.loads(b"[" + b",".join(events) + b"]")
    except ValueError:
        chunks = []
    if len(chunks) == len(events):
        return list(chunks)
    return map(json.loads, events)  # one of them is not JSON: those before it count


def _estimate(characters: int) -> int:
    return -(-characters // CHARACTERS_PER_TOKEN)


async def _drain(content: aiohttp.StreamReader) -> None:
    """Read the few bytes that end the body, so that the connection can be kept."""
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while await content.readany():
                pass
    except (TimeoutError, aiohttp.ClientError, OSError):
        pass  # the answer is complete; only the connection is lost
