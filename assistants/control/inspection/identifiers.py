"""Numbers that are somebody's: cards, accounts, national identifiers, records, dates of birth.

Most carry a check digit. Those of which one in ten does by accident count beside a telling word,
or in the form in which they are written.
"""

# ruff: noqa: E501 (a pattern is read in one piece)

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from assistants.control.inspection import checksums
from assistants.control.inspection.hits import Form, Hit, around_numbers, form, is_near, words
from assistants.control.inspection.spoken import in_digits, undisguised

_NUMBER = re.compile(r"(?<!\d)\d(?:[ .\-/_|*]{0,2}\d)*+")
_SIGNS = re.compile(r"\D")
_GROUP = re.compile(r"\d+")
_CARD_DIGITS = range(13, 20)
_PART = 4  # digits of a number that may be a part of one
_CARD_GROUPS = {(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (6, 13), (4, 4, 4, 1)}

_IBAN = re.compile(r"(?i)(?<![a-z0-9])[a-z]{2}[ .\-]?\d[ .\-]?\d(?:[ .\-]?[a-z0-9]){11,31}")

_SSN = words(r"ssn|social[ -]security|soc\.? ?sec|itin|taxpayer")
_ACCOUNT = r"account|acct|a/c|konto|kontonummer|compte|cuenta|rekening"
_RECORD = (
    r"mrn|mr ?(?:no|number|#)|medical[ -]record|patient[ -]?(?:id|no|number|ref)|chart (?:no|number|#)|"
    r"hospital (?:no|number)|case (?:no|number)|health plan|member (?:id|no|number)|policy (?:no|number)|"
    r"beneficiary|accession (?:no|number)|encounter (?:no|number|id)|fallnummer|patientennummer|versichertennummer"
)
_NUMBERED = r"[ \t]{0,2}(?:(?:no|nr|num|number|id|#)\b)?[.:#=]{0,2}[ \t]{0,2}(?:is[ \t]|was[ \t]|ist[ \t])?[\"']?"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mai|okt|dez|mrt|fev|avr|juin|juil|aou|ene|abr|ago|dic)[a-z]{0,7}"
_DATE = (
    rf"(?:\d{{1,2}}[./\- ]\d{{1,2}}[./\- ]\d{{2,4}}|\d{{4}}[./\-]\d{{1,2}}[./\-]\d{{1,2}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.)?(?: of)?[ \-]{_MONTH}\.?,?[ \-]\d{{2,4}}|{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{2,4}}|\d{{8}})"
)
_BIRTH = r"d\.?o\.?b|date of birth|birth ?date|birthday|born(?: on)?|geboren(?: am)?|geburtsdatum|n[eé]+ le|date de naissance|fecha de nacimiento|geboortedatum|data di nascita"

