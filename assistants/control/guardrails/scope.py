"""Questions that no document of the department speaks of."""

from __future__ import annotations

from assistants.control.guardrails.checked import Checked, Guardrail, Kind
from assistants.control.guardrails.words import content_words
from assistants.types import Finding, Stage

NAME, VERSION = "scope", "1"


def check_scope(checked: Checked) -> list[Finding]:
    """Only where documents were searched for the question, and none was near enough."""
    if not checked.grounded or checked.passages or len(content_words(checked.text)) < 2:
        return []
    return [
        Finding(
            NAME,
            0.6,
            "no document of the department speaks of it",
            Kind.OFF_TOPIC,
            checked.stage,
            version=VERSION,
        )
    ]


scope = Guardrail(
    NAME, VERSION, frozenset({Kind.OFF_TOPIC}), frozenset({Stage.INPUT}), 0.1, 0.5, check_scope
)
