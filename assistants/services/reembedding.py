"""Upkeep of the vectors: another model's filled beside the old, then switched; their graph."""

from __future__ import annotations

import logging
from collections.abc import Callable

from assistants import compute, control, data
from assistants.exceptions import InvalidRequest
from assistants.models import EmbeddingModel
from assistants.services.retrieval import embed_texts
from assistants.types import EmbeddingSpec

logger = logging.getLogger(__name__)

AT_ONCE = 256  # chunks a step; each step is kept, so that another run goes on after it
SWITCH_ATTEMPTS = 20

Report = Callable[[str], None]


def reembed(
    name: str,
    *,
    version: str = "",
    base_url: str = "",
    key_variable: str = "",
    report: Report = logger.info,
) -> EmbeddingModel:
    """Embed every chunk with this model and make it the active one. Begun again, it goes on.

    Searches and ingestion go on with the old model until the switch; what is ingested meanwhile
    is caught up with. Raises InvalidRequest or ProviderError; the old model stays active then.
    """
    asked = EmbeddingSpec(0, name, version, 0, base_url, key_variable)
    dimensions = _dimensions(asked)
    model = data.register_model(name, version, dimensions, base_url, key_variable)
    spec = data.get_embedding_spec(model)
    report(f"{model}: {dimensions} dimensions.")
    _fill(spec, report)
    report("Building its index beside the old one.")
    data.create_model_indexes(model)
    for _ in range(SWITCH_ATTEMPTS):
        _fill(spec, report)  # what was ingested while the index was built
        if data.switch_model(model.pk):
            control.record_event(
                action="embeddings.switched",
                subject=str(model),
                data={"dimensions": dimensions, "base_url": base_url},
            )
            report(f"{model} is the active model now. The one before stays until --drop-retired.")
            return model
    raise InvalidRequest(
        user_message="Documents come in faster than they are embedded again. What was done is "
        "kept; run this again when less is going on."
    )


def drop_retired(report: Report = logger.info) -> None:
    """Take away what is left of models that were replaced."""
    dropped = data.drop_retired_models()
    for name in dropped:
        control.record_event(action="embeddings.dropped", subject=name)
    report(f"Dropped: {', '.join(dropped) or 'nothing, no model is retired'}.")


def build_graph_if_due() -> bool:
    """By the clock: the active model's graph, once larger scopes than a scan reads can be asked.

    Until it is whole they are scanned. True if it was built now.
    """
    model_id = data.get_embedding_spec().model_id
    if not data.is_graph_due(model_id):
        return False
    built = data.build_graph(model_id)
    if built:
        logger.info("built the graph of the vectors of model %s", model_id)
    return built


def _dimensions(asked: EmbeddingSpec) -> int:
    if asked.base_url:
        return compute.run(compute.measure_endpoint(asked))
    if asked.name != compute.EMBEDDING_MODEL:
        raise InvalidRequest(
            user_message=f"{compute.EMBEDDING_MODEL} is the one model in this process. Name the "
            "server of another with --base-url."
        )
    return len(compute.embed_texts(["How long are these vectors?"])[0])


def _fill(spec: EmbeddingSpec, report: Report) -> None:
    done = 0
    while missing := data.list_without(spec.model_id, AT_ONCE):
        vectors = embed_texts([text for _, text in missing], spec)
        chunks = (chunk for chunk, _ in missing)
        data.fill_model(spec.model_id, list(zip(chunks, vectors, strict=True)))
        done += len(missing)
        report(f"{done:,} chunks embedded.")
