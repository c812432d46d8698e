from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from assistants import control


class Command(BaseCommand):
    help = "Print the key that cloud workers check egress tickets with (EGRESS_PUBLIC_KEY)."
    requires_system_checks: Any = []  # it needs no database

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(control.get_egress_public_key())
