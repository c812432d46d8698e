"""How the recordings' pages write times, shares, and the words of a segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.translation import gettext, ngettext

from assistants.models import Segment

register = template.Library()

UNSURE = 0.5  # of a word's probability; below it the recogniser was guessing


@register.filter
def clock(seconds: float | None) -> str:
    """83.2 as 1:23, 3723 as 1:02:03; "" for none."""
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def percent(share: float) -> str:
    return gettext("{number} %").format(number=round(share * 100))


@register.filter
def about(seconds: float) -> str:
    """How long something will take, no more exactly than it is known."""
    if seconds < 60:
        return gettext("a minute")
    minutes = round(seconds / 60)
    if minutes < 90:
        return ngettext("{number} minute", "{number} minutes", minutes).format(number=minutes)
    hours = round(minutes / 60)
    return ngettext("{number} hour", "{number} hours", hours).format(number=hours)


@register.filter
def words(segment: Segment) -> list[Mapping[str, Any]]:
    """The words with their seconds as they were heard; of an edited text, one piece of it all."""
    if segment.version > 1 or not segment.words:
        return [{"text": segment.text, "start": segment.start, "end": segment.end, "unsure": False}]
    return [
        {
            "text": word["text"],
            "start": word["start"],
            "end": word["end"],
            "unsure": word["probability"] < UNSURE,
            "certainty": percent(word["probability"]),
        }
        for word in segment.words
    ]
