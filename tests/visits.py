"""A recording of a visit, transcribed, as the workers leave it; for tests of what comes after."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from assistants import data
from assistants.models import Assistant, NoteTemplate, Recording, Segment, Transcript, Zone

VISIT = (
    ("1", "Hi, Ann. What brings you in today?"),
    ("2", "I've had a cough and a fever for three weeks now."),
    ("1", "Any chest pain?"),
    ("2", "No, nothing like that."),
    ("1", "Are you allergic to anything?"),
    ("2", "Yes, penicillin."),
    ("1", "Your temperature is 38.5 degrees."),
    ("1", "I think you have bronchitis."),
    ("1", "I want to start you on doxycycline, 100 milligrams twice a day."),
)
SECONDS = 10.0  # of each of the segments


def make_visit(
    owner: User, zone: Zone, lines: Any = VISIT, *, unsure: str = "", **extra: Any
) -> Recording:
    """`unsure` is a word that the recogniser was not sure of."""
    with data.rights_of_system():
        fields = {"name": "Visit", "state": Recording.State.READY, "sha256": "0" * 64, **extra}
        recording = Recording.objects.create(
            owner=owner, zone=zone, duration=SECONDS * len(lines), **fields
        )
        transcript = Transcript.objects.create(
            recording=recording,
            languages=["en"],
            speakers={"1": "Doctor", "2": "Patient"},
            engine="faster-whisper",
            model="base",
            completed=timezone.now(),
        )
        for position, (speaker, text) in enumerate(lines):
            start = position * SECONDS
            spoken = text.split(" ")
            each = SECONDS / len(spoken)
            Segment.objects.create(
                transcript=transcript,
                part=0,
                position=position,
                start=start,
                end=start + SECONDS,
                speaker=speaker,
                text=text,
                words=[
                    {
                        "text": f" {word}",
                        "start": start + number * each,
                        "end": start + (number + 1) * each,
                        "probability": 0.2 if unsure and unsure in word else 0.98,
                    }
                    for number, word in enumerate(spoken)
                ],
                probability=0.9,
                no_speech=0.01,
                language="en",
            )
    return recording


def make_templates() -> None:
    """The built-in ones, for the cast's departments."""
    for slug, template in zip(("clinical", "compliance"), data.notes.BUILT_IN, strict=True):
        NoteTemplate.objects.create(
            slug=template.slug,
            name=template.name,
            assistant=Assistant.objects.get(slug=slug),
            sections=data.notes.write_sections(template),
            clinical=template.clinical,
        )
