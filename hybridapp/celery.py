"""The Celery app of the trusted side: `answer` on a threads pool, other work on its own pools."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals
from django.conf import settings

from assistants.compute import announce, warm_up
from hybridapp import broker, memory

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hybridapp.settings")

POOL_PATIENCE = 300.0  # seconds

broker.use()
app = Celery("hybridapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
announce()


@signals.celeryd_init.connect
def wait_for_connections(**kwargs: object) -> None:
    """A worker has more tasks than connections: each waits for its turn, however long.

    A person is told after a while that it takes too long. An answer that gave up would stay
    unstored though it is written, and would have to be written again.
    """
    options = settings.DATABASES["default"]["OPTIONS"]
    if pool := options.get("pool"):
        pool["timeout"] = POOL_PATIENCE


@signals.celeryd_init.connect
def give_way(sender: Any, **kwargs: object) -> None:
    """Hours of speech take what the answers and dictation beside them leave of the processor."""
    if str(sender).startswith("speech@"):
        os.nice(10)


@signals.worker_ready.connect
def load_embeddings(sender: Any, **kwargs: object) -> None:
    """So that the first question does not wait for it. Never in a pool that forks after it."""
    if str(sender.hostname).startswith("trusted@"):
        warm_up()
        memory.settle()
