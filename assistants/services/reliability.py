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
from django.db.models import Count
from django.utils import timezone

from assistants import control, data
from assistants.models import GuardrailFinding, Incident

SEE_GUARDRAILS = "assistants.view_incident"
DAYS = 30
INCIDENTS = 50
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
    size: int = SIZE


def get_guardrails_page(user: User) -> GuardrailsPage:
    """Counts and hashes only, of everybody's answers. Raises PermissionDenied."""
    if not user.has_perm(SEE_GUARDRAILS):
        raise PermissionDenied
    card = control.read_guardrail_card()
    since = timezone.now() - timedelta(days=DAYS)
    with data.rights_of_system():
        counted = (
            GuardrailFinding.objects.filter(created__gte=since)
            .values_list("kind", "stage", "outcome")
            .annotate(count=Count("*"))
            .order_by("-count")
        )
        kinds = list(counted)
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
