"""Trains the tagger and writes `tagger.npz`: a few minutes on two cores, the same every time.

python -m assistants.data.privacy.training
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from assistants.data.privacy import tokens
from assistants.data.privacy.tagger import ARTEFACT, LABELS, LAYERS, WINDOW
from assistants.data.privacy.training import lexicon
from assistants.data.privacy.training.corpus import Generator

SEED = 11
WIDTH, HIDDEN = 64, 96
TOKENS_A_BATCH = 6_000
# So often a word of a name is hidden, so that its neighbours and its form must tell; and so
# often what the lexicon knows of it.
HIDE_NAME, HIDE_WORD, HIDE_FLAGS = 0.5, 0.08, 0.15


class Tagger(nn.Module):  # type: ignore[misc]  # torch is not typed here
    def __init__(self) -> None:
        super().__init__()
        sizes = (tokens.WORDS, tokens.PREFIXES, tokens.SUFFIXES, tokens.SHAPES)
        self.rows = nn.ModuleList(nn.EmbeddingBag(size, WIDTH, mode="sum") for size in sizes)
        for rows in self.rows:
            nn.init.normal_(rows.weight, std=0.1)
        self.flags = nn.Linear(len(tokens.FLAGS), WIDTH, bias=False)
        span = 2 * WINDOW + 1
        self.layers = nn.ModuleList(
            nn.Linear((HIDDEN if n else WIDTH) * span, HIDDEN) for n in range(LAYERS)
        )
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(HIDDEN, len(LABELS))

    def forward(self, ids: torch.Tensor, flags: torch.Tensor) -> torch.Tensor:
        state = sum(
            (rows(ids[:, i : i + 1]) for i, rows in enumerate(self.rows)), self.flags(flags)
        )
        state = self.drop(state)
        for number, layer in enumerate(self.layers):
            padded = nn.functional.pad(state, (0, 0, WINDOW, WINDOW))
            window = torch.cat([padded[i : i + len(state)] for i in range(2 * WINDOW + 1)], dim=1)
            seen = self.drop(torch.relu(layer(window)))
            state = seen + state if number else seen
        result: torch.Tensor = self.out(state)
        return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="assistants.data.privacy.training")
    parser.add_argument("--texts", type=int, default=150_000)
    parser.add_argument("--out", type=Path, default=ARTEFACT)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    known = lexicon.build()
    ids, labels = encode(known, options.texts)
    model = Tagger()
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-4)
    batches = len(ids) // TOKENS_A_BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=batches)
    random = np.random.default_rng(SEED)
    total = 0.0
    for number in range(batches):
        part = slice(number * TOKENS_A_BATCH, (number + 1) * TOKENS_A_BATCH)
        inputs, flags = hide(ids[part], labels[part], random)
        scores = model(torch.from_numpy(inputs), torch.from_numpy(flags))
        loss = nn.functional.cross_entropy(scores, torch.from_numpy(labels[part]), ignore_index=-1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        total += loss.item()
        if number % 100 == 99:
            print(f"{number + 1}/{batches}: loss {total / 100:.4f}", flush=True)  # noqa: T201
            total = 0.0
    write(model, known, options.out)


def encode(known: dict[str, int], texts: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Rows of (word, prefix, suffix, shape, flags) and labels; texts are parted by empty rows."""
    cached: dict[str, tuple[int, ...]] = {}
    rows: list[tuple[int, ...]] = []
    labels: list[int] = []
    places = {label: number for number, label in enumerate(LABELS)}
    for words, names in Generator(SEED).texts(texts):
        for word, name in zip(words, names, strict=True):
            if word not in cached:
                flags = known.get(tokens.key(word), 0)
                cached[word] = (*tokens.identify(word), tokens.shape(word), flags)
            rows.append(cached[word])
            labels.append(places[name])
        rows += [(0, 0, 0, tokens.SHAPES - 1, 0)] * (WINDOW * LAYERS)
        labels += [-1] * (WINDOW * LAYERS)
    return np.array(rows, dtype=np.int64), np.array(labels, dtype=np.int64)


def hide(
    ids: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], random: np.random.Generator
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    shown = ids[:, :4].copy()
    chance = random.random(len(ids))
    shown[(labels > 0) & (chance < HIDE_NAME), 0] = 0
    shown[(labels == 0) & (chance < HIDE_WORD), 0] = 0
    flags = (ids[:, 4:5] >> np.arange(len(tokens.FLAGS)) & 1).astype(np.float32)
    flags[random.random(len(ids)) < HIDE_FLAGS] = 0
    return shown, flags


def write(model: Tagger, known: dict[str, int], path: Path) -> None:
    state = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    words = sorted((tokens.digest(word), flags) for word, flags in known.items())
    arrays = {
        **{
            name: state[f"rows.{i}.weight"].astype(np.float16)
            for i, name in enumerate(("words", "prefixes", "suffixes", "shapes"))
        },
        "flags": state["flags.weight"].T.astype(np.float16),
        **{f"w{i}": state[f"layers.{i}.weight"].T.astype(np.float16) for i in range(LAYERS)},
        **{f"b{i}": state[f"layers.{i}.bias"].astype(np.float16) for i in range(LAYERS)},
        "out_w": state["out.weight"].T.astype(np.float16),
        "out_b": state["out.bias"].astype(np.float16),
        "lexicon_keys": np.array([digest for digest, _ in words], dtype=np.uint32),
        "lexicon_flags": np.array([flags for _, flags in words], dtype=np.uint16),
    }
    np.savez_compressed(path, **arrays)
    print(f"wrote {path}: {path.stat().st_size / 1e6:.1f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
