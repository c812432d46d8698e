"""Identifiers with a form of their own: found, told apart, and judged."""

from __future__ import annotations

import itertools
import time

import pytest

from assistants import data
from assistants.types import Sensitivity


def found(text: str) -> list[tuple[str, str]]:
    return [(span.type, text[span.start : span.end]) for span in data.find_structured_spans(text)]


@pytest.mark.parametrize(
    ("text", "type", "value"),
    [
        ("card 4111 1111 1111 1111 please", "CREDIT_CARD", "4111 1111 1111 1111"),
        ("card 4111 1111 1111 1111 12/29 123", "CREDIT_CARD", "4111 1111 1111 1111"),
        ("2 4111111111111111 1", "CREDIT_CARD", "4111111111111111"),
        ("order4111111111111111x", "CREDIT_CARD", "4111111111111111"),
        ("call +49 30 901820 2026-03-03", "PHONE_NUMBER", "+49 30 901820"),
        ("amex 3782-822463-10005", "CREDIT_CARD", "3782-822463-10005"),
        ("wire to GB82 WEST 1234 5698 7654 32 now", "IBAN_CODE", "GB82 WEST 1234 5698 7654 32"),
        ("pay DE89.3704.0044.0532.0130.00 1", "IBAN_CODE", "DE89.3704.0044.0532.0130.00"),
        ("an de89370400440532013000.", "IBAN_CODE", "de89370400440532013000"),
        ("routing number 021000021", "ROUTING_NUMBER", "021000021"),
        ("SWIFT: DEUTDEFF500", "SWIFT_CODE", "DEUTDEFF500"),
        (
            "to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
            "CRYPTO_ADDRESS",
            "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
        ),
        (
            "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
            "CRYPTO_ADDRESS",
            "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        ),
        ("my ssn is 536-22-8726", "US_SSN", "536-22-8726"),
        ("social security 536228726", "US_SSN", "536228726"),
        ("ITIN 912-70-1234", "US_ITIN", "912-70-1234"),
        ("NHS number 943 476 5919", "UK_NHS", "943 476 5919"),
        ("NI no. AB 12 34 56 C", "UK_NINO", "AB 12 34 56 C"),
        ("Steuer-ID 86 095 742 719", "DE_TAX_ID", "86 095 742 719"),
        ("NIR 2 55 08 14 168 025 38", "FR_NIR", "2 55 08 14 168 025 38"),
        ("DNI 12345678Z", "ES_DNI", "12345678Z"),
        ("NIE X1234567L", "ES_NIE", "X1234567L"),
        ("CF RSSMRA85T10A562S", "IT_FISCAL_CODE", "RSSMRA85T10A562S"),
        ("BSN 111222333", "NL_BSN", "111222333"),
        ("PESEL 44051401359", "PL_PESEL", "44051401359"),
        ("AHV 756.9217.0769.85", "CH_AHV", "756.9217.0769.85"),
        ("811228-9874", "SE_PERSONAL_NUMBER", "811228-9874"),
        ("HETU 131052-308T", "FI_HETU", "131052-308T"),
        ("CPF 111.444.777-35", "BR_CPF", "111.444.777-35"),
        ("SIN 046 454 286", "CA_SIN", "046 454 286"),
        ("VIN 1M8GDM9AXKP042788", "VEHICLE_ID", "1M8GDM9AXKP042788"),
        ("IMEI 490154203237518", "DEVICE_ID", "490154203237518"),
        ("MRN: 00482913", "MEDICAL_RECORD_NUMBER", "00482913"),
        ("medical record number is A-44821", "MEDICAL_RECORD_NUMBER", "A-44821"),
        ("member ID: XKJ4482913", "HEALTH_PLAN_NUMBER", "XKJ4482913"),
        ("driver's license number is D123-4567-8901", "DRIVER_LICENSE", "D123-4567-8901"),
        ("passport no. C01X00T47", "PASSPORT", "C01X00T47"),
        ("license plate 7ABC123", "LICENSE_PLATE", "7ABC123"),
        ("serial number SN-4482-A", "DEVICE_ID", "SN-4482-A"),
        ("MAC 00:1B:44:11:3A:B7", "MAC_ADDRESS", "00:1B:44:11:3A:B7"),
        ("from 10.4.18.220 today", "IP_ADDRESS", "10.4.18.220"),
        ("at 2001:db8:85a3::8a2e:370:7334", "IP_ADDRESS", "2001:db8:85a3::8a2e:370:7334"),
        ("write to jane.o'neil@example.co.uk.", "EMAIL_ADDRESS", "jane.o'neil@example.co.uk"),
        ("jane dot roe at example dot com", "EMAIL_ADDRESS", "jane dot roe at example dot com"),
        ("see https://example.org/p?id=7.", "URL", "https://example.org/p?id=7"),
        ("call +44 20 7946 0018", "PHONE_NUMBER", "+44 20 7946 0018"),
        ("(415) 555-0132", "PHONE_NUMBER", "(415) 555-0132"),
        ("415-555-0132 x88", "PHONE_NUMBER", "415-555-0132 x88"),
        ("tel 0688 872 49 99", "PHONE_NUMBER", "0688 872 49 99"),
        ("fax 212-555-0199", "FAX_NUMBER", "212-555-0199"),
        ("born 12 March 1961", "DATE", "12 March 1961"),
        ("seen 2024-02-29", "DATE", "2024-02-29"),
        ("on 3/14/98 he", "DATE", "3/14/98"),
        ("january tenth two thousand nine", "DATE", "january tenth two thousand nine"),
        ("she is 93 years old", "AGE", "93 years old"),
        ("221B Baker Street, Suite 4", "ADDRESS", "221B Baker Street, Suite 4"),
        ("Springfield, IL 62704", "ZIP_CODE", "62704"),
        ("London NW1 6XE", "ZIP_CODE", "NW1 6XE"),
        ("London SW1A 1AA", "ZIP_CODE", "SW1A 1AA"),
        ("Ottawa ON K1A 0B1", "ZIP_CODE", "K1A 0B1"),
        ("NINO AB 12 34 56 C", "UK_NINO", "AB 12 34 56 C"),
        ("at 1.1.1.1 again", "IP_ADDRESS", "1.1.1.1"),
        ("5" + "," * 40 + " 1.1.1.1", "IP_ADDRESS", "1.1.1.1"),
        ("since 1998 it was (2004)", "YEAR", "1998"),
        ("since 1998 it was (2004)", "YEAR", "2004"),
        ("your one-time code is 4821", "SECRET", "4821"),
        ("sid AC" + "0123456789abcdef" * 2, "API_KEY", "AC" + "0123456789abcdef" * 2),
        ("0x" + "5aAeb6053F" * 4, "CRYPTO_ADDRESS", "0x" + "5aAeb6053F" * 4),
        ("key AKIA" + "IOSFODNN7QQQQQQQ", "API_KEY", "AKIA" + "IOSFODNN7QQQQQQQ"),
        (
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "API_KEY",
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        ),
        ("password: hunter2!x", "SECRET", "hunter2!x"),
        ("postgres://app:s3cr3tpw@db/x", "PASSWORD", "s3cr3tpw"),
    ],
)
def test_each_form_is_found(text: str, type: str, value: str):
    assert (type, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Give 500 mg twice daily for 7 days; potassium 4.2 mmol/l, BP 128/76.",
        "Section 4.2.1 applies from chapter 12; see pages 112-118.",
        "The ratio was 1,250,000 to 3 and rose by 12.5 %.",
        "std::vector<int> and a::b at 12:30:45",
        "for i in range(1000): total += values[i]",
        "password = os.environ['DB_PASSWORD']",
        "order 4111111111111112",  # Luhn does not fit
    ],
)
def test_plain_text_holds_nothing(text: str):
    assert found(text) == []


