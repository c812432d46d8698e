"""What the console says of the guardrails: which there are, how far their scores can be trusted,
and what had to be taken back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from assistants import control, data
from assistants.models import Incident, first_id_at

SEE_GUARDRAILS = "assistants.view_incident"
DAYS = 30
INCIDENTS = 50
COUNTED = 50_000  # findings: a page may not read a million
KINDS = """
select kind, stage, outcome, count(*) from (
    select kind, stage, outcome from assistants_guardrailfinding
    where id >= %s order by id desc limit %s
) newest group by 1, 2, 3 order by 4 desc
"""
SIZE = 220  # of the drawing, in its own units
MODELS = {
    "message": "messages, with their embedding",
    "quick": "messages, by their words alone",
    "document": "sentences of documents",
}


@dataclass(frozen=True, slots=True)
class Point:
    """`chance` is what was said, `share` how often it was so, `n` of how many; x and y draw it."""

    chance: float
    share: float
    n: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Curve:
    """How the chances that a model tells compare with what was so, on texts it had not seen."""

    name: str
    points: Sequence[Point]
    line: str
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GuardrailsPage:
    """`kinds` are (kind, stage, outcome, count) of the last days; `incidents` the newest."""

    guardrails: Sequence[control.Guardrail]
    version: str
    trained_on: Sequence[str]
    curves: Sequence[Curve]
    kinds: Sequence[tuple[str, str, str, int]]
    incidents: Sequence[Incident]
    days: int = DAYS
    counted: int = COUNTED

    @property
    def is_cut(self) -> bool:
        """Whether there were more findings than are counted: then it is the newest."""
        return sum(number for *_, number in self.kinds) >= self.counted

    size: int = SIZE


def get_guardrails_page(user: User) -> GuardrailsPage:
    """Counts and hashes only, of everybody's answers. Raises PermissionDenied."""
    if not user.has_perm(SEE_GUARDRAILS):
        raise PermissionDenied
    card = control.read_guardrail_card()
    since = timezone.now() - timedelta(days=DAYS)
    with data.rights_of_system():
        with connection.cursor() as cursor:
            cursor.execute(KINDS, [first_id_at(since), COUNTED])
            kinds = cursor.fetchall()
        incidents = list(Incident.objects.all()[:INCIDENTS])
    return GuardrailsPage(
        guardrails=control.GUARDRAILS,
        version=card["version"],
        trained_on=card["data"],
        curves=[draw(MODELS.get(name, name), figures) for name, figures in card["models"].items()],
        kinds=kinds,
        incidents=incidents,
    )


def draw(name: str, figures: Mapping[str, Any]) -> Curve:
    """Points within a square of SIZE, y upwards; on its diagonal, what is said is so."""
    points = [
        Point(
            each["chance"],
            each["share"],
            each["n"],
            round(each["chance"] * SIZE, 1),
            round((1 - each["share"]) * SIZE, 1),
        )
        for each in figures["reliability"]
    ]
    return Curve(name, points, " ".join(f"{p.x},{p.y}" for p in points), figures)
