"""Everything that has a form of its own, found without a model: fast on long texts as well."""

from __future__ import annotations

from collections.abc import Iterator

from assistants.data.privacy import contact, dates, financial, identity, places, secrets
from assistants.data.privacy.folding import Folded, fold
from assistants.data.privacy.rules import Detector, Searched
from assistants.data.privacy.spans import SensitiveSpan, settle

RULES: tuple[Detector, ...] = (
    *secrets.RULES,
    *contact.RULES,
    *financial.RULES,
    *identity.RULES,
    *dates.RULES,
    *places.RULES,
)


def find_structured_spans(text: str) -> list[SensitiveSpan]:
    """Identifiers, secrets, contacts, dates and addresses of `text`: non-overlapping, in order.

    Linear time (about 10 ms for 10,000 characters), pure, no model. Offsets are those of `text`
    as given, also where it was written to defeat detection (see `folding`).
    """
    return settle(text, claims(fold(text)))


def claims(folded: Folded, rules: tuple[Detector, ...] = RULES) -> Iterator[SensitiveSpan]:
    """What each rule claims, in the original's offsets; they may overlap."""
    searched = Searched(folded.text)
    for rule in rules:
        for span in rule.find(searched):
            if folded.origins is None:
                yield span
            else:
                start, end = folded.original(span.start, span.end)
                yield SensitiveSpan(start, end, span.type, span.score, span.detector)
