"""Whisper by CTranslate2 (faster-whisper): int8 on the processor, float16 on a GPU."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistants.compute.speech.transcriber import Reading, as_prompt

if TYPE_CHECKING:
    from assistants.compute.speech.transcriber import Samples

ENGINE = "faster-whisper"
logging.getLogger("faster_whisper").setLevel(logging.WARNING)  # a line a file says nothing here


class FasterWhisper:
    engine = ENGINE

    def __init__(self, folder: Path, *, model: str, version: str) -> None:
        import ctranslate2
        from faster_whisper import WhisperModel

        gpu = ctranslate2.get_cuda_device_count() > 0
        self.model, self.version = model, version
        self._whisper = WhisperModel(
            str(folder),
            device="cuda" if gpu else "cpu",
            compute_type="float16" if gpu else "int8",
            cpu_threads=_threads(),
            local_files_only=True,
        )
        # The library's defaults, as it makes them; nothing is transcribed here.
        _, info = self._whisper.transcribe(_silence(), language="en", word_timestamps=True)
        self._options = info.transcription_options
        self._last: tuple[Samples, Any, Any] | None = None

    def detect(self, samples: Samples) -> tuple[str, float]:
        return self._detect(self._look(samples)[1])

    def read(self, samples: Samples, language: str, hints: Sequence[str] = ()) -> list[Reading]:
        """As `WhisperModel.transcribe`; the encoder runs once for language and text."""
        from faster_whisper.tokenizer import Tokenizer

        features, encoded = self._look(samples)
        self._last = None
        tokenizer = Tokenizer(
            self._whisper.hf_tokenizer,
            self._whisper.model.is_multilingual,
            task="transcribe",
            language=language or self._detect(encoded)[0],
        )
        options = dataclasses.replace(self._options, hotwords=as_prompt(hints))
        segments = self._whisper.generate_segments(features, tokenizer, options, False, encoded)
        return [
            Reading(
                segment.start,
                segment.end,
                segment.text,
                tuple((w.word, w.start, w.end, w.probability) for w in segment.words or ()),
                segment.avg_logprob,
                segment.compression_ratio,
                segment.no_speech_prob,
            )
            for segment in segments
        ]

    def measure(self, tokens: int) -> None:
        """An encoder pass, and so many steps of the decoder, whatever it hears."""
        encoded = self._encode(self._features(_silence()))
        prompt = self._whisper.hf_tokenizer.token_to_id("<|startoftranscript|>")
        end = self._whisper.hf_tokenizer.token_to_id("<|endoftext|>")
        self._whisper.model.generate(
            encoded,
            [[prompt, prompt + 1]],
            beam_size=5,
            max_length=tokens + 2,
            suppress_tokens=[end],
        )

    def _look(self, samples: Samples) -> tuple[Any, Any]:
        """Features, and what the encoder makes of them: most of the work, so `read` after `detect`
        of the same samples does not do it again.
        """
        if self._last is None or self._last[0] is not samples:
            features = self._features(samples)
            self._last = samples, features, self._encode(features)
        return self._last[1:]

    def _features(self, samples: Samples) -> Any:
        return self._whisper.feature_extractor(samples)

    def _encode(self, features: Any) -> Any:
        from faster_whisper.audio import pad_or_trim

        most = self._whisper.feature_extractor.nb_max_frames
        # As the library cuts its first window: without the frame beyond the end.
        return self._whisper.encode(pad_or_trim(features[:, : min(most, features.shape[-1] - 1)]))

    def _detect(self, encoded: Any) -> tuple[str, float]:
        if not self._whisper.model.is_multilingual:
            return "en", 1.0
        token, sure = self._whisper.model.detect_language(encoded)[0][0]
        return token[2:-2], float(sure)


def _threads() -> int:
    """As many as the process was given; 0 would be one each of the machine's."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


def _silence() -> Any:
    import numpy as np

    return np.zeros(16_000, np.float32)
