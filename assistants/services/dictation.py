"""Words spoken into the composer: a few seconds of sound, and the text while somebody waits.

It runs on a worker of its own with a model kept warm, so that no hour-long call is ahead of it. The
sound passes the broker sealed, and is kept nowhere.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass

from django.contrib.auth.models import AbstractUser
from django.core.cache import cache

from assistants import compute, data
from assistants.exceptions import AssistantsError, InvalidRequest, NotFound
from assistants.models import Zone
from assistants.services import transcription
from assistants.types import SpokenSegment, SpokenWord

LONGEST = 120.0  # seconds of one utterance
PATIENCE = 20.0  # seconds for the worker to answer
KEPT = 60  # seconds, in the broker

Send = Callable[[str], object]


class DictationUnavailable(AssistantsError):
    code = "dictation_unavailable"
    user_message = "Speech cannot be turned into text at the moment. Please type, or try again."


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said. `segments` are in seconds of the sound that was sent."""

    text: str
    language: str
    segments: tuple[SpokenSegment, ...] = ()


def transcribe_utterance(
    user: AbstractUser, zone_slug: str, sound: bytes, send: Send, *, language: str = ""
) -> Utterance:
    """The text of some seconds of sound: 16-bit samples, little-endian, 16 kHz mono. Waits for it.

    `send` queues the task (`tasks.dictate.delay`). Called again with more of the same utterance it
    gives the whole text anew. Raises NotFound for a zone that the user may not read,
    InvalidRequest, DictationUnavailable.
    """
    if len(sound) % 2 or len(sound) > LONGEST * compute.speech.RATE * 2:
        raise InvalidRequest(
            f"{len(sound)} bytes of sound",
            user_message=f"Speak for at most {LONGEST:.0f} seconds at a time.",
        )
    scope = data.get_scope(user)
    zone = Zone.objects.filter(slug=zone_slug, pk__in=scope.zone_ids).first()
    if zone is None:
        raise NotFound(f"zone {zone_slug} for user {user.pk}")
    if not sound:
        return Utterance("", language)
    identity = uuid.uuid4()
    asked = {"zone": zone.pk, "language": language}
    payload, key_id = data.recordings.seal_sound(
        json.dumps(asked).encode() + b"\n" + sound, identity, "asked"
    )
    try:
        cache.set(_asked(identity), (payload, key_id), KEPT)
        send(str(identity))
        answer = compute.speech.wait_for_answer(str(identity), PATIENCE)
    except compute.BROKER_DOWN as error:
        raise DictationUnavailable(repr(error)) from error
    if answer is None:
        cache.delete(_asked(identity))  # nobody waits for it: it must not hold up the next one
        raise DictationUnavailable("no dictation worker answered")
    sealed, key_id = answer
    told = json.loads(data.recordings.open_sound(sealed, key_id, identity, "answered"))
    if "error" in told:
        raise DictationUnavailable(told["error"])
    return Utterance(
        told["text"],
        told["language"],
        tuple(
            SpokenSegment(
                **{
                    **segment,
                    "words": tuple(SpokenWord(**word) for word in segment["words"]),
                    "voice": None,
                }
            )
            for segment in told["segments"]
        ),
    )


def dictate(identity: str) -> None:
    """The worker's side: hear it, and answer. What nobody waits for any more is dropped."""
    asked_by = uuid.UUID(identity)
    found = cache.get(_asked(asked_by))
    if found is None:
        return
    cache.delete(_asked(asked_by))
    head, _, sound = data.recordings.open_sound(found[0], found[1], asked_by, "asked").partition(
        b"\n"
    )
    asked = json.loads(head)
    try:
        answer: dict[str, object] = _hear(sound, asked["zone"], asked["language"])
    except AssistantsError as error:
        answer = {"error": str(error)}
    sealed, key_id = data.recordings.seal_sound(
        json.dumps(answer, ensure_ascii=False).encode(), asked_by, "answered"
    )
    compute.speech.send_answer(identity, sealed, key_id, KEPT)


def _hear(sound: bytes, zone_id: int, language: str) -> dict[str, object]:
    transcriber = compute.speech.get_transcriber(trial=False)
    segments = compute.speech.transcribe_utterance(
        transcriber, sound, language=language, hints=transcription.get_hints(zone_id)
    )
    return {
        "text": " ".join(segment.text for segment in segments),
        "language": segments[0].language if segments else language,
        "segments": [asdict(segment) for segment in segments],
    }


def _asked(identity: uuid.UUID) -> str:
    return f"dictation:{identity}"
