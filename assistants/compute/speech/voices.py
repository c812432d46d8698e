"""Who speaks: what a voice sounds like, as a vector, and which vectors are one person's.

The encoder is GE2E's (Wan et al. 2018, generalized end-to-end loss for speaker verification): three
LSTM layers over mel frames; the weights are Resemblyzer's (Apache-2.0). Vectors of one voice lie
close; they are joined from the closest on, by the average over all pairs (agglomerative
clustering), until the next two are too far apart.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from assistants.compute.speech.transcriber import RATE
from assistants.compute.weights import PackagedWeights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from assistants.compute.speech.transcriber import Samples

# https://github.com/resemble-ai/Resemblyzer, Apache-2.0.
VOICES = PackagedWeights(
    "resemblyzer",
    "pretrained.pt",
    "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
)

WINDOW, HOP, MELS = 400, 160, 40  # 25 ms, 10 ms, as the weights were trained
PARTIAL = 160  # frames heard together: 1.6 s
SHORTEST = int(1.2 * RATE)  # samples; less does not tell a voice
MOST_PARTIALS = 4  # of one segment: more tell little more
LOUDNESS = 10 ** (-30 / 20)  # of full scale, to which quiet voices are raised
SAME_VOICE = 0.65  # cosine on average, from which on two groups are one person
MOST_SPEAKERS = 12
COMPARED = 600  # segments compared with each other, the longest; the others follow the nearest
LEAST_SHARE = 0.02  # of all speech: less is not a speaker but a misheard piece


def embed_voice(samples: Samples) -> tuple[float, ...] | None:
    """256 numbers, unit length; None for less than 1.2 s."""
    if len(samples) < SHORTEST:
        return None
    import numpy as np
    import torch

    loud = float(np.sqrt(np.mean(np.square(samples)))) or 1e-9
    mel = _mel(samples * max(1.0, LOUDNESS / loud))
    count = min(MOST_PARTIALS, max(1, round(len(mel) / PARTIAL)))
    if len(mel) < PARTIAL:
        mel = np.pad(mel, ((0, PARTIAL - len(mel)), (0, 0)))
    starts = np.linspace(0, len(mel) - PARTIAL, count).astype(int)
    partials = np.stack([mel[start : start + PARTIAL] for start in starts])
    lstm, linear = _encoder()
    with torch.inference_mode():
        _, (hidden, _) = lstm(torch.from_numpy(partials))
        voices = torch.relu(linear(hidden[-1]))
        voices = voices / voices.norm(dim=1, keepdim=True).clamp_min(1e-9)
        voice = voices.mean(dim=0)
        voice = voice / voice.norm().clamp_min(1e-9)
    return tuple(round(float(value), 5) for value in voice)


def group_voices(voices: Sequence[Sequence[float]], seconds: Sequence[float]) -> list[int]:
    """The speaker of each voice, counted from 1 in the order in which they first speak.

    `seconds` is how long each is heard. Deterministic; at most `MOST_SPEAKERS`.
    """
    import numpy as np

    if not voices:
        return []
    vectors = np.asarray(voices, np.float32)
    weights = np.asarray(seconds, np.float32).clip(0.1)
    chosen = np.sort(np.argsort(-weights, kind="stable")[:COMPARED])
    labels = _cluster(vectors[chosen], weights[chosen])
    centres = np.stack(
        [
            (vectors[chosen][labels == label] * weights[chosen][labels == label, None]).sum(axis=0)
            for label in range(labels.max() + 1)
        ]
    )
    centres /= np.linalg.norm(centres, axis=1, keepdims=True).clip(1e-9)
    nearest = (vectors @ centres.T).argmax(axis=1)
    nearest[chosen] = labels
    order: dict[int, int] = {}
    return [order.setdefault(int(label), len(order) + 1) for label in nearest]


def _cluster(vectors: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[Any]:
    """Average linkage on the cosine, weighted by how long each is heard; small groups join the
    nearest large one.
    """
    import numpy as np

    groups = [[i] for i in range(len(vectors))]
    sums = vectors * weights[:, None]
    sizes = weights.copy()
    close = vectors @ vectors.T
    np.fill_diagonal(close, -np.inf)
    while len(groups) > 1:
        best = int(close.argmax())
        one, other = sorted(divmod(best, len(groups)))
        if close[one, other] < SAME_VOICE and len(groups) <= MOST_SPEAKERS:
            small = [g for g in range(len(groups)) if sizes[g] < LEAST_SHARE * weights.sum()]
            if not small:
                break
            one = small[0]
            other = int(close[one].argmax())
            one, other = sorted((one, other))
        groups[one] += groups.pop(other)
        sums[one] += sums[other]
        sizes[one] += sizes[other]
        sums, sizes = np.delete(sums, other, 0), np.delete(sizes, other)
        close = np.delete(np.delete(close, other, 0), other, 1)
        # The average over all pairs of two groups is the product of their averages.
        row = (sums @ sums[one]) / (sizes * sizes[one])
        close[one], close[:, one] = row, row
        close[one, one] = -np.inf
    labels = np.zeros(len(vectors), int)
    for label, group in enumerate(groups):
        labels[group] = label
    return labels


@functools.cache
def _encoder() -> tuple[Any, Any]:
    """(lstm, linear), 17 MB, verified."""
    import torch

    path = VOICES.verified_path()
    state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    lstm = torch.nn.LSTM(MELS, 256, 3, batch_first=True)
    linear = torch.nn.Linear(256, 256)
    for module, name in ((lstm, "lstm."), (linear, "linear.")):
        module.load_state_dict(
            {key.removeprefix(name): value for key, value in state.items() if key.startswith(name)}
        )
        module.eval()
    return lstm, linear


def _mel(samples: Samples) -> NDArray[np.float32]:
    """Power in 40 bands a frame, (frames, 40): Slaney's scale and areas, Hann windows, centred."""
    import numpy as np

    padded = np.pad(samples.astype(np.float32), WINDOW // 2)
    count = 1 + (len(padded) - WINDOW) // HOP
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:count]
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2
    made: NDArray[np.float32] = (power @ _bands().T).astype(np.float32)
    return made


@functools.cache
def _bands() -> NDArray[np.float32]:
    """Triangles over the bins, each of the same area, linear in mel (Slaney 1998)."""
    import numpy as np

    def to_mel(hertz: float) -> float:
        if hertz < 1000:
            return hertz / (200 / 3)
        return 15 + float(np.log(hertz / 1000)) / (float(np.log(6.4)) / 27)

    def to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
        above = 1000 * np.exp(np.log(6.4) / 27 * (mel - 15))
        return np.where(mel < 15, mel * (200 / 3), above)

    edges = to_hertz(np.linspace(0, to_mel(RATE / 2), MELS + 2))
    bins = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    bands = np.zeros((MELS, len(bins)))
    for i in range(MELS):
        low, middle, high = edges[i : i + 3]
        rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
        bands[i] = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    return bands.astype(np.float32)
