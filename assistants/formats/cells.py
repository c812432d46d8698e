"""A cell's value as the sheet shows it: dates, percentages, thousands, currencies."""

from __future__ import annotations

import datetime
import re

_CURRENCY = re.compile(r"\[\$([^\]-]*)(?:-[^\]]*)?\]")
_BRACKETS = re.compile(r"\[[^\]]*\]")  # colours and conditions
_PADDING = re.compile(r"[_*].")
_DIGITS = re.compile(r"[#0?](?:[#0?,.]*[#0?])?(?:E[+-]0+)?,*", re.I)
_QUOTED = re.compile(r'"([^"]*)"|\\(.)')
_DATE_TOKENS = re.compile(
    r'"([^"]*)"|\\(.)|(\[h+\]|\[m+\]|\[s+\]|y+|m+|d+|h+|s+|am/pm|a/p|0+)', re.I
)
# Excel shows these by the reader's country: written so that every country reads them alike.
_BY_COUNTRY = {"mm-dd-yy", "m/d/yy", "m/d/yyyy", "general", "@", ""}
_MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
]  # fmt: skip
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def shown(value: object, form: str) -> str:
    """`form` is the cell's number format, as in Excel: "General", "0.0%", "dd/mm/yyyy"."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return number(value, form)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return date(value, form)
    return str(value)


def number(value: float, form: str) -> str:
    sections = form.split(";")
    chosen = sections[0]
    negative = value < 0
    if negative and len(sections) > 1:
        chosen, negative = sections[1], False  # the section itself says how it is marked
    elif value == 0 and len(sections) > 2:
        chosen = sections[2]
    chosen = _PADDING.sub("", _BRACKETS.sub("", _CURRENCY.sub(r'"\1"', chosen)))
    places = list(_DIGITS.finditer(_QUOTED.sub(lambda match: "\0" * len(match[0]), chosen)))
    # a fraction, or digits in groups such as those of a telephone number
    if form.lower() in ("general", "@", "") or len(places) != 1 or "/" in chosen:
        return general(value)
    digits = places[0][0]
    value = abs(value)
    if "%" in chosen:
        value *= 100
    value /= 1000 ** (len(digits) - len(digits.rstrip(",")))
    written = _figure(value, digits.rstrip(","))
    if not any(character in "123456789" for character in written):
        negative = False
    before = _QUOTED.sub(r"\1\2", chosen[: places[0].start()])
    after = _QUOTED.sub(r"\1\2", chosen[places[0].end() :])
    return ("-" if negative else "") + before + written + after


def _figure(value: float, digits: str) -> str:
    """By digits such as `#,##0.00`, `000`, `0.##` or `0.0E+00`."""
    whole, _, decimals = digits.partition(".")
    if "e" in digits.lower():
        return f"{value:.{len(decimals.lower().partition('e')[0])}E}"
    written = f"{value:{',' if ',' in whole else ''}.{len(decimals)}f}"
    for _ in range(len(decimals) - len(decimals.rstrip("#?"))):
        written = written.removesuffix("0")
    head, point, tail = written.partition(".")
    if "," not in whole:
        head = head.zfill(whole.count("0"))
    return head + point + tail if tail else head


def general(value: float) -> str:
    """Eleven digits, as Excel does; a whole number without a point."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return str(int(value))
    return f"{value:.11g}"


def date(value: datetime.datetime | datetime.date | datetime.time, form: str) -> str:
    form = form.split(";")[0]
    if form.lower() in _BY_COUNTRY or not re.search(r"[ymdhs]", form, re.I):
        return _by_standard(value)
    plain = _BRACKETS.sub(lambda match: match[0] if match[0][1:2] in "hmsHMS" else "", form)
    twelve = re.search(r"am/pm|a/p", plain, re.I) is not None
    tokens = list(_DATE_TOKENS.finditer(plain))
    out: list[str] = []
    done = 0
    for at, token in enumerate(tokens):
        out.append(_PADDING.sub("", plain[done : token.start()]))
        done = token.end()
        name = token[3]
        if name is None:
            out.append(token[1] if token[1] is not None else token[2])
            continue
        name = name.lower()
        if name[0] == "m" and len(name) <= 2 and _is_minute(tokens, at):
            name = "i" * len(name)
        out.append(_part(value, name, twelve))
    out.append(_PADDING.sub("", plain[done:]))
    return "".join(out).strip() or _by_standard(value)


def _by_standard(value: datetime.datetime | datetime.date | datetime.time) -> str:
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "minutes")
    return value.isoformat("minutes") if isinstance(value, datetime.time) else value.isoformat()


def _is_minute(tokens: list[re.Match[str]], at: int) -> bool:
    """An m is a minute after hours or before seconds, else a month."""
    names = [(token[3] or "").lower().strip("[]") for token in tokens]
    before = next((name for name in reversed(names[:at]) if name), "")
    after = next((name for name in names[at + 1 :] if name), "")
    return before[:1] == "h" or after[:1] == "s"


def _part(value: datetime.datetime | datetime.date | datetime.time, name: str, twelve: bool) -> str:
    kind, width = name.strip("[]")[0], len(name.strip("[]"))
    if kind in "ymd" and isinstance(value, datetime.date):
        if kind == "y":
            return str(value.year) if width > 2 else f"{value.year % 100:02}"
        if width >= 3:
            full = _MONTHS[value.month - 1] if kind == "m" else _DAYS[value.weekday()]
            return full if width == 4 else full[:3]
        return f"{value.month if kind == 'm' else value.day:0{min(width, 2)}}"
    if kind in "hisa" and isinstance(value, datetime.datetime | datetime.time):
        if kind == "a":
            return "AM" if value.hour < 12 else "PM"
        hour = (value.hour % 12 or 12) if twelve else value.hour
        figure = {"h": hour, "i": value.minute, "s": value.second}[kind]
        return f"{figure:0{min(width, 2)}}"
    return ""
