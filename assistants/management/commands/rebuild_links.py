"""`manage.py rebuild_links`: find anew what all documents name."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from assistants.services import linking

EVERY = 100


class Command(BaseCommand):
    help = (
        "Find anew what all documents name: after an upgrade that finds more, or for documents "
        "that were ingested before links were kept. Safe to stop and to run again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        count = linking.rebuild_links(self.report)
        self.stdout.write(f"{count} documents")

    def report(self, number: int) -> None:
        if number % EVERY == 0:
            self.stdout.write(f"{number} …")
            self.stdout.flush()
