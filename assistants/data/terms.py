"""The lists of names to protect, by zone. What is in any of them is protected everywhere: a
client's name must not leave because somebody typed it into another department's chat."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from django.db.models import Count, Max

from assistants.data.privacy import TermList
from assistants.data.scope import rights_of_system
from assistants.models import Term, Zone

LONGEST_TERM = 200  # characters of a term


def add_terms(zone: Zone, terms: Iterable[str]) -> int:
    """How many are new. Those that the zone has already change nothing."""
    with rights_of_system():
        before = Term.objects.filter(zone=zone).count()
        Term.objects.bulk_create(
            [Term(zone=zone, text=text) for text in dict.fromkeys(terms)], ignore_conflicts=True
        )
        return Term.objects.filter(zone=zone).count() - before


def get_term_list() -> TermList:
    """All terms of all zones, compiled; compiled anew only when the table has changed."""
    with rights_of_system():
        state = Term.objects.aggregate(Count("id"), Max("changed"))
        return _compiled(state["id__count"], state["changed__max"])


def list_zone_terms(zone_id: int, limit: int) -> tuple[str, ...]:
    """The latest terms of one zone, at most `limit`."""
    with rights_of_system():
        terms = Term.objects.filter(zone_id=zone_id).order_by("-changed", "text")
        return tuple(terms.values_list("text", flat=True)[:limit])


@lru_cache(maxsize=1)
def _compiled(count: int, changed: object) -> TermList:
    return TermList(Term.objects.values_list("text", flat=True))
