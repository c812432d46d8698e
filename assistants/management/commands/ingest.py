"""`manage.py ingest PATH --zone SLUG`: returns when everything is searchable or reported."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.exceptions import AssistantsError
from assistants.services import documents
from assistants.services.documents import FileOutcome, FileResult


class Command(BaseCommand):
    help = (
        "Read a file, or a folder and all below it, into a zone. Prints a line a file; "
        "the exit code is 1 if any file was rejected."
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
        self.stdout.write(
            f"{len(results)} files: {counts[FileOutcome.INDEXED]} indexed, "
            f"{counts[FileOutcome.UNCHANGED]} unchanged, {counts[FileOutcome.REJECTED]} rejected"
        )
        if counts[FileOutcome.REJECTED]:
            raise SystemExit(1)

    def report(self, result: FileResult) -> None:
        outcome = "ok" if result.outcome is FileOutcome.INDEXED else result.outcome.value
        message = f": {result.message}" if result.message else ""
        self.stdout.write(f"{outcome} {result.name}{message}")
        self.stdout.flush()
