"""What the product says, in the reader's language.

Services, planes, receipts and the audit trail speak English, and what is stored stays English. A
sentence is put into another language where it is shown or sent: it is looked up among
`assistants.sentences`, values and all. One that is not listed there is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.utils import formats, translation

from assistants.sentences import COUNTED, SENTENCES

LONGEST = 4000  # of what we say, in characters; longer texts are somebody else's
_VALUE = re.compile(r"\{(\w+)\}")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+")
_NAMES = frozenset({"deployment", "slugs"})  # of which none has a blank in it
_ANY = {"deployment": "[^;]+?"}  # clauses are told apart by semicolons
_BETWEEN = re.compile(r"((?<=[.?!]) (?=\S)|; )")

# Parts of frames that are sentences for a person, or hold some (docs/protocol.md).
_SAID = frozenset(
    {"message", "rule", "ratchet", "fallback", "withdrawn", "usual", "notice", "reason", "note"}
    | {"left", "disclaimers", "refusals", "facts"}
)


def is_english() -> bool:
    """Whether the reader's language is that of the sentences themselves."""
    return (translation.get_language() or "en").split("-")[0] == "en"


def in_language(text: str) -> str:
    """A sentence of ours in the active language; what is not known stays as it is."""
    if not text or len(text) > LONGEST or is_english():
        return text
    whole = _translate(text)
    if whole is not None:
        return whole
    parts = _BETWEEN.split(text)  # sentences and clauses, and what stands between them
    return "".join(_clause(part) for part in parts) if len(parts) > 1 else _clause(text)


def frame_in_language(frame: Mapping[str, Any], language: str) -> Mapping[str, Any]:
    """A frame for a reader of `language`: its sentences in it, all else as it is."""
    if language.split("-")[0] == "en" or not _SAID & frame.keys():
        return frame
    with translation.override(language):
        return {name: _said(value) if name in _SAID else value for name, value in frame.items()}


def language_of_socket(scope: Mapping[str, Any]) -> str:
    """That of the page which opened it: chosen there, or the browser's."""
    request = HttpRequest()
    request.COOKIES = dict(scope.get("cookies", {}))
    for name, value in scope.get("headers", ()):
        if name == b"accept-language":
            request.META["HTTP_ACCEPT_LANGUAGE"] = value.decode("latin-1")
    return translation.get_language_from_request(request)


def _said(value: Any) -> Any:
    if isinstance(value, str):
        return in_language(value)
    if isinstance(value, Mapping):
        return {name: _said(each) if name in _SAID else each for name, each in value.items()}
    return [_said(each) for each in value] if isinstance(value, list) else value


def _clause(text: str) -> str:
    """A sentence, or a clause at the end of one."""
    found = _translate(text)
    if found is None and text.endswith("."):
        found = _translate(text[:-1])
        return text if found is None else f"{found}."
    return text if found is None else found


def _translate(text: str) -> str | None:
    if text in _constant():
        return translation.gettext(text)
    for pattern, template in _patterns():
        found = pattern.fullmatch(text)
        if found:
            values = found.groupdict()
            return _fill(_template(template, values.get("number") or ""), values)
    return None


def _fill(said: str, values: Mapping[str, str]) -> str:
    return _VALUE.sub(lambda at: _value(at[1], values.get(at[1]) or at[0]), said)


def _template(template: str, number: str) -> str:
    if (one := _counted().get(template)) is None:
        return translation.gettext(template)
    return translation.ngettext(one, template, int(re.sub(r"\D", "", number) or 0))


def _value(name: str, value: str) -> str:
    """Numbers as the reader writes them; a sentence that was put into another one in turn."""
    if _GROUPED.fullmatch(value):
        return formats.number_format(
            int(value.replace(",", "")), use_l10n=True, force_grouping=True
        )
    if name in _NAMES:
        return value.replace(" and ", ", ")
    return in_language(value) if name.startswith("said") else value


@cache
def _constant() -> frozenset[str]:
    return frozenset(each for each in SENTENCES if not _VALUE.search(each))


@cache
def _counted() -> dict[str, str]:
    """What is said of one, by what is said of many; both are found by the latter."""
    return {many: one for one, many in COUNTED}


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Each with its template, the longest first: it says most about what it matches."""
    listed = [(each, each) for each in SENTENCES if _VALUE.search(each)]
    listed += [(each, many) for one, many in COUNTED for each in (one, many)]
    listed.sort(key=lambda entry: -len(_VALUE.sub("", entry[0])))
    return [(_pattern(each), template) for each, template in listed]


def _pattern(template: str) -> re.Pattern[str]:
    pieces = _VALUE.split(template)  # text, name, text, name, text
    found = "".join(
        f"(?P<{piece}>{_ANY.get(piece, '.+?')})" if at % 2 else re.escape(piece)
        for at, piece in enumerate(pieces)
    )
    return re.compile(found, re.DOTALL)
