"""The gate's own detectors: no disguise hides a value, and what is none is let through."""

# ruff: noqa: E501 (a text is read in one piece)

from __future__ import annotations

import base64
import gzip
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from assistants.control.inspection import CheckFailed, checksums, inspect
from assistants.control.inspection.decoding import DEPTH, LEAST_READ
from assistants.control.inspection.folding import fold
from assistants.control.inspection.payload import read_payload
from assistants.control.inspection.spoken import in_digits
from tests.control import disguises

NAMES = ["Odalys Ferreira", "Brackenfell Logistics", "Marit van der Velde"]
NUMBERS = [
    *("+44 20 7946 0958", "4539 1488 0343 6467", "00734-118-5522", "DE89 3704 0044 0532 0130 00")
]
OTHERS = ["odalys.ferreira@northgate.test", "A-1043-77", "17 Harbour Lane", "tr0ub4dor-x91"]
DOCUMENTS = Path(__file__).resolve().parents[2] / "assistants" / "demo" / "documents"
# A guard test looks for keys in the repository; these are none until they are put together.
KEY = "AKIA" + "Q3EGRIJZ7T5XK2LM"


def payload_of(*texts: str) -> str:
    messages = [{"role": "user", "text": text} for text in texts]
    return json.dumps({"id": "0190a6c2", "messages": messages, "max_tokens": 1024})


def types_in(*texts: str, **options: Any) -> set[str]:
    found = inspect(payload_of(*texts), "\n\n".join(texts), **options)
    return {finding.reason for finding in found}


