"""Advice that takes a licence: doses and treatment, and legal opinions."""

# ruff: noqa: E501 (a form is read in one line)

from __future__ import annotations

import re
from collections.abc import Sequence

from assistants.control.guardrails.checked import Checked, Kind
from assistants.control.guardrails.patterns import Form, find_forms, make_guardrail
from assistants.types import Finding, Stage

MEDICAL, LEGAL, VERSION = "medical advice", "legal advice", "1"
_INPUT = frozenset({Stage.INPUT})
_OUTPUT = frozenset({Stage.BLOCK, Stage.ANSWER})

# Drugs whose wrong dose kills: high-alert medicines of the usual lists (ISMP).
_GRAVE = (
    r"(?:insulin\w*|warfarin|heparin|enoxaparin|dalteparin|morphine|fentanyl|oxycodone|methadone"
    r"|hydromorphone|potassium\schloride|digoxin|methotrexate|vincristine|chemotherapy|opioids?"
    r"|lithium|amiodarone|adrenaline|epinephrine|noradrenaline|midazolam|ketamine|propofol"
    r"|alteplase|rivaroxaban|apixaban|edoxaban|dabigatran|magnesium\ssul(?:ph|f)ate|tramadol)"
)
_GRAVE_ONES = (
    *(
        "insulin",
        "warfarin",
        "heparin",
        "enoxaparin",
        "dalteparin",
        "morphine",
        "fentanyl",
        "oxycodone",
    ),
    *(
        "methadone",
        "hydromorphone",
        "potassium",
        "digoxin",
        "methotrexate",
        "vincristine",
        "chemotherapy",
    ),
    *(
        "opioid",
        "lithium",
        "amiodarone",
        "adrenaline",
        "epinephrine",
        "midazolam",
        "ketamine",
        "propofol",
    ),
    *("alteplase", "rivaroxaban", "apixaban", "edoxaban", "dabigatran", "magnesium", "tramadol"),
)
_UNIT = r"(?:mg|mcg|µg|μg|micrograms?|milligrams?|grams?|g|ml|millilitres?|units?|IU|mmol|drops?|tablets?|puffs?)"
_DOSE = rf"\d[\d.,]*\s?(?:-|–|to\s)?\s?(?:\d[\d.,]*\s?)?{_UNIT}\b(?:\s?/\s?(?:kg|m2|h|hour|day|dose|min))?"
_GIVEN = (
    r"(?:daily|a\sday|per\sday|twice|once|every\s\d+\s?(?:h|hours?|minutes?|days?)|hourly|times|"
    r"orally|by\smouth|IV|i\.v\.|intravenous\w*|intramuscular\w*|IM|subcutaneous\w*|nebulis\w+|"
    r"per\sos|p\.o\.|bolus|infusion|loading|stat|as\sneeded|mg/kg|per\skg)"
)
_ASKS_DOSE = (
    r"(?:\b(?:what|which|how\smuch|how\smany|tell\sme|calculate|work\sout|give\sme|recommend\w*|is|"
    r"can\sI|may\sI|should\s(?:I|we)|do\s(?:I|we))\b.{0,80}?\b(?:dos(?:e|es|age|ing)\b|mg\b|milligrams?\b|"
    r"micrograms?\b|units\sof\b|tablets?\b|ml\sof\b)|\b(?:dos(?:e|age|ing))\s(?:of|for|in)\b|"
    r"\b(?:starting|maximum|max|loading|maintenance|paediatric|pediatric|usual|safe|right|correct)\sdos(?:e|age)\b)"
)
_ASKS_TREATMENT = (
    r"\b(?:should\s(?:I|we)|can\s(?:I|we)|may\s(?:I|we)|is\sit\s(?:safe|ok|okay|all\sright)\sto)\s"
    r"(?:prescribe|give|administer|start|stop|take|combine|double|increase|reduce|switch|inject)\b"
    r"(?!.{0,60}\b(?:talk|lecture|presentation|notice|access|gift|money|discount|contract))"
)


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


