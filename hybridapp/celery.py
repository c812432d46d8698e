"""The Celery app of the trusted side: `answer` on a threads pool, `ingest` on a prefork pool."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals

from assistants.compute import announce, warm_up
from hybridapp import broker, memory

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hybridapp.settings")
# A worker has more tasks than connections. Where hundreds ask at once, one that gave up waiting for
# a connection would leave a generated answer unstored, to be generated again.
os.environ.setdefault("DATABASE_POOL_SECONDS", "300")

broker.use()
app = Celery("hybridapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
announce()


@signals.worker_ready.connect
def load_embeddings(sender: Any, **kwargs: object) -> None:
    """So that the first question does not wait for it. Never in a pool that forks after it."""
    if str(sender.hostname).startswith("trusted@"):
        warm_up()
        memory.settle()
