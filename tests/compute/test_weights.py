from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assistants.compute import weights
from assistants.compute.weights import PackagedWeights, WeightsMissing


@pytest.fixture
def models_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODELS_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def conversions(models_dir, monkeypatch) -> list[Path]:
    """Conversion by a small stand-in, for what surrounds it; the real one runs once a session."""
    done: list[Path] = []

    def convert(source: Path, folder: Path) -> None:
        time.sleep(0.05)
        (folder / "model.safetensors").write_bytes(b"weights")
        done.append(folder)

    monkeypatch.setattr(weights, "_convert", convert)
    return done


def test_the_packaged_weights_are_the_expected_ones():
    assert weights.EMBEDDINGS.verified_path().is_file()
    assert weights.CHAT.verified_path().is_file()


def test_a_missing_package_says_what_to_do():
    with pytest.raises(WeightsMissing, match="make install"):
        PackagedWeights("no_such_package", "file", "").path()


def test_other_weights_are_refused():
    with pytest.raises(WeightsMissing, match="checksum"):
        PackagedWeights(weights.EMBEDDINGS.package, "model/config.json", "0" * 64).verified_path()


def test_they_are_prepared_once(conversions):
    folder = weights.prepare()
    assert weights.prepare() == folder
    assert len(conversions) == 1
    assert weights.verify(folder) == weights.CHAT.version
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == [folder.name]


def test_many_at_once_prepare_once(conversions):
    with ThreadPoolExecutor(4) as pool:
        folders = {job.result() for job in [pool.submit(weights.prepare) for _ in range(4)]}
    assert len(folders) == 1
    assert len(conversions) == 1


def test_a_broken_attempt_leaves_nothing_and_can_be_repeated(conversions, monkeypatch):
    whole = weights._convert

    def broken(source: Path, folder: Path) -> None:
        whole(source, folder)
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(weights, "_convert", broken)
        with pytest.raises(OSError, match="disk full"):
            weights.prepare()
    assert not weights.chat_dir().exists()
    assert weights.verify(weights.prepare())


def test_a_changed_file_is_found(conversions):
    folder = weights.prepare()
    (folder / "model.safetensors").write_bytes(b"WEIGHTS")
    with pytest.raises(WeightsMissing, match="was changed"):
        weights.verify(folder)
    (folder / "model.safetensors").write_bytes(b"short")
    weights.prepare()  # another size is seen without hashing
    assert weights.verify(folder)


def test_another_recipe_prepares_anew(conversions):
    folder = weights.prepare()
    manifest = json.loads((folder / weights.MANIFEST).read_text())
    (folder / weights.MANIFEST).write_text(json.dumps({**manifest, "recipe": 0}))
    weights.prepare()
    assert len(conversions) == 2


def test_the_command_needs_nothing_prepared_for_a_named_model(models_dir, monkeypatch):
    monkeypatch.setenv("LOCAL_MODEL", "/models/other")
    monkeypatch.setenv("WHISPER_MODEL", "/models/another.pt")
    found = subprocess.run(
        [sys.executable, "-m", "assistants.compute.weights"], capture_output=True, text=True
    )
    assert found.returncode == 0
    assert "/models/other" in found.stdout
    assert "/models/another.pt" in found.stdout
    assert list(models_dir.iterdir()) == []