class TestKnownValues:
    """Also found by the checks that need no known value, as those are there as well."""

    @pytest.mark.parametrize("disguise", disguises.ALWAYS)
    @pytest.mark.parametrize("value", [*NAMES, *NUMBERS, *OTHERS])
    def test_no_form_hides_a_value(self, value, disguise):
        text = disguises.ALWAYS[disguise](value)
        assert types_in("Please summarise.", text, known=[value]), text

    @pytest.mark.parametrize("disguise", disguises.LETTERS)
    @pytest.mark.parametrize("value", NAMES)
    def test_no_form_hides_a_name(self, value, disguise):
        text = disguises.LETTERS[disguise](value)
        assert types_in(text, known=[value]), text

    @pytest.mark.parametrize("disguise", disguises.DIGITS)
    @pytest.mark.parametrize("value", NUMBERS[:3])
    def test_no_form_hides_a_number(self, value, disguise):
        text = disguises.DIGITS[disguise](value)
        assert types_in(text, known=[value]), text

    @pytest.mark.parametrize("value", [*NAMES, *NUMBERS, *OTHERS])
    def test_split_over_messages_at_each_place(self, value):
        for place in range(1, len(value)):
            assert types_in("It is", value[:place], value[place:], known=[value])

    @pytest.mark.parametrize(
        "written",
        [
            *("14 March 1984", "1984-03-14", "14/03/1984", "03/14/84", "14.3.1984", "19840314"),
            *(
                "March 14th, 1984",
                "14. März 1984",
                "14 mars 1984",
                "14 de marzo de 1984",
                "14-Mar-84",
            ),
        ],
    )
    @pytest.mark.parametrize("known", ["14 March 1984", "1984-03-14", "14.03.1984"])
    def test_a_date_in_another_form_or_language(self, known, written):
        assert types_in(f"It was on {written}, she said.", known=[known])

    def test_another_date_is_another(self):
        assert not types_in("It was on 15 March 1984 and on 2024-03-14.", known=["14 March 1984"])

    @pytest.mark.parametrize("text", ["Ferreira's file", "FERREIRA", "ferreira", "arierreF"])
    def test_the_rarer_part_of_a_name(self, text):
        assert types_in(text, known=["Grace Ferreira"])

    def test_a_part_that_is_a_word_as_well_needs_its_capital(self):
        assert types_in("Ask Doe about it.", known=["Jane Doe"])
        assert not types_in("A doe is a female deer.", known=["Jane Doe"])

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("May", "You may go in May."),
            ("Bank", "The bank and the Bank of England."),
            ("10", "10 of 100 in 2010"),
            ("2024", "in 2024"),
            ("Li", "Li-ion batteries"),
            ("Grace Hill", "a grace period up the hill"),
            ("Will Power", "he will have power"),
            ("Ann Lee", "they scann leeks"),
            ("Ian Other", "a Brazilian other"),
            ("Marion", "a marionette"),
            ("Monday", "on Monday"),
            ("3 mg", "take 3 mg"),
            ("", "anything"),
            ("  ", "anything"),
            ("[PERSON_1]", "[PERSON_2] wrote"),
        ],
    )
    def test_common_and_short_values_block_nothing(self, value, text):
        assert not types_in(text, known=[value])

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("Grace Hill", "grace hill called"),
            ("Will Power", "POWER, WILL"),
            ("Kim", "ask Kim"),
            ("Rose", "ask Rose"),
            ("王小明", "请问王小明在吗"),
            ("Łukasz Żółć", "lukasz zolc"),
            ("İbrahim Yıldız", "IBRAHIM YILDIZ"),
            ("Μαρία Παπαδοπούλου", "ΜΑΡΙΑ ΠΑΠΑΔΟΠΟΥΛΟΥ"),
        ],
    )
    def test_but_these_are_looked_for(self, value, text):
        assert types_in(text, known=[value])

    def test_a_word_marked_as_harmless_is_no_part_of_a_name(self):
        assert types_in("Amsterdam is a city.", known=["Amsterdam Harbours"])
        assert not types_in(
            "Amsterdam is a city.", known=["Amsterdam Harbours"], harmless=["Amsterdam"]
        )

    def test_placeholders_are_no_values(self):
        text = "Dear [PERSON_1b], tel [PHONE_2], born [DATE_12], card [CARD_1] [CARD_1] [CARD_2]"
        types = ("PERSON", "PHONE", "DATE", "CARD")
        assert not types_in(text, known=["Person One", "112 1212 12"], placeholders=types)

    @pytest.mark.parametrize(
        "text",
        [
            "Reply to [PERSON_1].doering five  four",
            "ask jane_[PERSON_2b] first",
            "[USERNAME_1]doering is on holiday",
            "jane[EMAIL_3]",
            "Contact: [LOCATION_1].doering76 (more follows)",
            "Reply to janedoering nine  zero [PERSON_1].example please",
        ],
    )
    def test_what_was_replaced_in_part_stays(self, text):
        types = ("PERSON", "USERNAME", "EMAIL", "LOCATION")
        assert "REPLACED_IN_PART" in types_in(text, placeholders=types)

    @pytest.mark.parametrize(
        "text",
        [
            "Thanks to [PERSON_1]. The report of [DATE_1]-[DATE_2] is in minutes_[DATE_1].pdf",
            "[PERSON_1]'s file, [PERSON_1]s Akte, ([EMAIL_1]), `[USERNAME_1]`; <[EMAIL_2]>",
            "[PERSON_1].name = load([PERSON_1]_file) or find_[PERSON_2]",
            "key = [PERSON_1].randomUUID(); [PERSON_2]0 [PERSON_2]1",
        ],
    )
    def test_what_stands_beside_a_placeholder_is_no_part(self, text):
        types = ("PERSON", "USERNAME", "EMAIL", "DATE")
        assert not types_in(text, placeholders=types)

    def test_a_name_that_goes_on_in_the_next_message_stays(self):
        told = "[PERSON_1] asks.\n\nQuestion: akagawa was the rest. When?"
        assert types_in("akagawa was the rest.", known=["Olga N asks"]) == {"CONTINUED"}
        assert types_in(told, known=["Olga N"], placeholders=["PERSON"]) == {"CONTINUED"}
        assert not types_in("please go on", known=["Olga N asks"])
        assert not types_in("akagawa was the rest.", known=["Olga Nilsen", "J. Doe", "N.N."])
        assert not types_in("kubectl(get) and kubectl.get", known=["Olga N asks"])

    def test_a_placeholder_of_no_known_type_is_text(self):
        assert types_in("Dear [FERREIRA_1]", known=["Odalys Ferreira"], placeholders=["PERSON"])


