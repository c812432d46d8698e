"""What the console says of the guardrails: which there are, how far their scores can be trusted,
and what had to be taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import fmean
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from assistants import compute, control, data
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
# What people said of answers: thumbs, and reviewers who let an answer pass as it was or did not.
JUDGED = """
select (answer.receipt->>'confidence')::float, judged.good
from (
    (select answer_id, verdict = 'up' as good from assistants_feedback
     order by answer_id desc limit %(newest)s)
    union all
    (select answer_id, state = 'approved' from assistants_reviewitem
     where state in ('approved', 'edited', 'quoted', 'rejected') and answer_id is not null
     order by answer_id desc limit %(newest)s)
) judged
join assistants_answer answer on answer.id = judged.answer_id
where answer.receipt->>'confidence' is not null
"""
JUDGEMENTS = 5_000  # the newest, of each kind
ENOUGH = 50  # judgements make a curve
BINS = 5
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
    """How the chances that are told compare with what was so, for texts not learned from."""

    name: str
    points: Sequence[Point]
    line: str
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GuardrailsPage:
    """`kinds` are (kind, stage, outcome, count) of the last days; `incidents` the newest.

    `confidence` is of answers: as shipped and, from enough judgements on, as people here judged
    them, of whom there are `judged`.
    """

    guardrails: Sequence[control.Guardrail]
    version: str
    trained_on: Sequence[str]
    curves: Sequence[Curve]
    kinds: Sequence[tuple[str, str, str, int]]
    incidents: Sequence[Incident]
    confidence: Sequence[Curve]
    judged: int
    enough: int
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
            cursor.execute(JUDGED, {"newest": JUDGEMENTS})
            judged = cursor.fetchall()
        incidents = list(Incident.objects.all()[:INCIDENTS])
    return GuardrailsPage(
        guardrails=control.GUARDRAILS,
        version=card["version"],
        trained_on=card["data"],
        curves=[draw(MODELS.get(name, name), figures) for name, figures in card["models"].items()],
        kinds=kinds,
        incidents=incidents,
        confidence=list(_draw_confidence(judged)),
        judged=len(judged),
        enough=ENOUGH,
    )


def _draw_confidence(judged: Sequence[tuple[float, bool]]) -> Iterator[Curve]:
    yield draw("as shipped: the demo's questions", compute.read_answer_card())
    if len(judged) >= ENOUGH:
        yield draw("here: as people judged answers", compare(judged))


def compare(judged: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Pairs of (chance told, whether it was so), at least BINS of them, in bins of equal size."""
    pairs = sorted(judged)
    bins = [pairs[len(pairs) * i // BINS : len(pairs) * (i + 1) // BINS] for i in range(BINS)]
    return {
        "reliability": [
            {
                "chance": fmean(chance for chance, _ in each),
                "share": fmean(good for _, good in each),
                "n": len(each),
            }
            for each in bins
        ],
        "brier": round(fmean((chance - good) ** 2 for chance, good in pairs), 4),
    }


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
