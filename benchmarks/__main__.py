"""`make bench`: every measurement, one after the other. Ratios count; absolute times are noisy."""

from __future__ import annotations

import sys
import time
import traceback

from benchmarks import (
    egress,
    guardrails,
    ingestion,
    links,
    quotes,
    redaction,
    retrieval,
    streaming,
    transcription,
    wire,
)


def notes() -> None:
    """Imported late: it sets Django up, which each of the others does its own way."""
    from benchmarks import dictation
    from benchmarks import notes as clinical

    clinical.main()
    dictation.main()


def pictures() -> None:
    from benchmarks import pictures as recognition

    recognition.main()


def history() -> None:
    from benchmarks import history as conversations

    conversations.main()


def page() -> None:
    """Imported late: it needs the browser of the tests."""
    from benchmarks import page as pages

    pages.main()


def main() -> None:
    failed = []
    for title, benchmark in (
        ("Streaming", streaming.main),
        ("Ingestion", ingestion.main),
        ("Retrieval", retrieval.main),
        ("Quotes", quotes.main),
        ("Redaction", redaction.main),
        ("Egress gate", egress.main),
        ("Guardrails", guardrails.main),
        ("The wire, small", lambda: wire.main(["--requests", "200"])),
        ("Links", links.main),
        ("Transcription", transcription.main),
        ("Pictures", pictures),
        ("Notes", notes),
        ("History", history),
        ("The page", page),
    ):
        print(f"\n== {title} ==\n", flush=True)
        begun = time.monotonic()
        try:
            benchmark()
        except Exception:  # the others are still worth their time
            traceback.print_exc()
            failed.append(title)
        print(f"\n({title}: {time.monotonic() - begun:.0f} s)", flush=True)
    if failed:
        sys.exit(f"not measured to the end: {', '.join(failed)}")


if __name__ == "__main__":
    main()
