"""What an answer was made of: on its page, beside it, and on paper."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from assistants import control, data
from assistants.models import Answer, Chunk, Document, DocumentVersion
from assistants.services.facts import fallback_note, get_facts
from tests import factories
from tests.web.test_chat_pages import ask, reply, signed_in, start

TEXT = "# Gifts\n\nThe limit is EUR 50.\n"
CLOUD_BADGE = {
    "deployment": "anthropic",
    "provider": "anthropic",
    "model": "claude-x",
    "version": "2026-04",
    "environment": "cloud",
    "region": "us",
    "grounded": False,
    "sealed": True,
    "replaced": {"PERSON": 2, "IBAN": 1},
}
SENT = {
    "record": "0199-record",
    "sha256": "c" * 64,
    "payload_sha256": "d" * 64,
    "deployment": "anthropic",
    "place": "cloud:us",
    "outcome": "allow",
    "rule": "nothing objects",
    "replaced": {"PERSON": 2, "IBAN": 1},
}


@pytest.fixture
def gifts(cast: SimpleNamespace) -> Chunk:
    return factories.make_document(cast.zones.compliance, TEXT, title="Gifts & meals")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def answered(cast: SimpleNamespace, chunk: Chunk, **changed: Any) -> Answer:
    """An answer of alice's, with its receipt and its place in the audit trail."""
    message = ask(start(cast.alice), "What is the limit?")
    text = changed.pop("text", "EUR 50 [1].")
    answer = reply(message, text, made_from=["compliance"], zones=["compliance", "general"])
    receipt = {
        "format": 2,
        "answer": str(answer.pk),
        "message": str(message.pk),
        "conversation": str(message.conversation_id),
        "asked_by": "alice",
        "assistant": "compliance",
        "question_sha256": sha256(message.text),
        "answer_sha256": sha256(text),
        "prompt": "compliance v1",
        "badge": CLOUD_BADGE,
        "rule": "Answered in cloud:us because the question needs reasoning.",
        "refusals": [{"deployment": "local", "reason": "not declared good enough"}],
        "zones": ["compliance", "general"],
        "passages": [
            {
                "number": 1,
                "document": str(chunk.version.document_id),
                "version": str(chunk.version_id),
                "start": 9,
                "end": 29,
            }
        ],
        "cited": [1],
        "attempts": [
            {"deployment": "other", "outcome": "overloaded", **tokens(0, 0)},
            {"deployment": "anthropic", "outcome": "stop", **tokens(1204, 188)},
        ],
        "status": "completed",
        "finish_reason": "stop",
        "cost_euro": "0.004215",
        "egress": [SENT],
        "asked": "2026-01-31T10:00:00+00:00",
        "ended": "2026-01-31T10:00:02+00:00",
        **changed,
    }
    digest = control.sha256_of(receipt)
    answer.receipt, answer.receipt_sha256 = receipt, digest
    with data.rights_of_system():
        answer.save()
    control.record_event(
        action="answer.completed", subject=str(answer.pk), data={"receipt_sha256": digest}
    )
    return answer


def tokens(prompt: int, completion: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": completion}


def page(cast: SimpleNamespace, answer: Answer, user: str = "alice") -> str:
    response = signed_in(getattr(cast, user)).get(f"/receipts/{answer.pk}/")
    assert response.status_code == 200
    # as it is read: no tags, one blank between words
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_a_receipt_is_told_in_words(cast: SimpleNamespace, gifts: Chunk) -> None:
    answer = answered(cast, gifts)
    said = page(cast, answer)
    for words in (
        "Asked by alice",
        "Compliance, prompt version compliance v1",
        "claude-x 2026-04 (anthropic)",
        "Cloud: Anthropic, us (sealed, 3 values replaced)",
        "Answered in cloud:us because the question needs reasoning.",
        "Data zones Compliance, General",
        "other did not answer; anthropic took over.",
        "local: not declared good enough",
        "1 × IBAN, 2 × person",
        "0199-record",
        "d" * 64,
        "Gifts &amp; meals version 1, zone Compliance cited",
        "failed: overloaded",
        answer.receipt_sha256,
    ):
        assert words in said
    assert "Verified just now" in said
    assert "EUR 50" not in said  # it holds no text


def test_the_downloaded_receipt_has_the_hash_that_is_told(
    cast: SimpleNamespace, gifts: Chunk
) -> None:
    answer = answered(cast, gifts)
    file = signed_in(cast.alice).get(f"/receipts/{answer.pk}/?format=json")
    assert hashlib.sha256(file.content).hexdigest() == answer.receipt_sha256
    assert json.loads(file.content) == answer.receipt
    assert file["Content-Disposition"].startswith("attachment")


def test_the_passage_opens_in_its_version(cast: SimpleNamespace, gifts: Chunk) -> None:
    answer = answered(cast, gifts)
    html = signed_in(cast.alice).get(f"/receipts/{answer.pk}/").content.decode()
    url = re.search(r'href="(/documents/[^"]+)"', html)
    assert url is not None
    opened = signed_in(cast.alice).get(url[1].replace("&amp;", "&"))
    assert opened.status_code == 200
    assert "<mark" in opened.content.decode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"receipt_sha256": "0" * 64}, "Does not hold: The receipt is as it was written."),
        ({"text": "EUR 5000."}, "Does not hold: The answer is the one it was written for."),
    ],
)
def test_what_was_changed_afterwards_shows(
    cast: SimpleNamespace, gifts: Chunk, change: dict[str, str], said: str
) -> None:
    answer = answered(cast, gifts)
    with data.rights_of_system():
        Answer.objects.filter(pk=answer.pk).update(**change)
    shown = page(cast, answer)
    assert "Not verified" in shown
    assert said in shown


