"""Every string that a payload holds, as whoever receives it will read it."""

from __future__ import annotations

import json
from collections.abc import Iterable

# Numbers of fewer digits are settings, such as how many tokens an answer may have.
_TELLING_DIGITS = 6


def read_payload(payload: str) -> list[list[str]]:
    """The strings of a JSON document by their place in it: texts of one list are neighbours.

    Names of fields and long numbers count, and a field that stands there twice is read twice.
    Escapes are decoded. What is no JSON is one string. Raises RecursionError for a document that
    is nested too deeply.
    """
    try:
        document = json.loads(
            payload, object_pairs_hook=_Fields, parse_int=_number, parse_float=_number
        )
    except ValueError:
        return [[payload]]
    places: dict[tuple[str, ...], list[str]] = {}
    names: dict[str, None] = {}
    # Not recursive: a document nested deeply enough has failed in the parser already.
    waiting: list[tuple[tuple[str, ...], object]] = [((), document)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, str):
            places.setdefault(place, []).append(value)
        elif isinstance(value, _Fields):
            names.update((name, None) for name, _ in value.pairs)
            waiting += reversed([((*place, name), inner) for name, inner in value.pairs])
        elif isinstance(value, list):
            waiting += reversed([(place, inner) for inner in value])
    return [*places.values(), list(names)]


class _Fields:
    def __init__(self, pairs: Iterable[tuple[str, object]]) -> None:
        self.pairs = list(pairs)


def _number(digits: str) -> str | None:
    return digits if sum(map(str.isdigit, digits)) >= _TELLING_DIGITS else None