STRUCTURED = {
    "CREDIT_CARD": ["4539 1488 0343 6467", "5425233430109903", "3714-496353-98431", "card 4539148803436467."],
    "IBAN": ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "nl91abna0417164300", "NO93 8601 1117 947"],
    "US_SSN": ["536-22-8145", "536 22 8145", "SSN 536228145", "social security: 536228145"],
    "UK_NHS": ["943 476 5919", "NHS number 9434765919"],
    "UK_NINO": ["QQ 12 34 56 C".replace("QQ", "AB"), "ab123456c"],
    "NL_BSN": ["BSN 111222333"],
    "ROUTING_NUMBER": ["routing number 021000021"],
    "DE_TAX_ID": ["Steuer-ID 86 095 742 719"],
    "FR_NIR": ["2 55 08 14 168 025 38", "255081416802538"],
    "ES_DNI": ["12345678Z", "X1234567L"],
    "IT_FISCAL_CODE": ["RSSMRA85T10A562S"],
    "BE_NATIONAL_NUMBER": ["85.07.30-033.28"],
    "CH_AHV": ["756.9217.0769.85"],
    "SE_PERSONAL_NUMBER": ["811218-9876"],
    "FI_HETU": ["131052-308T"],
    "BR_CPF": ["529.982.247-25"],
    "VEHICLE_ID": ["1M8GDM9AXKP042788"],
    "BANK_ACCOUNT": ["account number: 00734118552", "Konto 4711 0815"],
    "PASSPORT": ["passport no. C01X00T47", "Reisepass: C01X00T47"],
    "MEDICAL_RECORD_NUMBER": ["MRN: A-1043", "MRN 00412345", "patient id 55-1043", "medical record number is 1043771"],
    "DATE_OF_BIRTH": ["DOB: 03/14/1984", "born on 14 March 1984", "date of birth 1984-03-14", "geboren am 14.03.1984"],
    "EMAIL_ADDRESS": ["jane.doe+x@mail.northgate.test", "jane [at] northgate [dot] com", "jane at northgate dot co dot uk", "tset.etaghtron@eod.enaj"],
    "PHONE_NUMBER": ["+44 20 7946 0958", "(415) 555-2671", "415-555-2671", "020 7946 0958", "call me on 079 4609 58 12", "0049 30 901820"],
    "IP_ADDRESS": ["10.20.30.40", "2001:db8:85a3::8a2e:370:7334", "fe80::1ff:fe23:4567:890a"],
    "MAC_ADDRESS": ["00:1B:44:11:3A:B7", "001b.4411.3ab7"],
    "URL_WITH_CREDENTIALS": ["postgres://app:hunter2@db/main"],
    "API_KEY": [KEY, "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_123"],
    "PRIVATE_KEY": ["-----BEGIN RSA " + "PRIVATE KEY-----"],
    "PASSWORD": ["password: hunter2-x", "the password is correct7horse", "PASSWORD='hunter2x'", '"passwd": "hunter2x"'],
    "SECRET": ["client_secret = 9f8e7d6c5b4a3210ff", "API_KEY=Zm9vYmFyMTIz9"],
    "AUTHORIZATION": ["Authorization: Bearer 9f8e7d6c5b4a3210ff"],
    "PIN": ["PIN: 4821"],
    "RANDOM_TOKEN": ["hT7kQ2vX9pLm4RzW8sYb3NcD"],
}  # fmt: skip


class TestIdentifiers:
    @pytest.mark.parametrize(
        ("type", "text"), [(type, text) for type, texts in STRUCTURED.items() for text in texts]
    )
    def test_without_knowing_any_value(self, type, text):
        assert type in types_in(f"For the file: {text}\nThanks.")

    @pytest.mark.parametrize(
        "disguise",
        [
            *("with zero-width characters", "full width", "mathematical bold", "base64", "base32"),
            *(
                "hexadecimal",
                "percent",
                "entities",
                "escapes of Unicode",
                "quoted-printable",
                "gzip",
            ),
            *("base64 of base64", "decimal codes", "binary", "in a comment", "octal"),
        ],
    )
    @pytest.mark.parametrize(
        "value", ["4539 1488 0343 6467", "jane.doe@northgate.test", "536-22-8145", KEY]
    )
    def test_no_form_hides_one(self, value, disguise):
        assert types_in(disguises.ALWAYS[disguise](value))

    @pytest.mark.parametrize("disguise", sorted(set(disguises.DIGITS) - {"with words between"}))
    def test_no_form_hides_a_card(self, disguise):
        """Four numbers with words between are four numbers, unless messages part them."""
        assert types_in("My card is " + disguises.DIGITS[disguise]("4539 1488 0343 6467"))

    def test_one_digit_wrong_is_no_card(self):
        assert not types_in("4539 1488 0343 6468")

    @pytest.mark.parametrize(
        ("check", "right"),
        [
            (checksums.aadhaar, "234123412346"),
            (checksums.dea, "AB1234563"),
            (checksums.npi, "1234567893"),
            (checksums.pesel, "44051401359"),
        ],
    )
    def test_check_digits(self, check, right):
        assert check(right)
        wrong = right[:-1] + str((int(right[-1]) + 1) % 10)
        assert not check(wrong)


