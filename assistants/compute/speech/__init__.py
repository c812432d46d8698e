"""Speech to text on the premises: engines, where somebody speaks, who it is.

Nothing here imports torch, numba or CTranslate2 before it is used.
"""

from assistants.compute.speech.answers import send_answer, wait_for_answer
from assistants.compute.speech.choice import Choice, get_transcriber, list_choices, load
from assistants.compute.speech.cutting import CutPart, cut_speech
from assistants.compute.speech.transcriber import RATE, Reading, Transcriber
from assistants.compute.speech.transcribing import (
    transcribe,
    transcribe_utterance,
    transcribe_windows,
)
from assistants.compute.speech.voices import embed_voice, group_voices
from assistants.compute.weights import WeightsMissing

__all__ = [
    "RATE",
    "Choice",
    "CutPart",
    "Reading",
    "Transcriber",
    "WeightsMissing",
    "cut_speech",
    "embed_voice",
    "get_transcriber",
    "group_voices",
    "list_choices",
    "load",
    "send_answer",
    "transcribe",
    "transcribe_utterance",
    "transcribe_windows",
    "wait_for_answer",
]
