from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistants.data import NO_ZONE, join_zones, loosens, refusal
from assistants.types import Sensitivity, Treatment, ZoneRules

PLACES = ["on_prem", "on_prem:north", "cloud", "cloud:eu", "cloud:us"]

zones = st.builds(
    ZoneRules,
    sensitivity=st.sampled_from(Sensitivity),
    residency=st.frozensets(st.sampled_from(PLACES)),
    treatment=st.sampled_from(Treatment),
    retention_days=st.none() | st.integers(1, 3650),
    names=st.frozensets(st.sampled_from(["general", "clinical", "code"])),
)


def permitted(rules: ZoneRules) -> set[str]:
    return {place for place in PLACES if refusal(rules, place) is None}


@given(zones, zones)
def test_order_does_not_matter(one, other):
    assert join_zones([one, other]) == join_zones([other, one])


@given(zones, zones, zones)
def test_grouping_does_not_matter(a, b, c):
    assert join_zones([join_zones([a, b]), c]) == join_zones([a, join_zones([b, c])])


@given(zones)
def test_repetition_does_not_matter(zone):
    assert join_zones([zone, zone]) == join_zones([zone])


@given(zones)
def test_the_empty_join_changes_nothing(zone):
    assert join_zones([]) == NO_ZONE
    assert join_zones([NO_ZONE, zone]) == join_zones([zone])
    assert permitted(join_zones([zone])) == permitted(zone)


@given(st.lists(zones, max_size=4))
def test_the_join_permits_what_all_permit_and_nothing_else(parts):
    expected = set.intersection(*map(permitted, parts)) if parts else set(PLACES)
    assert permitted(join_zones(parts)) == expected


@given(st.lists(zones, min_size=1, max_size=4))
def test_the_join_is_as_strict_as_the_strictest(parts):
    joined = join_zones(parts)
    order = list(Treatment)
    assert joined.sensitivity == max(part.sensitivity for part in parts)
    assert order.index(joined.treatment) == max(order.index(part.treatment) for part in parts)
    for part in parts:
        assert part.names <= joined.names
        if part.retention_days is not None:
            assert joined.retention_days is not None
            assert joined.retention_days <= part.retention_days


@given(zones)
def test_the_premises_are_always_permitted(zone):
    assert refusal(zone, "on_prem") is None
    assert refusal(zone, "on_prem:north") is None


@given(zones, zones)
def test_joining_never_loosens(one, other):
    joined = join_zones([one, other])
    assert loosens(one, joined) == []
    assert loosens(other, joined) == []


@given(zones, zones, zones)
def test_the_join_is_monotone(one, other, third):
    """What is stricter stays stricter, whatever both are joined with."""
    stricter = join_zones([one, other])
    assert loosens(join_zones([one, third]), join_zones([stricter, third])) == []


@given(zones, zones)
def test_what_does_not_loosen_is_where_the_join_is(before, after):
    """`loosens` is the lattice's order: silent exactly where `before` adds nothing to `after`."""
    nothing_to_add = {
        "sensitivity": lambda z: z.sensitivity,
        "places": permitted_places,
        "treatment": lambda z: z.treatment,
        "retention": lambda z: z.retention_days,
    }
    joined, alone = join_zones([before, after]), join_zones([after])
    same = all(read(joined) == read(alone) for read in nothing_to_add.values())
    assert (loosens(before, after) == []) == same


@given(zones, zones, st.sampled_from(PLACES))
def test_no_place_opens_silently(before, after, place):
    if refusal(before, place) is not None and refusal(after, place) is None:
        assert loosens(before, after)


@given(zones, zones, zones)
def test_two_silent_steps_are_a_silent_step(first, second, third):
    if not loosens(first, second) and not loosens(second, third):
        assert loosens(first, third) == []


@given(zones)
def test_an_empty_residency_is_the_premises_or_nowhere(zone):
    nowhere = join_zones([zone, rules(set())])
    assert {place for place in PLACES if refusal(nowhere, place) is None} == {
        "on_prem",
        "on_prem:north",
    }


def permitted_places(zone: ZoneRules) -> set[str]:
    """Where the residency alone would let it be processed."""
    return permitted(ZoneRules(zone.sensitivity, zone.residency, Treatment.ALLOW, names=zone.names))


def test_each_loosening_is_told_in_a_sentence():
    before = ZoneRules(
        Sensitivity.RESTRICTED, frozenset({"on_prem"}), Treatment.DENY, retention_days=30
    )
    after = ZoneRules(Sensitivity.INTERNAL, frozenset({"cloud:eu"}), Treatment.REDACT)
    assert loosens(before, after, ["code"]) == [
        "The sensitivity falls from restricted to internal.",
        "Text may also be processed in cloud:eu.",
        "Text leaves the premises more easily: sealed, with what is sensitive replaced.",
        "Text is kept longer: for ever, not 30 days.",
        "More people may read: code.",
    ]
    assert loosens(after, before) == []


def rules(residency: set[str], treatment: Treatment = Treatment.ALLOW) -> ZoneRules:
    return ZoneRules(
        Sensitivity.INTERNAL, frozenset(residency), treatment, names=frozenset({"general"})
    )


def test_a_cloud_covers_its_regions_and_not_the_other_way_round():
    joined = join_zones([rules({"cloud"}), rules({"cloud:eu"})])
    assert joined.residency == {"cloud:eu"}
    assert refusal(joined, "cloud:eu") is None
    assert refusal(joined, "cloud") == (
        "The zone general may not be processed in cloud, only in cloud:eu."
    )


def test_a_place_is_not_covered_by_the_beginning_of_its_name():
    assert refusal(rules({"cloud"}), "cloudless") is not None


@pytest.mark.parametrize(
    ("zone", "sentence"),
    [
        (
            rules({"cloud"}, Treatment.DENY),
            "The zone general may not leave the premises.",
        ),
        (rules(set()), "The zone general may be processed on the premises only."),
        (rules({"on_prem"}), "The zone general may be processed on the premises only."),
        (
            join_zones([rules({"cloud:us"}), rules({"cloud:eu"})]),
            "The zone general may be processed on the premises only.",
        ),
    ],
)
def test_a_refusal_says_why(zone, sentence):
    assert refusal(zone, "cloud:eu") == sentence