class TestWhatIsNone:
    @pytest.mark.parametrize(
        "text",
        [
            "See clauses 4.2.1, 12.3(b) and section 7.10.2.",
            "The limit is EUR 1,250,000.00, or 1 000 000 in all; 10% of 2,500.",
            "Na 138 mmol/L, K 4.1, creatinine 0.9 mg/dL, BP 128/76, HbA1c 48 mmol/mol, 37.2 C",
            "Requires Python 3.11.7, Django==5.2.19 and PostgreSQL 18.6; version 1.2.3.4",
            "id 550e8400-e29b-41d4-a716-446655440000 and 0190a6c2-7b1e-7c3d-9f00-1a2b3c4d5e6f",
            "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 (sha1), 883637a",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            'integrity="sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC"',
            "ISO 27001, IEC 62304:2006, RFC 8785, MiFID II Art. 16(3), 21 CFR 820.30",
            "2025-03-14T06:12:01.123Z worker[4711] retry 3/5 in 2500 ms, epoch 1710412321123",
            "def get_user(self, user_id: int = 0) -> User | None: return self.users.get(user_id)",
            "token = request.headers['Authorization']; password = getpass(); secret: str = ''",
            "The password must have 12 characters. The token is required. Keep the secret safe.",
            "http://localhost:8000/v1/chat/completions and 127.0.0.1, 0.0.0.0, 255.255.255.0",
            "SELECT * FROM payments WHERE amount > 1000 ORDER BY created_at DESC LIMIT 50;",
            "ISIN US0378331005, LEI 5493001KJTIIGC8Y1R12, CUSIP 037833100",
            "In the years 1999 2000 2001 2002 2003 and at 08:30 12:45 17:00.",
            "one or two of the three or four people, in five or six weeks",
            "README.md, assistants/control/inspection/identifiers.py, /usr/lib/python3.11/site-packages",
            "@app.route('/x') and @pytest.mark.parametrize, git@github.com:org/repo.git, react@18.2.0",
            "x = [74, 97, 110]; y = 0x1F; z = 1e-5; w = b'\\x00\\x01'; 100% = all; a&b; R&D",
            "WireGuardPeerConfiguration2Factory, getHTTPResponseCode200OrThrow, kMaxRetriesV2",
            "Dose: 500 mg 1-0-1, 14 days. Ferritin 15 to 150. ICD-10 J18.9, LOINC 718-7, SNOMED 233604007",
            "She is 34 years old. Visit on 14 March 2025, follow-up in 6 weeks.",
            "Please call the on-call team; the phone is answered 24/7 from 08:00 to 18:00.",
        ],
    )
    def test_it_is_let_through(self, text):
        assert not types_in(
            text, known=["Odalys Ferreira", "4539 1488 0343 6467", "17 Harbour Lane"]
        )

    def test_the_demo_documents_are_let_through(self):
        """All paragraphs but those that hold an identifier: a date of birth, a mailbox."""
        blocked = []
        paragraphs = 0
        for path in sorted(DOCUMENTS.rglob("*")):
            if path.is_file():
                for paragraph in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
                    paragraphs += 1
                    if found := types_in(paragraph):
                        blocked.append((path.name, found))
        assert paragraphs > 2000
        assert blocked == [
            ("claims-and-substantiation.md", {"EMAIL_ADDRESS", "ADDRESS"}),
            ("client-memo-odalys-ferreira.md", {"DATE_OF_BIRTH"}),
        ]


