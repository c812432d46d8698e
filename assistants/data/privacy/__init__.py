"""Sensitive spans: found in any text, and what they say of it."""

from assistants.data.privacy.detection import find_spans
from assistants.data.privacy.sensitivity import classify_sensitivity
from assistants.data.privacy.spans import QUASI_IDENTIFIERS, SensitiveSpan
from assistants.data.privacy.structured import find_structured_spans
from assistants.data.privacy.terms import TermList

__all__ = [
    "QUASI_IDENTIFIERS",
    "SensitiveSpan",
    "TermList",
    "classify_sensitivity",
    "find_spans",
    "find_structured_spans",
]
