"""`manage.py switch_on DEPARTMENT`: let the people of a department that ships ask its assistant."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from assistants.exceptions import AssistantsError
from assistants.services import seeding


class Command(BaseCommand):
    help = (
        "Switch on an assistant that ships switched off, such as marketing. What is missing of its "
        "zones, policy, prompts and demo documents is made first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("department", metavar="DEPARTMENT")
        parser.add_argument("--reason", default="Switched on from the command line.")

    def handle(self, *args: Any, department: str, reason: str, **options: Any) -> None:
        try:
            assistant = seeding.switch_on(department, reason, actor="manage.py switch_on")
        except AssistantsError as error:
            raise CommandError(error.user_message) from error
        people = assistant.department.user_set.filter(is_active=True).count()
        self.stdout.write(f"The people of {assistant.department.name} can ask {assistant.name}.")
        if not people:
            self.stdout.write("Nobody is in that group yet: add people to it in the console.")
