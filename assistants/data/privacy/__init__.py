"""Sensitive spans: found in any text, and what they say of it."""

from assistants.data.privacy.detection import find_known, find_spans
from assistants.data.privacy.people import HONORIFIC
from assistants.data.privacy.sensitivity import classify_sensitivity
from assistants.data.privacy.spans import CERTAIN, QUASI_IDENTIFIERS, SensitiveSpan, settle
from assistants.data.privacy.structured import find_structured_spans
from assistants.data.privacy.tagger import is_common_word, is_first_name
from assistants.data.privacy.terms import TermList, find_terms

__all__ = [
    "CERTAIN",
    "HONORIFIC",
    "QUASI_IDENTIFIERS",
    "SensitiveSpan",
    "TermList",
    "classify_sensitivity",
    "find_known",
    "find_spans",
    "find_structured_spans",
    "find_terms",
    "is_common_word",
    "is_first_name",
    "settle",
]
