"""What a question is answered from: completed, embedded, searched, reranked, linked, joined."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils import timezone

from assistants import compute, data
from assistants.exceptions import InvalidRequest, ProviderError
from assistants.models import Assistant
from assistants.services import linking, registry
from assistants.services.rewriting import AskedQuestion, complete_question
from assistants.types import (
    ON_PREM,
    Capability,
    DeploymentSpec,
    EmbeddingSpec,
    Passage,
    PromptMessage,
    Scope,
)

logger = logging.getLogger(__name__)

PASSAGES = 8  # of a prompt
NAMED_PASSAGES = 24  # of a prompt, where a person named the documents: as many as fit are used
RERANKED = 24  # passages that a reranker is shown

Embed = Callable[[str, EmbeddingSpec], Coroutine[Any, Any, Sequence[float]]]


@dataclass(frozen=True, slots=True)
class Found:
    """The passages, numbered from 1, and the question as it was understood."""

    passages: Sequence[Passage]
    asked: AskedQuestion


async def embed_question(text: str, model: EmbeddingSpec) -> Sequence[float]:
    if model.base_url:
        return (await compute.embed_at_endpoint([text], model))[0]
    return await compute.embed_query(text)


def embed_texts(texts: Sequence[str], model: EmbeddingSpec) -> list[list[float]]:
    """Blocks; of documents and of many questions."""
    if model.base_url:
        return compute.run(compute.embed_at_endpoint(texts, model))
    return compute.embed_texts(list(texts))


def find_passages(
    assistant: Assistant,
    scope: Scope,
    zone_ids: Sequence[int],
    question: str,
    *,
    history: Sequence[PromptMessage] = (),
    cited: Sequence[str] = (),
    as_of: date | None = None,
    documents: Sequence[uuid.UUID] = (),
    embed: Embed = embed_question,
) -> Found:
    """Only passages that are relevant enough to be used, within the scope and the zones.

    Where a person named `documents`, the best of these and no others, whatever the relevance:
    they said what it is to be answered from.

    `history` and `cited` are as for `complete_question`. `as_of` answers from the documents as
    they were at the end of that day.
    """
    asked = AskedQuestion(question)
    if assistant.rewrite_questions:
        asked = complete_question(question, history, cited)
    moment = end_of(as_of) if as_of else None
    reranker = _get_reranker()
    model = data.get_embedding_spec()
    while True:
        vector = compute.run(embed(asked.whole, model))
        found = data.search(
            scope,
            zone_ids,
            asked.text,
            vector,
            keyword_weight=assistant.keyword_weight,
            crowding_weight=assistant.crowding_weight,
            limit=NAMED_PASSAGES if documents else RERANKED if reranker else PASSAGES,
            as_of=moment,
            model_id=model.model_id,
            context=asked.context,
            document_ids=[str(document) for document in documents],
        )
        if found:
            break
        active = data.get_embedding_spec()
        if active.model_id == model.model_id:
            break
        model = active  # the one that the question was embedded with is gone meanwhile
    if documents:
        return Found(data.join_neighbours(scope, found), asked)
    if reranker:
        found = _rerank(reranker, asked, found)
    passages = [passage for passage in found if data.is_relevant(passage.evidence)]
    if moment is None:  # links are known between current versions
        passages = linking.widen(
            assistant, scope, zone_ids, asked.text, vector, passages, model_id=model.model_id
        )
    return Found(data.join_neighbours(scope, passages), asked)


# -- as of a date ---------------------------------------------------------------------------------


def parse_as_of(text: str | None) -> date | None:
    """A day such as 2026-01-31, in the past; None for nothing. Raises InvalidRequest."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(
            "as_of",
            code="invalid_as_of",
            user_message="The day to answer as of must be written as year-month-day, such as "
            "2026-01-31.",
        ) from None
    if day > timezone.localdate():
        raise InvalidRequest(
            "as_of",
            code="invalid_as_of",
            user_message="The day to answer as of lies in the future. Choose today or a day "
            "before, or none for what holds now.",
        )
    return day


def end_of(day: date) -> datetime:
    """Its last moment here, but never one that is still to come."""
    after = timezone.make_aware(datetime.combine(day + timedelta(days=1), time()))
    return min(after - timedelta(microseconds=1), timezone.now())


# -- reranking ------------------------------------------------------------------------------------


def _get_reranker() -> DeploymentSpec | None:
    """The preferred one on the premises that answers at present."""
    for deployment in registry.list_deployments():
        fit = Capability.RERANK in deployment.capabilities and deployment.base_url
        if fit and deployment.environment == ON_PREM and compute.is_healthy(deployment.slug):
            return deployment
    return None


def _rerank(
    reranker: DeploymentSpec, asked: AskedQuestion, found: Sequence[Passage]
) -> list[Passage]:
    """The best in its order; in the order they have, if it fails, is slow or may not see them."""
    kept = list(found[:PASSAGES])
    rules = registry.get_zone_rules()
    zones = {passage.zone for passage in found}
    effective = data.join_zones([rules[zone] for zone in zones if zone in rules])
    if len(found) < 2 or zones - set(rules) or data.refusal(effective, reranker.place):
        return kept
    try:
        scores = compute.run(
            compute.rerank(reranker, asked.whole, [_shown(passage) for passage in found])
        )
    except ProviderError as error:
        logger.warning("not reranked: %s", error)
        compute.record_outcome(reranker.slug, False)
        return kept
    compute.record_outcome(reranker.slug, True)
    order = sorted(range(len(found)), key=lambda index: -scores[index])[:PASSAGES]
    return [replace(found[index], number=number) for number, index in enumerate(order, start=1)]


def _shown(passage: Passage) -> str:
    place = " › ".join(part for part in (passage.title, passage.section) if part)
    return f"{place}\n{passage.text}"
