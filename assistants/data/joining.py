"""Neighbouring passages of one section become one: nobody is shown a text in two halves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assistants.data.scope import rights_of
from assistants.models import DocumentVersion
from assistants.types import Passage, Scope

GAP_CHARACTERS = 20  # between two chunks of a section: blank lines, a rule
LONGEST = 3_000  # characters of a joined passage


def join_neighbours(scope: Scope, passages: Sequence[Passage]) -> list[Passage]:
    """The passages, with those that follow on each other in one document's section joined.

    A joined passage stands where its best part stood, with that part's evidence, and its text is
    the document's from its start to its end, exactly. They are numbered anew from 1.
    """
    groups: list[list[Passage]] = []
    for passage in passages:
        touching = [group for group in groups if any(_adjoin(passage, each) for each in group)]
        joined = [passage, *(each for group in touching for each in group)]
        if touching and _length(joined) <= LONGEST:
            best = touching[0]
            best[:] = sorted(joined, key=lambda each: each.number)
            groups = [group for group in groups if group is best or group not in touching]
        else:
            groups.append([passage])
    numbers = {each.number: n for n, group in enumerate(groups, start=1) for each in group}
    texts = _texts(scope, [group for group in groups if len(group) > 1])
    return [
        replace(
            _whole(group, texts),
            number=number,
            linked_from=group[0].linked_from and numbers[group[0].linked_from],
        )
        for number, group in enumerate(groups, start=1)
    ]


def _adjoin(one: Passage, other: Passage) -> bool:
    first, second = sorted((one, other), key=lambda each: each.start)
    return (one.version_id, one.section) == (
        other.version_id,
        other.section,
    ) and 0 <= second.start - first.end <= GAP_CHARACTERS


def _length(group: Sequence[Passage]) -> int:
    return max(each.end for each in group) - min(each.start for each in group)


def _whole(group: Sequence[Passage], texts: dict[str, str]) -> Passage:
    best = group[0]
    if len(group) == 1:
        return best
    start, end = min(each.start for each in group), max(each.end for each in group)
    return replace(best, start=start, end=end, text=texts[best.version_id][start:end])


def _texts(scope: Scope, groups: Sequence[Sequence[Passage]]) -> dict[str, str]:
    """The texts of their versions, under the reader's rights."""
    ids = {group[0].version_id for group in groups}
    if not ids:
        return {}
    with rights_of(scope):
        found = DocumentVersion.objects.filter(pk__in=ids).values_list("pk", "text")
        return {str(pk): text for pk, text in found}
