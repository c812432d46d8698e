from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.exceptions import NotFound
from assistants.services.receipts import get_kept_receipt


class Command(BaseCommand):
    help = "Print the receipt of an answer, also of one that was deleted, and whether it holds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("answer", help="the id of the answer")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            told = get_kept_receipt(options["answer"])
        except NotFound as error:
            raise CommandError(f"no receipt: {error}") from error
        self.stdout.write(json.dumps(told, ensure_ascii=False, sort_keys=True))
