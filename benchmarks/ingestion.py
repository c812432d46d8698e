"""How fast documents come in, and whether all of them do.

    python -m benchmarks.ingestion [--uploads 1000] [--documents 96]

Free: documents of 1,500 words are uploaded at once through the documents page's view, by many
threads, while one ingest worker (a process of its own) leads them through the pipeline with an
embedding that costs nothing. Counted from the first upload to the last document searchable.

Real: one worker with the product's own embeddings, against embedding the same chunks and nothing
else, in the same run, before and after.

Processor seconds are told beside the clock's, since the machine may be shared.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks import database

CHECKOUT = Path(__file__).resolve().parent.parent
WORDS = 1_500
SECTIONS = 8
UPLOADERS = 10  # threads that upload at once; each has a connection of the pool
GOAL = 30  # documents/s with a free embedding
SPREAD = 0.3  # length of the noise beside vectors of about length 1
SHARE = 0.85  # of the raw embedding speed


def main(argv: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.ingestion")
    parser.add_argument("--uploads", type=int, default=1_000)
    parser.add_argument("--documents", type=int, default=96, help="with real embeddings")
    parser.add_argument("--only", choices=["free", "real"])
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.worker:
        work()
        return
    database.start()
    if options.only != "real":
        measure_free(options.uploads)
    if options.only != "free":
        measure_real(options.documents)


# -- documents ------------------------------------------------------------------------------------


def make_documents(count: int, seed: int = 7) -> Iterator[tuple[str, bytes]]:
    """Markdown of about 1,500 words in sections, from the demo's own sentences; no two alike."""
    chance = random.Random(seed)
    sentences = _sentences()
    for number in range(count):
        lines = [f"# Guideline {number}"]
        left = WORDS
        for section in range(1, SECTIONS + 1):
            lines += ["", f"## {section}. {' '.join(chance.choice(sentences).split()[:4])}"]
            room = left // (SECTIONS + 1 - section)
            left -= room
            while room > 0:
                paragraph = " ".join(chance.choice(sentences) for _ in range(3)).split()[:room]
                room -= len(paragraph)
                lines += ["", " ".join(paragraph)]
        yield f"guideline-{number}.md", "\n".join(lines).encode()


def _sentences() -> list[str]:
    """Of the departments whose documents name nothing that their zone would be too low for."""
    found = []
    folder = CHECKOUT / "assistants" / "demo" / "documents"
    for path in sorted((folder / "compliance").rglob("*.md")):
        for line in path.read_text().splitlines():
            if line[:1].isalnum():
                found += [part.strip() for part in line.split(". ") if 6 < len(part.split()) < 40]
    return [sentence.rstrip(".") + "." for sentence in found]


# -- a free embedding -----------------------------------------------------------------------------


def measure_free(uploads: int) -> None:
    from django.contrib.auth.models import Group, User
    from django.test import Client

    from assistants import tasks
    from assistants.models import Zone

    zone = Zone.objects.create(slug="benchmark", name="Benchmark", sensitivity=3)
    user = User.objects.create_user("uploader")
    group = Group.objects.create(name="uploaders")
    user.groups.add(group)
    zone.readers.add(group)
    files = list(make_documents(uploads))
    with _worker() as worker:
        setattr(tasks.ingest, "delay", worker.wake)  # noqa: B010  # a task's own, for this run
        local = threading.local()

        def upload(file: tuple[str, bytes]) -> str:
            from django.core.files.uploadedfile import SimpleUploadedFile

            if not hasattr(local, "client"):
                local.client = Client(
                    SERVER_NAME="localhost", headers={"accept": "application/json"}
                )
                local.client.force_login(user)
            body = {"zone": zone.slug, "files": SimpleUploadedFile(*file)}
            (result,) = local.client.post("/documents/", body).json()["results"]
            return str(result["outcome"])

        started, before = time.monotonic(), database.Cost.now()
        with ThreadPoolExecutor(UPLOADERS) as pool:
            outcomes = list(pool.map(upload, files))
        uploaded, between = time.monotonic() - started, database.Cost.now()
        worker.wait_until_done(uploads)
        seconds = time.monotonic() - started
        used = worker.end()
        cost = database.Cost.now()
    chunks, searchable = _count(zone.pk)
    assert outcomes.count("received") == searchable == uploads, (
        f"{uploads} uploads, {outcomes.count('received')} taken, {searchable} searchable"
    )
    web, stored = between.own - before.own, cost.database - before.database
    print(
        f"{uploads:,} uploads of {WORDS:,} words at once, free embedding: all searchable, none lost"
    )
    print(f"  taken in {uploaded:.1f} s; searchable after {seconds:.1f} s: "
          f"{uploads / seconds:.1f} documents/s, {chunks / seconds:.0f} chunks/s "
          f"(goal: {GOAL} documents/s)")  # fmt: skip
    print(f"  processor: {(web + used + stored) / uploads * 1000:.1f} ms a document "
          f"(web {web / uploads * 1000:.1f}, worker {used / uploads * 1000:.1f}, "
          f"database {stored / uploads * 1000:.1f}); with two cores to themselves "
          f"{2 * uploads / (web + used + stored):.0f} documents/s", flush=True)  # fmt: skip