FORMS = (
    # Money
    Form("ROUTING_NUMBER", form(r"\d{9}"), checksums.aba_routing, words(r"routing|aba|rtn|transit"), ("routing", "aba", "rtn", "transit")),
    Form("SORT_CODE", form(r"\d\d[- ]\d\d[- ]\d\d"), None, words(r"sort[ -]?code"), ("sort",)),
    # The United States
    Form("US_SSN", form(r"\d{3}[- ./]\d\d[- ./]\d{4}"), checksums.us_ssn),
    Form("US_SSN", form(r"\d{3}[- ]?\d\d[- ]?\d{4}"), checksums.us_ssn, _SSN, ("ssn", "soc", "itin", "taxpayer")),
    Form("US_ITIN", form(r"9\d\d-[5-9]\d-\d{4}")),
    Form("US_NPI", form(r"[12]\d{9}"), checksums.npi, words(r"npi|provider (?:id|number|identifier)"), ("npi", "provider")),
    Form("US_DEA", form(r"[ABFGMPRabfgmpr][A-Za-z9]\d{7}"), checksums.dea, words(r"dea|prescriber|registration"), ("dea", "prescriber", "registration")),
    Form("US_MBI", form(r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d\d")),
    # The United Kingdom and Europe
    Form("UK_NHS", form(r"\d{3}[ \-]\d{3}[ \-]\d{4}"), checksums.nhs),
    Form("UK_NHS", form(r"\d{10}"), checksums.nhs, words(r"nhs|patient|health (?:service )?number"), ("nhs", "patient", "health")),
    Form("UK_NINO", form(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ \-]?\d\d[ \-]?\d\d[ \-]?\d\d[ \-]?[A-D]", re.I)),
    Form("NL_BSN", form(r"\d{9}"), checksums.bsn, words(r"bsn|burgerservice\w*|sofi\w*|citizen service number"), ("bsn", "burgerservice", "sofi", "citizen")),
    Form("DE_TAX_ID", form(r"\d{2}[ ]?\d{3}[ ]?\d{3}[ ]?\d{3}"), checksums.german_tax_id, words(r"steuer\w*|tax|tin|idnr|identifikationsnummer"), ("steuer", "tax", "tin", "idnr", "identifikation")),
    Form("FR_NIR", form(r"[12][ ]?\d\d[ ]?(?:0[1-9]|1[0-2]|[2-9]\d)[ ]?(?:\d\d|2[AB])[ ]?\d{3}[ ]?\d{3}[ ]?\d\d", re.I), checksums.french_nir),
    Form("ES_DNI", form(r"(?:\d{8}|[XYZ][ \-]?\d{7})[ \-]?[A-HJ-NP-TV-Z]"), checksums.spanish_dni),
    Form("IT_FISCAL_CODE", form(r"[A-Z]{6}\d\d[A-EHLMPR-T]\d\d[A-Z]\d{3}[A-Z]", re.I), checksums.italian_code),
    Form("BE_NATIONAL_NUMBER", form(r"\d\d[.]?\d\d[.]?\d\d[\-]\d{3}[.]?\d\d"), checksums.belgian_number),
    Form("PL_PESEL", form(r"\d{11}"), checksums.pesel, words(r"pesel"), ("pesel",)),
    Form("CH_AHV", form(r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d\d"), checksums.swiss_ahv),
    Form("SE_PERSONAL_NUMBER", form(r"(?:19|20)?\d{6}[\-+]\d{4}"), checksums.personnummer),
    Form("FI_HETU", form(r"\d{6}[\-+A-FYXWVU]\d{3}[0-9A-FHJ-NPR-Y]"), checksums.hetu),
    Form("DK_CPR", form(r"[0-3]\d[01]\d{3}-?\d{4}"), None, words(r"cpr(?:[ -]?nr|[ -]?nummer|[ -]?number)?|personnummer"), ("cpr", "personnummer")),
    # Elsewhere
    Form("BR_CPF", form(r"\d{3}\.\d{3}\.\d{3}-\d\d"), checksums.cpf),
    Form("BR_CPF", form(r"\d{11}"), checksums.cpf, words(r"cpf"), ("cpf",)),
    Form("IN_AADHAAR", form(r"\d{4}[ \-]?\d{4}[ \-]?\d{4}"), checksums.aadhaar, words(r"aadhaa?r|uidai|uid"), ("aadha", "uid")),
    Form("IN_PAN", form(r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]")),
    Form("CA_SIN", form(r"\d{3}[ \-]?\d{3}[ \-]?\d{3}"), checksums.luhn, words(r"sin|social insurance|nas"), ("sin", "social insurance", "nas")),
    Form("AU_TFN", form(r"\d{3}[ ]?\d{3}[ ]?\d{3}"), lambda digits: checksums.weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0, words(r"tfn|tax file"), ("tfn", "tax file")),
    Form("AU_MEDICARE", form(r"[2-6]\d{3}[ ]?\d{5}[ ]?\d"), lambda digits: checksums.weighted(digits[:8], (1, 3, 7, 9) * 2) % 10 == int(digits[8]), words(r"medicare"), ("medicare",)),
    # Vehicles
    Form("VEHICLE_ID", form(r"[A-HJ-NPR-Z0-9]{17}"), checksums.vin),
)  # fmt: skip
# A word, and the value behind it.
NAMED = (
    Form("BANK_ACCOUNT", re.compile(rf"(?i)(?<![^\W_])(?:{_ACCOUNT}){_NUMBERED}(?P<value>\d(?:[ \-]?\d){{5,19}})(?!\d)"), needs=("acc", "a/c", "konto", "compte", "cuenta", "rekening")),
    Form("PASSPORT", re.compile(rf"(?i)(?<![^\W_])(?:passport|reisepass|passeport|pasaporte|paspoort){_NUMBERED}(?P<value>(?=[a-z]{{0,3}}\d)[a-z0-9]{{6,9}})(?![^\W_])"), needs=("passp", "pasap", "paspo", "reisepass")),
    Form("DRIVER_LICENSE", re.compile(rf"(?i)(?<![^\W_])(?:driv(?:er|ing)['’]?s? ?licen[cs]e|dl){_NUMBERED}(?P<value>(?=[a-z]{{0,5}}\d)[a-z0-9\-]{{6,20}})(?![^\W_])"), needs=("licen", "dl")),
    Form("MEDICAL_RECORD_NUMBER", re.compile(rf"(?i)(?<![^\W_])(?:{_RECORD}){_NUMBERED}(?P<value>(?=[a-z/\-]{{0,5}}\d)[a-z0-9/\-]{{4,20}})(?![^\W_])"), needs=("mr", "record", "patient", "chart", "hospital", "case", "plan", "member", "policy", "beneficiary", "accession", "encounter", "nummer")),
    Form("DATE_OF_BIRTH", re.compile(rf"(?i)(?<![^\W_])(?:{_BIRTH})(?:[ \t]|[.:;,=\-|(\"'*_]){{0,6}}(?:(?:is|was|on|the)[ ]){{0,2}}(?P<value>{_DATE})(?!\d)"), needs=("dob", "d.o.b", "d.o b", "do.b", "birth", "born", "gebo", "geburt", "naissance", "ne le", "nee le", "nacimiento", "nascita")),
)  # fmt: skip
_CARD = words(
    r"card|visa|master ?card|amex|credit|debit|kreditkarte|carte|tarjeta|pan|maestro|discover|jcb"
)


def find_identifiers(text: str) -> Iterator[Hit]:
    """Of a folded text, in whatever way its numbers are written."""
    lower = text.lower()
    for each in NAMED:
        yield from each.find(text, lower)
    yield from _find(around_numbers(text))
    if (spoken := in_digits(text)) is not text:
        yield from _find(around_numbers(spoken))
    if (disguised := "\n".join(undisguised(text))) != "":
        yield from _find(disguised)


def find_split(texts: Iterable[str]) -> Iterator[Hit]:
    """Cards whose parts end one message and begin the next, words between or not."""
    trail: list[str] = []
    for text in texts:
        found = (_SIGNS.sub("", match[0]) for match in _NUMBER.finditer(text))
        numbers = [digits for digits in found if len(digits) >= _PART]
        if numbers and trail:
            yield from _cards(" ".join((*trail, numbers[0])), anyhow=True)
        if numbers:
            trail = [*(trail[-3:] if len(numbers) == 1 else ()), numbers[-1]]


def _find(text: str) -> Iterator[Hit]:
    for match in _NUMBER.finditer(text):
        if sum(map(str.isdigit, match[0])) >= _CARD_DIGITS.start:
            yield from _cards(match[0], is_near(_CARD, text, match.start(), match.end()))
    for match in _IBAN.finditer(text):
        yield from _ibans(match[0])
    lower = text.lower()
    for each in FORMS:
        yield from each.find(text, lower)


def _cards(number: str, anyhow: bool) -> Iterator[Hit]:
    """Any run of whole groups. Odd groups count where they are all there is of the number."""
    groups = _GROUP.findall(number)
    for first in range(len(groups)):
        digits = ""
        for last in range(first, len(groups)):
            digits += groups[last]
            if len(digits) >= _CARD_DIGITS.stop:
                break
            if len(digits) < _CARD_DIGITS.start or not checksums.card(digits):
                continue
            taken = groups[first : last + 1]
            sizes = tuple(map(len, taken))
            alone = len(taken) == len(groups)
            if anyhow or alone or sizes in _CARD_GROUPS or max(sizes) <= 2:
                yield Hit("CREDIT_CARD", digits)
    backwards = "".join(groups)[::-1]
    if len(backwards) in (15, 16) and checksums.card(backwards) and not _is_counted(groups):
        yield Hit("CREDIT_CARD", backwards)


def _is_counted(groups: list[str]) -> bool:
    """Groups of three are an amount of money."""
    return len(groups) > 2 and all(len(group) == 3 for group in groups[1:])


def _ibans(run: str) -> Iterator[Hit]:
    bare = re.sub(r"[ .\-]", "", run).upper()
    length = checksums.IBAN_LENGTH.get(bare[:2])
    if length and len(bare) >= length and checksums.iban(bare[:length]):
        yield Hit("IBAN", bare[:length])
