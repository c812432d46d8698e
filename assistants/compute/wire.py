"""How a generation crosses the broker: the task's payload, the stream's entries, the keys."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from assistants.compute.lanes import Lane
from assistants.compute.providers.base import failure
from assistants.exceptions import ProviderError
from assistants.types import (
    Capability,
    Delta,
    DeploymentSpec,
    Evidence,
    Finished,
    FinishReason,
    GenerationEvent,
    Passage,
    Prompt,
    PromptMessage,
    Role,
    SealedPrompt,
    Started,
    Usage,
)

KEEP_SECONDS = 600  # of everything below, after the last sign of life
WANTED_SECONDS = 20  # the caller renews it each 5 s; without it the worker stops

_GENERATION_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
# What a worker needs to know of a deployment; how it is chosen is none of its business.
_TOLD = (
    *("slug", "provider", "environment", "region", "model", "version", "base_url"),
    *("key_variable", "context_tokens", "max_tokens", "first_token_seconds"),
)


def stream_key(lane: Lane, generation_id: str) -> str:
    return lane.key(f"generation:{generation_id}")


def claim_key(lane: Lane, generation_id: str) -> str:
    return lane.key(f"generation:{generation_id}:claimed")


def stop_key(lane: Lane, generation_id: str) -> str:
    return lane.key(f"generation:{generation_id}:stop")


def wanted_key(lane: Lane, generation_id: str) -> str:
    return lane.key(f"generation:{generation_id}:wanted")


def encode_request(generation_id: str, prompt: Prompt, deployment: DeploymentSpec) -> str:
    return json.dumps(
        {
            "id": generation_id,
            "prompt": asdict(prompt),
            "deployment": {**asdict(deployment), "capabilities": sorted(deployment.capabilities)},
        },
        default=date.isoformat,  # the days since when, and until when, a passage holds
    )


def decode_request(payload: str) -> tuple[str, Prompt, DeploymentSpec]:
    """Raises ValueError, KeyError or TypeError for what `encode_request` did not make."""
    request = json.loads(payload)
    prompt, deployment = request["prompt"], request["deployment"]
    messages = (PromptMessage(Role(m["role"]), m["text"]) for m in prompt.pop("messages"))
    passages = (_passage(**passage) for passage in prompt.pop("passages"))
    capabilities = frozenset(Capability(name) for name in deployment.pop("capabilities"))
    return (
        request["id"],
        Prompt(
            messages=tuple(messages),
            passages=tuple(passages),
            stop=tuple(prompt.pop("stop")),
            **prompt,
        ),
        DeploymentSpec(capabilities=capabilities, **deployment),
    )


def _passage(
    evidence: dict[str, float], valid_from: str | None, valid_until: str | None, **fields: Any
) -> Passage:
    return Passage(
        evidence=Evidence(**evidence),
        valid_from=date.fromisoformat(valid_from) if valid_from else None,
        valid_until=date.fromisoformat(valid_until) if valid_until else None,
        **fields,
    )


def encode_sealed(generation_id: str, sealed: SealedPrompt, deployment: DeploymentSpec) -> str:
    """The payload that an egress ticket is signed for: canonical JSON of a sealed prompt and where
    it goes. Every byte that a cloud worker is handed, but for the ticket, is in it.
    """
    return json.dumps(
        {
            "id": generation_id,
            "messages": [{"role": m.role.value, "text": m.text} for m in sealed.messages],
            "max_tokens": sealed.max_tokens,
            "temperature": sealed.temperature,
            "deployment": {name: getattr(deployment, name) for name in _TOLD},
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )


def decode_sealed(payload: str) -> tuple[str, Prompt, DeploymentSpec]:
    """Raises ValueError for what `encode_sealed` did not make."""
    try:
        request = json.loads(payload)
        generation_id = request["id"]
        if not _GENERATION_ID.fullmatch(generation_id):
            raise ValueError
        messages = tuple(PromptMessage(Role(m["role"]), m["text"]) for m in request["messages"])
        prompt = Prompt(
            messages=messages,
            question="",
            max_tokens=int(request["max_tokens"]),
            temperature=float(request["temperature"]),
        )
        return generation_id, prompt, DeploymentSpec(**request["deployment"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # The kind only: the text of some of these repeats what could not be read.
        raise ValueError(f"it is no sealed payload ({type(error).__name__})") from None


# -- entries of the stream: `n` counts from 1, so that a repeated append is seen and skipped -------

Entry = dict[str, str]


def heartbeat() -> Entry:
    return {"t": "heartbeat"}


def encode_event(event: GenerationEvent) -> Entry:
    match event:
        case Started():
            return {"t": "started", "model": event.model, "version": event.version}
        case Delta():
            return {"t": "delta", "text": event.text}
        case Finished():
            return {
                "t": "finished",
                "reason": event.reason.value,
                "prompt_tokens": str(event.usage.prompt_tokens),
                "completion_tokens": str(event.usage.completion_tokens),
            }


def encode_error(error: ProviderError) -> Entry:
    after = "" if error.retry_after is None else str(error.retry_after)
    return {"t": "error", "code": error.code, "detail": str(error), "retry_after": after}


def decode(entry: Mapping[str, str]) -> GenerationEvent | ProviderError | None:
    """None is a heartbeat. Raises KeyError or ValueError for what is no entry of this module."""
    match entry["t"]:
        case "started":
            return Started(entry["model"], entry["version"])
        case "delta":
            return Delta(entry["text"])
        case "finished":
            usage = Usage(int(entry["prompt_tokens"]), int(entry["completion_tokens"]))
            return Finished(FinishReason(entry["reason"]), usage)
        case "error":
            after = float(entry["retry_after"]) if entry["retry_after"] else None
            return failure(entry["code"], entry["detail"], retry_after=after)
        case _:
            return None
