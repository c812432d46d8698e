"""The egress gate: the one function through which every byte bound for elsewhere passes.

It asks where the text may go, then what is in it, writes the verdict into the ledger, and only then
hands out the ticket without which no cloud worker takes a payload. It fails closed: a check that
fails, hangs or cannot read the text, a ledger that cannot be written, a caller's mistake; the
verdict is BLOCK each time, with a sentence that says which. See docs/adr/0014.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
import traceback
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from assistants.control.inspection import BLOCK_SEVERITY, CheckFailed, Detector, inspect
from assistants.control.ledger import record_verdict
from assistants.control.signing import signing_seed
from assistants.models import EgressRecord, new_id
from assistants.tickets import TICKET_SECONDS, sign_ticket
from assistants.types import (
    ON_PREM,
    Decision,
    DeploymentSpec,
    EgressTicket,
    Finding,
    Outcome,
    Treatment,
    ZoneRules,
)

logger = logging.getLogger(__name__)

# Longer texts than any prompt of the product; what is longer is not inspected and does not leave.
MAX_PAYLOAD_BYTES = 512 * 1024
_STAYS = "It stays on the premises."
_TYPE = re.compile(r"[A-Z][A-Z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class EgressRequest:
    """What wants to leave, and all that the gate needs to decide on it.

    `payload` is the exact string that is sent; `text` the human-readable text inside of it, all
    message texts joined by blank lines. `subject` is an answer's id or the like, `rules` those of
    the effective zone, `zone_refusal` the data plane's sentence on the deployment's place.
    `sealed` says that sensitive spans are placeholders, `placeholders` how many of each type.
    `known` are the conversation's values in clear, `harmless` what a person marked as no such
    value. `detectors` are second looks by name; they run on another thread, see `running`.
    """

    payload: str
    text: str
    purpose: str
    subject: str
    actor: str
    zones: tuple[str, ...]
    rules: ZoneRules
    zone_refusal: str | None
    deployment: DeploymentSpec
    sealed: bool
    known: Sequence[str] = ()
    harmless: Sequence[str] = ()
    detectors: Mapping[str, Detector] = field(default_factory=dict)
    placeholders: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EgressVerdict:
    """ALLOW with a ticket, or BLOCK without. `record` is the ledger's id of it.

    `record` is empty where nothing could be written, which is a BLOCK too.
    """

    decision: Decision
    ticket: EgressTicket | None
    record: str


def check_egress(request: EgressRequest) -> EgressVerdict:
    """Decide whether this payload may reach this deployment. Never raises for what is in it.

    Call it outside of a transaction: the record must be committed before the ticket is handed
    out. Takes milliseconds for a usual prompt (benchmarks/egress.py), seconds at worst.
    """
    expires = int(time.time()) + TICKET_SECONDS
    record = new_id()
    ticket = None
    try:
        decision = _decide(request)
        if decision.outcome is Outcome.ALLOW:
            ticket = _sign(request, str(record), expires)
    except Exception as error:
        _log("the egress gate failed", error)
        decision = _block("The egress gate failed.")
    try:
        record_verdict(_record(request, decision, record, expires))
    except Exception as error:
        _log("the egress ledger could not be written", error)
        return EgressVerdict(_block("The egress ledger could not be written."), None, "")
    return EgressVerdict(decision, ticket, str(record))


def _decide(request: EgressRequest) -> Decision:
    for check in (_check_place, _check_size):
        if reason := check(request):
            return _block(reason)
    try:
        findings = inspect(
            request.payload,
            request.text,
            known=request.known,
            harmless=request.harmless,
            placeholders=request.placeholders,
            detectors=request.detectors,
        )
    except CheckFailed as failed:
        logger.warning("egress check %s: %s", failed.check, failed.reason)
        reason = f"The check “{failed.check}” could not be carried out: {failed.reason}."
        return _block(reason, (Finding(failed.check, 1.0, "FAILED"),))
    stopping = [finding for finding in findings if not finding.severity < BLOCK_SEVERITY]
    if stopping:
        return _block(_found(stopping), tuple(findings))
    treatment = "sealed" if request.sealed else "as it is"
    rule = (
        f"The zone permits {request.deployment.place}, {treatment}, and no check of the egress "
        "gate objects."
    )
    return Decision(Outcome.ALLOW, rule, findings=tuple(findings))


def _check_place(request: EgressRequest) -> str | None:
    """Why the zone forbids this, looked at once more and on its own."""
    rules, deployment = request.rules, request.deployment
    if deployment.environment == ON_PREM:
        return "A deployment on the premises needs no egress and gets no ticket."
    if request.zone_refusal:
        return request.zone_refusal
    if rules.treatment is Treatment.REDACT:
        if request.sealed is not True:
            return "The zone lets sealed text leave the premises only, and this is not sealed."
    elif rules.treatment is not Treatment.ALLOW:
        return "The zone lets nothing leave the premises."
    place = deployment.place
    if not any(place == named or place.startswith(named + ":") for named in rules.residency):
        return f"The zone does not permit {place}."
    return None


def _check_size(request: EgressRequest) -> str | None:
    # A character has at least one byte: what is far too long is not even encoded.
    size = max(len(request.payload), len(request.text))
    try:
        size = max(size, len(request.payload.encode())) if size <= MAX_PAYLOAD_BYTES else size
    except UnicodeEncodeError:
        return "It is no valid Unicode, which the egress gate does not inspect."
    if size > MAX_PAYLOAD_BYTES:
        return f"It is longer than the {MAX_PAYLOAD_BYTES:,} bytes that the egress gate inspects."
    return None


def _found(findings: Sequence[Finding]) -> str:
    """The worst in words; the others are in the record."""
    first = max(findings, key=lambda finding: finding.severity)
    if first.reason.startswith("KNOWN_VALUE"):
        form = first.reason.partition(", ")[2]
        what = f"a value of this conversation {form or 'in clear'}"
    elif first.reason.startswith("UNREADABLE"):
        what = "that " + first.reason.partition(": ")[2]
    else:
        what = first.reason.replace("_", " ").lower() or "something sensitive"
    return f"The check “{first.guardrail}” found {what}."


def _block(reason: str, findings: tuple[Finding, ...] = ()) -> Decision:
    reason = reason if reason.endswith(".") else f"{reason}."
    rule = f"{reason} {_STAYS}"
    return Decision(Outcome.BLOCK, rule, message=rule, code="egress_refused", findings=findings)


def _sign(request: EgressRequest, record: str, expires: int) -> EgressTicket:
    return sign_ticket(
        signing_seed(),
        record=record,
        payload=request.payload,
        deployment=request.deployment.slug,
        place=request.deployment.place,
        expires=expires,
    )


def _record(
    request: EgressRequest, decision: Decision, record: uuid.UUID, expires: int
) -> EgressRecord:
    allowed = decision.outcome is Outcome.ALLOW
    raw = request.payload.encode("utf-8", "surrogatepass")
    return EgressRecord(
        id=record,
        purpose=request.purpose[:40],
        subject=request.subject[:200],
        actor=request.actor[:150],
        deployment=request.deployment.slug,
        place=request.deployment.place,
        region=request.deployment.region,
        zones=sorted(request.zones),
        treatment=str(request.rules.treatment),
        sealed=request.sealed,
        outcome=decision.outcome.value,
        rule=decision.rule[:500],
        payload_sha256=hashlib.sha256(raw).hexdigest(),
        size=len(raw),
        placeholders=_counts(request.placeholders),
        findings=_without_text(decision.findings),
        expires=datetime.fromtimestamp(expires, UTC) if allowed else None,
    )


def _counts(placeholders: Mapping[str, int]) -> dict[str, int]:
    """By type; a key that is no type could be text, and is not kept."""
    counts: dict[str, int] = {}
    for type, count in placeholders.items():
        name = type if _TYPE.fullmatch(type) else "OTHER"
        counts[name] = counts.get(name, 0) + int(count)
    return counts


def _without_text(findings: Sequence[Finding]) -> list[dict[str, object]]:
    return [
        {
            "guardrail": finding.guardrail[:60],
            "type": finding.reason,
            "severity": round(100 * finding.severity),
        }
        for finding in findings
    ]


def _log(what: str, error: Exception) -> None:
    """Where it failed; an error's own text could quote the payload."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "nowhere"
    logger.error("%s: %s at %s", what, type(error).__name__, place)
