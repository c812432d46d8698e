"""What reviews teach: cases for measuring and training guardrails, how far judges agree, how long
decisions take.
"""

from __future__ import annotations

import itertools
import json
import statistics
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser

from assistants import control, data
from assistants.exceptions import NotFound
from assistants.models import Answer, ReviewCase, ReviewDecision, ReviewItem
from assistants.services.reviews import reading_queues, record, reviewing
from assistants.types import Stage

# Ended so, the text was rightly stopped.
STOPPED = {ReviewItem.State.REJECTED, ReviewItem.State.EDITED, ReviewItem.State.QUOTED}
FINE, PROBLEM = ReviewDecision.Verdict.FINE, ReviewDecision.Verdict.PROBLEM
MINUTES = (5, 15, 60, 240)  # upper ends of the bars of the time to a decision


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart: `share` of the highest one, 0 to 100."""

    label: str
    number: int
    share: float


@dataclass(frozen=True, slots=True)
class DepartmentFigures:
    """`median_minutes` from the question to the decision; None before the first."""

    name: str
    decided: int
    median_minutes: float | None
    in_time: int
    outcomes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """`kappa` is None where it is not defined. `agreement` counts pairs of verdicts, the first
    judge's first. `missed` are the blind samples in which at least one judge saw a problem.
    """

    kappa: float | None
    agreement: dict[str, int]
    judged: int
    missed: list[ReviewItem]
    times: list[Bar]
    departments: list[DepartmentFigures]
    cases: int

    @property
    def kappa_x(self) -> float:
        """Where it stands on a scale from -1 to 1 that is 200 wide."""
        return 100 + 100 * (self.kappa or 0.0)

    @property
    def observed(self) -> float | None:
        """The share on which both agree, in per cent."""
        same = self.agreement["fine_fine"] + self.agreement["problem_problem"]
        return 100 * same / self.judged if self.judged else None


def add_case(user: AbstractUser, item_id: uuid.UUID) -> ReviewCase:
    """The decided text, with typed placeholders for all that identifies somebody."""
    with reviewing(user, item_id) as item:
        if item.state in control.OPEN:
            raise control.ReviewRefused(
                "open", code="open", user_message="This is not decided yet, so it teaches nothing."
            )
        existing = ReviewCase.objects.filter(item=item).first()
        if existing:
            return existing
        text, kind = _lesson(item)
        case = ReviewCase.objects.create(
            item=item,
            text=data.Seal().seal_text(text, terms=data.get_term_list()),
            label=int(_rightly_stopped(item)),
            kind=kind,
            added_by_id=user.pk,
        )
        record(item, "case_added", user, label=case.label, case_kind=kind)
    return case


def export_cases(user: AbstractUser) -> Iterator[str]:
    """Lines of JSON, {text, label, kind}, of all the cases of this user's queues."""
    with reading_queues(user):
        cases = list(ReviewCase.objects.values("text", "label", "kind"))
    for case in cases:
        yield json.dumps(case, ensure_ascii=False) + "\n"


def get_figures(user: AbstractUser) -> Figures:
    """Of this user's queues; of all, for whoever may see all of them."""
    with reading_queues(user):
        blind = list(
            ReviewItem.objects.filter(
                kind=ReviewItem.Kind.BLIND, state=ReviewItem.State.JUDGED
            ).select_related("department", "assistant")
        )
        verdicts: dict[uuid.UUID, list[str]] = defaultdict(list)
        for key, verdict in (
            ReviewDecision.objects.filter(item__in=blind)
            .exclude(verdict="")
            .order_by("id")
            .values_list("item", "verdict")
        ):
            verdicts[key].append(verdict)
        decided = list(
            ReviewItem.objects.filter(
                kind=ReviewItem.Kind.POLICY, decided__isnull=False
            ).select_related("department")
        )
        cases = ReviewCase.objects.count()
    pairs = [(pair[0], pair[1]) for pair in verdicts.values() if len(pair) >= 2]
    counted = Counter(f"{first}_{second}" for first, second in pairs)
    agreement = {f"{a}_{b}": counted[f"{a}_{b}"] for a in (FINE, PROBLEM) for b in (FINE, PROBLEM)}
    return Figures(
        kappa=control.cohens_kappa(pairs),
        agreement=agreement,
        judged=len(pairs),
        missed=[item for item in blind if PROBLEM in verdicts[item.pk]],
        times=_bars([_minutes(item) for item in decided]),
        departments=_by_department(decided),
        cases=cases,
    )


def _lesson(item: ReviewItem) -> tuple[str, str]:
    """The text that was decided about, and what it is a case of; with a reviewer's rights."""
    gravest = max(item.findings, key=lambda finding: finding["severity"], default=None)
    answers = Answer.objects.select_related("message")
    answer = answers.filter(pk=item.answer_id).first() if item.answer_id else None
    if answer is None:
        raise NotFound(f"answer of review {item.pk}")
    decision = item.decisions.exclude(before="").order_by("-id").first()
    kind = (gravest or {}).get("kind") or "answer"
    if gravest and gravest["stage"] == Stage.INPUT:
        return answer.message.text, kind
    return (decision.before if decision else answer.text), kind


def _rightly_stopped(item: ReviewItem) -> bool:
    if item.kind == ReviewItem.Kind.BLIND:
        return item.decisions.filter(verdict=PROBLEM).exists()
    return item.state in STOPPED


def _minutes(item: ReviewItem) -> float:
    assert item.decided  # noqa: S101  # as queried
    return (item.decided - item.created).total_seconds() / 60


def _bars(minutes: list[float]) -> list[Bar]:
    edges = [0.0, *map(float, MINUTES), float("inf")]
    labels = ["under 5 min", "5 to 15 min", "15 to 60 min", "1 to 4 h", "over 4 h"]
    numbers = [
        sum(low <= each < high for each in minutes) for low, high in itertools.pairwise(edges)
    ]
    highest = max([*numbers, 1])
    return [
        Bar(label, number, round(100 * number / highest, 1))
        for label, number in zip(labels, numbers, strict=True)
    ]


def _by_department(decided: list[ReviewItem]) -> list[DepartmentFigures]:
    grouped: dict[str, list[ReviewItem]] = defaultdict(list)
    for item in decided:
        grouped[item.department.name].append(item)
    return [
        DepartmentFigures(
            name=name,
            decided=len(items),
            median_minutes=statistics.median(map(_minutes, items)),
            in_time=sum(item.decided is not None and item.decided <= item.due for item in items),
            outcomes=dict(Counter(str(item.get_state_display()) for item in items)),
        )
        for name, items in sorted(grouped.items())
    ]