def _count(zone: int) -> tuple[int, int]:
    """Chunks, and documents with a current version."""
    from assistants import data
    from assistants.models import Chunk, DocumentVersion

    with data.rights_of_system():
        current = DocumentVersion.objects.filter(zone=zone, current=True, status="indexed")
        return Chunk.objects.filter(zone=zone).count(), current.count()


class Worker:
    """An ingest worker as a process of its own; a line is a wake-up, the end of input its end."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "benchmarks.ingestion", "--worker"]
        self.process = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.sending = threading.Lock()
        assert self._read() == {"ready": True}

    def wake(self) -> None:
        assert self.process.stdin
        with self.sending:
            self.process.stdin.write("\n")
            self.process.stdin.flush()

    def wait_until_done(self, expected: int) -> None:
        taken = 0
        while taken < expected:
            taken += int(self._read()["taken"])

    def end(self) -> float:
        """Its processor seconds."""
        assert self.process.stdin
        self.process.stdin.close()
        answer = self._read()
        while "seconds" not in answer:
            answer = self._read()
        self.process.wait(30)
        return float(answer["seconds"])

    def _read(self) -> dict[str, float]:
        assert self.process.stdout
        answer: dict[str, float] = json.loads(self.process.stdout.readline())
        return answer


@contextmanager
def _worker() -> Iterator[Worker]:
    worker = Worker()
    try:
        yield worker
    finally:
        if worker.process.poll() is None:
            worker.process.kill()
            worker.process.wait()


def work() -> None:
    """The worker's side."""
    import django

    django.setup()
    import numpy as np

    from assistants import compute
    from assistants.services import ingestion

    # Around real embeddings: vectors of pure chance would be much harder to index.
    chance = np.random.default_rng(7)
    real = np.array(compute.embed_texts(_sentences()[:300]), dtype=np.float32)

    def embed_texts(texts: Sequence[str], *model: object) -> list[list[float]]:
        chosen = chance.integers(len(real), size=(2, len(texts)))
        noise = chance.standard_normal((len(texts), real.shape[1]), dtype=np.float32)
        drawn = real[chosen[0]] + real[chosen[1]] / 2 + noise * (SPREAD / real.shape[1] ** 0.5)
        vectors: list[list[float]] = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).tolist()
        return vectors

    compute.embed_texts = embed_texts
    print(json.dumps({"ready": True}), flush=True)
    begun = resource.getrusage(resource.RUSAGE_SELF)
    for _ in sys.stdin:
        print(
            json.dumps({"taken": ingestion.ingest_waiting(lambda: None, overlap=True)}), flush=True
        )
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = used.ru_utime + used.ru_stime - begun.ru_utime - begun.ru_stime
    print(json.dumps({"seconds": seconds}), flush=True)


# -- real embeddings ------------------------------------------------------------------------------


def measure_real(documents: int) -> None:
    from assistants import compute, data
    from assistants.models import Zone
    from assistants.services import ingestion

    compute.warm_up()
    zone = Zone.objects.create(slug="benchmark-real", name="Benchmark", sensitivity=3)
    texts = []
    for name, content in make_documents(documents, seed=11):
        parsed = data.parse_document(name, content, 10**7)
        texts += [c.embedded for c in data.chunk_document(parsed, compute.count_tokens)]
        data.receive_version(
            zone, name, content, media_type=parsed.media_type, pipeline=ingestion.PIPELINE
        )

    def embed() -> Spent:
        with Spent() as spent:
            for start in range(0, len(texts), ingestion.EMBED_AT_ONCE):
                compute.embed_texts(texts[start : start + ingestion.EMBED_AT_ONCE])
        return spent

    before = embed()
    with Spent() as whole:
        taken = ingestion.ingest_waiting(lambda: None, overlap=True)
    after = embed()
    chunks, searchable = _count(zone.pk)
    assert taken == searchable == documents
    assert chunks == len(texts)
    raw = 2 * chunks / (before.seconds + after.seconds)
    share = chunks / whole.seconds / raw
    work_raw = (before.work + after.work) / 2
    print(f"{documents} documents of {WORDS:,} words with the product's embeddings, one worker")
    print(f"  {documents / whole.seconds:.2f} documents/s, {chunks / whole.seconds:.1f} chunks/s; "
          f"embedding alone {raw:.1f} chunks/s: {share:.0%} of it (goal: {SHARE:.0%})")  # fmt: skip
    print(f"  processor: {whole.work / documents * 1000:.0f} ms a document, embedding alone "
          f"{work_raw / documents * 1000:.0f} ms: {work_raw / whole.work:.0%} of it is embedding",
          flush=True)  # fmt: skip


class Spent:
    """Seconds by the clock, and processor seconds of this process and the database."""

    seconds = work = 0.0

    def __enter__(self) -> Spent:
        self.cost, self.started = database.Cost.now(), time.monotonic()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.monotonic() - self.started
        now = database.Cost.now()
        self.work = now.own + now.database - self.cost.own - self.cost.database


if __name__ == "__main__":
    main(sys.argv[1:])
