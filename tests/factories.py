"""One cast for all tests: alice (compliance), carol (clinical), dave (code), an outsider, adam."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from assistants import control, data
from assistants.models import (
    EMBEDDING_DIMENSIONS,
    Answer,
    Assistant,
    Chunk,
    Conversation,
    Deployment,
    Document,
    DocumentVersion,
    Embedding,
    EmbeddingModel,
    Generation,
    Message,
    PromptVersion,
    Zone,
)
from assistants.types import (
    CLOUD,
    ON_PREM,
    Capability,
    Finding,
    Sensitivity,
    Stage,
    Treatment,
)

PASSWORD = "correct horse battery staple"


def make_user(username: str, *groups: str, **extra: Any) -> User:
    user = User.objects.create_user(username, password=PASSWORD, **extra)
    user.groups.set([Group.objects.get_or_create(name=name)[0] for name in groups])
    return user


def make_zone(slug: str, *readers: str, **extra: Any) -> Zone:
    defaults = {
        "name": slug.title(),
        "sensitivity": Sensitivity.CONFIDENTIAL,
        "residency": [ON_PREM, CLOUD],
        "treatment": Treatment.REDACT,
    }
    zone = Zone.objects.create(slug=slug, **{**defaults, **extra})
    zone.readers.set([Group.objects.get_or_create(name=name)[0] for name in readers])
    return zone


def make_assistant(slug: str, zones: Sequence[Zone] = (), **extra: Any) -> Assistant:
    """An assistant of the department of its own name; its questions start in zone `general`."""
    general = Zone.objects.filter(slug="general").first() or make_zone(
        "general", slug, sensitivity=Sensitivity.INTERNAL
    )
    prompt, _ = PromptVersion.objects.get_or_create(
        name=slug, number=1, defaults={"text": f"You are the {slug} assistant."}
    )
    assistant = Assistant.objects.create(
        slug=slug,
        name=slug.title(),
        department=Group.objects.get_or_create(name=slug)[0],
        prompt=prompt,
        question_zone=general,
        **extra,
    )
    assistant.zones.set(zones)
    return assistant


def make_deployment(slug: str, provider: str = "openai_compatible", **extra: Any) -> Deployment:
    generative = [each for each in Capability if each is not Capability.RERANK]
    defaults: dict[str, Any] = {"capabilities": generative, "rank": 10}
    return Deployment.objects.create(slug=slug, provider=provider, **{**defaults, **extra})


def make_quotes() -> Deployment:
    return make_deployment(
        "quotes", "quotes", model="quotes", capabilities=[Capability.GROUNDED_ANSWER], rank=90
    )


def add_guardrail(
    monkeypatch: pytest.MonkeyPatch, name: str, check: Callable[[str], bool], stage: Stage
) -> None:
    """One more guardrail, which takes for an attack what `check` says is one."""

    def find(checked: control.Checked) -> list[Finding]:
        found = Finding(name, 1.0, "it says so", control.guardrails.Kind.PROMPT_INJECTION)
        return [found] if check(checked.text) else []

    kinds = frozenset({control.guardrails.Kind.PROMPT_INJECTION})
    added = control.Guardrail(name, "1", kinds, frozenset({stage}), 1.0, 0.5, find)
    monkeypatch.setattr(control.guardrails, "GUARDRAILS", [*control.guardrails.GUARDRAILS, added])


def drop_guardrail(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """For tests whose answers are made up, as far as this guardrail is concerned."""
    left = [each for each in control.guardrails.GUARDRAILS if each.name != name]
    assert len(left) < len(control.guardrails.GUARDRAILS)
    monkeypatch.setattr(control.guardrails, "GUARDRAILS", left)


def make_answer(user: User, deployment: Deployment | None = None, **fields: Any) -> Answer:
    """A question with its answer, ended, as a turn leaves them; its text is the question's too."""
    text = fields.setdefault("text", "A question")
    with data.rights_of_system():
        chat = Conversation.objects.create(
            owner=user, assistant=Assistant.objects.all()[0], title=text[:100], zones=["general"]
        )
        message = Message.objects.create(
            conversation=chat,
            author=user,
            client_id=str(uuid.uuid4()),
            text=text,
            zones=["general"],
        )
        answer = Answer.objects.create(
            message=message, deployment=deployment, made_from=[], ended=timezone.now(), **fields
        )
        for milliseconds in (100, 300):
            if deployment is None:
                break
            Generation.objects.create(
                answer=answer,
                deployment=deployment,
                outcome="stop",
                first_token_ms=milliseconds,
                duration_ms=900,
            )
    return answer


def unit_vector(seed: int) -> list[float]:
    vector = [0.0] * EMBEDDING_DIMENSIONS
    vector[seed % EMBEDDING_DIMENSIONS] = 1.0
    return vector


def make_document(
    zone: Zone,
    text: str,
    *,
    title: str = "A document",
    section: str = "",
    vector: Sequence[float] | None = None,
) -> Chunk:
    """A document of one chunk, current and searchable; for tests that are not about ingestion."""
    from django.contrib.postgres.search import SearchVector
    from django.db.models import Value

    with data.rights_of_system():
        document = Document.objects.create(zone=zone, title=title, origin=f"{uuid.uuid4()}.md")
        version = DocumentVersion.objects.create(
            document=document,
            zone=zone,
            number=1,
            sha256="0" * 64,
            media_type="text/markdown",
            size=len(text),
            text=text,
            status=DocumentVersion.Status.INDEXED,
            current=True,
            valid_from=timezone.now(),
        )
        chunk = Chunk(
            version=version,
            zone=zone,
            position=0,
            section=section,
            text=text,
            start=0,
            end=len(text),
        )
        chunk.search = SearchVector(Value(f"{title} {section} {text}"), config="english")
        chunk.save(force_insert=True)
        Embedding.objects.create(
            chunk=chunk,
            model=EmbeddingModel.objects.get(state="active"),
            zone=zone,
            vector=list(vector or unit_vector(0)),
        )
    return chunk
