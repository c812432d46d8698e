"""Answers in the standard's form: whole, and in chunks as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from assistants.models import Answer, Assistant
from assistants.services.completions import Ended

ID = "chatcmpl-"
DONE = b"data: [DONE]\n\n"
QUIET = b": still working\n\n"  # a comment: keeps the connection open

FILTERED = {Answer.Status.HELD, Answer.Status.BLOCKED}


def model(assistant: Assistant) -> dict[str, object]:
    return {
        "id": assistant.slug,
        "object": "model",
        "created": int(assistant.prompt.created.timestamp()),
        "owned_by": assistant.department.name,
        "name": assistant.name,
        "description": assistant.description,
    }


def completion(ended: Ended) -> dict[str, object]:
    message = {"role": "assistant", "content": ended.text or notice(ended), "refusal": None}
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": finish_reason(ended),
    }
    return {
        "id": ID + ended.answer,
        "object": "chat.completion",
        "created": ended.created,
        "model": ended.assistant,
        "choices": [choice],
        "usage": usage(ended),
        "hybridapp": details(ended),
    }


def finish_reason(ended: Ended) -> str | None:
    if ended.status is Answer.Status.PENDING:
        return None
    if ended.status in FILTERED:
        return "content_filter"
    return "length" if ended.finish_reason == "length" else "stop"


def notice(ended: Ended) -> str:
    """What stands in the place of a text that is not shown."""
    if ended.status is Answer.Status.HELD:
        return (
            f"This answer ({ended.answer}) waits for a reviewer. Fetch it by "
            f"GET /v1/chat/completions/{ID}{ended.answer} when it is approved."
        )
    return ended.message


def usage(ended: Ended) -> dict[str, int]:
    return {
        "prompt_tokens": ended.usage.prompt_tokens,
        "completion_tokens": ended.usage.completion_tokens,
        "total_tokens": ended.usage.prompt_tokens + ended.usage.completion_tokens,
    }


def details(ended: Ended) -> dict[str, object]:
    """What the standard has no place for: where the answer comes from, and by which rule."""
    return {
        "answer": ended.answer,
        "conversation": ended.conversation,
        "status": str(ended.status),
        "message": ended.message if ended.status in FILTERED else "",
        "receipt": ended.receipt,
        "citations": ended.citations,
        "badge": ended.badge,
        "rule": ended.rule,
        "zones": ended.zones,
    }


class Chunks:
    """The events of one streamed completion."""

    def __init__(self, answer: str, model: str, created: int, *, include_usage: bool) -> None:
        self._frame = {
            "id": ID + answer,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        }
        self._usage: dict[str, object] = {"usage": None} if include_usage else {}

    def first(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def text(self, text: str) -> bytes:
        return self._chunk({"content": text})

    def finish(self, ended: Ended) -> bytes:
        """The end, with the notice before it where no text was shown."""
        said = b"" if ended.text else self.text(notice(ended))
        end = self._chunk({}, finish_reason(ended), hybridapp=details(ended))
        if not self._usage:
            return said + end + DONE
        tokens = event({**self._frame, "choices": [], "usage": usage(ended)})
        return said + end + tokens + DONE

    def _chunk(
        self, delta: Mapping[str, object], reason: str | None = None, **more: object
    ) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return event({**self._frame, "choices": [choice], **self._usage, **more})


def event(data: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False, default=str).encode() + b"\n\n"