def test_spans_do_not_overlap_and_are_in_order():
    text = "Jane, jane@example.com, 415-555-0132, born 1/2/1970, IBAN GB82WEST12345698765432 " * 5
    spans = data.find_structured_spans(text)
    assert spans
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    assert all(text[s.start : s.end].strip() == text[s.start : s.end] for s in spans)


def test_a_private_key_is_one_span():
    key = (
        "-----BEGIN RSA "
        + "PRIVATE KEY-----\n"
        + "MIIEpAIBAAKCAQEA7x9\n" * 20
        + "-----END RSA PRIVATE KEY-----"
    )
    assert found(f"here: {key} thanks") == [("PRIVATE_KEY", key)]


@pytest.mark.parametrize(
    "piece",
    [
        "1",
        "1 ",
        "1.",
        "a@",
        "1:",
        "(1",
        "x1-",
        "12 Aa ",
        "http://",
        "password",
        "a dot ",
        "-----BEGIN " + "PRIVATE KEY-----",
        "eyJ",
        "mrn is 12 ",
        "٣",
        "а1",
    ],
)
def test_hostile_texts_cost_linear_time(piece: str):
    def seconds(size: int) -> float:
        text = (piece * size)[:size]
        started = time.process_time()
        data.find_structured_spans(text)
        return time.process_time() - started

    small, large = seconds(5_000), seconds(40_000)
    assert large < 0.5 + 24 * small  # eight times the text; quadratic time would take 64 times


# -- what a text's identifiers say of it ----------------------------------------------------------


def judged(text: str):
    return data.classify_sensitivity(data.find_structured_spans(text), text)


@pytest.mark.parametrize(
    ("text", "level", "evidence"),
    [
        ("Her card is 4539 7683 0496 7106.", Sensitivity.CONFIDENTIAL, "CREDIT_CARD"),
        ("ssn 536-22-8726", Sensitivity.CONFIDENTIAL, "US_SSN"),
        (
            "-----BEGIN " + "PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
            Sensitivity.CONFIDENTIAL,
            "PRIVATE_KEY",
        ),
        (
            "Patient, MRN 00482913, admitted with pneumonia. Amoxicillin 500 mg, no allergies.",
            Sensitivity.RESTRICTED,
            "PATIENT_RECORD",
        ),
        (
            "DOB: 3/4/1961. The patient was diagnosed with asthma and takes prednisolone.",
            Sensitivity.RESTRICTED,
            "PATIENT_RECORD",
        ),
    ],
)
def test_strong_evidence_raises(text: str, level: Sensitivity, evidence: str):
    found_level, counts = judged(text)
    assert found_level is level
    assert counts[evidence] == 1


@pytest.mark.parametrize(
    "text",
    [
        "Call Jane Roe at 415-555-0132 or jane@example.com.",
        "The patient takes 500 mg amoxicillin twice daily for pneumonia.",
        "Test with card 4242 4242 4242 4242 as the documentation says.",
        "Meeting on 12 March 2024 in Berlin.",
        "Order number 1234567890123456",
        "",
    ],
)
def test_weak_evidence_raises_nothing(text: str):
    assert judged(text) == (None, {})
