"""What a receipt says in codes, in words."""

from __future__ import annotations

from django import template

register = template.Library()


ABBREVIATIONS = {"IBAN": "IBAN", "IP": "IP address", "URL": "URL", "ID": "ID"}


@register.filter
def type_in_words(type: str) -> str:
    """A type of sensitive values: PHONE_NUMBER is "phone number"."""
    return ABBREVIATIONS.get(type, type.lower().replace("_", " "))


OUTCOMES = {
    "stop": "answered",
    "length": "answered, up to its limit of tokens",
    "abstained": "found nothing to answer with",
    "stopped": "stopped by the asker",
    "stop_sequence": "answered, up to a stop sequence",
    "outpaced": "was slower than another",
    "egress_refused": "not sent: the check on what leaves refused it",
    "access_withdrawn": "ended: the right to read was taken away",
}


@register.filter
def outcome_in_words(outcome: str) -> str:
    """How an attempt ended; the code itself where it is one of a provider's errors."""
    return OUTCOMES.get(outcome, f"failed: {outcome.replace('_', ' ')}")
