"""The lattice of zones: what joining texts means for where they may be processed. Pure.

A place covers itself and its regions: `cloud` covers `cloud:eu`. The premises are permitted
whatever a residency says, since the text is stored there already; so an empty residency means
"on the premises, or nowhere".
"""

from __future__ import annotations

from collections.abc import Iterable

from assistants.types import CLOUD, ON_PREM, Sensitivity, Treatment, ZoneRules

# The join of nothing: a text made from no zone's data is bound by no zone.
NO_ZONE = ZoneRules(
    sensitivity=Sensitivity.PUBLIC,
    residency=frozenset({ON_PREM, CLOUD}),
    treatment=Treatment.ALLOW,
)

# What text is bound by that was found to be so sensitive itself, whatever zone it was written in.
_DETECTED = {
    Sensitivity.CONFIDENTIAL: ZoneRules(
        Sensitivity.CONFIDENTIAL, NO_ZONE.residency, Treatment.REDACT
    ),
    Sensitivity.RESTRICTED: ZoneRules(Sensitivity.RESTRICTED, frozenset({ON_PREM}), Treatment.DENY),
}

_STRICTNESS = [Treatment.ALLOW, Treatment.REDACT, Treatment.DENY]
_LEAVING = {
    Treatment.ALLOW: "as it is written",
    Treatment.REDACT: "sealed, with what is sensitive replaced",
    Treatment.DENY: "not at all",
}


def join_zones(zones: Iterable[ZoneRules]) -> ZoneRules:
    """The most permissive rules that are as strict as each of the given ones.

    The higher sensitivity, the intersection of residencies, the stricter treatment, the shorter
    retention, all names. Order and repetition do not matter. The join of nothing is `NO_ZONE`.
    """
    joined = NO_ZONE
    for zone in zones:
        joined = _join(joined, zone)
    return joined


def _join(one: ZoneRules, other: ZoneRules) -> ZoneRules:
    kept = [days for days in (one.retention_days, other.retention_days) if days is not None]
    return ZoneRules(
        sensitivity=max(one.sensitivity, other.sensitivity),
        residency=_intersect(one.residency, other.residency),
        treatment=max(one.treatment, other.treatment, key=_STRICTNESS.index),
        retention_days=min(kept, default=None),
        names=one.names | other.names,
    )


def rules_of_detected(sensitivity: Sensitivity | None) -> ZoneRules:
    """What binds text that was found to be so sensitive (see `classify_sensitivity`): a number of
    money or of a nation leaves sealed only, a patient's record not at all. It raises a zone by
    joining it, and never lowers one.
    """
    return _DETECTED.get(sensitivity, NO_ZONE) if sensitivity is not None else NO_ZONE


def loosens(before: ZoneRules, after: ZoneRules, new_readers: Iterable[str] = ()) -> list[str]:
    """What gets looser where `after` takes the place of `before`: a sentence each.

    `new_readers` are the groups that may read after and could not before. Empty exactly where
    joining `before` to `after` changes nothing and nobody new may read.
    """
    found = []
    if after.sensitivity < before.sensitivity:
        found.append(
            f"The sensitivity falls from {before.sensitivity.name.lower()} "
            f"to {after.sensitivity.name.lower()}."
        )
    opened = [
        place
        for place in sorted(after.residency)
        if not any(covers(permitted, place) for permitted in (ON_PREM, *before.residency))
    ]
    if opened:
        found.append(f"Text may also be processed in {', '.join(opened)}.")
    if _STRICTNESS.index(after.treatment) < _STRICTNESS.index(before.treatment):
        found.append(f"Text leaves the premises more easily: {_LEAVING[after.treatment]}.")
    if before.retention_days is not None and (
        after.retention_days is None or after.retention_days > before.retention_days
    ):
        found.append(
            f"Text is kept longer: {days_in_words(after.retention_days)}, "
            f"not {days_in_words(before.retention_days)}."
        )
    gained = sorted(set(new_readers))
    if gained:
        found.append(f"More people may read: {', '.join(gained)}.")
    return found


def days_in_words(days: int | None) -> str:
    """How long something is kept."""
    return "for ever" if days is None else f"{days} day{'' if days == 1 else 's'}"


def covers(place: str, other: str) -> bool:
    """Whether `other` lies in `place`: the same place, or a region of it."""
    return place == other or other.startswith(place + ":")


def _intersect(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    common = {a if covers(b, a) else b for a in one for b in other if covers(a, b) or covers(b, a)}
    # One spelling a meaning: a region beside its whole environment says nothing.
    return frozenset(p for p in common if not any(p != q and covers(q, p) for q in common))


def refusal(rules: ZoneRules, place: str) -> str | None:
    """Why text under these rules may not be processed at `place`, in a sentence; None if it may.

    Says nothing about redaction: a permitted place with treatment `redact` gets sealed text only.
    """
    if covers(ON_PREM, place):
        return None
    named = "The zone " if len(rules.names) == 1 else "The zones "
    named = named + ", ".join(sorted(rules.names)) if rules.names else "This text"
    if rules.treatment is Treatment.DENY:
        return f"{named} may not leave the premises."
    if not any(covers(permitted, place) for permitted in rules.residency):
        elsewhere = sorted(rules.residency - {ON_PREM})
        if not elsewhere:
            return f"{named} may be processed on the premises only."
        return f"{named} may not be processed in {place}, only in {', '.join(elsewhere)}."
    return None
