"""A scripted deployment, for tests of what is around a model. Real ones have their own suite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from assistants import compute
from assistants.exceptions import ProviderError
from assistants.types import (
    Delta,
    DeploymentSpec,
    Finished,
    FinishReason,
    GenerationEvent,
    Prompt,
    Started,
    Usage,
)


@dataclass
class Models:
    """What each deployment does, by slug: a list of turns, each a list of pieces.

    A piece is text, or an exception to raise, or STALL to wait for ever. The last turn repeats.
    """

    turns: dict[str, list[Sequence[object]]] = field(default_factory=dict)
    prompts: list[tuple[str, Prompt]] = field(default_factory=list)
    stalled: asyncio.Event | None = None

    def says(self, slug: str, *turns: Sequence[object]) -> None:
        self.turns[slug] = list(turns)

    async def generate(
        self, prompt: Prompt, deployment: DeploymentSpec, *, generation_id: str
    ) -> AsyncIterator[GenerationEvent]:
        self.prompts.append((deployment.slug, prompt))
        turns = self.turns[deployment.slug]
        pieces = turns.pop(0) if len(turns) > 1 else turns[0]
        yield Started(model=f"{deployment.slug}-model", version="1")
        for piece in pieces:
            if isinstance(piece, BaseException):
                raise piece
            if piece is STALL:
                await asyncio.Event().wait()
            yield Delta(str(piece))
        yield Finished(FinishReason.STOP, Usage(10, len(pieces)))


STALL = object()


def lost() -> ProviderError:
    return ProviderError("the connection broke", code="interrupted")


def install(monkeypatch: pytest.MonkeyPatch, vector: Sequence[float]) -> Models:
    """Put scripted models in place of the real ones; questions embed to `vector`."""
    models = Models()

    async def embed_query(text: str) -> Sequence[float]:
        return vector

    monkeypatch.setattr(compute, "generate", models.generate, raising=False)
    monkeypatch.setattr(compute, "embed_query", embed_query, raising=False)
    monkeypatch.setattr(compute, "is_healthy", lambda slug: True, raising=False)
    monkeypatch.setattr(compute, "record_outcome", lambda slug, ok: None, raising=False)
    return models
