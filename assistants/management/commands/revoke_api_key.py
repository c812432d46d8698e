"""`manage.py revoke_api_key KEY`: by its id, or by its beginning as the console lists it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.exceptions import AssistantsError
from assistants.services.api_keys import find_api_key, revoke_api_key

ACTOR = "manage.py revoke_api_key"


class Command(BaseCommand):
    help = "Revoke a key of the API. It opens nothing from then on; what it has begun is ended."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", metavar="KEY", help="its id, or its beginning")

    def handle(self, *args: Any, key: str, **options: Any) -> None:
        try:
            found = find_api_key(key)
            now = revoke_api_key(found, actor=ACTOR)
        except AssistantsError as error:
            raise CommandError(error.user_message) from error
        said = "is revoked" if now else "was revoked before"
        self.stdout.write(f"The key {found} {said}.")
