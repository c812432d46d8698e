"""A model that reads question and passage together and says how well they fit.

Speaks `/rerank` as vLLM, text-embeddings-inference and Jina do. A search never waits for it for
long: whoever calls keeps the order it has when this raises.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Sequence
from typing import Any

from assistants.exceptions import ProviderError
from assistants.types import ON_PREM, DeploymentSpec

SECONDS = 1.5
MAX_CHARACTERS = 4_000  # of a passage; rerankers read 512 tokens, some of them 8,192


async def rerank(deployment: DeploymentSpec, question: str, texts: Sequence[str]) -> list[float]:
    """A score for each text, higher is better; they compare within this call only.

    Raises ProviderError, also when it takes longer than SECONDS. Only what is on the premises is
    asked: passages are sent as they are.
    """
    if deployment.environment != ON_PREM:
        raise ProviderError(f"{deployment.slug} is not on the premises", code="refused")
    import aiohttp

    try:
        async with asyncio.timeout(SECONDS):
            return await _rerank(deployment, question, [text[:MAX_CHARACTERS] for text in texts])
    except TimeoutError as error:
        raise ProviderError(
            f"{deployment.slug}: slower than {SECONDS} s", code="timeout"
        ) from error
    except aiohttp.ClientError as error:
        raise ProviderError(f"{deployment.slug}: {error!r}", code="unreachable") from error


async def _rerank(deployment: DeploymentSpec, question: str, texts: Sequence[str]) -> list[float]:
    import aiohttp

    # `documents` is what vLLM and Jina call them, `texts` is TEI's word; each ignores the other's.
    body = {"query": question, "documents": list(texts), "texts": list(texts)}
    if deployment.model:
        body["model"] = deployment.model
    headers = {}
    if deployment.key_variable and (key := os.environ.get(deployment.key_variable)):
        headers["Authorization"] = f"Bearer {key}"
    url = deployment.base_url.rstrip("/") + "/rerank"
    async with (
        aiohttp.ClientSession(headers=headers, trust_env=False) as session,
        session.post(url, json=body, allow_redirects=False) as response,
    ):
        if response.status != 200:
            raise ProviderError(f"{deployment.slug}: status {response.status}", code="bad_response")
        try:
            return _read(await response.json(content_type=None), len(texts))
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderError(f"{deployment.slug}: {error!r}", code="bad_response") from error


def _read(answer: Any, count: int) -> list[float]:
    """`{"results": [{"index", "relevance_score"}]}`, or TEI's `[{"index", "score"}]`."""
    results = answer["results"] if isinstance(answer, dict) else answer
    scores: dict[int, float] = {}
    for result in results:
        score = result["relevance_score"] if "relevance_score" in result else result["score"]
        scores[int(result["index"])] = float(score)
    if set(scores) != set(range(count)) or not all(map(math.isfinite, scores.values())):
        raise ValueError(f"{len(scores)} scores for {count} texts")
    return [scores[index] for index in range(count)]
