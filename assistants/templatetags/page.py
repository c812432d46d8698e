"""Small things that every page shows: icons, the sidebar, the badge of an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django import template
from django.contrib.auth.models import AbstractUser
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_noop

from assistants import data
from assistants.models import Conversation
from assistants.services import attached_passages, history, notifications, reviews
from assistants.services.conversations import AnswerView
from assistants.services.facts import in_words
from assistants.services.languages import in_language

register = template.Library()

ASSISTANT_ICONS = {
    "clinical": "stethoscope",
    "code": "code",
    "compliance": "scale",
    "marketing": "megaphone",
}


# Those that point along the line of text: mirrored where it runs from right to left.
DIRECTED = frozenset(
    {"arrow-left", "chevron-left", "chevron-right", "corner-down-right", "log-out", "panel-left"}
)


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """An icon of the sprite; always beside a text or a label, so hidden from screen readers."""
    sprite = static("vendor/lucide/sprite.svg")
    if name in DIRECTED:
        css = f"directed {css}".strip()
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        css,
        sprite,
        name,
    )


@register.filter
def day(value: str) -> str:
    """2026-01-31 in words, as the reader writes days."""
    return formats.date_format(date.fromisoformat(value), "DATE_FORMAT")


@register.filter
def how_sure(confidence: float) -> str:
    """Of recognised text: "97 % sure"."""
    return in_language(data.how_sure(confidence))


@register.filter
def attached_text(turn: Mapping[str, Any]) -> str:
    """What an attached file says."""
    return attached_passages.text_of(turn)


@register.filter
def assistant_icon(slug: str) -> str:
    return ASSISTANT_ICONS.get(slug, "message-square")


@register.simple_tag
def sidebar(user: object, current: object) -> history.Sidebar:
    """The user's conversations; `current` is the one on the page, if it is one."""
    if not getattr(user, "is_authenticated", False):
        return history.Sidebar()
    shown = current if isinstance(current, Conversation) else None
    return history.get_sidebar(user, shown)  # type: ignore[arg-type]


@register.filter
def by_age(page: history.Page) -> list[tuple[str, list[Conversation]]]:
    """Under headings such as Today."""
    return group_by_age(page.conversations, timezone.localdate())


@register.simple_tag
def unread_notifications(user: object) -> int:
    """What the bell shows."""
    if not getattr(user, "is_authenticated", False):
        return 0
    return notifications.count_unread(user)  # type: ignore[arg-type]


@register.simple_tag
def may_see_queues(user: object) -> bool:
    return isinstance(user, AbstractUser) and reviews.may_see_queues(user)


def group_by_age(
    recent: Sequence[Conversation], today: date
) -> list[tuple[str, list[Conversation]]]:
    groups: dict[str, list[Conversation]] = {}
    for conversation in recent:
        age = today - timezone.localdate(conversation.updated)
        groups.setdefault(age_heading(age), []).append(conversation)
    return list(groups.items())


def age_heading(age: timedelta) -> str:
    if age < timedelta(days=1):
        return "Today"
    if age < timedelta(days=2):
        return "Yesterday"
    return "Last 7 days" if age < timedelta(days=7) else "Older"


@register.filter
def badge_place(badge: Mapping[str, object]) -> str:
    """Where an answer was made, in words. `static/js/badge.js` says the same of a live one."""
    if badge.get("environment") == "on_prem":
        return gettext("On the premises")
    provider, region = str(badge.get("provider") or ""), badge.get("region")
    whose = PROVIDERS.get(provider) or str(badge.get("deployment") or "")
    place = ", ".join(str(part) for part in (whose, region) if part)
    return gettext("Cloud: {place}").format(place=place)


@register.filter
def badge_sealed(badge: Mapping[str, Any]) -> str:
    """What was done to what left, in words; "" on the premises."""
    if badge.get("environment") == "on_prem" or "sealed" not in badge:
        return ""
    if not badge["sealed"]:
        return gettext("sent as written")
    told = in_language(in_words(badge.get("replaced") or {}))
    return gettext("sealed, {said}").format(said=told)


@register.filter
def is_stand_in(badge: Mapping[str, object]) -> bool:
    """Whether it was no real cloud, but the one that shows the product."""
    named = " ".join(str(badge.get(part) or "") for part in ("deployment", "model", "version"))
    return re.search(r"\b(?:demo|stand-in)\b", named) is not None


@register.filter
def is_free(cost: str) -> bool:
    return not float(cost or 0)


@register.filter
def badge_model(badge: Mapping[str, object]) -> str:
    model = str(badge.get("model") or badge.get("deployment") or "")
    version = str(badge.get("version") or "")
    return f"{model} {version}".strip()


PROVIDERS = {"anthropic": "Anthropic"}

# `static/js/answer.js` says the same when it happens live.
NOTES = {
    "stopped": gettext_noop("You stopped this answer. What came so far is kept."),
    "interrupted": gettext_noop("This answer was interrupted. What came so far is kept."),
    "failed": gettext_noop("This answer could not be finished."),
    "blocked": gettext_noop("This answer is not shown: policy does not permit it."),
    "held": gettext_noop(
        "This answer waits for a reviewer. It will appear here once it is approved."
    ),
}


@register.filter
def answer_note(answer: AnswerView | None) -> str:
    """What to say below an answer that did not simply end."""
    if answer is None or answer.status not in NOTES or answer.review:
        return ""
    return in_language(answer.error_message) or gettext(NOTES[answer.status])


@register.filter
def may_retry(answer: AnswerView | None) -> bool:
    if answer is None or answer.error_code == "access_withdrawn":
        return False
    return answer.status in {"interrupted", "failed"}
