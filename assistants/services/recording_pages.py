"""What the recordings' list shows: the recordings with how far they are, zones, waiting notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser

from assistants import data
from assistants.models import Note, Recording, Zone
from assistants.services import notes, recordings
from assistants.services.recordings import Progress

MOVING = frozenset(
    {Recording.State.WAITING, Recording.State.PREPARING, Recording.State.TRANSCRIBING}
)


@dataclass(frozen=True, slots=True)
class Row:
    recording: Recording
    progress: Progress
    mine: bool

    @property
    def moving(self) -> bool:
        return self.recording.state in MOVING


@dataclass(frozen=True, slots=True)
class RecordingPage:
    """`zones` are those that the user may record in, the most sensitive first: in doubt it is that.

    `moving` says that one of the rows will change by itself.
    """

    rows: Sequence[Row]
    zones: Sequence[Zone]
    waiting: Sequence[Note]

    @property
    def moving(self) -> bool:
        return any(row.moving for row in self.rows)


def get_page(user: AbstractUser) -> RecordingPage:
    found = recordings.list_recordings(user)
    with data.rights_of_user(user) as scope:
        rows = [Row(each, recordings.progress_of(each), each.owner_id == user.pk) for each in found]
    zones = Zone.objects.filter(pk__in=scope.zone_ids).order_by("-sensitivity", "slug")
    return RecordingPage(rows, list(zones), notes.list_waiting(user))