_MEDICAL = (
    Form(
        Kind.MEDICAL_ADVICE, 0.95, "asks for the dose of a medicine that can do grave harm",
        _re(rf"(?:{_ASKS_DOSE}).{{0,120}}?\b{_GRAVE}\b|\b{_GRAVE}\b.{{0,80}}?(?:{_ASKS_DOSE}|\bdos(?:e|age|ing)\b)"),
        ("dos", "mg", "unit", "ml", "tablet", "gram"), _INPUT,
    ),
    Form(
        Kind.MEDICAL_ADVICE, 0.8, "asks for a dose", _re(_ASKS_DOSE),
        ("dos", "mg", "milligram", "units of", "tablet", "ml of", "microgram"), _INPUT,
    ),
    Form(
        Kind.MEDICAL_ADVICE, 0.6, "asks whether to treat", _re(_ASKS_TREATMENT),
        ("prescri", "give", "administer", "start", "stop", "take", "combin", "double", "increase", "reduce", "switch", "inject"),
        _INPUT,
    ),
    Form(
        Kind.MEDICAL_ADVICE, 0.95, "names the dose of a medicine that can do grave harm",
        _re(rf"\b{_GRAVE}\b[^.\n]{{0,80}}?{_DOSE}|{_DOSE}[^.\n]{{0,40}}?\b{_GRAVE}\b"),
        _GRAVE_ONES, _OUTPUT,
    ),
    Form(
        Kind.MEDICAL_ADVICE, 0.8, "names a dose",
        _re(rf"{_DOSE}[^.\n]{{0,60}}?\b{_GIVEN}|\b{_GIVEN}\b[^.\n]{{0,60}}?{_DOSE}"
            rf"|\b(?:give|take|administer|prescribe|start|inject|dose)\w*\b[^.\n]{{0,60}}?{_DOSE}"),
        (), _OUTPUT,
    ),
)  # fmt: skip

_LEGAL = (
    Form(
        Kind.LEGAL_ADVICE, 0.6, "asks for a legal opinion",
        _re(r"\b(?:can|could|should|may)\s(?:I|we|they|he|she)\s(?:sue|plead|settle|appeal|countersue)\b"
            r"|\b(?:am|are)\s(?:I|we)\s(?:legally\s)?(?:liable|guilty|entitled)\b|\blegal\s(?:opinion|advice)\b"
            r"|\bwould\s(?:we|I)\swin\s(?:in\scourt|the\scase)|\bwhat\sare\s(?:my|our)\schances\sin\scourt"),
        ("sue", "plead", "settle", "appeal", "liable", "guilty", "entitled", "legal", "court", "case"), _INPUT,
    ),
    Form(
        Kind.LEGAL_ADVICE, 0.85, "gives a legal opinion",
        _re(r"\b(?:you|they|he|she|the\s(?:client|bank|company|employee|customer))\s(?:should|could|can|must|ought\sto)\s(?:sue|plead|settle\sout\sof\scourt|take\s(?:them|him|her)\sto\scourt|file\s(?:a\s)?(?:lawsuit|suit|claim\sagainst))\b"
            r"|\b(?:you|they|we|he|she)\s(?:are|is)\s(?:not\s)?(?:legally\s)?(?:liable|guilty|entitled\sto\s(?:damages|compensation))\b"
            r"|\b(?:in\smy\s(?:legal\s)?opinion|legally\sspeaking|as\syour\slawyer|from\sa\slegal\sstandpoint)\b"
            r"|\b(?:strong|weak|good)\s(?:legal\s)?case\sagainst\b|\b(?:is|are|would\sbe)\s(?:clearly\s|probably\s)?(?:unlawful|illegal|lawful|a\sbreach\sof\s(?:contract|the\slaw))\b[^.]{0,80}\b(?:court|sue|damages|claim)\b"),
        ("sue", "plead", "court", "lawsuit", "suit", "claim", "liable", "guilty", "entitled", "opinion", "legal", "lawyer", "case against"),
        _OUTPUT,
    ),
)  # fmt: skip


def check_medical(checked: Checked) -> Sequence[Finding]:
    """A dose that a protocol names, quoted in an answer to another question, is no advice."""
    return find_forms(MEDICAL, VERSION, _MEDICAL, checked)


medical_advice = make_guardrail(MEDICAL, VERSION, _MEDICAL, _INPUT | _OUTPUT, check=check_medical)
legal_advice = make_guardrail(LEGAL, VERSION, _LEGAL, _INPUT | _OUTPUT)
