"""Configuration that needs no Django: the compute plane and the settings both read it here.

Order: the environment, then `services.json` in the state directory (written by `make run` for
the parts it embeds), then the default.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Conf:
    state_dir: Path
    database_url: str
    migration_database_url: str
    redis_url: str
    local_model: str
    local_model_url: str
    models_dir: Path


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
    )


def celery_broker_url(redis_url: str) -> str:
    """Celery spells a Unix socket differently from redis-py (`redis+socket://`)."""
    if redis_url.startswith("unix://"):
        return "redis+socket://" + redis_url.removeprefix("unix://")
    return redis_url
