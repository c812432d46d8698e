"""An answer's receipt as its asker reads it: what it says, and whether it still holds."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from assistants import control, data
from assistants.exceptions import NotFound
from assistants.models import Answer, Assistant, DocumentVersion, KeptReceipt
from assistants.services import registry
from assistants.services.conversations import access_answer
from assistants.services.facts import AnswerFacts, get_facts
from assistants.types import Scope

ATTACHED = "A file that was attached to the question"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was verified, as a sentence that is true where `holds`."""

    said: str
    holds: bool


@dataclass(frozen=True, slots=True)
class UsedPassage:
    """`url` is None, and `title` "", where the reader may not open the document now."""

    number: int
    cited: bool
    title: str = ""
    version: int = 0
    zone: str = ""
    url: str | None = None


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """`receipt` is what was stored; `canonical` are the very bytes whose SHA-256 is `sha256`."""

    answer: Answer
    receipt: dict[str, Any]
    canonical: str
    sha256: str
    assistant: str
    zones: list[str]
    facts: AnswerFacts
    passages: list[UsedPassage]
    checks: list[Check]
    asked: datetime | None
    ended: datetime | None

    @property
    def verified(self) -> bool:
        return all(check.holds for check in self.checks)


def get_receipt(user: AbstractBaseUser, answer_id: uuid.UUID) -> ReceiptView:
    """The receipt of one of the user's own answers, under their rights now.

    NotFound otherwise, also for an answer that has not ended, and for one that was made from what
    they may not read any more.
    """
    with data.rights_of_user(user) as scope:
        answer = access_answer(scope, answer_id)
        receipt = answer.receipt
        if not receipt:
            raise NotFound(f"receipt of answer {answer_id}")
        passages = _passages(scope, receipt)
        names = registry.get_zone_names()
        return ReceiptView(
            answer=answer,
            receipt=receipt,
            canonical=control.canonical_json(receipt),
            sha256=answer.receipt_sha256,
            assistant=_assistant(receipt),
            zones=[names.get(slug, slug) for slug in receipt.get("zones", ())],
            facts=get_facts(receipt),
            passages=passages,
            checks=_checks(answer, receipt),
            asked=_moment(receipt.get("asked")),
            ended=_moment(receipt.get("ended")),
        )


def get_kept_receipt(answer_id: str) -> dict[str, object]:
    """{answer, deleted, receipt, sha256, holds, in_trail} of any answer, for whoever runs the
    installation: ids and hashes, no text. `deleted` is the day on which its conversation was, or
    None. NotFound otherwise.
    """
    with data.rights_of_system():
        key = _uuid(answer_id)
        answer = Answer.objects.filter(pk=key).exclude(receipt=None).first()
        kept = None if answer else KeptReceipt.objects.filter(pk=key).first()
    found = answer or kept
    if found is None or not found.receipt:
        raise NotFound(f"receipt of answer {answer_id}")
    return {
        "answer": str(key),
        "deleted": kept.deleted.isoformat() if kept else None,
        "receipt": found.receipt,
        "sha256": found.receipt_sha256,
        "holds": control.verify_receipt(found.receipt, found.receipt_sha256),
        "in_trail": _is_in_trail(str(key), found.receipt_sha256),
    }


def _is_in_trail(answer_id: str, sha256: str) -> bool:
    events = control.list_events(answer_id, action="answer.")
    sealed = [event for event in events if event.data.get("receipt_sha256")]
    return bool(sealed) and sealed[-1].data["receipt_sha256"] == sha256


def _checks(answer: Answer, receipt: dict[str, Any]) -> list[Check]:
    """Of the receipt itself, of the texts it was written for, and of the audit trail."""
    in_trail = _is_in_trail(str(answer.pk), answer.receipt_sha256)
    return [
        Check(
            "The receipt is as it was written.",
            control.verify_receipt(receipt, answer.receipt_sha256),
        ),
        Check(
            "The question is the one it was written for.",
            _sha256(answer.message.text) == receipt.get("question_sha256"),
        ),
        Check(
            "The answer is the one it was written for.",
            _sha256(answer.text) == receipt.get("answer_sha256"),
        ),
        Check("The audit trail holds the same hash.", in_trail),
    ]


def _passages(scope: Scope, receipt: dict[str, Any]) -> list[UsedPassage]:
    used = receipt.get("passages", ())
    found = DocumentVersion.objects.filter(
        pk__in={passage["version"] for passage in used if passage["version"]},
        zone_id__in=scope.zone_ids,
    )
    versions = {
        str(version.pk): version
        for version in found.select_related("document", "zone").defer("content", "text")
    }
    cited = set(receipt.get("cited", ()))
    return [_passage(each, versions.get(each["version"]), cited) for each in used]


def _passage(used: dict[str, Any], version: DocumentVersion | None, cited: set[int]) -> UsedPassage:
    number = used["number"]
    if used["version"] is None:
        return UsedPassage(
            number, number in cited, title="A file that was attached to the question"
        )
    if version is None:
        return UsedPassage(number, number in cited)
    return UsedPassage(
        number,
        number in cited,
        title=version.document.title,
        version=version.number,
        zone=version.zone.name,
        url=f"/documents/{version.document_id}/?version={version.pk}"
        f"&start={used['start']}&end={used['end']}#passage",
    )


def _assistant(receipt: dict[str, Any]) -> str:
    slug = str(receipt.get("assistant", ""))
    return Assistant.objects.filter(slug=slug).values_list("name", flat=True).first() or slug


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _uuid(answer_id: str) -> uuid.UUID:
    try:
        return uuid.UUID(answer_id)
    except ValueError:
        raise NotFound(f"not an id: {answer_id[:80]!r}") from None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
