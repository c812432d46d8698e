"""The second wire test: each detector and each stage is made to fail; then nothing leaves."""

from __future__ import annotations

import threading
import zlib
from contextlib import suppress

import pytest

from assistants import compute, control, data
from assistants.control import egress as gate
from assistants.control import inspection
from assistants.control.inspection import running
from assistants.data.privacy import detection, people, tagger, views
from assistants.models import Answer
from assistants.services import egress
from benchmarks.canaries import make_requests, readings, seen_on_wire
from tests import factories, fakes
from tests.services.test_chat import ask

# What is prepared to leave is read by another thread: it has to be committed.
pytestmark = pytest.mark.django_db(transaction=True)

REQUESTS = 5
# A patient's number is none of them: a message with one stays whatever works.
LEAVING = ("name", "email", "iban", "card", "phone", "address")

# Where the seal looks for what must not leave: (owner, name).
DETECTORS = [
    (detection, "claims"),
    (tagger, "tag"),
    (people, "beside_words"),
    (people, "again"),
    (views, "decoded"),
    (views, "backwards"),
    (detection, "fold"),
    (detection, "settle"),
    (data.TermList, "find"),
]
# Where the gate looks once more.
CHECKS = [
    (inspection, name)
    for name in (
        *("read_payload", "read_layers", "fold", "find_identifiers", "find_contacts"),
        *("find_backwards", "find_secrets", "find_known", "find_guises"),
    )
]
STAGES = [
    (data, "get_seal"),
    (data, "save_seal"),
    (data, "get_term_list"),
    (data, "find_terms"),
    (data, "join_zones"),
    (data, "refusal"),
    (data.Seal, "seal_prompt"),
    (data.Seal, "restorer"),
    (egress, "effective_rules"),
    (egress, "encode_ticket"),
    (compute, "encode_sealed"),
    (control, "check_egress"),
    (gate, "inspect"),
    (gate, "record_verdict"),
    (gate, "sign_ticket"),
    (gate, "signing_seed"),
]


def name_of(fault):
    owner, name = fault
    return f"{owner.__name__.rpartition('.')[2]}.{name}"


@pytest.fixture
def models(monkeypatch):
    return fakes.install(monkeypatch, factories.unit_vector(0))


@pytest.fixture
def house(cast, models):
    factories.make_deployment("cloudy", environment="cloud", region="eu", rank=1)
    factories.make_deployment("here", rank=50)
    models.says("cloudy", lambda text: [text])
    models.says("here", ["Answered here."])
    return cast


def seed_of(fault):
    """Each its own texts: what was found in a text before is remembered for a while."""
    return zlib.crc32(name_of(fault).encode())


def send_all(house, seed):
    """Requests with planted values that may leave sealed, one after the other; with the answers."""
    planted = [
        each
        for each in make_requests(400, seed)
        if each.department == "compliance"
        and each.kind in LEAVING
        and each.disguise in ("plain", "lower", "in_a_table", "base64")
    ][:REQUESTS]
    answers = []
    for number, each in enumerate(planted):
        text = f"Draft a letter. {each.messages[0]}"
        with suppress(RuntimeError):  # then the message was not taken at all
            answers.append(ask(house.alice, text, client_id=f"fault-{number}"))
    return planted, answers


def test_without_a_fault_some_of_these_are_sealed_and_leave(house, models):
    """Else the tests below would show nothing."""
    _, answers = send_all(house, seed=3)
    assert len(models.sent) >= REQUESTS / 3
    assert {answer.status for answer in answers} == {Answer.Status.COMPLETED}


@pytest.mark.parametrize("fault", [*DETECTORS, *CHECKS, *STAGES], ids=name_of)
def test_what_crashes_keeps_everything_here(house, models, monkeypatch, fault):
    crashed = []

    def crash(*args, **kwargs):
        crashed.append(fault)
        raise RuntimeError("away")

    monkeypatch.setattr(*fault, crash)
    _, answers = send_all(house, seed_of(fault))
    assert crashed
    assert models.sent == []
    ended = {Answer.Status.COMPLETED, Answer.Status.FAILED}
    assert {answer.status for answer in answers} <= ended  # and nothing waits for ever


@pytest.mark.parametrize("fault", CHECKS[3:], ids=name_of)
def test_what_hangs_keeps_everything_here(house, models, monkeypatch, fault):
    monkeypatch.setattr(running, "SECONDS", 0.05)
    monkeypatch.setattr(running, "MOST_LEFT_BEHIND", 100)
    over = threading.Event()
    monkeypatch.setattr(*fault, lambda *args, **kwargs: over.wait(60) and [])
    try:
        _, answers = send_all(house, seed_of(fault))
    finally:
        over.set()
    assert models.sent == []
    assert {answer.status for answer in answers} == {Answer.Status.COMPLETED}


def test_a_seal_that_is_blind_for_numbers_lets_none_out(house, models, monkeypatch):
    """It misses what it should find and says nothing: then the gate's own detectors stop it."""
    monkeypatch.setattr(detection, "claims", lambda folded: [])
    planted, _ = send_all(house, seed=5)
    forms = [form for body in models.sent for form in readings(body)]
    numbered = [each for each in planted if any(sign.isdigit() for sign in each.values[0])]
    assert len(numbered) >= 2
    assert [each for each in numbered if seen_on_wire(each.values, forms)] == []


@pytest.mark.parametrize("fault", CHECKS[3:], ids=name_of)
def test_a_check_of_the_gate_that_is_blind_is_not_the_only_one(house, models, monkeypatch, fault):
    monkeypatch.setattr(*fault, lambda *args, **kwargs: [])
    planted, _ = send_all(house, seed_of(fault) + 1)
    forms = [form for body in models.sent for form in readings(body)]
    assert [each for each in planted if seen_on_wire(each.values, forms)] == []
