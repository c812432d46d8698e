"""Which model the vectors are by: one is active; a new one is filled beside it, then takes over."""

from __future__ import annotations

import functools

from assistants.models import EmbeddingModel


def get_active_model() -> EmbeddingModel:
    """Read afresh: whoever searches or indexes after the switch uses the new one."""
    return EmbeddingModel.objects.get(state=EmbeddingModel.State.ACTIVE)


@functools.cache
def get_dimensions(model_id: int) -> int:
    """The length of a model's vectors, which never changes."""
    return EmbeddingModel.objects.values_list("dimensions", flat=True).get(pk=model_id)
