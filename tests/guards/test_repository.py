"""What must never be committed."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LARGE = 1_500_000
# Trained here, on text made here, by a command in the repository; the names in it are hashes.
ARTEFACTS = {
    "assistants/data/privacy/tagger.npz": 4_000_000,
    "assistants/control/guardrails/learned.npz": 300_000,  # weights only: see the card beside it
    "static/vendor/mermaid/mermaid.tiny.js": 2_600_000,  # as published, with its licence beside it
}
# What others wrote is what they published: a changed byte is either an update, or an attack.
VENDORED = {
    "static/vendor/mermaid/mermaid.tiny.js": (
        "7a644017d37f93c8359790884e6b67fb1f747c78eb20475952404bd87190a3f8"
    ),
}
WEIGHTS = {".safetensors", ".gguf", ".bin", ".pt", ".onnx", ".dump", ".sql.gz"}
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{24,}"
    r"|\bAKIA[0-9A-Z]{16}\b"
)


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, check=True, text=True
    )
    return [CHECKOUT / name for name in listed.stdout.split("\0") if name]


def test_no_weights_and_no_large_files():
    for path in tracked():
        if path.exists():
            assert path.suffix not in WEIGHTS, path
            assert path.stat().st_size < ARTEFACTS.get(str(path.relative_to(CHECKOUT)), LARGE), path


def test_vendored_files_are_as_published():
    for name, digest in VENDORED.items():
        assert hashlib.sha256((CHECKOUT / name).read_bytes()).hexdigest() == digest, name


def test_no_secrets():
    for path in tracked():
        if path.exists() and path.suffix not in {".png"}:
            found = SECRET.search(path.read_text(errors="ignore"))
            assert not found, f"{path}: {found}"


def test_requirements_are_pinned_and_each_has_a_reason():
    reasons = (CHECKOUT / "docs" / "dependencies.md").read_text().lower()
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-models.txt"):
        for line in (CHECKOUT / name).read_text().splitlines():
            line = line.split("#")[0].strip().rstrip("\\").strip()
            if not line or line.startswith("-"):
                continue
            package, pinned, _ = line.partition("==")
            assert pinned, f"{name}: {line} is not pinned"
            assert package.split("[")[0].lower() in reasons, f"{package} has no reason"
