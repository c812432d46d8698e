"""A scripted deployment, for tests of what is around a model. Real ones have their own suite."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from assistants import compute, control
from assistants.exceptions import ProviderError
from assistants.tickets import decode_ticket, from_base64url, verify_ticket
from assistants.types import (
    Delta,
    DeploymentSpec,
    Finished,
    FinishReason,
    GenerationEvent,
    Prompt,
    PromptMessage,
    Role,
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
    sent: list[str] = field(default_factory=list)  # payloads that left
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

    async def generate_sealed(
        self, payload: str, ticket: str, deployment: DeploymentSpec, *, generation_id: str
    ) -> AsyncIterator[GenerationEvent]:
        """As a cloud worker: it knows what it is sent, and checks the ticket. A function in place
        of a turn's pieces is called with the last message as it was sent.
        """
        request = json.loads(payload)
        verify_ticket(
            from_base64url(control.get_egress_public_key()),
            decode_ticket(ticket),
            payload=payload,
            deployment=deployment.slug,
            place=deployment.place,
            now=time.time(),
        )
        self.sent.append(payload)
        messages = tuple(PromptMessage(Role(m["role"]), m["text"]) for m in request["messages"])
        prompt = Prompt(messages, question="")
        turns = self.turns[deployment.slug]
        if callable(turns[0]):
            self.turns[deployment.slug] = [turns[0](messages[-1].text)]
        try:
            async for event in self.generate(prompt, deployment, generation_id=generation_id):
                yield event
        finally:
            self.turns[deployment.slug] = turns


STALL = object()


def lost() -> ProviderError:
    return ProviderError("the connection broke", code="interrupted")


def install(monkeypatch: pytest.MonkeyPatch, vector: Sequence[float]) -> Models:
    """Put scripted models in place of the real ones; questions embed to `vector`."""
    models = Models()

    async def embed_query(text: str) -> Sequence[float]:
        return vector

    monkeypatch.setattr(compute, "generate", models.generate, raising=False)
    monkeypatch.setattr(compute, "generate_sealed", models.generate_sealed)
    monkeypatch.setattr(compute, "embed_query", embed_query, raising=False)
    monkeypatch.setattr(compute, "is_healthy", lambda slug: True, raising=False)
    monkeypatch.setattr(compute, "record_outcome", lambda slug, ok: None, raising=False)
    return models
