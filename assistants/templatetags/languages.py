"""Words, days and moments in the reader's language."""

from __future__ import annotations

import json
from datetime import date, datetime
from functools import cache

from django import template
from django.conf import settings
from django.utils import formats, timezone, translation
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation.trans_real import DjangoTranslation

from assistants.services import languages

register = template.Library()


@register.filter
def in_language(text: object) -> str:
    """A sentence of a service, which speaks English, in the reader's language."""
    return languages.in_language(str(text)) if text else ""


@register.filter
def as_day(value: date | datetime | None) -> SafeString | str:
    """`<time>`, which the page writes once more in the reader's own zone (static/js/times.js)."""
    return _time(value, "date", "DATE_FORMAT")


@register.filter
def as_moment(value: datetime | None) -> SafeString | str:
    return _time(value, "moment", "DATETIME_FORMAT")


def _time(value: date | datetime | None, kind: str, wanted: str) -> SafeString | str:
    if value is None:
        return ""
    local = timezone.localtime(value) if isinstance(value, datetime) else value
    shown = formats.date_format(local, wanted)
    markup = '<time datetime="{}" data-format="{}">{}</time>'
    return format_html(markup, value.isoformat(), kind, shown)


@register.simple_tag
def offered_languages() -> list[tuple[str, str]]:
    """Each by its code and its own name, whatever language the page is in."""
    return list(settings.LANGUAGES)


@register.simple_tag
def page_words() -> SafeString | str:
    """The words of the scripts, as data for `static/js/words.js`; nothing on an English page."""
    if languages.is_english():
        return ""
    words = _script_words(translation.get_language() or "en")
    return format_html('<script type="application/json" id="words">{}</script>', words)


@cache
def _script_words(language: str) -> SafeString:
    """JSON: {message id: translation, or its plural forms in the order of their categories}."""
    catalogue = DjangoTranslation(language, domain="djangojs", localedirs=None)
    words: dict[str, str | list[str]] = {}
    plurals: dict[str, dict[int, str]] = {}
    for key, text in catalogue._catalog.items():  # type: ignore[attr-defined]
        if isinstance(key, tuple):
            plurals.setdefault(key[0], {})[key[1]] = text
        elif key:
            words[key] = text
    words |= {key: [forms[at] for at in sorted(forms)] for key, forms in plurals.items()}
    listed = json.dumps(words, ensure_ascii=False, separators=(",", ":"))
    # As `json_script` does: nothing in it can end the element.
    safe = listed.replace("<", "\\u003C").replace(">", "\\u003E").replace("&", "\\u0026")
    return SafeString(safe)
