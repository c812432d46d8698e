from __future__ import annotations

import dataclasses
import json

from django.core.management.base import BaseCommand

from assistants.services.seeding import seed


class Command(BaseCommand):
    help = "Bring an empty database to the demo; the last line printed is JSON."

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(json.dumps(dataclasses.asdict(seed())))
