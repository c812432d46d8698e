"""`manage.py sync_source NAME`: sync now, and print what happened."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.exceptions import AssistantsError
from assistants.models import Source
from assistants.services import sources
from assistants.tasks import ingest


class Command(BaseCommand):
    help = (
        "Bring the documents of a source up to date, now. New files are received here and read "
        "by the ingest worker; the exit code is 1 if the source could not be synced."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        source = Source.objects.filter(name=name).first()
        if source is None:
            known = ", ".join(Source.objects.values_list("name", flat=True)) or "none yet"
            raise CommandError(f"There is no source “{name}”. Sources: {known}.")
        try:
            report = sources.sync_source(source.pk, ingest.delay, actor="manage.py sync_source")
        except AssistantsError as error:
            raise CommandError(error.user_message) from error
        lines = sources.describe(report)
        if report.error:
            raise CommandError("\n".join(lines))
        for line in lines:
            self.stdout.write(line)
