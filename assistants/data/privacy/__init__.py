"""Sensitive spans: found in any text, and what they say of it."""

from assistants.data.privacy.sensitivity import classify_sensitivity
from assistants.data.privacy.spans import QUASI_IDENTIFIERS, SensitiveSpan
from assistants.data.privacy.structured import find_structured_spans

__all__ = [
    "QUASI_IDENTIFIERS",
    "SensitiveSpan",
    "classify_sensitivity",
    "find_structured_spans",
]
