"""Today's figures for the console's home, and the shapes of their charts. Counts only, no content.

Ids are ordered by time, so that the primary key bounds every query to one day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AbstractUser
from django.db import connection
from django.utils import timezone

from assistants.models import first_id_at
from assistants.services import registry
from assistants.types import CLOUD

SEE_FIGURES = "assistants.view_auditevent"
SEE_COSTS = "assistants.view_budget"
HOURS = 24
HEIGHT = 96  # of the columns, in the drawing's units
COLUMN, GAP = 12, 3
BAR = 180  # the longest

# %s: the day's first id, and the time zone in which its hours are counted.
TURNS = """
select extract(hour from answer.created at time zone %s)::int, answer.deployment_id,
    answer.status, count(*), sum(answer.cost)
from assistants_answer answer where answer.id >= %s group by 1, 2, 3
"""
LATENCIES = """
select generation.deployment_id,
    percentile_cont(0.5) within group (order by first_token_ms),
    percentile_cont(0.95) within group (order by first_token_ms)
from assistants_generation generation
where generation.id >= %s and first_token_ms is not null group by 1
"""


@dataclass(frozen=True, slots=True)
class Column:
    """An hour's answers: on the premises below, in a cloud on top; in units of the drawing."""

    hour: int
    here: int
    cloud: int
    x: int
    here_y: float
    here_height: float
    cloud_y: float
    cloud_height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """`share` is in units of the drawing, of the longest."""

    label: str
    number: str
    share: float
    cloud: bool = False


@dataclass(frozen=True, slots=True)
class Today:
    """`cost` is in euro, None for whoever may not see costs."""

    turns: int
    held: int
    blocked: int
    failed: int
    cost: Decimal | None
    columns: list[Column]
    highest: int
    where: list[Bar]
    costs: list[Bar]
    latencies: list[Bar]


@dataclass(frozen=True, slots=True)
class _Row:
    hour: int
    deployment: str
    cloud: bool
    status: str
    number: int
    cost: Decimal


def get_today(user: AbstractUser) -> Today | None:
    """Since midnight; None for whoever may not see the house's figures. With the system's rights
    (services/home.py).
    """
    if not user.has_perm(SEE_FIGURES):
        return None
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    rows, latencies = _read(midnight)
    costs = user.has_perm(SEE_COSTS)
    return Today(
        turns=sum(row.number for row in rows),
        held=_with(rows, "held"),
        blocked=_with(rows, "blocked"),
        failed=_with(rows, "failed") + _with(rows, "interrupted"),
        cost=sum((row.cost for row in rows), Decimal(0)) if costs else None,
        columns=_columns(rows),
        highest=max((_hour(rows, hour) for hour in range(HOURS)), default=0),
        where=_bars(
            [(slug, cloud, sum(r.number for r in of)) for slug, cloud, of in _by_deployment(rows)],
            "{:,.0f}",
        ),
        costs=_bars(
            [(slug, cloud, sum(r.cost for r in of)) for slug, cloud, of in _by_deployment(rows)],
            "{:,.4f} €",
        )
        if costs
        else [],
        latencies=_bars(
            [(f"{slug}, {which}", cloud, ms) for slug, cloud, which, ms in latencies],
            "{:,.0f} ms",
            ordered=False,
        ),
    )


def _read(midnight: datetime) -> tuple[list[_Row], list[tuple[str, bool, str, float]]]:
    since = first_id_at(midnight)
    places = registry.get_deployment_places()
    names = {pk: (slug, place == CLOUD) for pk, (slug, place) in places.items()}
    with connection.cursor() as cursor:
        cursor.execute(TURNS, [timezone.get_current_timezone_name(), since])
        rows = [
            _Row(hour, *names.get(deployment, ("", False)), status, number, cost)
            for hour, deployment, status, number, cost in cursor.fetchall()
        ]
        cursor.execute(LATENCIES, [since])
        latencies = [
            (*names.get(deployment, ("", False)), which, ms)
            for deployment, half, most in cursor.fetchall()
            for which, ms in (("half", half), ("95 %", most))
        ]
    return rows, sorted(latencies, key=lambda each: (each[0], each[2] != "half"))


def _with(rows: Sequence[_Row], status: str) -> int:
    return sum(row.number for row in rows if row.status == status)


def _hour(rows: Sequence[_Row], hour: int) -> int:
    return sum(row.number for row in rows if row.hour == hour)


def _by_deployment(rows: Sequence[_Row]) -> list[tuple[str, bool, list[_Row]]]:
    found: dict[tuple[str, bool], list[_Row]] = {}
    for row in rows:
        if row.deployment:
            found.setdefault((row.deployment, row.cloud), []).append(row)
    return [(slug, cloud, of) for (slug, cloud), of in found.items()]


def _columns(rows: Sequence[_Row]) -> list[Column]:
    highest = max((_hour(rows, hour) for hour in range(HOURS)), default=0) or 1
    columns = []
    for hour in range(HOURS):
        cloud = sum(row.number for row in rows if row.hour == hour and row.cloud)
        here = _hour(rows, hour) - cloud
        below, above = here * HEIGHT / highest, cloud * HEIGHT / highest
        columns.append(
            Column(
                hour,
                here,
                cloud,
                x=hour * (COLUMN + GAP),
                here_y=round(HEIGHT - below, 1),
                here_height=round(below, 1),
                cloud_y=round(HEIGHT - below - above, 1),
                cloud_height=round(above, 1),
            )
        )
    return columns


def _bars(
    found: Sequence[tuple[str, bool, float | Decimal]], written: str, *, ordered: bool = True
) -> list[Bar]:
    longest = max((float(value) for *_, value in found), default=0.0)
    if not longest:
        return []
    if ordered:
        found = sorted(found, key=lambda each: -each[2])
    return [
        Bar(label, written.format(value), round(float(value) * BAR / longest, 1), cloud)
        for label, cloud, value in found
    ]
