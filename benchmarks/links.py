"""What widening by links adds, for each department: a switch that must earn its place.

    python -m benchmarks.links

Two sets of questions: those of every day (tests/questions), and those that name a section or need
a step from one text to another (tests/questions/links). For each, the share whose passage is
among those given to the model: as searched, as searched with as many more passages as widening
adds at most, and widened. Then what `quotes` makes of them, and what widening costs.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from assistants.types import Passage, Scope
from benchmarks import database, quotes

LINKS = quotes.QUESTIONS / "links"
UNANSWERABLE = "unanswerable"
SEARCHED = (3, 8)  # passages: a small context, and the usual one


@dataclass(frozen=True, slots=True)
class Record:
    """One question with the passages of each way to find them; times in ms."""

    kind: str
    question: str
    document: str
    section: str
    contains: tuple[str, ...]
    found: dict[str, list[Passage]]
    milliseconds: float


def main(argv: Sequence[str] = ()) -> None:
    database.start()
    for department, records in _departments():
        print(f"\n{department}")
        for kind in ("every day", "named", "hop"):
            report(kind, [record for record in records if record.kind == kind])
        report_declined([record for record in records if record.kind == UNANSWERABLE])
        times = sorted(record.milliseconds for record in records)
        p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
        print(f"  widening takes p50 {p50:.1f} ms, p95 {p95:.1f} ms")


def report(kind: str, records: Sequence[Record]) -> None:
    """One line a way of finding."""
    for way in records[0].found if records else ():
        given = statistics.mean(holds(record, record.found[way]) for record in records)
        passages = statistics.mean(len(record.found[way]) for record in records)
        asked = [
            quotes.Asked("answerable", 0, r.question, tuple(r.found[way]), r.section, r.contains)
            for r in records
        ]
        answers = [(each, *asyncio.run(quotes._answer(each))) for each in asked]
        told = statistics.mean(not d and quotes._told(a, text) for a, text, d in answers)
        words = statistics.median(len(text.split()) for _, text, _ in answers)
        print(
            f"  {kind:<10} n={len(records):<3} {way:<10} passages {passages:>4.1f}  "
            f"given {given:.2f}  quotes tell {told:.2f}  words {words:.0f}",
            flush=True,
        )


def report_declined(records: Sequence[Record]) -> None:
    """Of questions that the documents do not answer, the share that `quotes` declines."""
    for way in records[0].found if records else ():
        asked = [quotes.Asked(UNANSWERABLE, 0, r.question, tuple(r.found[way])) for r in records]
        declined = statistics.mean(asyncio.run(quotes._answer(each))[1] for each in asked)
        print(f"  {UNANSWERABLE} n={len(records):<3} {way:<10} declined {declined:.2f}", flush=True)


def holds(record: Record, passages: Sequence[Passage]) -> bool:
    """Whether a passage of the right document and section has all of the expected words."""
    section = record.section.split(" › ")[-1]
    return any(
        ORIGINS[passage.document_id] == record.document
        and section in passage.section
        and all(words in _plain(passage.text) for words in map(_plain, record.contains))
        for passage in passages
    )


def _plain(text: str) -> str:
    return quotes._plain(text).lower()


ORIGINS: dict[str, str] = {}  # of the documents, by id


def _departments() -> Iterator[tuple[str, list[Record]]]:
    from assistants import compute, data
    from assistants.models import Document, Zone
    from assistants.services import documents, linking
    from assistants.services.seeding import ASSISTANTS

    zones = {}
    for slug in ("general", *quotes.DEPARTMENTS):
        zones[slug] = Zone.objects.create(slug=slug, name=slug).pk
        documents.ingest_path(quotes.DEMO / slug, slug)
    with data.rights_of_system():
        ORIGINS.update(
            (str(pk), origin) for pk, origin in Document.objects.values_list("pk", "origin")
        )
    started = time.process_time()
    for document in map(uuid.UUID, ORIGINS):
        data.rebuild_links(document)
    spent = (time.process_time() - started) * 1000 / len(ORIGINS)
    print(f"{len(ORIGINS)} documents, links found anew in {spent:.1f} ms of processor time each")
    for department in quotes.DEPARTMENTS:
        asked = list(_questions(department))
        vectors = compute.embed_texts([record["question"] for _, record in asked])
        assistant: Any = SimpleNamespace(
            widen_by_links=True, keyword_weight=ASSISTANTS[department].keyword_weight
        )
        scope = Scope((zones["general"], zones[department]))
        records = []
        for (kind, record), vector in zip(asked, vectors, strict=True):
            question = record["question"]
            many = data.search(
                scope,
                None,
                question,
                vector,
                keyword_weight=assistant.keyword_weight,
                limit=max(SEARCHED) + linking.LINKED,
            )
            many = [passage for passage in many if data.is_relevant(passage.evidence)]
            ways = {}
            for searched in SEARCHED:
                begun = time.perf_counter()
                widened = linking.widen(assistant, scope, None, question, vector, many[:searched])
                spent = (time.perf_counter() - begun) * 1000
                ways[f"{searched} searched"] = many[:searched]
                ways[f"{searched} and more"] = many[: searched + linking.LINKED]
                ways[f"{searched} widened"] = widened
            contains = tuple(record["contains"])
            records.append(
                Record(kind, question, record["document"], record["section"], contains, ways, spent)
            )
        yield department, records


def _questions(department: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in (quotes.QUESTIONS / f"{department}.jsonl", LINKS / f"{department}.jsonl"):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            if record["document"]:
                yield record.get("kind", "every day"), record
            else:
                yield UNANSWERABLE, {"section": "", "contains": (), **record}


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
