"""Loaded before Django's settings: a database and a broker of the tests' own, for the session.

With DATABASE_URL (and MIGRATION_DATABASE_URL, whose role must be able to create databases) or
REDIS_URL (and CLOUD_REDIS_URL, its account for cloud workers) set, that server is used instead.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hybridapp.embedded.postgres import Postgres
from hybridapp.embedded.valkey import Valkey

CHECKOUT = Path(__file__).resolve().parent.parent


def start_services() -> None:
    state_dir = Path(tempfile.mkdtemp(prefix="hybridapp-test-", dir="/tmp"))
    stack = ExitStack()
    atexit.register(stack.close)
    stack.callback(shutil.rmtree, state_dir, ignore_errors=True)
    if not os.environ.get("DATABASE_URL"):
        postgres = stack.enter_context(Postgres(state_dir, durable=False))
        os.environ["DATABASE_URL"] = postgres.url
        os.environ["MIGRATION_DATABASE_URL"] = postgres.owner_url
    if not os.environ.get("REDIS_URL"):
        valkey = stack.enter_context(Valkey(state_dir, durable=False))
        os.environ["REDIS_URL"] = valkey.url
        os.environ["CLOUD_REDIS_URL"] = valkey.cloud_url
    os.environ.setdefault("MODELS_DIR", str(CHECKOUT / ".state" / "models"))
    os.environ["STATE_DIR"] = str(state_dir)
    os.environ["SECRET_KEY"] = "only-for-the-tests-of-this-session"


start_services()
