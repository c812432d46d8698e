"""The gate: what it lets through has a ticket and a record, and nothing else has a ticket."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import time
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from assistants import control
from assistants.control import egress, inspection
from assistants.control.egress import MAX_PAYLOAD_BYTES, EgressRequest, check_egress
from assistants.control.inspection import running
from assistants.exceptions import TicketRefused
from assistants.models import AuditEvent, EgressRecord
from assistants.tickets import from_base64url, verify_ticket
from assistants.types import (
    CLOUD,
    ON_PREM,
    DeploymentSpec,
    Finding,
    Outcome,
    Sensitivity,
    Treatment,
    ZoneRules,
)

CLOUD_EU = DeploymentSpec("anthropic", "anthropic", CLOUD, "eu", "model-1")
TEXT = "Please summarise what [PERSON_1] wrote to [ORGANIZATION_1] about section 4.2."
STAYS = "It stays on the premises."


def rules(treatment: Treatment = Treatment.REDACT, *places: str) -> ZoneRules:
    return ZoneRules(Sensitivity.INTERNAL, frozenset(places or {"cloud:eu"}), treatment)


def payload_of(text: str) -> str:
    return json.dumps({"messages": [{"role": "user", "text": text}], "max_tokens": 1024})


def request(text: str = TEXT, **changed: Any) -> EgressRequest:
    usual = EgressRequest(
        payload=payload_of(text),
        text=text,
        purpose="answer",
        subject="0190a6c2-0000-7000-8000-000000000001",
        actor="alice",
        zones=("general", "compliance"),
        rules=rules(),
        zone_refusal=None,
        deployment=CLOUD_EU,
        sealed=True,
        known=["Jane Doe", "Brackenfell Logistics"],
        placeholders={"PERSON": 1, "ORGANIZATION": 1},
    )
    return dataclasses.replace(usual, **changed)


def refused(request: EgressRequest, reason: str) -> EgressRecord:
    """It is, with this reason, a record and no ticket."""
    verdict = check_egress(request)
    assert verdict.decision.outcome is Outcome.BLOCK
    assert reason in verdict.decision.rule
    assert verdict.decision.rule.endswith(STAYS)
    assert verdict.ticket is None
    record = EgressRecord.objects.get(pk=verdict.record)
    assert (record.outcome, record.expires) == ("block", None)
    assert AuditEvent.objects.get(data__record=verdict.record).action == "egress.refused"
    return record


class TestAllowed:
    def test_a_ticket_for_exactly_this_payload(self, db):
        verdict = check_egress(request())
        assert verdict.decision.outcome is Outcome.ALLOW, verdict.decision.rule
        public_key = from_base64url(control.get_egress_public_key())
        to = {"deployment": "anthropic", "place": "cloud:eu", "now": time.time()}
        verify_ticket(public_key, verdict.ticket, payload=request().payload, **to)
        with pytest.raises(TicketRefused, match="another payload"):
            verify_ticket(public_key, verdict.ticket, payload=request().payload + " ", **to)

    def test_its_record_tells_all_but_the_content(self, db):
        verdict = check_egress(request())
        record = EgressRecord.objects.get()
        assert verdict.ticket is not None
        assert str(record.pk) == verdict.record == verdict.ticket.record
        assert record.payload_sha256 == verdict.ticket.payload_sha256
        assert record.expires.timestamp() == verdict.ticket.expires
        assert (record.actor, record.purpose, record.place) == ("alice", "answer", "cloud:eu")
        assert (record.zones, record.treatment) == (["compliance", "general"], "redact")
        assert (record.placeholders, record.findings) == ({"PERSON": 1, "ORGANIZATION": 1}, [])
        event = AuditEvent.objects.get()
        assert (event.action, event.actor, event.subject) == (
            *("egress.allowed", "alice"),
            request().subject,
        )
        assert event.data["sha256"] == record.sha256

    def test_unsealed_text_where_the_zone_allows_it(self, db):
        verdict = check_egress(request(sealed=False, rules=rules(Treatment.ALLOW)))
        assert verdict.ticket is not None
        assert "as it is" in verdict.decision.rule


class TestPlaces:
    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"zone_refusal": "The zone clinical may not leave the premises."}, "zone clinical"),
            ({"rules": rules(Treatment.DENY)}, "lets nothing leave"),
            ({"rules": rules(Treatment.REDACT), "sealed": False}, "this is not sealed"),
            ({"rules": rules(Treatment.REDACT), "sealed": 1}, "this is not sealed"),
            ({"rules": rules(Treatment.ALLOW, ON_PREM)}, "does not permit cloud:eu"),
            ({"rules": rules(Treatment.ALLOW, "cloud:us")}, "does not permit cloud:eu"),
            ({"rules": rules(Treatment.ALLOW, "cloud:e")}, "does not permit cloud:eu"),
            (
                {"rules": ZoneRules(Sensitivity.PUBLIC, frozenset(), Treatment.ALLOW)},
                "does not permit cloud:eu",
            ),
            (
                {"deployment": dataclasses.replace(CLOUD_EU, region="")},
                "does not permit cloud",
            ),
            (
                {"deployment": dataclasses.replace(CLOUD_EU, environment=ON_PREM)},
                "gets no ticket",
            ),
        ],
    )
    def test_where_the_zone_does_not_permit_it(self, db, changed, reason):
        refused(request(**changed), reason)

    def test_a_whole_environment_has_its_regions(self, db):
        assert check_egress(request(rules=rules(Treatment.REDACT, CLOUD))).ticket is not None


class TestContent:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("Ask Jane Doe.", "“known values” found a value of this conversation in clear"),
            ("Ask eoD enaJ.", "“known values” found a value of this conversation written backw"),
            ("Card 4539 1488 0343 6467", "“identifiers” found credit card"),
            ("Mail jd@northgate.test", "“contact details” found email address"),
            ("password: hunter2-x", "“secrets” found password"),
            ("H4sIAAAAAAAAA3" + "x9Q2bTz7" * 12, "“encodings” found that it holds"),
        ],
    )
    def test_what_is_found_stays(self, db, text, reason):
        record = refused(request(text), reason)
        assert record.findings
        told = json.dumps([record.rule, record.findings, record.placeholders])
        for word in ("Jane", "Doe", "4539", "northgate", "hunter2"):
            assert word not in told

    def test_the_payload_counts_whatever_is_said_of_it(self, db):
        refused(request(payload=payload_of("It is Jane Doe."), text="Nothing."), "known values")

    def test_a_field_that_stands_there_twice(self, db):
        payload = '{"text": "Jane Doe", "text": "nobody"}'
        refused(request(payload=payload, text="nobody"), "known values")

    def test_a_field_may_not_be_a_hiding_place(self, db):
        refused(request(payload=json.dumps({"Jane Doe": 1}), text=""), "known values")
        refused(request(payload=json.dumps({"seed": 4539148803436467}), text=""), "identifiers")

    def test_what_is_no_json_is_inspected_as_it_is(self, db):
        refused(request(payload="Jane Doe", text=""), "known values")

    def test_a_value_split_over_messages(self, db):
        texts = ["It begins with 4539 1488", "and it ends with 0343 6467, thanks"]
        payload = json.dumps({"messages": [{"role": "user", "text": text} for text in texts]})
        refused(request(payload=payload, text="\n\n".join(texts), known=()), "identifiers")

    def test_harmless_is_what_a_person_said_is_harmless(self, db):
        refused(request("Jane Doe is nobody in law."), "known values")
        text = "Jane Doe is nobody in law; see 10.20.30.40."
        refused(request(text, harmless=["jane doe"]), "contact details")
        assert check_egress(request(text, harmless=["jane doe", "10.20.30.40"])).ticket


class TestFailingClosed:
    def test_too_long(self, db):
        refused(request("word " * (MAX_PAYLOAD_BYTES // 5)), "longer than the 524,288 bytes")

    def test_no_valid_unicode(self, db):
        refused(request(payload='{"text": "\ud800"}', text=""), "no valid Unicode")

    def test_a_document_nested_too_deeply(self, db):
        refused(request(payload="[" * 100_000 + "]" * 100_000, text=""), "RecursionError")

    @pytest.mark.parametrize(
        ("name", "attribute"),
        [
            ("encodings", "read_layers"),
            ("identifiers", "find_identifiers"),
            ("contact details", "find_contacts"),
            ("secrets", "find_secrets"),
            ("known values", "find_known"),
        ],
    )
    def test_each_check_that_fails_or_hangs(self, db, monkeypatch, name, attribute):
        def fail(*args: object) -> Any:
            raise ValueError("Jane Doe's text")

        monkeypatch.setattr(inspection, attribute, fail)
        record = refused(request(), f"“{name}” could not be carried out: it failed with ValueError")
        assert record.findings == [{"guardrail": name, "type": "FAILED", "severity": 100}]
        assert "Jane" not in record.rule

        let_go = threading.Event()
        monkeypatch.setattr(inspection, attribute, lambda *args: let_go.wait() and [])
        monkeypatch.setattr(running, "SECONDS", 0.05)
        try:
            refused(request(), f"“{name}” could not be carried out: it did not end within")
        finally:
            let_go.set()

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(lambda text: 1 / 0, id="fails"),
            pytest.param(lambda text: exit(), id="exits"),
            pytest.param(lambda text: None, id="says nothing"),
            pytest.param(lambda text: ["found"], id="says no finding"),
            pytest.param(lambda text: [Finding("x", float("nan"), "PERSON")], id="is no number"),
            pytest.param(lambda text: [Finding("x", -1.0, "PERSON")], id="is below nothing"),
        ],
    )
    def test_a_handed_in_detector_that_fails(self, db, answer):
        refused(request(detectors={"second look": answer}), "“second look” could not be carried")

    def test_a_handed_in_detector_that_hangs_in_python(self, db, monkeypatch):
        stop = threading.Event()

        def hang(text: str) -> list[Finding]:
            while not stop.is_set():
                pass
            return []

        monkeypatch.setattr(running, "SECONDS", 0.2)
        try:
            refused(request(detectors={"second look": hang}), "did not end within 0.2 seconds")
        finally:
            stop.set()

    def test_many_that_hang_refuse_at_once(self, db, monkeypatch):
        stop = threading.Event()
        monkeypatch.setattr(running, "SECONDS", 0.01)
        monkeypatch.setattr(running, "MOST_LEFT_BEHIND", 2)
        hanging = request(detectors={"second look": lambda text: stop.wait() and []})
        try:
            for _ in range(2):
                refused(hanging, "did not end")
            refused(request(), "too many earlier checks still hang")
        finally:
            stop.set()

    def test_what_a_second_look_finds(self, db):
        def find(text: str) -> list[Finding]:
            return [Finding("spans", 0.9, "PERSON"), Finding("spans", 0.9, "Jane Doe is here")]

        record = refused(request(detectors={"second look": find}), "“second look” found person")
        assert record.findings == [
            {"guardrail": "second look", "type": "PERSON", "severity": 90},
            {"guardrail": "second look", "type": "", "severity": 90},
        ]

    def test_a_second_look_sees_text_that_was_not_declared(self, db):
        seen: list[str] = []
        payload = json.dumps({"text": "declared", "more": "not declared at all"})
        detectors = {"second look": lambda text: seen.append(text) or []}
        check_egress(request(payload=payload, text="declared", detectors=detectors))
        assert seen == ["declared\n\nnot declared at all"]

    def test_what_it_is_not_sure_of_is_noted_only(self, db):
        unsure = {"second look": lambda text: [Finding("spans", 0.2, "PERSON")]}
        verdict = check_egress(request(detectors=unsure))
        assert verdict.ticket is not None
        assert EgressRecord.objects.get().findings[0]["severity"] == 20

    def test_without_a_ledger_there_is_no_ticket(self, db, monkeypatch):
        def fail(**event: object) -> None:
            raise DatabaseError("away")

        monkeypatch.setattr("assistants.control.ledger.record_event", fail)
        verdict = check_egress(request())
        assert (verdict.ticket, verdict.record) == (None, "")
        assert "ledger could not be written" in verdict.decision.rule
        assert not EgressRecord.objects.exists()

    def test_without_a_database_there_is_no_ticket(self, monkeypatch):
        """No fixture: whoever asks for a connection is refused one."""
        verdict = check_egress(request())
        assert verdict.ticket is None
        assert "ledger could not be written" in verdict.decision.rule

    @pytest.mark.django_db(transaction=True)
    def test_within_a_transaction_there_is_no_ticket(self):
        """It would outlive its record if the transaction were rolled back."""
        with transaction.atomic():
            assert check_egress(request()).ticket is None
        assert not EgressRecord.objects.exists()

    def test_without_a_key_there_is_no_ticket(self, db, monkeypatch):
        monkeypatch.setattr(egress, "signing_seed", lambda: b"too short")
        refused(request(), "The egress gate failed.")

    def test_a_request_that_makes_no_sense(self, db):
        verdict = check_egress(request(payload=None))
        assert (verdict.decision.outcome, verdict.ticket) == (Outcome.BLOCK, None)

    def test_nothing_of_the_text_is_logged(self, db, monkeypatch, caplog):
        def fail(*args: object, **options: object) -> Any:
            raise ValueError("Jane Doe wrote")

        monkeypatch.setattr(egress, "inspect", fail)
        with caplog.at_level(logging.DEBUG):
            refused(request(), "The egress gate failed.")
        assert "ValueError" in caplog.text
        assert "Jane" not in caplog.text


class TestLedger:
    @pytest.fixture
    def records(self, transactional_db):
        return [
            check_egress(request()).record,
            check_egress(request("Ask Jane Doe.")).record,
            check_egress(request(subject="")).record,
        ]

    def test_an_untouched_ledger_holds(self, records, capsys):
        assert control.verify_ledger() is None
        call_command("verify_audit")
        assert "The chain holds: 3 events" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "sql",
        [
            "update assistants_egressrecord set outcome = 'allow', rule = 'fine' where id = %s",
            "update assistants_egressrecord set place = 'on_prem' where id = %s",
            "update assistants_egressrecord set at = at - interval '1 hour' where id = %s",
            "update assistants_egressrecord set findings = '[]' where id = %s",
            "delete from assistants_egressrecord where id = %s",
        ],
    )
    def test_tampering_shows_where_it_happened(self, records, owner, sql):
        owner.execute("alter table assistants_egressrecord disable trigger append_only")
        owner.execute(sql, [records[1]])
        owner.execute("alter table assistants_egressrecord enable trigger append_only")
        assert control.verify_ledger() == records[1]
        with pytest.raises(CommandError, match=records[1]):
            call_command("verify_audit")

    def test_a_record_that_was_slipped_in_shows(self, records):
        one = EgressRecord.objects.get(pk=records[0])
        one.pk = "0190a6c2-0000-7000-8000-0000000000ff"
        one.sha256 = control.sha256_of({**_fields(one), "id": one.pk})
        one.save(force_insert=True)
        assert control.verify_ledger() == one.pk

    @pytest.mark.parametrize(
        "sql",
        [
            "update assistants_egressrecord set outcome = 'allow'",
            "delete from assistants_egressrecord",
        ],
    )
    def test_the_database_refuses_to_change_it(self, records, owner, sql):
        with pytest.raises(psycopg.DatabaseError, match="append-only"):
            owner.execute(sql)


def _fields(record: EgressRecord) -> dict[str, object]:
    from assistants.control import ledger

    return ledger._fields(record)
