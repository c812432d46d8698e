"""Which model the vectors are by: one is active; a new one is filled beside it, then takes over.

Whoever embeds a question or a document takes the model with the vector, so that no search and no
index ever compares vectors of two models.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Sequence

from django.db import connection, transaction
from django.utils import timezone

from assistants.data.chunking import text_to_embed
from assistants.data.scope import rights_of_system
from assistants.data.vector_indexes import drop_model_indexes
from assistants.data.vectors import execute_with_vectors
from assistants.exceptions import EmbeddingModelChanged, InvalidRequest
from assistants.models import EmbeddingModel, rows
from assistants.types import EmbeddingSpec

State = EmbeddingModel.State

MODEL = rows.Columns(EmbeddingModel, "model")
ACTIVE = f"select {MODEL} from assistants_embeddingmodel model where state = %s"  # noqa: S608

# Chunks without a vector by a model. Older versions come last: they are only asked "as of".
WITHOUT = """
select chunk.id, version.title, chunk.section, chunk.text, version.media_type from (
    select chunk.id from assistants_chunk chunk
    where not exists (
        select from assistants_embedding embedding
        where embedding.chunk_id = chunk.id and embedding.model_id = %(model)s
    )
    order by not current, id
    limit %(limit)s
) missing
join assistants_chunk chunk on chunk.id = missing.id
join lateral (
    select document.title, version.media_type from assistants_documentversion version
    join assistants_document document on document.id = version.document_id
    where version.id = chunk.version_id
) version on true
order by not chunk.current, chunk.id
"""
# A chunk that was moved or retired meanwhile is embedded as it is now; one that is gone, is not.
# The cast refuses vectors of another length.
FILL = """
insert into assistants_embedding (chunk_id, model_id, zone_id, current, vector)
select chunk.id, %(model)s, chunk.zone_id, chunk.current, vector::halfvec({dimensions})
from unnest(%(ids)s::uuid[], %(vectors)s::halfvec[]) as piece (id, vector)
join assistants_chunk chunk on chunk.id = piece.id
on conflict (chunk_id, model_id) do nothing
"""
ANY_WITHOUT = """
select exists (
    select from assistants_chunk chunk where not exists (
        select from assistants_embedding embedding
        where embedding.chunk_id = chunk.id and embedding.model_id = %s
    )
)
"""


def get_active_model() -> EmbeddingModel:
    """Read afresh: whoever searches or indexes after the switch uses the new one."""
    found = rows.read(ACTIVE, [State.ACTIVE])
    if found is None:
        raise EmbeddingModel.DoesNotExist("no embedding model is active")
    return MODEL.read(iter(found))


def get_embedding_spec(model: EmbeddingModel | None = None) -> EmbeddingSpec:
    """What the compute plane needs to embed with it; of the active one, if none is given."""
    model = model or get_active_model()
    return EmbeddingSpec(
        model.pk, model.name, model.version, model.dimensions, model.base_url, model.key_variable
    )


@functools.cache
def get_dimensions(model_id: int) -> int:
    """The length of a model's vectors, which never changes."""
    return EmbeddingModel.objects.values_list("dimensions", flat=True).get(pk=model_id)


def hold_active_model(model_ids: Sequence[int | None]) -> int:
    """The active model's key, which stays the active one until this transaction ends.

    Raises EmbeddingModelChanged if vectors were made by another (None: by the active one).
    """
    with connection.cursor() as cursor:
        cursor.execute("select id from assistants_embeddingmodel where state = 'active' for share")
        found = cursor.fetchone()
    # Whoever waited for a switch finds the row changed, and so none: the new one is another row.
    active: int = found[0] if found else get_active_model().pk
    if not found or any(model not in (None, active) for model in model_ids):
        raise EmbeddingModelChanged(f"vectors by models {set(model_ids)}, active is {active}")
    return active


# -- a new model beside the old one ---------------------------------------------------------------


def register_model(
    name: str, version: str, dimensions: int, base_url: str = "", key_variable: str = ""
) -> EmbeddingModel:
    """A model to be filled; the one of this name and version, if it is being filled already.

    Raises InvalidRequest if it is active or retired, or is another one by its dimensions.
    """
    model, _ = EmbeddingModel.objects.get_or_create(
        name=name,
        version=version,
        defaults={"dimensions": dimensions, "base_url": base_url, "key_variable": key_variable},
    )
    if model.state == State.ACTIVE:
        raise InvalidRequest(user_message=f"{model} is the active model already.")
    if model.state == State.RETIRED:
        raise InvalidRequest(
            user_message=f"{model} was retired. Drop it first (--drop-retired), or give this one "
            "another --revision."
        )
    if model.dimensions != dimensions:
        raise InvalidRequest(
            user_message=f"{model} was begun with {model.dimensions} dimensions and now has "
            f"{dimensions}: it is another model. Give it another --revision."
        )
    if (model.base_url, model.key_variable) != (base_url, key_variable):
        model.base_url, model.key_variable = base_url, key_variable
        model.save(update_fields=["base_url", "key_variable"])
    return model


def list_without(model_id: int, limit: int) -> list[tuple[uuid.UUID, str]]:
    """Chunks that have no vector by this model, with what to embed; current ones first."""
    with rights_of_system(), connection.cursor() as cursor:
        cursor.execute(WITHOUT, {"model": model_id, "limit": limit})
        rows = cursor.fetchall()
    return [(chunk, text_to_embed(*parts)) for chunk, *parts in rows]


def fill_model(model_id: int, vectors: Sequence[tuple[uuid.UUID, Sequence[float]]]) -> None:
    """Store vectors of chunks; those that have one by this model keep it."""
    parameters = {"model": model_id, "ids": [chunk for chunk, _ in vectors]}
    with rights_of_system():
        fill = FILL.format(dimensions=get_dimensions(model_id))
        execute_with_vectors(fill, parameters, [vector for _, vector in vectors])


def switch_model(model_id: int) -> bool:
    """Make it the active one, in one transaction; False if a chunk still lacks its vector.

    Waits for indexing that is under way. Questions that were embedded before are still answered
    by the old model's vectors, which stay until they are dropped.
    """
    with rights_of_system():
        active = EmbeddingModel.objects.select_for_update().get(state=State.ACTIVE)
        with connection.cursor() as cursor:
            cursor.execute(ANY_WITHOUT, [model_id])
            if cursor.fetchone()[0]:
                return False
        if active.pk != model_id:
            now = timezone.now()
            EmbeddingModel.objects.filter(pk=active.pk).update(state=State.RETIRED)
            EmbeddingModel.objects.filter(pk=model_id).update(state=State.ACTIVE, activated=now)
        return True


def drop_retired_models() -> list[str]:
    """Take away the retired models with their vectors and indexes; their names."""
    dropped = []
    for model in EmbeddingModel.objects.filter(state=State.RETIRED):
        drop_model_indexes(model)
        with transaction.atomic(), rights_of_system():
            dropped.append(str(model))
            model.delete()
    return dropped
