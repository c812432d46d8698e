"""The gate's own detectors: what hides a value does not hide it, and what is none is let through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistants.control.inspection import inspect
from tests.control import disguises

NAMES = ["Odalys Ferreira", "Brackenfell Logistics", "Marit van der Velde"]
NUMBERS = [
    "+44 20 7946 0958",
    "4539 1488 0343 6467",
    "00734-118-5522",
    "DE89 3704 0044 0532 0130 00",
]
OTHERS = ["odalys.ferreira@northgate.test", "A-1043-77", "17 Harbour Lane", "tr0ub4dor-x91"]
DOCUMENTS = Path(__file__).resolve().parents[2] / "assistants" / "demo" / "documents"


def payload_of(*texts: str, **fields: object) -> str:
    messages = [{"role": "user", "text": text} for text in texts]
    return json.dumps({"id": "0190a6c2", "messages": messages, "max_tokens": 1024, **fields})


def types_in(*texts: str, **options: object) -> set[str]:
    found = inspect(payload_of(*texts), "\n\n".join(texts), **options)  # type: ignore[arg-type]
    return {finding.reason for finding in found}


def known_in(value: str, *texts: str) -> bool:
    """Also by the checks that need no known value, as they are there as well."""
    return bool(types_in(*texts, known=[value]))


class TestKnownValues:
    @pytest.mark.parametrize("disguise", disguises.ALWAYS)
    @pytest.mark.parametrize("value", [*NAMES, *NUMBERS, *OTHERS])
    def test_no_form_hides_a_value(self, value, disguise):
        assert known_in(value, "Please summarise.", disguises.ALWAYS[disguise](value))

    @pytest.mark.parametrize("disguise", disguises.LETTERS)
    @pytest.mark.parametrize("value", NAMES)
    def test_no_form_hides_a_name(self, value, disguise):
        assert known_in(value, disguises.LETTERS[disguise](value))

    @pytest.mark.parametrize("disguise", disguises.DIGITS)
    @pytest.mark.parametrize("value", NUMBERS[:3])
    def test_no_form_hides_a_number(self, value, disguise):
        assert known_in(value, disguises.DIGITS[disguise](value))
