"""Which passages are good enough to be used at all. Pure."""

from __future__ import annotations

from assistants.types import Evidence

MIN_COSINE = 0.3
MIN_COVERAGE = 0.35  # a passage that shares the question's rare words may lie further off
MIN_COSINE_COVERED = 0.2


def is_relevant(evidence: Evidence) -> bool:
    """Whether a passage may stand in the prompt, and so count for the conversation's zone.

    Of two passages that differ in one figure only, the one with more of it is never refused
    where the other is taken.
    """
    if evidence.coverage >= MIN_COVERAGE:
        return evidence.cosine >= MIN_COSINE_COVERED
    return evidence.cosine >= MIN_COSINE
