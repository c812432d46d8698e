"""`manage.py ingest PATH --zone SLUG`: returns when everything is searchable or reported."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.exceptions import AssistantsError
from assistants.services import documents
from assistants.services.documents import FileOutcome, FileResult

ALWAYS_COUNTED = (FileOutcome.INDEXED, FileOutcome.UNCHANGED, FileOutcome.REJECTED)
NAMES = {FileOutcome.RECEIVED: "waiting"}
WORDS = {**NAMES, FileOutcome.INDEXED: "ok"}


class Command(BaseCommand):
    help = (
        "Read a file, or a folder and all below it, into a zone. Prints a line a file; "
        "the exit code is 1 if any file is not searchable: rejected, held for a person, failed, "
        "or waiting to be tried again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH")
        parser.add_argument("--zone", required=True, metavar="SLUG", help="who may read it, where")

    def handle(self, *args: Any, path: Path, zone: str, **options: Any) -> None:
        try:
            results = documents.ingest_path(path, zone, self.report)
        except AssistantsError as error:
            raise CommandError(error.user_message) from error
        counts = Counter(result.outcome for result in results)
        told = [
            f"{counts[outcome]} {NAMES.get(outcome, outcome.value)}"
            for outcome in FileOutcome
            if counts[outcome] or outcome in ALWAYS_COUNTED
        ]
        self.stdout.write(f"{len(results)} files: {', '.join(told)}")
        if set(counts) - {FileOutcome.INDEXED, FileOutcome.UNCHANGED}:
            raise SystemExit(1)

    def report(self, result: FileResult) -> None:
        outcome = WORDS.get(result.outcome, result.outcome.value)
        message = f": {result.message}" if result.message else ""
        self.stdout.write(f"{outcome} {result.name}{message}")
        self.stdout.flush()
