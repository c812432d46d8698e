"""Whisper by its authors' own library (openai-whisper, torch): checkpoints of any size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistants.compute.speech.transcriber import Reading, as_prompt

if TYPE_CHECKING:
    from assistants.compute.speech.transcriber import Samples

ENGINE = "openai-whisper"


class OpenaiWhisper:
    engine = ENGINE

    def __init__(self, checkpoint: Path, *, model: str, version: str) -> None:
        import torch
        import whisper

        gpu = torch.cuda.is_available()
        self.model, self.version = model, version
        self._whisper = whisper.load_model(str(checkpoint), device="cuda" if gpu else "cpu")
        if (heads := _alignment_heads(self._whisper)) is not None:
            self._whisper.set_alignment_heads(heads)
        self._whisper.encoder = _remembering(self._whisper.encoder)
        self._whisper.eval()
        self._half = gpu  # a processor has no half precision

    def detect(self, samples: Samples) -> tuple[str, float]:
        import torch
        import whisper

        if not self._whisper.is_multilingual:
            return "en", 1.0
        mel = whisper.log_mel_spectrogram(
            samples, self._whisper.dims.n_mels, padding=whisper.audio.N_SAMPLES
        )
        # Cut as `transcribe` cuts its first window, so that the encoder runs once for both.
        frames = min(whisper.audio.N_FRAMES, mel.shape[-1] - whisper.audio.N_FRAMES)
        first = whisper.pad_or_trim(mel[:, :frames], whisper.audio.N_FRAMES)
        first = first.to(self._whisper.device, torch.float16 if self._half else torch.float32)
        _, shares = self._whisper.detect_language(first)
        language = max(shares, key=shares.__getitem__)
        return language, float(shares[language])

    def read(self, samples: Samples, language: str, hints: Sequence[str] = ()) -> list[Reading]:
        """As `Whisper.transcribe`; the encoder runs once a window for language, text and times."""
        result = self._whisper.transcribe(
            samples,
            language=language or self.detect(samples)[0],
            initial_prompt=as_prompt(hints),
            carry_initial_prompt=bool(hints),
            word_timestamps=True,
            fp16=self._half,
            verbose=None,
        )
        return [
            Reading(
                segment["start"],
                segment["end"],
                segment["text"],
                tuple(
                    (w["word"], w["start"], w["end"], w["probability"])
                    for w in segment.get("words", ())
                ),
                segment["avg_logprob"],
                segment["compression_ratio"],
                segment["no_speech_prob"],
            )
            for segment in result["segments"]
        ]

    def measure(self, tokens: int) -> None:
        """An encoder pass, and so many steps of the decoder, whatever it hears."""
        import torch
        import whisper

        mel = torch.zeros(self._whisper.dims.n_mels, whisper.audio.N_FRAMES)
        mel = mel.to(self._whisper.device)
        tokenizer = whisper.tokenizer.get_tokenizer(self._whisper.is_multilingual)
        options = whisper.DecodingOptions(
            language="en",
            sample_len=tokens,
            suppress_tokens=[tokenizer.eot],
            fp16=self._half,
        )
        self._whisper.decode(mel, options)


def _alignment_heads(whisper_model: Any) -> bytes | None:
    """Which heads tell when a word is said. The library knows them by a checkpoint's name only, so
    they are looked up by its shape; without them it takes the upper half, which is less exact.
    """
    import whisper

    dims = whisper_model.dims
    names = {
        (6, 512, 51865): "base",
        (6, 512, 51864): "base.en",
        (4, 384, 51865): "tiny",
        (4, 384, 51864): "tiny.en",
        (12, 768, 51865): "small",
        (12, 768, 51864): "small.en",
        (24, 1024, 51865): "medium",
        (24, 1024, 51864): "medium.en",
        (32, 1280, 51866): "large-v3",
        (4, 1280, 51866): "turbo",
    }
    name = names.get((dims.n_text_layer, dims.n_text_state, dims.n_vocab))
    heads: bytes | None = whisper._ALIGNMENT_HEADS.get(name) if name else None
    return heads


def _remembering(encoder: Any) -> Any:
    """The encoder, which knows its last window again.

    The library encodes a window anew for each attempt at it, and once more for the times of its
    words; the result is the same.
    """
    import torch

    class Remembering(torch.nn.Module):  # type: ignore[misc]  # torch is not followed
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder
            self.seen: Any = None
            self.made: Any = None

        def forward(self, mel: Any) -> Any:
            if (
                self.seen is None
                or self.seen.shape != mel.shape
                or self.seen.dtype != mel.dtype
                or not torch.equal(self.seen, mel)
            ):
                self.made = self.encoder(mel)
                self.seen = mel.detach().clone()
            return self.made

    return Remembering()
