"""Runs the guardrails of a stage, one after the other, within a budget of processor time.

They are regular expressions and small products in numpy, bound by Python's lock: in parallel they
would take as long. The budget is the thread's own processor time, so that a busy machine makes
no check fail; an expression that is at work cannot be interrupted, so those are bounded instead,
and the budget decides whether the next one still begins. What did not run has not passed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from assistants.control.guardrails.checked import Checked, Guardrail
from assistants.types import Finding, Stage

logger = logging.getLogger(__name__)

# Processor milliseconds: some ten times what a check of usual text takes.
BUDGET_MS = {
    Stage.INPUT: 600.0,
    Stage.GATEWAY: 600.0,
    Stage.PASSAGE: 400.0,
    Stage.BLOCK: 400.0,
    Stage.ANSWER: 1_500.0,
}
TOO_LATE = "the check could not be carried out in time"
CRASHED = "the check could not be carried out"


def run(guardrails: Sequence[Guardrail], checked: Checked) -> list[Finding]:
    """The findings of those guardrails that look at this stage, cheap ones first.

    A guardrail that raises, or for which no time is left, gives one of severity 1 that `failed`.
    """
    found: list[Finding] = []
    wanted = [each for each in guardrails if checked.stage in each.stages]
    spent_from = time.thread_time()
    for guardrail in sorted(wanted, key=lambda each: each.cost_ms):
        if (time.thread_time() - spent_from) * 1000 > BUDGET_MS[checked.stage]:
            found.append(_failed(guardrail, checked, TOO_LATE))
            continue
        try:
            found += [
                replace(finding, stage=checked.stage)
                for finding in guardrail.check(checked)
                if _is_reported(finding, guardrail)
            ]
        except Exception:  # whatever it is, the text has not passed
            logger.exception("guardrail %s failed", guardrail.name)
            found.append(_failed(guardrail, checked, CRASHED))
    return found


def _is_reported(finding: Finding, guardrail: Guardrail) -> bool:
    """What is no number between 0 and 1 is a mistake of the guardrail's: it raises."""
    if not 0 <= finding.severity <= 1:
        raise ValueError(f"{guardrail.name}: a severity of {finding.severity}")
    return finding.failed or finding.severity >= guardrail.threshold


def _failed(guardrail: Guardrail, checked: Checked, reason: str) -> Finding:
    kind = min(guardrail.kinds, default="")
    return Finding(
        guardrail.name, 1.0, reason, kind, checked.stage, version=guardrail.version, failed=True
    )
