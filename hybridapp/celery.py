"""The Celery app of the trusted side: `answer` on a threads pool, `ingest` on a prefork pool."""

from __future__ import annotations

import os

from celery import Celery

from assistants.compute import announce

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hybridapp.settings")

app = Celery("hybridapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
announce()