def test_a_receipt_that_was_changed_with_its_hash_does_not_fit_the_trail(
    cast: SimpleNamespace, gifts: Chunk
) -> None:
    answer = answered(cast, gifts)
    forged = {**(answer.receipt or {}), "asked_by": "dave"}
    with data.rights_of_system():
        Answer.objects.filter(pk=answer.pk).update(
            receipt=forged, receipt_sha256=control.sha256_of(forged)
        )
    shown = page(cast, answer)
    assert "Not verified" in shown
    assert "Does not hold: The audit trail holds the same hash." in shown
    assert shown.count("Does not hold") == 1


def test_a_changed_question_shows(cast: SimpleNamespace, gifts: Chunk) -> None:
    answer = answered(cast, gifts)
    with data.rights_of_system():
        answer.message.text = "What is the limit, between us?"
        answer.message.save()
    assert "Does not hold: The question is the one it was written for." in page(cast, answer)


def test_only_its_asker_sees_a_receipt(cast: SimpleNamespace, gifts: Chunk) -> None:
    answer = answered(cast, gifts)
    for user in (cast.dave, cast.carol, cast.adam):
        assert signed_in(user).get(f"/receipts/{answer.pk}/").status_code == 404
        assert signed_in(user).get(f"/receipts/{answer.pk}/?format=json").status_code == 404
    assert signed_in(cast.alice).get(f"/receipts/{uuid.uuid4()}/").status_code == 404


def test_an_answer_that_may_not_be_read_any_more_has_no_receipt_to_see(
    cast: SimpleNamespace, gifts: Chunk
) -> None:
    answer = answered(cast, gifts)
    cast.zones.compliance.readers.clear()
    reply = signed_in(cast.alice).get(f"/receipts/{answer.pk}/")
    assert reply.status_code == 404
    assert "Gifts" not in reply.content.decode()


def test_an_answer_that_has_not_ended_has_no_receipt(cast: SimpleNamespace) -> None:
    pending = reply(ask(start(cast.alice), "Limit?"), "", status="pending")
    assert signed_in(cast.alice).get(f"/receipts/{pending.pk}/").status_code == 404


def test_a_document_that_is_gone_is_said_to_be(cast: SimpleNamespace, gifts: Chunk) -> None:
    answer = answered(cast, gifts)
    with data.rights_of_system():
        Chunk.objects.filter(pk=gifts.pk).delete()
        DocumentVersion.objects.filter(pk=gifts.version_id).delete()
        Document.objects.filter(pk=gifts.version.document_id).delete()
    assert "A document that is not there any more, or not open to you" in page(cast, answer)


def test_an_earlier_receipt_shows_what_it_has(cast: SimpleNamespace, gifts: Chunk) -> None:
    answer = answered(cast, gifts, egress=[], badge=None, cost_euro="0.000000", attempts=[])
    said = page(cast, answer)
    assert "What left the premises Nothing." in said
    assert "no cost" in said


# ---- beside the answer ---------------------------------------------------------------------------


def shown(cast: SimpleNamespace, answer: Answer) -> str:
    path = f"/chat/{answer.message.conversation_id}/"
    html = signed_in(cast.alice).get(path).content.decode()
    start = html.index(f'data-answer="{answer.pk}"')
    return html[start : html.index("</chat-answer>", start)]


