from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate

from assistants import data


class Command(migrate.Command):
    help = migrate.Command.help + " Connects as the owner of the tables (MIGRATION_DATABASE_URL)."

    def handle(self, *args: Any, **options: Any) -> None:
        with data.as_owner(options["database"]):
            super().handle(*args, **options)