class TestEncodings:
    def packed(self, text: str) -> str:
        return base64.b64encode(gzip.compress(text.encode())).decode()

    def test_as_many_layers_as_are_read(self):
        text = "Odalys Ferreira"
        for _ in range(DEPTH):
            text = base64.b64encode(text.encode()).decode()
        assert "KNOWN_VALUE" in types_in(text, known=["Odalys Ferreira"])

    def test_deeper_is_refused(self):
        text = "a sentence that is of no interest to anybody at all"
        for _ in range(DEPTH + 1):
            text = base64.b64encode(text.encode()).decode()
        assert any("more than 4 times over" in type for type in types_in(text))

    def test_what_unpacks_to_too_much_is_refused(self):
        bomb = self.packed("0" * (LEAST_READ * 40))
        assert any("longer than what is inspected" in type for type in types_in(bomb))

    def test_what_is_broken_is_refused(self):
        packed = bytearray(gzip.compress(b"A text of some length, which then is damaged." * 3))
        packed[20] ^= 0xFF
        broken = base64.b64encode(bytes(packed)).decode()
        assert any("cannot be read" in type for type in types_in(broken))

    def test_what_nobody_can_read_is_refused(self):
        opaque = base64.b64encode(bytes((n * 89 + 41) % 256 for n in range(90))).decode()
        assert any("cannot be read" in type for type in types_in(opaque))

    def test_archives_are_refused(self):
        archive = base64.b64encode(b"PK\x03\x04" + bytes(40)).decode()
        assert any("archive" in type for type in types_in(archive))

    def test_numbers_in_words(self):
        assert in_digits("it is four one double two, oh nine") == "it is 412209"
        assert in_digits("twenty four thirty one seventeen six") == "2431176"
        text = "One of two, or three."
        assert in_digits(text) is text

    def test_folding_keeps_plain_text(self):
        text = "Plain text, with\ttabs\nand (signs): 1.5% & more."
        assert fold(text) == text
        assert fold("Ｊａｎｅ\u200b Ðøe — „Ｘ“") == 'Jane Doe - "X"'

    def test_every_string_of_a_payload_is_read(self):
        payload = '{"a": ["\\u0041", {"b": "c"}], "d": 4539148803436467, "e": 5, "a": "twice"}'
        assert [set(strings) for strings in read_payload(payload)] == [
            *({"A", "twice"}, {"c"}, {"4539148803436467"}, {"a", "b", "d", "e"})
        ]


PATHOLOGICAL = {
    "one letter": "a",
    "one capital": "A",
    "digits": "1",
    "digits, spaced": "1 ",
    "pairs": "aa ",
    "numbers": "11 ",
    "bits": "01010101 ",
    "at signs": "a@",
    "dots": "a.",
    "an address without end": "x@y.",
    "spelled addresses": "a at b dot ",
    "openings": "<a",
    "comments": "<!--",
    "comments of code": "/*",
    "entities": "&#7",
    "escapes": "\\u00",
    "percents": "%4",
    "quoted": "=4",
    "colons": "a:",
    "secrets": "password ",
    "secrets, assigned": "password=",
    "key blocks": "-----BEGIN RSA ",
    "tokens": "eyJaaaaaaaaaa.",
    "more tokens": "eyJaaaaaaaaaa.eyJaaaaa.",
    "URLs": "a://b:",
    "births": "dob ",
    "accounts": "account number ",
    "records": "mrn: a",
    "number words": "one two ",
    "cards": "4539 1488 0343 6467 ",
    "IBANs": "DE89 3704 0044 0532 0130 ",
    "lines of base64": "QUJDREVGR0hJSktMTU5P\n",
    "base64": "QUJDREVGR0hJSktMTU5P",
    "hexadecimal": "0x0",
    "IPv6": "::1",
    "accents": "e\u0301",
    "dates": "12 March ",
    "leet": "0$",
    "a part of a name": "ferreir",
    "a whole name": "odalysferreira ",
}


class TestTime:
    @pytest.mark.parametrize("piece", PATHOLOGICAL)
    def test_it_is_linear(self, piece):
        """Four times the text takes about four times as long; with backtracking it were sixteen."""
        known = ["Odalys Ferreira", "12 March 1984", "1111111111"]

        def seconds(size: int) -> float:
            text = (PATHOLOGICAL[piece] * size)[:size]
            text = f"{text}! {text[::-1]}g {text}"  # each kind of end
            started = time.process_time()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("assistants.control.inspection.running.SECONDS", 60.0)
                try:
                    inspect(payload_of(text), text, known=known)
                except CheckFailed as failed:  # pragma: no cover
                    pytest.fail(str(failed))
            return time.process_time() - started

        small, large = seconds(4_000), seconds(16_000)
        if large > 0.2:  # below that it is quick, whatever the ratio
            assert large < 10 * max(small, seconds(4_000)), (small, large)
