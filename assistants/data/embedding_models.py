"""Which model the vectors are by: one is active; a new one is filled beside it, then takes over."""

from __future__ import annotations

from assistants.models import EmbeddingModel


def get_active_model() -> EmbeddingModel:
    """Read afresh: whoever searches or indexes after the switch uses the new one."""
    return EmbeddingModel.objects.get(state=EmbeddingModel.State.ACTIVE)
