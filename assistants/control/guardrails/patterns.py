"""A guardrail that is a list of forms: what each finds, and how grave that is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from assistants.control.guardrails.checked import Checked, Guardrail, Kind
from assistants.types import Finding, Stage

QUOTED = 0.4  # the severity of what stands in a source word for word: it is reported elsewhere


@dataclass(frozen=True, slots=True)
class Form:
    """`pattern` is bounded, so that its time is linear. `needs` are words, casefolded and with one
    blank between two, one of which stands in all that it finds: they cost next to nothing.
    """

    kind: Kind
    severity: float
    reason: str
    pattern: re.Pattern[str]
    needs: tuple[str, ...] = ()
    stages: frozenset[Stage] = frozenset(Stage)
    quoted: float = QUOTED  # its severity where a source says the same


def find_forms(name: str, version: str, forms: Iterable[Form], checked: Checked) -> list[Finding]:
    """The first find of each form. A source's own words weigh less than what a model made up."""
    lower = " ".join(checked.text.casefold().split())
    findings = []
    for form in forms:
        if checked.stage not in form.stages:
            continue
        if form.needs and not any(need in lower for need in form.needs):
            continue
        match = form.pattern.search(checked.text)
        if match is None:
            continue
        said = stands_in_sources(_line(checked.text, match), checked)
        severity = min(form.severity, form.quoted) if said else form.severity
        findings.append(
            Finding(name, severity, form.reason, form.kind, checked.stage, *match.span(), version)
        )
    return findings


def make_guardrail(
    name: str,
    version: str,
    forms: Sequence[Form],
    stages: frozenset[Stage],
    *,
    cost_ms: float = 0.2,
    check: Callable[[Checked], Sequence[Finding]] | None = None,
) -> Guardrail:
    return Guardrail(
        name,
        version,
        frozenset(form.kind for form in forms),
        stages,
        cost_ms,
        0.1,
        check or (lambda checked: find_forms(name, version, forms, checked)),
    )


def stands_in_sources(words: str, checked: Checked) -> bool:
    """Whether a passage says so word for word, whatever its line ends and marks."""
    wanted = bare(words)
    return bool(wanted) and any(wanted in bare(passage.text) for passage in checked.passages)


def bare(text: str) -> str:
    """Letters and digits in small letters, with one blank between words."""
    return " ".join(re.findall(r"[^\W_]+", re.sub(r"\[[0-9]{1,3}\]", " ", text.lower())))


def _line(text: str, match: re.Match[str]) -> str:
    """The sentence, or the line, that a find stands in."""
    start = max(text.rfind("\n", 0, match.start()), text.rfind(". ", 0, match.start()) + 1) + 1
    ends = [
        place
        for place in (text.find("\n", match.end()), text.find(". ", match.end()))
        if place >= 0
    ]
    return text[start : min(ends, default=len(text))]
