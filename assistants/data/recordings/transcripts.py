"""What was said: read, corrected with history, by whom. Runs with the caller's rights."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.db.models import F

from assistants.exceptions import NotFound
from assistants.models import Segment, SegmentEdit, Transcript


def get_transcript(recording_id: uuid.UUID) -> Transcript | None:
    """None where nothing was heard yet."""
    return Transcript.objects.filter(pk=recording_id).first()


def list_segments(recording_id: uuid.UUID, after: float = -1.0) -> list[Segment]:
    """Those that start after this second, in the order of time."""
    return list(
        Segment.objects.filter(transcript_id=recording_id, start__gt=after)
        .defer("voice")
        .order_by("start", "part", "position")
    )


def lock_segment(segment_id: uuid.UUID) -> Segment:
    """Raises NotFound."""
    segment = (
        Segment.objects.select_for_update(no_key=True).defer("voice").filter(pk=segment_id).first()
    )
    if segment is None:
        raise NotFound(f"segment {segment_id}")
    return segment


def change_segment(segment: Segment, editor_id: int, *, text: str, speaker: str) -> Segment:
    """Keep what it said as an edit, and write down what it says now. The caller has locked it."""
    SegmentEdit.objects.create(
        segment=segment,
        version=segment.version,
        text=segment.text,
        speaker=segment.speaker,
        editor_id=editor_id,
    )
    segment.text, segment.speaker = text, speaker
    segment.version += 1
    segment.save(update_fields=["text", "speaker", "version"])
    return segment


def list_edits(segment_id: uuid.UUID) -> list[SegmentEdit]:
    """What it said before, the oldest first."""
    edits = SegmentEdit.objects.filter(segment_id=segment_id).select_related("editor")
    return list(edits.order_by("version"))


def name_speakers(recording_id: uuid.UUID, names: Mapping[str, str]) -> Transcript:
    """Add or change names of speakers. Raises NotFound."""
    transcript = Transcript.objects.select_for_update(no_key=True).filter(pk=recording_id).first()
    if transcript is None:
        raise NotFound(f"transcript of {recording_id}")
    transcript.speakers = {**transcript.speakers, **names}
    transcript.save(update_fields=["speakers"])
    return transcript


def merge_speakers(recording_id: uuid.UUID, one: str, other: str) -> int:
    """All that `other` says is said by `one`; how many segments that changed."""
    said = Segment.objects.filter(transcript_id=recording_id, speaker=other)
    return said.update(speaker=one, version=F("version"))
