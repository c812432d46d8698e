"""Embeddings on the premises: all-MiniLM-L6-v2, 384 dimensions, on the processor.

The model is six small layers, written out here on plain torch: loading it takes a quarter of a
second instead of the ten that transformers needs to import, and a short question costs a few
milliseconds. `tests/compute/test_embeddings.py` compares it with transformers' own.

Questions that come while one is being embedded wait together and go as the next batch. So one
alone is not delayed at all, and a hundred at once cost a few passes instead of a hundred.
"""

from __future__ import annotations

import asyncio
import functools
import os
import queue
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from assistants.compute import weights

# Read when torch is loaded: threads without work sleep, instead of spinning in others' way.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    import tokenizers
    import torch

EMBEDDING_MODEL = "all-MiniLM-L6-v2"
EMBEDDING_VERSION = weights.EMBEDDINGS.version
DIMENSIONS = 384
MAX_TOKENS = 256

_HEADS = 12
_LAYERS = 6
_EPSILON = 1e-12
_QUERIES_AT_ONCE = 32
_MANY = 16
_TOKENS_AT_ONCE = 4096  # of a batch with its padding; more brings no speed and costs memory
_MAX_CHARACTERS = 20_000  # 256 tokens never come from more, but for words that mean nothing


async def embed_query(text: str) -> list[float]:
    """The embedding of one text: 384 floats of length 1. What is beyond 256 tokens is cut.

    May be called from any event loop. Raises WeightsMissing.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[float]] = loop.create_future()
    _queries.put(_Query(text, loop, future))
    _ensure_thread()
    return await future


def embed_texts(texts: Sequence[str]) -> list[list[float]]:
    """The embeddings of many texts, in their order; blocks. See `embed_query`."""
    import torch

    model = _load()
    torch.set_num_threads(model.granted_threads if len(texts) >= _MANY else 1)
    ids = model.tokenize(texts)
    order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
    vectors: list[list[float]] = [[]] * len(ids)
    start = 0
    while start < len(order):
        # Of like length, so that little is padding; the longest of a batch is its last.
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * len(ids[order[stop]]) <= _TOKENS_AT_ONCE:
            stop += 1
        batch = order[start:stop]
        for index, vector in zip(batch, model.embed([ids[i] for i in batch]), strict=True):
            vectors[index] = vector
        start = stop
    return vectors


LONGEST_WORD = 40  # characters of a word that is worth remembering


def count_tokens(text: str) -> int:
    """How many tokens a text is for this model, uncut and without the two that enclose each text.

    What has more than `MAX_TOKENS` - 2 is not read to its end. Raises WeightsMissing.
    """
    return sum(
        _count_word(word) if len(word) <= LONGEST_WORD else _count(word) for word in text.split()
    )


# The tokeniser cuts at blanks first, so that words can be counted apart; most of a text's words
# were counted before, and looking one up costs a fiftieth of counting it.
@functools.lru_cache(maxsize=1 << 16)
def _count_word(word: str) -> int:
    return _count(word)


def _count(text: str) -> int:
    return len(_counter().encode(text, add_special_tokens=False).ids)


@functools.cache
def _counter() -> tokenizers.Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(weights.EMBEDDINGS.path().with_name("tokenizer.json")))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def warm_up() -> None:
    """Load the model and run it once, so that the first question does not wait for it."""
    embed_texts(["warm up"])


# -- micro-batches --------------------------------------------------------------------------------


class _Query:
    __slots__ = ("future", "loop", "text")

    def __init__(
        self, text: str, loop: asyncio.AbstractEventLoop, future: asyncio.Future[list[float]]
    ) -> None:
        self.text = text
        self.loop = loop
        self.future = future


_queries: queue.SimpleQueue[_Query] = queue.SimpleQueue()
_starting = threading.Lock()
_thread: threading.Thread | None = None


def _ensure_thread() -> None:
    global _thread
    if _thread is None or not _thread.is_alive():
        with _starting:
            if _thread is None or not _thread.is_alive():
                _thread = threading.Thread(target=_serve, name="embeddings", daemon=True)
                _thread.start()


def _serve() -> None:
    while True:
        batch = [_queries.get()]
        try:
            while len(batch) < _QUERIES_AT_ONCE:
                batch.append(_queries.get_nowait())
        except queue.Empty:
            pass
        outcome: list[list[float]] | Exception
        try:
            outcome = embed_texts([query.text for query in batch])
        except Exception as error:  # told to those who wait; the thread serves on
            outcome = error
        by_loop: dict[asyncio.AbstractEventLoop, list[int]] = {}
        for index, query in enumerate(batch):
            by_loop.setdefault(query.loop, []).append(index)
        for loop, indexes in by_loop.items():
            waiting = [batch[index].future for index in indexes]
            found = (
                outcome if isinstance(outcome, Exception) else [outcome[index] for index in indexes]
            )
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, waiting, found)


def _resolve(
    waiting: list[asyncio.Future[list[float]]], outcome: list[list[float]] | Exception
) -> None:
    for index, future in enumerate(waiting):
        if future.done():  # cancelled meanwhile
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome[index])


# -- the model ------------------------------------------------------------------------------------

_loading = threading.Lock()
_model: _MiniLM | None = None


def _load() -> _MiniLM:
    global _model
    if _model is None:
        with _loading:
            if _model is None:
                _model = _MiniLM()
    return _model


class _MiniLM:
    """A BERT encoder with mean pooling, as https://arxiv.org/abs/1810.04805 describes it."""

    def __init__(self) -> None:
        import torch
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        # One thread for a question: threads that wait for each other lose much more on a machine
        # that also runs the web server, the database and a model than they gain on an idle one.
        # A folder of documents may use what OMP_NUM_THREADS grants.
        self.granted_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        path = weights.EMBEDDINGS.verified_path()
        w = load_file(path)
        self._tokenizer = Tokenizer.from_file(str(path.with_name("tokenizer.json")))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._words = w["embeddings.word_embeddings.weight"]
        self._places = (
            w["embeddings.position_embeddings.weight"]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _affine(w, "embeddings.LayerNorm")
        self._layers = []
        for number in range(_LAYERS):
            layer = f"encoder.layer.{number}"
            attention = [
                _affine(w, f"{layer}.attention.self.{name}") for name in ("query", "key", "value")
            ]
            self._layers.append(
                (
                    # One product instead of three.
                    (torch.cat([a[0] for a in attention]), torch.cat([a[1] for a in attention])),
                    _affine(w, f"{layer}.attention.output.dense"),
                    _affine(w, f"{layer}.attention.output.LayerNorm"),
                    _affine(w, f"{layer}.intermediate.dense"),
                    _affine(w, f"{layer}.output.dense"),
                    _affine(w, f"{layer}.output.LayerNorm"),
                )
            )

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        cut = [text[:_MAX_CHARACTERS] for text in texts]
        return [encoding.ids for encoding in self._tokenizer.encode_batch(cut)]

    def embed(self, ids: list[list[int]]) -> list[list[float]]:
        import torch

        longest = max(map(len, ids))
        padded = torch.zeros((len(ids), longest), dtype=torch.long)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)] = torch.tensor(tokens)
        lengths = torch.tensor([len(tokens) for tokens in ids])
        mask = None
        if min(map(len, ids)) < longest:
            mask = torch.arange(longest)[None, :] < lengths[:, None]
        with torch.inference_mode():
            vectors: list[list[float]] = self._forward(padded, mask, lengths).tolist()
        return vectors

    def _forward(
        self, ids: torch.Tensor, mask: torch.Tensor | None, lengths: torch.Tensor
    ) -> torch.Tensor:
        from torch.nn import functional as F  # noqa: N812 (its usual name)

        texts, tokens = ids.shape
        width = (DIMENSIONS,)
        x = F.embedding(ids, self._words) + self._places[:tokens]
        x = F.layer_norm(x, width, *self._norm, _EPSILON)
        keys = None if mask is None else mask[:, None, None, :]
        for query_key_value, attended, norm, inner, outer, final_norm in self._layers:
            projected = F.linear(x, *query_key_value)
            q, k, v = projected.view(texts, tokens, 3, _HEADS, -1).permute(2, 0, 3, 1, 4)
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=keys)
            a = a.transpose(1, 2).reshape(texts, tokens, DIMENSIONS)
            x = F.layer_norm(x + F.linear(a, *attended), width, *norm, _EPSILON)
            fed = F.linear(F.gelu(F.linear(x, *inner)), *outer)
            x = F.layer_norm(x + fed, width, *final_norm, _EPSILON)
        if mask is not None:
            x = x * mask[:, :, None]
        return F.normalize(x.sum(1) / lengths[:, None], dim=1)


def _affine(w: dict[str, Any], name: str) -> tuple[Any, Any]:
    return w[f"{name}.weight"], w[f"{name}.bias"]
