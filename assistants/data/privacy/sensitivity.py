"""How sensitive a text is by what it holds: strong evidence only, since documents wait for it."""

# ruff: noqa: E501 (a pattern is read in one piece)

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from assistants.data.privacy.checksums import digits_of
from assistants.data.privacy.spans import CERTAIN, SensitiveSpan
from assistants.types import Sensitivity

_FINANCIAL = frozenset({"CREDIT_CARD", "IBAN_CODE", "CRYPTO_ADDRESS", "ROUTING_NUMBER"})
_NATIONAL = frozenset(
    {
        *("US_SSN", "US_ITIN", "UK_NHS", "UK_NINO", "DE_TAX_ID", "FR_NIR", "ES_DNI", "ES_NIE"),
        *("IT_FISCAL_CODE", "NL_BSN", "BE_NATIONAL_NUMBER", "PL_PESEL", "CH_AHV", "FI_HETU"),
        *("SE_PERSONAL_NUMBER", "NO_BIRTH_NUMBER", "IN_AADHAAR", "CA_SIN", "AU_TFN", "BR_CPF"),
        "AU_MEDICARE",
    }
)
_SECRETS = frozenset({"PRIVATE_KEY", "API_KEY", "JWT", "SECRET"})
_PATIENT_NUMBERS = frozenset(
    {"MEDICAL_RECORD_NUMBER", "UK_NHS", "AU_MEDICARE", "HEALTH_PLAN_NUMBER"}
)

# Numbers that the card networks and standards publish for tests and documentation.
_PUBLISHED = frozenset(
    {
        *("4111111111111111", "4242424242424242", "4012888888881881", "5555555555554444"),
        *("5105105105105100", "2223003122003222", "378282246310005", "371449635398431"),
        *("6011111111111117", "6011000990139424", "30569309025904", "38520000023237"),
        *("3530111333300000", "3566002020360505", "078051120", "219099999"),
        *("GB82WEST12345698765432", "DE89370400440532013000", "FR1420041010050500013M02606"),
    }
)

_CLINICAL = re.compile(
    r"(?i)\b(?:diagnos(?:is|es|ed)|prognosis|histor(?:y|ies) of|symptoms?|medications?|prescri(?:bed|ption)s?|"
    r"admi(?:tted|ssion)|discharged?|chief complaint|allerg(?:y|ies|ic)|vital signs|blood pressure|"
    r"heart rate|physical exam(?:ination)?|assessment and plan|follow[- ]up|treatment|therapy|surgery|"
    r"biopsy|carcinoma|cancer|tumou?r|diabet(?:es|ic)|hypertension|asthma|copd|pneumonia|sepsis|"
    r"depression|anxiety|hiv|hepatitis|pregnan(?:t|cy)|infection|fracture|stroke|infarction|"
    r"\d+ ?(?:mg|mcg|ml|mmol/l|mmhg|mg/dl|iu)|twice daily|once daily|tablets?|capsules?|dose|"
    r"antibiotics?|insulin|metformin|lisinopril|warfarin|apixaban|aspirin|ibuprofen|amoxicillin|"
    r"salbutamol|albuterol|prednis(?:one|olone)|atorvastatin|paracetamol|acetaminophen|"
    r"x-?ray|mri|ct scan|ultrasound|ecg|ekg|h(?:a|e)moglobin|creatinine|hba1c)\b"
)
_PATIENT = re.compile(r"(?i)\b(?:patient|pt|mr|mrs|ms|he|she|his|her)\b")
_BIRTH = re.compile(
    r"(?i)\b(?:dob|d\.o\.b|date of birth|birth ?date|born(?: on)?)\W{0,6}(?:is\W)?$"
)
_NEAR = 3000  # characters around an identifier in which clinical words make it a patient's
_CLINICAL_WORDS = 3


def classify_sensitivity(
    spans: Sequence[SensitiveSpan], text: str
) -> tuple[Sensitivity | None, dict[str, int]]:
    """The least sensitivity that `text` should have, and the evidence: how many of each type.

    CONFIDENTIAL for a checksummed number of money or of a nation, and for keys; RESTRICTED for a
    patient's record: a record number or a date of birth among clinical words. None for anything
    less: names, addresses and telephones alone make nothing confidential. `spans` are those of
    `find_structured_spans(text)`.
    """
    evidence: Counter[str] = Counter()
    level: Sensitivity | None = None
    for span in spans:
        if span.score >= CERTAIN and span.type in _FINANCIAL | _NATIONAL | _SECRETS:
            bare = "".join(filter(str.isalnum, text[span.start : span.end]))
            if bare.upper() not in _PUBLISHED and digits_of(bare) not in _PUBLISHED:
                evidence[span.type] += 1
                level = max(level or Sensitivity.CONFIDENTIAL, Sensitivity.CONFIDENTIAL)
        if _is_of_patient(span, text):
            evidence["PATIENT_RECORD"] += 1
            level = Sensitivity.RESTRICTED
    return level, dict(evidence)


def _is_of_patient(span: SensitiveSpan, text: str) -> bool:
    birth = span.type == "DATE" and _BIRTH.search(text[max(0, span.start - 24) : span.start])
    if span.type not in _PATIENT_NUMBERS and not birth:
        return False
    around = text[max(0, span.start - _NEAR) : span.end + _NEAR]
    clinical = {match[0].lower() for match in _CLINICAL.finditer(around)}
    return len(clinical) >= _CLINICAL_WORDS and _PATIENT.search(around) is not None
