"""Deleting what the zones keep no longer, with a record of it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from assistants import control, data
from assistants.services import lifecycle
from assistants.services.attached_files import delete_unsent


def delete_expired(at: datetime | None = None) -> int:
    """Delete what has expired by then (now), a portion at a time; how many versions, recordings
    and temporary conversations it was.
    """
    at = at or timezone.now()
    delete_unsent(at)
    return _delete_versions(at) + _delete_recordings(at) + _delete_conversations(at)


def _delete_conversations(at: datetime) -> int:
    deleted = 0
    while portion := lifecycle.delete_expired(at):
        deleted += portion
    return deleted


def _delete_recordings(at: datetime) -> int:
    deleted = 0
    while True:
        with transaction.atomic():
            recordings = data.recordings.delete_expired_recordings(at)
            if not recordings:
                return deleted
            control.record_event(
                action="recordings.expired",
                data={
                    "recordings": [
                        {
                            "recording": str(recording.id),
                            "zone": recording.zone,
                            "sha256": recording.sha256,
                        }
                        for recording in recordings
                    ]
                },
            )
        deleted += len(recordings)


def _delete_versions(at: datetime) -> int:
    deleted = 0
    while True:
        with transaction.atomic():
            versions = data.delete_expired_versions(at)
            if not versions:
                return deleted
            control.record_event(
                action="versions.expired",
                data={
                    "versions": [
                        {
                            "version": str(version.id),
                            "document": str(version.document_id),
                            "zone": version.zone,
                            "number": version.number,
                            "sha256": version.sha256,
                        }
                        for version in versions
                    ]
                },
            )
        deleted += len(versions)