def test_a_reload_shows_what_the_stream_did(cast: SimpleNamespace, gifts: Chunk) -> None:
    answer = answered(cast, gifts, text="Ask [PERSON_7] & more.", unrestored=["[PERSON_7]"])
    html = shown(cast, answer)
    assert "Cloud: Anthropic, us" in html
    assert "sealed, 3 values replaced" in html
    assert "other did not answer; anthropic took over." in html
    assert "Sent to anthropic (cloud:us), 3 values replaced." in html
    assert "<dt>local</dt><dd>not declared good enough</dd>" in html
    assert 'value="0.004215"' in html
    assert f'href="/receipts/{answer.pk}/"' in html
    assert 'Ask <mark class="unrestored">[PERSON_7]</mark> &amp; more.' in html
    assert "The model invented <span data-unrestored-list>[PERSON_7]</span>" in html
    assert "data-badge-stand-in hidden" in html


def test_a_draft_can_be_compared(cast: SimpleNamespace, gifts: Chunk) -> None:
    answer = answered(cast, gifts)
    assert "data-draft hidden" in shown(cast, answer)
    answer.draft = "The *first* wording."
    with data.rights_of_system():
        answer.save()
    html = shown(cast, answer)
    assert "data-draft >" in html
    assert "<em>first</em> wording." in html


def test_a_stand_in_is_called_one(cast: SimpleNamespace, gifts: Chunk) -> None:
    badge = {**CLOUD_BADGE, "deployment": "demo-cloud", "model": "stand-in"}
    html = shown(cast, answered(cast, gifts, badge=badge))
    assert "data-badge-stand-in >a stand-in for a cloud" in html


def test_the_answer_that_keeps_a_conversation_on_the_premises_says_so(
    cast: SimpleNamespace, gifts: Chunk
) -> None:
    cast.zones.clinical.readers.add(*cast.alice.groups.all())
    message = ask(start(cast.alice), "What does the ward do?")
    reply(message, "It washes hands.", zones=["clinical", "general"])
    html = signed_in(cast.alice).get(f"/chat/{message.conversation_id}/").content.decode()
    note = re.search(r"data-ratchet-text>([^<]*)<", html)
    assert note is not None
    assert note[1] == (
        "From here this conversation stays on the premises, because an answer used a passage "
        "from Clinical."
    )


@pytest.mark.parametrize(
    ("attempts", "said"),
    [
        ([("a", "stop")], ""),
        ([("a", "overloaded"), ("a", "stop")], ""),
        ([("a", "overloaded"), ("b", "stop")], "a did not answer; b took over."),
        (
            [("a", "overloaded"), ("b", "timeout"), ("c", "stop")],
            "a and b did not answer; c took over.",
        ),
        (
            [("a", "egress_refused"), ("b", "timeout"), ("c", "stop")],
            "a may not be sent this; b did not answer; c took over.",
        ),
        ([("a", "outpaced"), ("b", "stop")], "a was slower; b took over."),
        ([], ""),
    ],
)
def test_a_fallback_names_who_did_not_answer(attempts: list[tuple[str, str]], said: str) -> None:
    told = [{"deployment": slug, "outcome": outcome} for slug, outcome in attempts]
    assert fallback_note(told, attempts[-1][0] if attempts else "") == said


def test_a_draft_is_no_fallback_unless_nobody_polished_it() -> None:
    drafted = {"deployment": "here", "outcome": "stop"}
    assert fallback_note([drafted, {"deployment": "away", "outcome": "stop"}], "away") == ""
    failed = {"deployment": "away", "outcome": "overloaded"}
    assert fallback_note([drafted, failed], "here") == "away did not answer; here took over."


def test_what_was_held_back_says_why() -> None:
    held = {**SENT, "outcome": "block", "rule": "It holds a key.", "replaced": None}
    assert get_facts({"egress": [held]}).left == [
        "Not sent to anthropic (cloud:us): It holds a key."
    ]
    assert get_facts({"egress": [{**SENT, "replaced": {}}]}).left == [
        "Sent to anthropic (cloud:us), nothing to replace in it."
    ]


def test_an_answer_that_failed_has_no_fallback_to_tell() -> None:
    attempts = [{"deployment": slug, "outcome": "overloaded"} for slug in ("a", "b")]
    assert get_facts({"attempts": attempts, "status": "failed"}).fallback == ""
