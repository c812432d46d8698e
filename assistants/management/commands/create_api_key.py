"""`manage.py create_api_key USER`: the key is the last word printed, and is shown only then."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.exceptions import AssistantsError
from assistants.services.api_keys import create_api_key

ACTOR = "manage.py create_api_key"


class Command(BaseCommand):
    help = "Make a key of the API for a person. It may do what the person may, and no more."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER")
        parser.add_argument("--name", default="", help="what the key is used for")
        parser.add_argument("--days", type=int, help="valid for so long (default: until revoked)")

    def handle(self, *args: Any, user: str, name: str, days: int | None, **options: Any) -> None:
        try:
            key, text = create_api_key(user, name=name, days=days, actor=ACTOR)
        except AssistantsError as error:
            raise CommandError(error.user_message) from error
        until = f"{key.expires:%Y-%m-%d %H:%M} UTC" if key.expires else "it is revoked"
        self.stdout.write(
            f"A key for {user}, valid until {until}. It is shown this once; keep it secret:"
        )
        self.stdout.write(text)
