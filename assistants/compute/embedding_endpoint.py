"""Embeddings from a server on the premises that speaks OpenAI's protocol (vLLM, TEI, Ollama).

Texts are sent as they are, from every zone: the address must be one of the premises. What looks
like a public one is refused, whoever configured it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from assistants.exceptions import InvalidRequest, ProviderError
from assistants.types import EmbeddingSpec

if TYPE_CHECKING:
    import aiohttp

AT_ONCE = 64  # texts a request
ATTEMPTS = 4  # of one request, with growing pauses
PAUSE_SECONDS = 0.5
REQUEST_SECONDS = 60.0
QUERY_SECONDS = 10.0


async def embed_at_endpoint(texts: Sequence[str], model: EmbeddingSpec) -> list[list[float]]:
    """Vectors of length 1 in the order of the texts. Raises ProviderError or InvalidRequest."""
    import aiohttp

    await asyncio.to_thread(check_on_premises, model.base_url)
    vectors: list[list[float]] = []
    timeout = aiohttp.ClientTimeout(total=QUERY_SECONDS if len(texts) == 1 else REQUEST_SECONDS)
    headers = {}
    if model.key_variable and (key := os.environ.get(model.key_variable)):
        headers["Authorization"] = f"Bearer {key}"
    async with aiohttp.ClientSession(timeout=timeout, headers=headers, trust_env=False) as session:
        for start in range(0, len(texts), AT_ONCE):
            vectors += await _embed_batch(session, texts[start : start + AT_ONCE], model)
    return vectors


async def measure_endpoint(model: EmbeddingSpec) -> int:
    """How long the model's vectors are, by asking it; `model.dimensions` of 0 accepts any."""
    return len((await embed_at_endpoint(["How long are these vectors?"], model))[0])


def check_on_premises(base_url: str) -> None:
    """Raises InvalidRequest unless every address of the host is private or this machine's."""
    host = urlsplit(base_url).hostname or ""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise ProviderError(f"{host}: {error}", code="unreachable") from error
    if not host or any(
        not ipaddress.ip_address(str(each).split("%")[0]).is_private for each in found
    ):
        raise InvalidRequest(
            f"embeddings endpoint {host}",
            user_message=f"{host or base_url!r} is not an address on the premises. An embeddings "
            "endpoint is sent every document as it is, so it must have a private address.",
        )


async def _embed_batch(
    session: aiohttp.ClientSession, texts: Sequence[str], model: EmbeddingSpec
) -> list[list[float]]:
    import aiohttp

    body = {"model": model.name, "input": list(texts), "encoding_format": "float"}
    for attempt in range(1, ATTEMPTS + 1):
        try:
            url = model.base_url.rstrip("/") + "/embeddings"
            async with session.post(url, json=body, allow_redirects=False) as response:
                if response.status == 200:
                    return _read(await response.json(content_type=None), len(texts), model)
                error = ProviderError(
                    f"embeddings endpoint: status {response.status}", code="overloaded"
                )
                passing = response.status in (408, 429) or response.status >= 500
        except (aiohttp.ClientError, TimeoutError, ValueError) as failed:
            error = ProviderError(f"embeddings endpoint: {failed!r}", code="unreachable")
            passing = True
        if not passing or attempt == ATTEMPTS or len(texts) == 1:
            raise error
        await asyncio.sleep(PAUSE_SECONDS * 2**attempt)
    raise AssertionError  # the loop returns or raises


def _read(answer: Any, count: int, model: EmbeddingSpec) -> list[list[float]]:
    try:
        entries = sorted(answer["data"], key=lambda entry: entry["index"])
        vectors = [[float(value) for value in entry["embedding"]] for entry in entries]
    except (KeyError, TypeError, ValueError) as error:
        raise ProviderError(f"embeddings endpoint: {error!r}", code="bad_response") from error
    lengths = {len(vector) for vector in vectors}
    if len(vectors) != count or lengths != {model.dimensions or len(vectors[0])}:
        raise ProviderError(
            f"embeddings endpoint: {len(vectors)} vectors of {lengths} for {count} texts",
            code="bad_response",
        )
    return [_of_length_one(vector) for vector in vectors]


def _of_length_one(vector: list[float]) -> list[float]:
    length = math.sqrt(sum(value * value for value in vector))
    if not math.isfinite(length) or length == 0:
        raise ProviderError(
            "embeddings endpoint: a vector without a direction", code="bad_response"
        )
    return [value / length for value in vector]
