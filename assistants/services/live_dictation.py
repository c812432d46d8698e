"""Words that stay once they are shown: dictation while somebody still speaks.

What was heard so far is heard again and again, and each time a little more of it. A word is fixed
once two hearings in a row agree on everything up to it: LocalAgreement-2 (Liu, Spanakis and
Niehues, Low-Latency Sequence-to-Sequence Speech Recognition and Translation by Partial Hypothesis
Selection, Interspeech 2020; for Whisper: Macháček, Dabre and Bojar, Turning Whisper into Real-Time
Transcription System, IJCNLP-AACL 2023). What is fixed never changes; the rest may.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser

from assistants import data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.services import dictation, registry

Send = Callable[[str], object]

# Words this near to the end of the sound may have been cut off: they are fixed next time.
EDGE = 0.4  # seconds
RATE = 16_000  # samples a second, of 16 bits


@dataclass(frozen=True, slots=True)
class HeardWord:
    """`text` with the space before it, as it was heard; `end` in seconds of the sound sent."""

    text: str
    end: float


@dataclass(frozen=True, slots=True)
class Heard:
    """`fixed` is agreed on, and the sound up to second `until` need not be sent again; `pending`
    are the words after it, which the next hearing is compared with.
    """

    fixed: tuple[HeardWord, ...]
    pending: tuple[HeardWord, ...]
    until: float
    language: str


def listen(
    user: AbstractUser,
    assistant: str,
    sound: bytes,
    before: Sequence[str],
    send: Send,
    *,
    final: bool = False,
    language: str = "",
) -> Heard:
    """Hear what is not fixed yet: 16-bit samples, little-endian, 16 kHz mono. Waits for it.

    `before` are the words that the last hearing left pending. `final`: nothing follows, so all of
    it is fixed. The words of the assistant's department help to recognise them. Raises NotFound,
    InvalidRequest, DictationUnavailable.
    """
    if len(before) > 2_000:
        raise InvalidRequest("pending words")
    heard = dictation.transcribe_utterance(
        user, find_zone(user, assistant), sound, send, language=language
    )
    words = [HeardWord(word.text, word.end) for each in heard.segments for word in each.words]
    if final:
        return Heard(tuple(words), (), len(sound) / 2 / RATE, heard.language)
    agreed = agree(before, [word.text for word in words])
    while agreed and words[agreed - 1].end > len(sound) / 2 / RATE - EDGE:
        agreed -= 1
    until = words[agreed - 1].end if agreed else 0.0
    return Heard(tuple(words[:agreed]), tuple(words[agreed:]), until, heard.language)


def agree(before: Sequence[str], now: Sequence[str]) -> int:
    """How many words at the beginning are the same in both, whatever their case and commas."""
    count = 0
    for one, other in zip(before, now, strict=False):
        if _plain(one) != _plain(other):
            break
        count += 1
    return count


def find_zone(user: AbstractUser, assistant: str) -> str:
    """The most sensitive zone of an assistant that the user may read: what is dictated to it is
    treated as that. Raises NotFound for one that is not theirs.
    """
    scope = data.get_scope(user)
    known = registry.get_assistants().values()
    chosen = next((each for each in known if each.slug == assistant), None)
    if chosen is None or chosen.department_id not in scope.group_ids:
        raise NotFound(f"assistant {assistant!r}")
    zones = chosen.zones.filter(pk__in=scope.zone_ids).order_by("-sensitivity", "slug")
    zone = zones.first() or chosen.question_zone
    return str(zone.slug)


def _plain(word: str) -> str:
    return "".join(
        sign
        for sign in unicodedata.normalize("NFKC", word).casefold()
        if unicodedata.category(sign)[0] in "LN"
    )
