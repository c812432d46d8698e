"""What a recogniser says though nobody did: told by how it says it, and left out.

Whisper was trained on subtitles and fills silence and noise with what subtitles hold there. Most
of it never comes up, since only windows with speech in them are read at all (`cutting`); the rest
is doubted by what Whisper's authors measure themselves (Radford et al. 2022, 4.5: probability of
its tokens, of no speech, and how well it compresses), and by its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from assistants.compute.speech.transcriber import Reading

NO_SPEECH = 0.6
LOG_PROBABILITY = -1.0
COMPRESSION = 2.4
UNSURE = 0.25  # words' probability on average, below which a short text is no evidence of speech
REPEATED = 4  # times in a row that nobody says a phrase
LONGEST_PHRASE = 12  # words of a phrase that is repeated

# What subtitles hold over silence, in lower case and without marks.
_STOCK = frozenset(
    {
        *("thank you", "thanks for watching", "thank you for watching", "thank you very much"),
        *("please subscribe", "subscribe", "bye", "bye bye", "you", "the end", "so", "okay"),
        *("thank you so much for watching", "see you next time", "see you in the next video"),
        *("subtitles by the amaraorg community", "untertitel der amaraorg community"),
        *("untertitel im auftrag des zdf für funk 2017", "sous titres réalisés para la"),
        *("vielen dank", "vielen dank fürs zuschauen", "bis zum nächsten mal", "danke schön"),
        *("merci", "merci d'avoir regardé cette vidéo", "gracias", "gracias por ver el video"),
        *("music", "applause", "laughter", "silence", "blank audio", "inaudible"),
    }
)
_MARKS = re.compile(r"[^\w\s']")


def believe(readings: Iterable[Reading]) -> list[Reading]:
    """Those that somebody said, without what is repeated in them."""
    believed = []
    for reading in readings:
        kept = _without_repeats(reading)
        if kept is not None and not is_doubtful(kept):
            believed.append(kept)
    return believed


def is_doubtful(reading: Reading) -> bool:
    """Whether it is more likely made up than said."""
    said = _plain(reading.text)
    if not said:
        return True
    if reading.no_speech > NO_SPEECH and reading.log_probability < LOG_PROBABILITY:
        return True
    if reading.compression > COMPRESSION and reading.log_probability < LOG_PROBABILITY / 2:
        return True
    sure = sum(word[3] for word in reading.words) / len(reading.words) if reading.words else 1.0
    if len(said.split()) <= 3 and sure < UNSURE:
        return True
    return said in _STOCK and (reading.no_speech > NO_SPEECH / 2 or sure < 2 * UNSURE)


def _without_repeats(reading: Reading) -> Reading | None:
    """A phrase said four times or more in a row is kept once: a loop, not a person."""
    if not reading.words:
        return reading
    plain = [_plain(word[0]) for word in reading.words]
    kept: list[int] = []
    place, cut = 0, False
    while place < len(plain):
        length, times = _repeat_at(plain, place)
        kept += range(place, place + length)
        cut = cut or times > 1
        place += length * times
    if not cut:
        return reading
    words = tuple(reading.words[i] for i in kept)
    return Reading(
        words[0][1],
        words[-1][2],
        "".join(word[0] for word in words),
        words,
        reading.log_probability,
        1.0,  # what was repeated is gone
        reading.no_speech,
    )


def _repeat_at(words: Sequence[str], place: int) -> tuple[int, int]:
    """(length of the phrase that begins here, how often it follows itself); (1, 1) for none."""
    for length in range(1, LONGEST_PHRASE + 1):
        phrase = words[place : place + length]
        if not any(phrase):
            continue
        times = 1
        while words[place + times * length : place + (times + 1) * length] == phrase:
            times += 1
        # "no, no, no, no" is said; a whole sentence is not said four times.
        if times >= (REPEATED if length > 1 else 2 * REPEATED):
            return length, times
    return 1, 1


def _plain(text: str) -> str:
    return " ".join(_MARKS.sub("", text.lower().replace("-", " ")).split())
