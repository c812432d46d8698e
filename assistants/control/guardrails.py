"""The places where text is checked before it goes further, and the guardrails that check it.

A guardrail is registered for the input (a person's message) or the output (a block of an answer,
before it is shown). One that crashes blocks: a check that did not run has not passed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from assistants.types import ALLOW, Decision, Finding, Outcome

logger = logging.getLogger(__name__)

Guardrail = Callable[[str], list[Finding]]

INPUT: dict[str, Guardrail] = {}
OUTPUT: dict[str, Guardrail] = {}

# A finding at or above this severity stops the text.
BLOCK_SEVERITY = 0.5


def check_input(text: str) -> Decision:
    """Decide on a person's message before it is stored or sent anywhere."""
    return _check(text, INPUT, "Your message")


def check_output(text: str) -> Decision:
    """Decide on a piece of an answer before it is shown."""
    return _check(text, OUTPUT, "This answer")


def has_output_guardrails() -> bool:
    return bool(OUTPUT)


def _check(text: str, guardrails: dict[str, Guardrail], what: str) -> Decision:
    findings: list[Finding] = []
    for name, guardrail in guardrails.items():
        try:
            findings += guardrail(text)
        except Exception:
            logger.exception("guardrail %s failed", name)
            findings.append(Finding(name, 1.0, "the check could not be carried out"))
    worst = max(findings, key=lambda finding: finding.severity, default=None)
    if worst is None or worst.severity < BLOCK_SEVERITY:
        return Decision(Outcome.ALLOW, ALLOW.rule, findings=tuple(findings))
    return Decision(
        Outcome.BLOCK,
        rule=f"guardrail {worst.guardrail}: {worst.reason}",
        message=f"{what} was stopped by the check “{worst.guardrail}”: {worst.reason}.",
        code="blocked",
        findings=tuple(findings),
    )
