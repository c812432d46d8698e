"""`make bench`: every measurement, one after the other. Ratios count; absolute times are noisy."""

from __future__ import annotations

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


def main() -> None:
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
    ):
        print(f"\n== {title} ==\n", flush=True)
        benchmark()


if __name__ == "__main__":
    main()
