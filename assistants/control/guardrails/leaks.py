"""What must not come out, or go in unnoticed: secrets, personal data, the own instructions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from assistants.control.guardrails.checked import Checked, Guardrail, Kind
from assistants.control.guardrails.patterns import QUOTED, bare
from assistants.control.inspection.contact import find_contacts
from assistants.control.inspection.folding import fold
from assistants.control.inspection.hits import Hit
from assistants.control.inspection.identifiers import find_identifiers
from assistants.control.inspection.secrets import find_secrets
from assistants.types import Finding, Stage

VERSION = "1"
SECRETS, PERSONAL, PROMPT = "secrets", "personal data", "own instructions"
_EVERYWHERE = frozenset({Stage.INPUT, Stage.BLOCK, Stage.ANSWER})
_OUTPUT = frozenset({Stage.BLOCK, Stage.ANSWER})
_SHINGLE = 9  # words of the system prompt in a row
_DIGIT = re.compile(r"\d")


def check_secrets(checked: Checked) -> Iterator[Finding]:
    """In an answer, what the asker wrote is theirs; what a source holds still is not shown."""
    for hit in find_secrets(fold(checked.text)):
        severity = 0.9 if checked.stage in _OUTPUT else 0.6
        if _is_known(hit.value, checked.known):
            severity = min(severity, QUOTED)
        yield _finding(SECRETS, checked, Kind.SECRET, severity, hit)


def check_personal(checked: Checked) -> Iterator[Finding]:
    """Identifiers and contact details; in an answer, those that neither asker nor source gave."""
    if not _DIGIT.search(checked.text) and "@" not in checked.text:
        return
    plain = fold(checked.text)
    sources = [passage.text for passage in checked.passages]
    for hit in (*find_identifiers(plain), *find_contacts(plain)):
        given = _is_known(hit.value, [*checked.known, *sources])
        yield _finding(PERSONAL, checked, Kind.PERSONAL_DATA, QUOTED if given else 0.7, hit)


def check_prompt(checked: Checked) -> Iterator[Finding]:
    """An answer that repeats the assistant's system prompt, a run of words at a time."""
    words, own = bare(checked.text).split(), bare(checked.system).split()
    if len(own) < _SHINGLE or len(words) < _SHINGLE:
        return
    shingles = {tuple(own[i : i + _SHINGLE]) for i in range(len(own) - _SHINGLE + 1)}
    said = {tuple(words[i : i + _SHINGLE]) for i in range(len(words) - _SHINGLE + 1)}
    sources = " ".join(bare(passage.text) for passage in checked.passages)
    if any(" ".join(run) not in sources for run in shingles & said):
        yield Finding(
            PROMPT,
            0.9,
            "repeats the assistant’s own instructions",
            Kind.PROMPT_EXTRACTION,
            checked.stage,
            version=VERSION,
        )


def _is_known(value: str, texts: Iterable[str]) -> bool:
    return any(value in text for text in texts)


def _finding(name: str, checked: Checked, kind: Kind, severity: float, hit: Hit) -> Finding:
    start = checked.text.find(hit.value)
    end = start + len(hit.value) if start >= 0 else 0
    reason = f"holds something that looks like {hit.type.lower().replace('_', ' ')}"
    return Finding(name, severity, reason, kind, checked.stage, max(start, 0), end, version=VERSION)


secrets = Guardrail(
    SECRETS,
    VERSION,
    frozenset({Kind.SECRET}),
    _EVERYWHERE,
    0.5,
    0.1,
    lambda c: list(check_secrets(c)),
)
personal_data = Guardrail(
    PERSONAL,
    VERSION,
    frozenset({Kind.PERSONAL_DATA}),
    frozenset({Stage.INPUT, Stage.ANSWER}),
    1.5,
    0.1,
    lambda c: list(check_personal(c)),
)
own_prompt = Guardrail(
    PROMPT,
    VERSION,
    frozenset({Kind.PROMPT_EXTRACTION}),
    _OUTPUT,
    0.2,
    0.5,
    lambda c: list(check_prompt(c)),
)
