"""A worker that transcribes is killed at any point: the transcript is complete and not doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from urllib.parse import quote

import numpy as np
import pytest
from django.conf import settings
from django.db import connection

from assistants import compute, data
from assistants.compute.speech import cutting
from assistants.models import Recording, RecordingPart, Segment
from assistants.services import transcription
from benchmarks.product import CHECKOUT
from tests import factories, sounds
from tests.services.test_recordings import LISTENER, hear, upload

pytestmark = pytest.mark.faults

# Ends itself as the kernel would, at the n-th time that it comes to the step named.
DYING_WORKER = """
import os, signal, sys
import django
django.setup()
from assistants import compute, data
from assistants.compute.speech import cutting
from assistants.services import transcription
from tests.services.test_recordings import LISTENER, hear

step, count = sys.argv[1], int(sys.argv[2])
cutting.FIRST_PART = cutting.LATER_PARTS = 10 * 16000
compute.speech.get_transcriber = lambda: LISTENER
compute.speech.transcribe_windows = hear
owner, name = (data.recordings, step) if hasattr(data.recordings, step) else (transcription, step)
original = getattr(owner, name)
left = count

def run(*args, **kwargs):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **kwargs)

setattr(owner, name, run)
while transcription.transcribe_waiting(lambda: None):
    pass
"""
STEPS = [
    ("begin_reading", 0),
    ("append_part", 0),
    ("append_part", 2),
    ("end_reading", 0),
    ("read_part", 1),
    ("complete_part", 0),
    ("complete_part", 2),
    ("classify", 2),
    ("_complete", 0),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("step", "count"), STEPS)
def test_killed_at_each_step(monkeypatch, step, count):
    factories.make_zone("clinical", "clinical")
    carol = factories.make_user("carol", "clinical")
    said = [np.concatenate([sounds.babble(8, seed=n), sounds.silence(2)]) for n in range(5)]
    recording = upload(carol, sounds.as_wav(np.concatenate(said)))
    database = connection.settings_dict
    host, word = (quote(str(database[name] or ""), safe="") for name in ("HOST", "PASSWORD"))
    url = f"postgres://{database['USER']}:{word}@{host}/{database['NAME']}"
    done = subprocess.run(
        [sys.executable, "-c", DYING_WORKER, step, str(count)],
        cwd=CHECKOUT,
        env={**os.environ, "DATABASE_URL": url, "REDIS_URL": settings.REDIS_URL},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    monkeypatch.setattr(cutting, "FIRST_PART", 10 * 16_000)
    monkeypatch.setattr(cutting, "LATER_PARTS", 10 * 16_000)
    monkeypatch.setattr(compute.speech, "get_transcriber", lambda: LISTENER)
    monkeypatch.setattr(compute.speech, "transcribe_windows", hear)
    with data.rights_of_system():
        before = {s.pk: s.text for s in Segment.objects.all()}
        # The leases are over.
        Recording.objects.update(due="2000-01-01T00:00Z")
        RecordingPart.objects.update(due="2000-01-01T00:00Z")
    while transcription.transcribe_waiting(lambda: None):
        pass
    transcription.wake_if_due(lambda: None)
    with data.rights_of_system():
        assert Recording.objects.get(pk=recording.pk).state == Recording.State.READY
        parts = list(RecordingPart.objects.order_by("number"))
        windows = [window for part in parts for window in part.windows]
        segments = list(Segment.objects.order_by("start"))
    assert [part.number for part in parts] == list(range(len(parts)))
    assert len(parts) > 2
    assert [s.text for s in segments] == [f"from {a:.2f}" for a, _ in windows]
    # What was heard before it was killed was not heard again.
    assert before.items() <= {s.pk: s.text for s in segments}.items()
