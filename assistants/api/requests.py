"""Reading a request for a chat completion. Raises InvalidParameter, which names the part."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from assistants.api.errors import InvalidParameter
from assistants.types import PromptMessage, Role, Sampling

ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
}
MOST_STOPS = 4
LONGEST_STOP = 200
MOST_TOKENS = 1_000_000
HOTTEST = 2.0


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """`text` is what is asked: the last of the user's messages, and `turns` all before it."""

    model: str
    text: str
    turns: tuple[PromptMessage, ...]
    sampling: Sampling
    stream: bool = False
    include_usage: bool = False


def parse(body: bytes) -> ChatRequest:
    fields = _parse_json(body)
    for name, (may_be, why) in UNSUPPORTED.items():
        if fields.get(name) is not None and not may_be(fields[name]):
            raise InvalidParameter(name, f"“{name}” {why}", code="unsupported_parameter")
    stream = _flag(fields, "stream")
    text, turns = _parse_messages(fields.get("messages"))
    return ChatRequest(
        model=_model(fields.get("model")),
        text=text,
        turns=turns,
        sampling=Sampling(
            max_tokens=_max_tokens(fields), temperature=_temperature(fields), stop=_stop(fields)
        ),
        stream=stream,
        include_usage=_include_usage(fields.get("stream_options"), stream),
    )


def _parse_json(body: bytes) -> Mapping[str, Any]:
    try:
        fields = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise InvalidParameter(
            "body", "The body of the request must be a JSON object.", code="invalid_json"
        )
    return fields


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _nothing(value: object) -> bool:
    return not value


def _one_of(*values: object) -> Callable[[object], bool]:
    return lambda value: any(value == other for other in values)


def _plain_text(value: object) -> bool:
    return isinstance(value, dict) and value.get("type") == "text"


_NO_TOOLS = "is not supported: the assistants call no tools."
# What would change the answer if it were left out, and the values with which it would not. All
# other parameters are harmless, and are ignored.
UNSUPPORTED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "n": (_one_of(1), "must be 1: a request has one answer."),
    "tools": (_nothing, _NO_TOOLS),
    "functions": (_nothing, _NO_TOOLS),
    "tool_choice": (_one_of("none", "auto"), _NO_TOOLS),
    "function_call": (_one_of("none", "auto"), _NO_TOOLS),
    "logprobs": (_nothing, "is not supported."),
    "top_logprobs": (_nothing, "is not supported."),
    "logit_bias": (_nothing, "is not supported."),
    "response_format": (_plain_text, "is not supported: answers are Markdown text."),
    "modalities": (_one_of(["text"]), 'must be ["text"].'),
    "audio": (_nothing, "is not supported: answers are text."),
    "web_search_options": (
        lambda value: False,
        "is not supported: the assistants search your organisation's documents only.",
    ),
}


def _model(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidParameter("model", "“model” must name an assistant; see GET /v1/models.")
    return value


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidParameter(name, f"“{name}” must be true or false.")
    return bool(value)


def _include_usage(options: object, stream: bool) -> bool:
    if options is None:
        return False
    if not isinstance(options, dict) or not stream:
        raise InvalidParameter(
            "stream_options", "“stream_options” is an object, and for streams only."
        )
    return _flag(options, "include_usage")


def _max_tokens(fields: Mapping[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        value = fields.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_TOKENS:
            raise InvalidParameter(name, f"“{name}” is a whole number from 1 to {MOST_TOKENS:,}.")
        return value
    return None


def _temperature(fields: Mapping[str, Any]) -> float | None:
    value = fields.get("temperature")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= HOTTEST:
        raise InvalidParameter("temperature", f"“temperature” is a number from 0 to {HOTTEST:g}.")
    return float(value)


def _stop(fields: Mapping[str, Any]) -> tuple[str, ...]:
    value = fields.get("stop")
    sequences = [value] if isinstance(value, str) else value or []
    if (
        not isinstance(sequences, list)
        or len(sequences) > MOST_STOPS
        or not all(isinstance(each, str) and _fit_to_store(each) for each in sequences)
    ):
        raise InvalidParameter(
            "stop",
            f"“stop” is a text, or a list of at most {MOST_STOPS} texts of at most "
            f"{LONGEST_STOP} characters.",
        )
    return tuple(each for each in sequences if each)


def _fit_to_store(text: str) -> bool:
    return len(text) <= LONGEST_STOP and not any(
        sign == "\0" or unicodedata.category(sign) == "Cs" for sign in text
    )


def _parse_messages(messages: object) -> tuple[str, tuple[PromptMessage, ...]]:
    """The question and the turns before it. Where the user says several things in a row, all of
    them are the question; the system's words among them are turns.
    """
    if not isinstance(messages, list) or not messages:
        raise InvalidParameter("messages", "“messages” must be a list of at least one message.")
    turns = [_parse_message(message, f"messages[{n}]") for n, message in enumerate(messages)]
    asked: list[str] = []
    before: list[PromptMessage] = []
    asking = True
    for turn in reversed(turns):
        asking = asking and turn.role is not Role.ASSISTANT
        if asking and turn.role is Role.USER:
            asked.insert(0, turn.text)
        else:
            before.insert(0, turn)
    if not asked:
        raise InvalidParameter(
            "messages", "The last message must be one of the role “user”, which is answered."
        )
    return "\n\n".join(asked), tuple(before)


def _parse_message(message: object, param: str) -> PromptMessage:
    if not isinstance(message, dict):
        raise InvalidParameter(param, "A message is an object with “role” and “content”.")
    role = message.get("role")
    if role in ("tool", "function") or message.get("tool_calls") or message.get("function_call"):
        raise InvalidParameter(
            f"{param}.role", f"Messages of tools are refused: “tools” {_NO_TOOLS}"
        )
    if not isinstance(role, str) or role not in ROLES:
        raise InvalidParameter(
            f"{param}.role", "“role” must be system, developer, user or assistant."
        )
    content = message.get("content")
    if content is None and ROLES[role] is Role.ASSISTANT:
        content = ""
    return PromptMessage(ROLES[role], _parse_content(content, f"{param}.content"))


def _parse_content(content: object, param: str) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content:
        raise InvalidParameter(param, "“content” must be a text, or a list of parts of text.")
    return "\n".join(_parse_part(part, f"{param}[{n}]") for n, part in enumerate(content))


def _parse_part(part: object, param: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    text = part.get(kind) if isinstance(part, dict) and kind in ("text", "refusal") else None
    if isinstance(text, str):
        return text
    if kind in ("text", "refusal"):
        raise InvalidParameter(f"{param}.{kind}", "The text of this part must be a text.")
    raise InvalidParameter(
        f"{param}.type",
        "Only parts of the type “text” are read: no images, sound or files. Upload documents on "
        "the page Documents, and ask about them.",
        code="unsupported_content",
    )
