"""What the page says of an answer beside its text, taken from its receipt. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistants.exceptions import EgressRefused
from assistants.models import Answer
from assistants.types import FinishReason, Outcome

EGRESS_REFUSED = EgressRefused.code
OUTPACED = "outpaced"
UNGROUNDED = "ungrounded"
WITHDRAWN = "What was shown here first did not pass its check and was taken back."
# How an answer ended that some deployment gave.
_ANSWERED = frozenset(
    {Answer.Status.COMPLETED, Answer.Status.STOPPED, Answer.Status.INTERRUPTED, Answer.Status.HELD}
)


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """`cost` is in euro, "" where it is not known. `fallback` is a sentence, "" where the first
    deployment answered. `refusals` are [{deployment, reason}]; `egress` is [{record, deployment,
    place, outcome, rule, replaced}], what left or was kept from leaving, and `left` the same in
    sentences; `unrestored` are placeholders in the text that stand for nothing. `unsupported` are
    the places [start, end] of sentences that the sources do not support, in characters of the
    text; `disclaimers` what policy says beside it; `withdrawn` a sentence where something was
    shown and taken back, else "".
    """

    cost: str = ""
    fallback: str = ""
    refusals: list[dict[str, str]] = field(default_factory=list)
    egress: list[dict[str, Any]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    unrestored: list[str] = field(default_factory=list)
    unsupported: list[list[int]] = field(default_factory=list)
    disclaimers: list[str] = field(default_factory=list)
    withdrawn: str = ""


def get_facts(receipt: Mapping[str, Any]) -> AnswerFacts:
    """Of a receipt of any format; what an earlier one does not hold is left out."""
    egress = [
        {name: entry.get(name) for name in _EGRESS_FIELDS} for entry in receipt.get("egress", ())
    ]
    answered = receipt.get("status") in _ANSWERED
    return AnswerFacts(
        cost=receipt.get("cost_euro", ""),
        fallback=_fallback(receipt) if answered else "",
        refusals=list(receipt.get("refusals", ())),
        egress=egress,
        left=[_said(entry) for entry in egress],
        unrestored=list(receipt.get("unrestored", ())),
        unsupported=_unsupported(receipt),
        disclaimers=list(receipt.get("disclaimers", ())) if answered else [],
        withdrawn=WITHDRAWN if receipt.get("withdrawn") else "",
    )


def _unsupported(receipt: Mapping[str, Any]) -> list[list[int]]:
    """Of an answer that was replaced, or that a reviewer wrote, the places say nothing."""
    reviewed = [each.get("outcome") for each in receipt.get("reviews", ())][-1:]
    if receipt.get("replaced") or reviewed in (["edited"], ["quoted"]):
        return []
    return [
        [entry["start"], entry["end"]]
        for entry in receipt.get("guardrails", ())
        if entry["kind"] == "ungrounded" and entry["stage"] == "answer" and entry["end"]
    ]


def _fallback(receipt: Mapping[str, Any]) -> str:
    answered = (receipt.get("badge") or {}).get("deployment")
    return fallback_note(receipt.get("attempts", ()), str(answered)) if answered else ""


_EGRESS_FIELDS = ("record", "deployment", "place", "outcome", "rule", "replaced")


def _said(entry: Mapping[str, Any]) -> str:
    to = f"{entry['deployment']} ({entry['place']})"
    if entry["outcome"] != Outcome.ALLOW:
        return f"Not sent to {to}: {entry['rule']}"
    return f"Sent to {to}, {in_words(entry['replaced'] or {})}."


def in_words(replaced: Mapping[str, int]) -> str:
    """How many values were replaced in what left, for instance "3 values replaced"."""
    count = sum(replaced.values())
    if not count:
        return "nothing to replace in it"
    return f"{count} value{'' if count == 1 else 's'} replaced"


def fallback_note(attempts: Sequence[Mapping[str, Any]], answered: str) -> str:
    """Who did not answer and who took over, in a sentence; "" where nobody had to.

    `answered` is the deployment whose text it is. One that made a draft did answer.
    """
    reasons: dict[str, list[str]] = {}
    for deployment, outcome in {str(a["deployment"]): a["outcome"] for a in attempts}.items():
        if deployment != answered and outcome not in _DONE:
            reason = _REASONS.get(outcome, "did not answer")
            reasons.setdefault(reason, []).append(deployment)
    told = [f"{' and '.join(names)} {reason}" for reason, names in reasons.items()]
    return f"{'; '.join(told)}; {answered} took over." if told else ""


_DONE = frozenset(FinishReason)
_REASONS = {
    EGRESS_REFUSED: "may not be sent this",
    OUTPACED: "was slower",
    UNGROUNDED: "said what the sources do not support",
}
