"""`manage.py import_terms FILE --zone SLUG`: names of clients and projects to protect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.exceptions import AssistantsError
from assistants.services.terms import import_terms


class Command(BaseCommand):
    help = "Add names to protect to a zone's list: one a line, # for comments."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--zone", required=True, metavar="SLUG")

    def handle(self, *args: Any, file: Path, zone: str, **options: Any) -> None:
        try:
            imported = import_terms(file, zone)
        except AssistantsError as error:
            raise CommandError(error.user_message) from error
        self.stdout.write(f"{imported.read} names read, {imported.new} of them new")
