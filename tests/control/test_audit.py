from __future__ import annotations

import psycopg
import pytest

from assistants.control import record_event, sha256_of, verify_chain, verify_receipt
from assistants.models import AuditEvent


@pytest.fixture
def chain(transactional_db):
    return [record_event(action="test", subject=str(n), data={"n": n}) for n in range(4)]


def test_an_untouched_chain_holds(chain):
    assert verify_chain() is None
    assert chain[1].previous_sha256 == chain[0].sha256


@pytest.mark.parametrize(
    "sql",
    [
        "update assistants_auditevent set data = '{\"n\": 9}' where number = 2",
        "update assistants_auditevent set actor = 'somebody else' where number = 2",
        "update assistants_auditevent set at = at + interval '1 second' where number = 2",
        "delete from assistants_auditevent where number = 2",
    ],
)
def test_tampering_shows_where_it_happened(chain, owner, sql):
    owner.execute("alter table assistants_auditevent disable trigger append_only")
    owner.execute(sql)
    owner.execute("alter table assistants_auditevent enable trigger append_only")
    assert verify_chain() == 2


@pytest.mark.parametrize(
    "sql",
    [
        "update assistants_auditevent set action = 'x'",
        "delete from assistants_auditevent",
        "truncate assistants_auditevent",
    ],
)
def test_the_database_refuses_to_change_the_trail(chain, owner, sql):
    """Also to its owner; the app's role is not even asked (tests/guards)."""
    truncating = "table assistants_auditevent {} trigger append_only_truncate"
    owner.execute("alter " + truncating.format("enable"))
    try:
        with pytest.raises(psycopg.DatabaseError, match="append-only"):
            owner.execute(sql)
    finally:
        owner.execute("alter " + truncating.format("disable"))
    assert AuditEvent.objects.count() == 4


def test_a_changed_receipt_does_not_verify():
    receipt = {"answer": "1", "zones": ["general"], "cited": [1, 2]}
    sha256 = sha256_of(receipt)
    assert verify_receipt({"cited": [1, 2], "zones": ["general"], "answer": "1"}, sha256)
    assert not verify_receipt({**receipt, "cited": [1]}, sha256)


def test_floats_have_no_place_in_a_receipt():
    with pytest.raises(TypeError, match="float"):
        sha256_of({"cost": {"euro": 0.1}})
