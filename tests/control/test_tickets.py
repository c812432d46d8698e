from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command

from assistants import control
from assistants.exceptions import TicketRefused
from assistants.tickets import (
    CLOCK_SKEW_SECONDS,
    TICKET_SECONDS,
    decode_ticket,
    encode_ticket,
    from_base64url,
    public_key_of,
    sign_ticket,
    to_base64url,
    verify_ticket,
)
from assistants.types import EgressTicket

SEED = bytes(range(32))
NOW = 1_800_000_000.0
PAYLOAD = '{"messages":["Grüße an [PERSON_1]"]}'
TICKET = sign_ticket(
    SEED,
    record="0190",
    payload=PAYLOAD,
    deployment="anthropic",
    place="cloud:eu",
    expires=int(NOW) + TICKET_SECONDS,
)


def verify(ticket: Any = TICKET, **changed: Any) -> None:
    known = {
        "payload": PAYLOAD,
        "deployment": "anthropic",
        "place": "cloud:eu",
        "now": NOW,
    }
    public_key = changed.pop("public_key", public_key_of(SEED))
    verify_ticket(public_key, ticket, **{**known, **changed})


def test_a_ticket_verifies_before_and_after_the_wire():
    verify()
    verify(decode_ticket(encode_ticket(TICKET)))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"payload": PAYLOAD + " "}, "another payload"),
        ({"deployment": "mistral"}, "another deployment"),
        ({"place": "cloud:us"}, "another place"),
        ({"now": NOW + TICKET_SECONDS + CLOCK_SKEW_SECONDS + 1}, "expired"),
        ({"now": NOW - CLOCK_SKEW_SECONDS - 1}, "compare the clocks"),
        ({"now": math.nan}, "expired"),
        ({"public_key": public_key_of(os.urandom(32))}, "does not verify"),
        ({"public_key": b"short"}, "cannot be checked"),
        ({"payload": "\ud800"}, "cannot be checked"),
        ({"payload": None}, "cannot be checked"),
    ],
)
def test_it_is_for_one_payload_one_deployment_and_one_time(changed, reason):
    with pytest.raises(TicketRefused, match=reason) as refused:
        verify(**changed)
    assert refused.value.permanent


def test_clocks_may_differ_a_little():
    verify(now=NOW + TICKET_SECONDS + CLOCK_SKEW_SECONDS)
    verify(now=NOW - CLOCK_SKEW_SECONDS)


@pytest.mark.parametrize("field", [field.name for field in fields(EgressTicket)])
def test_no_field_can_be_changed(field):
    value = getattr(TICKET, field)
    other = value + 1 if isinstance(value, int) else value[:-1] + ("B" if value[-1] != "B" else "C")
    for changed in (other, None, 1.5, b"", [], "é\ud800"):
        with pytest.raises(TicketRefused):
            verify(replace(TICKET, **{field: changed}))


def test_one_signature_has_one_spelling():
    """Otherwise one permission could look like two."""
    with pytest.raises(TicketRefused):
        verify(replace(TICKET, signature=TICKET.signature + "=="))
    with pytest.raises(TicketRefused):
        verify(replace(TICKET, signature=TICKET.signature + "\n"))


def test_a_signature_over_the_same_fields_for_another_purpose_is_none():
    unsigned = {**asdict(TICKET)}
    del unsigned["signature"]
    text = json.dumps(unsigned, sort_keys=True, separators=(",", ":"))
    signature = Ed25519PrivateKey.from_private_bytes(SEED).sign(text.encode())
    with pytest.raises(TicketRefused, match="does not verify"):
        verify(replace(TICKET, signature=to_base64url(signature)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 4000,
        "9" * 4500,
        "x" * 100_000,
        '"ticket"',
        "\ud800",
        encode_ticket(TICKET)[:-1],
        encode_ticket(TICKET) + encode_ticket(TICKET),
        encode_ticket(TICKET)[:-1] + ',"more":1}',
        encode_ticket(TICKET)[:-1] + ',"place":"cloud:us"}',
        encode_ticket(replace(TICKET, expires=True)),
        encode_ticket(replace(TICKET, expires="soon")),  # type: ignore[arg-type]
        encode_ticket(replace(TICKET, place=None)),  # type: ignore[arg-type]
        json.dumps({**asdict(TICKET), "expires": 1.0}),
        None,
        b"{}",
    ],
)
def test_what_is_no_ticket_is_refused(text):
    with pytest.raises(TicketRefused):
        decode_ticket(text)


def test_any_damage_on_the_wire_is_refused():
    """Every byte flipped, left out or doubled."""
    text = encode_ticket(TICKET)
    for at in range(len(text)):
        for damaged in (
            text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :],
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
        ):
            with pytest.raises(TicketRefused):
                verify(decode_ticket(damaged))


def test_base64url_round_trip():
    for size in range(6):
        value = os.urandom(size)
        assert from_base64url(to_base64url(value)) == value
    for text in ("a", "a=", "+/", "YQ==", "YR", " YQ", "ä"):
        with pytest.raises(ValueError):
            from_base64url(text)


def test_the_public_key_is_printed_for_cloud_workers(settings, capsys):
    settings.SECRET_KEY = "a secret of this installation"
    call_command("egress_public_key")
    printed = capsys.readouterr().out.strip()
    assert len(from_base64url(printed)) == 32
    settings.SECRET_KEY = "a secret of another installation"
    assert control.get_egress_public_key() != printed
