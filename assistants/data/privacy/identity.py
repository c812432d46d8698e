"""National ids, and the numbers by which offices, insurers and machines know somebody."""

# ruff: noqa: E501 (a pattern is read in one piece)

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from assistants.data.privacy import checksums
from assistants.data.privacy.rules import Rule, Searched, form, words
from assistants.data.privacy.spans import SensitiveSpan

_TAX = ("tax", "tin", "taxpayer")
_HEALTH = ("nhs", "patient", "mrn", "medicare", "medicaid", "insurance", "health")

_RULES = (
    Rule("US_SSN", form(r"(?<!-)\d{3}-\d{2}-\d{4}(?!-)"), 0.93, check=checksums.us_ssn, digits=9),
    Rule(
        "US_ITIN", form(r"(?<!-)9\d{2}-\d{2}-\d{4}(?!-)"), 0.93, check=checksums.us_itin, digits=9
    ),
    Rule(
        "US_SSN",
        form(r"\d{3}[ .\-]?\d{2}[ .\-]?\d{4}"),
        alone=0.0,
        near=0.92,
        context=words(
            "ssn", r"soc(?:ial)?\.? ?sec(?:urity)?", "social security", "social", "ss ?#", "itin"
        ),
        digits=9,
    ),
    Rule(
        "US_EIN",
        form(r"\d{2}-\d{7}"),
        alone=0.0,
        near=0.85,
        context=words("ein", "employer identification", "federal id", "fein", *_TAX),
        digits=9,
    ),
    Rule(
        "US_NPI",
        form(r"[12]\d{9}"),
        0.0,
        0.92,
        words("npi", "provider"),
        checksums.us_npi,
        digits=10,
    ),
    Rule(
        "US_DEA",
        form(r"[ABCDEFGHJKLMPRSTUX][A-Z9]\d{7}", re.I),
        alone=0.6,
        near=0.93,
        context=words("dea"),
        check=checksums.us_dea,
        digits=7,
    ),
    Rule(
        "HEALTH_PLAN_NUMBER",
        form(
            r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}"
        ),
        alone=0.9,
        digits=2,
    ),
    Rule(
        "UK_NHS",
        form(r"\d{3}[ -]?\d{3}[ -]?\d{4}"),
        alone=0.0,
        near=0.94,
        context=words(*_HEALTH),
        check=checksums.uk_nhs,
        digits=10,
    ),
    Rule(
        "UK_NINO",
        form(
            r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]",
            re.I,
        ),
        alone=0.91,
        digits=6,
    ),
    Rule(
        "DE_TAX_ID",
        form(r"\d{2} ?\d{3} ?\d{3} ?\d{3}"),
        alone=0.0,
        near=0.95,
        context=words("steuer", r"steuer\w*", "idnr", "tin", "tax", r"identifikationsnummer"),
        check=checksums.german_tax_id,
        digits=11,
    ),
    Rule(
        "FR_NIR",
        form(r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", re.I),
        alone=0.95,
        check=checksums.french_nir,
        digits=5,
    ),
    Rule(
        "ES_DNI",
        form(r"\d{8}[ -]?[A-HJ-NP-TV-Z]", re.I),
        0.9,
        0.95,
        words("dni", "nif"),
        checksums.spanish_dni,
        digits=8,
    ),
    Rule(
        "ES_NIE",
        form(r"[XYZ][ -]?\d{7}[ -]?[A-HJ-NP-TV-Z]", re.I),
        0.92,
        check=checksums.spanish_dni,
        digits=7,
    ),
    Rule(
        "IT_FISCAL_CODE",
        form(r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", re.I),
        alone=0.96,
        check=checksums.italian_fiscal_code,
        digits=3,
    ),
    Rule(
        "NL_BSN",
        form(r"\d{9}|\d{4}\.\d{2}\.\d{3}"),
        alone=0.0,
        near=0.94,
        context=words("bsn", "burgerservicenummer", "sofinummer"),
        check=checksums.dutch_bsn,
        digits=9,
    ),
    Rule(
        "BE_NATIONAL_NUMBER",
        form(r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}"),
        alone=0.95,
        check=checksums.belgian_national_number,
        digits=11,
    ),
    Rule("PL_PESEL", form(r"\d{11}"), 0.0, 0.94, words("pesel"), checksums.polish_pesel, digits=11),
    Rule(
        "CH_AHV",
        form(r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d{2}"),
        0.95,
        check=checksums.swiss_ahv,
        digits=13,
    ),
    Rule(
        "SE_PERSONAL_NUMBER",
        form(r"(?:19|20)?\d{6}[-+]\d{4}"),
        alone=0.9,
        check=checksums.swedish_personal_number,
        digits=10,
    ),
    Rule(
        "FI_HETU",
        form(r"[0-3]\d[01]\d{3}[-+ABCDEFYXWVU]\d{3}[0-9A-FHJ-NPR-Y]", re.I),
        alone=0.92,
        check=checksums.finnish_hetu,
        digits=6,
    ),
    Rule(
        "NO_BIRTH_NUMBER",
        form(r"[0-7]\d{5} ?\d{5}"),
        alone=0.0,
        near=0.94,
        context=words("fødselsnummer", "personnummer", "birth number", "national id"),
        check=checksums.norwegian_birth_number,
        digits=11,
    ),
    Rule(
        "DK_CPR",
        form(r"[0-3]\d[01]\d{3}-?\d{4}"),
        alone=0.0,
        near=0.85,
        context=words("cpr", "cpr-nr", "personnummer"),
        digits=10,
    ),
    Rule(
        "IN_AADHAAR",
        form(r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}"),
        alone=0.0,
        near=0.94,
        context=words("aadhaar", "aadhar", "uidai", "uid"),
        check=checksums.indian_aadhaar,
        digits=12,
    ),
    Rule("IN_PAN", form(r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]"), 0.9, digits=4),
    Rule(
        "CA_SIN",
        form(r"\d{3}[ -]\d{3}[ -]\d{3}|\d{9}"),
        alone=0.0,
        near=0.93,
        context=words("sin", "social insurance"),
        check=checksums.canadian_sin,
        digits=9,
    ),
    Rule(
        "AU_TFN",
        form(r"\d{3} ?\d{3} ?\d{3}"),
        alone=0.0,
        near=0.93,
        context=words("tfn", "tax file"),
        check=checksums.australian_tfn,
        digits=9,
    ),
    Rule(
        "AU_MEDICARE",
        form(r"[2-6]\d{3} ?\d{5} ?\d(?: ?/ ?\d)?"),
        alone=0.0,
        near=0.93,
        context=words("medicare"),
        check=checksums.australian_medicare,
        digits=10,
    ),
    Rule(
        "BR_CPF", form(r"\d{3}\.\d{3}\.\d{3}-\d{2}"), 0.95, check=checksums.brazilian_cpf, digits=11
    ),
    Rule(
        "SG_NRIC",
        form(r"[STFGM]\d{7}[A-Z]"),
        0.0,
        0.85,
        words("nric", "fin", "singapore"),
        digits=7,
    ),
    Rule("VEHICLE_ID", form(r"[A-HJ-NPR-Z0-9]{17}", re.I), 0.92, check=checksums.vin, digits=1),
    Rule(
        "VEHICLE_ID",
        form(r"[A-HJ-NPR-Z0-9]{11,17}", re.I),
        alone=0.0,
        near=0.85,
        context=words("vin", "chassis", "vehicle identification"),
        needs=("vin", "chassis", "vehicle ident"),
        check=lambda bare: any(c.isdigit() for c in bare) and any(c.isalpha() for c in bare),
        digits=1,
    ),
    Rule(
        "DEVICE_ID",
        form(r"\d{2}[ -]?\d{6}[ -]?\d{6}[ -]?\d"),
        alone=0.0,
        near=0.94,
        context=words("imei", "handset", "phone", "device", "mobile"),
        check=checksums.luhn,
        digits=15,
    ),
    Rule(
        "DEVICE_ID",
        re.compile(r"\(01\)\d{14}(?:\((?:10|11|17|21)\)[\w-]{1,20}){0,4}"),
        0.92,
        digits=15,
    ),
    Rule(
        "MAC_ADDRESS",
        form(r"(?:[0-9A-F]{2}[:-]){5}[0-9A-F]{2}", re.I),
        0.95,
        needs=(":", "-"),
        digits=1,
    ),
    Rule("MAC_ADDRESS", form(r"[0-9A-F]{4}\.[0-9A-F]{4}\.[0-9A-F]{4}", re.I), 0.9, digits=1),
)

# -- numbers known by the label before them --------------------------------------------------------

_LABELS = {
    "MEDICAL_RECORD_NUMBER": r"mrn|m\.r\.n\.|medical record|patient (?:id|identifier|number|no)|chart|"
    r"hospital (?:id|number|no)|encounter (?:id|number|no)|accession|specimen (?:id|number)|"
    r"case (?:id|number|no)|study id|fin (?:number|no)",
    "HEALTH_PLAN_NUMBER": r"(?:health|insurance|medicare|medicaid)(?: (?:plan|card|policy))?(?: (?:id|number|no))|"
    r"member(?:ship)? (?:id|number|no)|subscriber (?:id|number|no)|beneficiary (?:id|number|no)|"
    r"policy (?:id|number|no)|policy|group (?:id|number|no)|claim (?:id|number|no)|hicn|mbi|"
    r"versichertennummer|versicherungsnummer",
    "ACCOUNT_NUMBER": r"(?:customer|client|account|acct|a/c|invoice|billing|loan|mortgage|contract)"
    r" ?(?:id|identifier|number|num|no|nr)|acct|account|kundennummer|kontonummer",
    "DRIVER_LICENSE": r"(?:driver|driving|drivers|driver's)(?:'s|s)? ?(?:licen[cs]e|permit)|licen[cs]e|"
    r"dl|führerscheinnummer",
    "PASSPORT": r"passport(?: card)?|reisepass(?:nummer)?",
    "LICENSE_PLATE": r"(?:licen[cs]e|number|registration|vehicle|car) plate|plate|vehicle registration|"
    r"registration|reg|kennzeichen",
    "DEVICE_ID": r"serial|s/n|device (?:id|identifier|serial)|imei|imsi|meid|udid|udi|uuid of device|"
    r"implant serial|pacemaker serial|lot",
    "CERTIFICATE_NUMBER": r"certificate|medical licen[cs]e|permit|npi|dea|bar|registration certificate",
    "EMPLOYEE_ID": r"employee (?:id|number|no)|staff (?:id|number|no)|badge|personnel (?:id|number|no)|"
    r"personalnummer",
    "NATIONAL_ID": r"national (?:id|identity|identification|insurance)(?: (?:card|number|no))?|"
    r"identity (?:card|number)|id card|tax(?:payer)? (?:id|identification|number|no)|tin|vat(?: (?:id|no|number))?|"
    r"steuernummer|ausweisnummer",
    "STUDENT_ID": r"student (?:id|number|no)|matriculation(?: number)?|matrikelnummer",
}

_LINK = (
    r"(?:['’]s)?(?: card)?(?: (?:number|num|nr|no|id|code|identifier))?\.?(?:\s?\(\w{2,12}\))?"
    r"\s{0,2}(?:[:=#]\s{0,2}|(?:is|was|reads|are)\s(?:now\s)?:?\s?|#\s?|\s)"
)
_LABELLED = re.compile(
    rf"(?i)\b(?:{'|'.join(f'(?P<{type}>{label})' for type, label in _LABELS.items())}){_LINK}$"
)
_LABEL_REACH = 64


@dataclass(frozen=True, slots=True)
class LabelRule:
    """A number with at least three digits right after a label that says what it is."""

    pattern = re.compile(
        r"(?<![\w.\-/])(?=[A-Za-z\-./]{0,8}\d)[A-Za-z0-9]{1,20}(?:[\-./][A-Za-z0-9]{1,20}){0,5}(?!\w)"
    )

    def find(self, text: Searched) -> Iterator[SensitiveSpan]:
        for first, last in text.stretches(2):
            for match in self.pattern.finditer(text.text, first, last):
                value = match[0]
                if sum(map(str.isdigit, value)) < 3 or len(value) < 4:
                    continue
                before = text.text[max(0, match.start() - _LABEL_REACH) : match.start()]
                if label := _LABELLED.search(before):
                    yield SensitiveSpan(
                        match.start(), match.end(), label.lastgroup or "", 0.905, "label"
                    )


RULES: tuple[Rule | LabelRule, ...] = (
    *_RULES,
    LabelRule(),
    Rule(
        "MEDICAL_RECORD_NUMBER",
        re.compile(r"(?<![\w-])(?:MRN|PID|PAT)[-#]?\d{4,12}(?![\w-])"),
        alone=0.85,
        digits=4,
    ),
    Rule(
        "LICENSE_PLATE",
        re.compile(
            r"(?i)\b(?:licen[cs]e plates?|number plates?|plates?|registration|registered as|kennzeichen)"
            r"\b[^.\n]{0,20}?(?<!\w)"
            r"(?-i:(?P<value>(?=[A-ZÄÖÜ \-·]{0,6}\d)[A-ZÄÖÜ0-9]{1,4}(?:[ \-·][A-ZÄÖÜ0-9]{1,5}){1,3}|"
            r"(?=[A-Z]{0,5}\d)(?=\d{0,5}[A-Z])[A-Z0-9]{5,8}))(?!\w)"
        ),
        alone=0.8,
        digits=1,
        needs=("plate", "regist", "kennzeichen"),
    ),
    Rule(
        "USERNAME",
        re.compile(
            r"(?i)\b(?:user ?name|user ?id|login|user|handle|screen name)\s?(?:[:=]|is)\s?(?P<value>[\w.@+-]{3,40})"
        ),
        alone=0.6,
        needs=("user", "login", "handle", "screen name"),
    ),
)
