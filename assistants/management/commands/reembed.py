"""`manage.py reembed --model NAME`: another embedding model, without a moment of downtime."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.exceptions import AssistantsError
from assistants.services import reembedding


class Command(BaseCommand):
    help = (
        "Embed all documents with another model beside the present one, then switch at once. "
        "Interrupted, it goes on where it was when it is run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--model", metavar="NAME", help="as the endpoint calls it")
        what.add_argument(
            "--drop-retired", action="store_true", help="remove the vectors of replaced models"
        )
        parser.add_argument("--revision", default="", help="tells models of one name apart")
        parser.add_argument(
            "--base-url",
            default="",
            metavar="URL",
            help="an OpenAI-compatible server on the premises, with /v1 (default: in-process)",
        )
        parser.add_argument(
            "--key-variable", default="", metavar="VAR", help="the variable that holds its key"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        def report(line: str) -> None:
            self.stdout.write(line)
            self.stdout.flush()

        try:
            if options["drop_retired"]:
                reembedding.drop_retired(report)
            else:
                reembedding.reembed(
                    options["model"],
                    version=options["revision"],
                    base_url=options["base_url"],
                    key_variable=options["key_variable"],
                    report=report,
                )
        except AssistantsError as error:
            raise CommandError(error.user_message) from error
