"""Configuration that needs no Django: the compute plane and the settings both read it here.

Order: the environment, then `services.json` in the state directory (written by `make run` for
the parts it embeds), then the default.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
# Keys of clouds, and nothing else, are in variables of such names: `make run` gives those to the
# cloud worker alone, whatever deployments are registered.
CLOUD_KEY_SUFFIX = "_API_KEY"


@dataclass(frozen=True, slots=True)
class Conf:
    state_dir: Path
    database_url: str
    migration_database_url: str
    redis_url: str
    local_model: str
    local_model_url: str
    models_dir: Path
    whisper_model: str
    speech_engine: str
    # The variables whose keys the cloud worker was given; the trusted side knows their names only.
    cloud_keys: frozenset[str]
    anthropic_base_url: str
    anthropic_model: str
    anthropic_region: str
    demo_cloud_url: str


def load() -> Conf:
    """Read afresh, so that a changed environment is seen. Never raises for a missing file."""
    state_dir = Path(os.environ.get("STATE_DIR") or CHECKOUT / ".state").resolve()
    try:
        services = json.loads((state_dir / "services.json").read_text())
    except (OSError, ValueError):
        services = {}

    def value(name: str, default: str = "") -> str:
        return os.environ.get(name) or services.get(name) or default

    database_url = value("DATABASE_URL", "postgres:///hybridapp")
    if os.environ.get("DATABASE_URL"):  # then the embedded one's owner has nothing to do with it
        services.pop("MIGRATION_DATABASE_URL", None)
    return Conf(
        state_dir=state_dir,
        database_url=database_url,
        migration_database_url=value("MIGRATION_DATABASE_URL", database_url),
        redis_url=value("REDIS_URL", "redis://127.0.0.1:6379/0"),
        local_model=value("LOCAL_MODEL"),
        local_model_url=value("LOCAL_MODEL_URL").rstrip("/"),
        models_dir=Path(os.environ.get("MODELS_DIR") or state_dir / "models").resolve(),
        whisper_model=value("WHISPER_MODEL"),
        speech_engine=value("SPEECH_ENGINE"),
        cloud_keys=frozenset(filter(None, value("CLOUD_KEYS").replace(",", " ").split())),
        anthropic_base_url=value("ANTHROPIC_BASE_URL").rstrip("/"),
        anthropic_model=value("ANTHROPIC_MODEL", "claude-sonnet-4-5"),
        anthropic_region=value("ANTHROPIC_REGION", "us"),
        demo_cloud_url=value("DEMO_CLOUD_URL"),
    )


def celery_broker_url(redis_url: str) -> str:
    """Celery spells a Unix socket differently from redis-py (`redis+socket://`)."""
    if redis_url.startswith("unix://"):
        return "redis+socket://" + redis_url.removeprefix("unix://")
    return redis_url


def secret_key() -> str:
    """From SECRET_KEY, or made once and kept in the state directory."""
    return os.environ.get("SECRET_KEY") or kept_secret(load().state_dir / "secret_key")


def kept_secret(path: Path) -> str:
    """What is in the file; made at the first call, and readable by its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
        with contextlib.suppress(FileExistsError):
            os.link(half, path)  # whole, and by whoever is first
        half.unlink()
    return path.read_text().strip()
