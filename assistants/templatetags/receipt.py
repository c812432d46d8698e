"""What a receipt says in codes, in words."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext, gettext_noop

from assistants.services.languages import in_language

register = template.Library()


ABBREVIATIONS = {"IBAN": "IBAN", "IP": "IP address", "URL": "URL", "ID": "ID"}


@register.filter
def type_in_words(type: str) -> str:
    """A type of sensitive values: PHONE_NUMBER is "phone number"."""
    return in_language(ABBREVIATIONS.get(type, type.lower().replace("_", " ")))


OUTCOMES = {
    "stop": gettext_noop("answered"),
    "length": gettext_noop("answered, up to its limit of tokens"),
    "abstained": gettext_noop("found nothing to answer with"),
    "stopped": gettext_noop("stopped by the asker"),
    "stop_sequence": gettext_noop("answered, up to a stop sequence"),
    "outpaced": gettext_noop("was slower than another"),
    "egress_refused": gettext_noop("not sent: the check on what leaves refused it"),
    "access_withdrawn": gettext_noop("ended: the right to read was taken away"),
}


@register.filter
def outcome_in_words(outcome: str) -> str:
    """How an attempt ended; the code itself where it is one of a provider's errors."""
    if outcome in OUTCOMES:
        return gettext(OUTCOMES[outcome])
    return gettext("failed: {error}").format(error=outcome.replace("_", " "))
