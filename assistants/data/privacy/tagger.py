"""Names of people, places, organisations, addresses and jobs, in any case, by a small network.

Each token is the sum of a few learned rows (word, first and last three letters, case and length,
what lexicons know of it); three layers then look at two tokens on either side each. Trained by
`python -m assistants.data.privacy.training` on text made up by a generator, so it holds nobody's
data. Plain matrix products: no framework is loaded, and 500 characters take a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistants.data.privacy import tokens

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

ARTEFACT = Path(__file__).with_name("tagger.npz")
LABELS = ("O", "PERSON", "ORGANIZATION", "LOCATION", "ADDRESS", "TITLE", "NATIONALITY")
WINDOW = 2  # tokens on either side that a layer sees
LAYERS = 3
TOKENS_AT_ONCE = 4_096
_FIRST_NAME = 1 << tokens.FLAGS.index("first_name") | 1 << tokens.FLAGS.index("common_first_name")
_COMMON = 1 << tokens.FLAGS.index("english") | 1 << tokens.FLAGS.index("clinical")


@dataclass(frozen=True, slots=True)
class Tagged:
    """What the network says of each token: `shares[i]` are the labels' shares, summing to 1."""

    tokens: list[tokens.Token]
    shares: Array


def tag(text: str) -> Tagged:
    """Deterministic, linear in the text's length."""
    import numpy as np

    found = tokens.tokenise(text)
    network = _network()
    size, overlap = TOKENS_AT_ONCE, WINDOW * LAYERS
    parts = []
    for first in range(0, len(found), size):
        begin = max(0, first - overlap)
        part = network.run([token.text for token in found[begin : first + size + overlap]])
        parts.append(part[first - begin : first - begin + min(size, len(found) - first)])
    empty = np.zeros((0, len(LABELS)), np.float32)
    return Tagged(found, np.concatenate(parts) if parts else empty)


def flags_of(word: str) -> int:
    """What the lexicons know of a word: bits in the order of `tokens.FLAGS`."""
    return _network().look_up(word)[4]


def is_common_word(word: str) -> bool:
    """Of the language, or of medicine: what it names elsewhere does not show it to be a name."""
    return bool(flags_of(word) & _COMMON)


def is_first_name(word: str) -> bool:
    return bool(flags_of(word) & _FIRST_NAME)


class Network:
    def __init__(self, weights: Mapping[str, Array]) -> None:
        import numpy as np

        def full(name: str) -> Array:
            return np.ascontiguousarray(weights[name], dtype=np.float32)

        self._rows = [full(name) for name in ("words", "prefixes", "suffixes", "shapes", "flags")]
        self._layers = [(full(f"w{i}"), full(f"b{i}")) for i in range(LAYERS)]
        self._out = full("out_w"), full("out_b")
        self._keys, self._known = weights["lexicon_keys"], weights["lexicon_flags"]
        self._bits = 1 << np.arange(len(tokens.FLAGS))
        self.look_up = lru_cache(maxsize=50_000)(self._look_up)

    def _look_up(self, word: str) -> tuple[int, int, int, int, int]:
        import numpy as np

        digest = tokens.digest(tokens.key(word))
        place = int(np.searchsorted(self._keys, digest))
        known = place < len(self._keys) and int(self._keys[place]) == digest
        flags = int(self._known[place]) if known else 0
        return (*tokens.identify(word), tokens.shape(word), flags)

    def run(self, words: list[str]) -> Array:
        import numpy as np

        ids = np.array([self.look_up(word) for word in words], dtype=np.int64)
        state = sum(
            (rows[ids[:, i]] for i, rows in enumerate(self._rows[:4])),
            start=((ids[:, 4:5] & self._bits) > 0).astype(np.float32) @ self._rows[4],
        )
        for number, (weight, bias) in enumerate(self._layers):
            seen = np.maximum(_window(state) @ weight + bias, 0)
            state = seen + state if number else seen
        scores = state @ self._out[0] + self._out[1]
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def _window(state: Array) -> Array:
    """(n, d) to (n, 5 d): each row with its neighbours, zeros beyond the ends."""
    import numpy as np

    padded = np.pad(state, ((WINDOW, WINDOW), (0, 0)))
    return np.concatenate([padded[i : i + len(state)] for i in range(2 * WINDOW + 1)], axis=1)


@cache
def _network() -> Network:
    import numpy as np

    with np.load(ARTEFACT, allow_pickle=False) as weights:
        return Network({name: weights[name] for name in weights.files})
