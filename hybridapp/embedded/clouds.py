"""What of `make run` has to do with clouds: their keys, the worker that holds them, the demo."""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from assistants.conf import CHECKOUT, kept_secret
from assistants.tickets import public_key_of, seed_of, to_base64url
from hybridapp.embedded import environments, programs
from hybridapp.embedded.process import Command, Part, as_user, own_folder, reaches

DEMO_KEY = "DEMO_CLOUD_API_KEY"
NO_ACCOUNT = (
    "no cloud worker: REDIS_URL names a broker of your own, and CLOUD_REDIS_URL no account on it "
    "that reaches cloud:* only (deploy/valkey/cloud.acl says which rights it has)"
)


class Clouds:
    """`redis_url` is the cloud worker's account at the broker; `user` whom it runs as, None for
    ourselves. `demo_port` is 0 without a demo cloud.
    """

    def __init__(self, environment: Mapping[str, str], demo_port: int) -> None:
        self.keys = environments.only_cloud_keys(environment)
        self.redis_url = environment.get(environments.CLOUD_REDIS_URL, "")
        self.user: pwd.struct_passwd | None = None
        self.demo_port = demo_port
        if demo_port:
            self.keys[DEMO_KEY] = secrets.token_urlsafe(24)

    @property
    def demo_url(self) -> str:
        return f"http://127.0.0.1:{self.demo_port}" if self.demo_port else ""

    def told(self) -> dict[str, str]:
        """What the trusted side is told: the names of keys, never a key."""
        return {"CLOUD_KEYS": environments.names_of(self.keys), "DEMO_CLOUD_URL": self.demo_url}

    def worker(self, environment: Mapping[str, str], state_dir: Path) -> Part:
        """Alone with the clouds' keys, and with nothing that opens anything else."""
        own = state_dir / "cloud"
        with contextlib.suppress(OSError):
            own.rmdir()  # it holds nothing, and may be another user's since the last start
        own_folder(own, self.user)
        secret_key = environment.get("SECRET_KEY") or kept_secret(state_dir / "secret_key")
        env = environments.of_the_cloud_worker(
            environment,
            environments.read_files(self.keys) if self.user else self.keys,
            redis_url=self.redis_url,
            public_key=to_base64url(public_key_of(seed_of(secret_key))),
            state_dir=str(own),
        )
        return Part("cloud", Command(programs.run(programs.WORKERS["cloud"]), env, user=self.user))

    def about_the_worker(self) -> str:
        who = self.user.pw_name if self.user else getpass.getuser()
        return (
            f"the cloud worker runs as {who} and holds "
            f"{environments.names_of(self.keys) or 'no key of a cloud'}"
        )

    def demo(self, environment: Mapping[str, str]) -> Part:
        env = environments.of_program("model", environment)
        env[DEMO_KEY] = self.keys[DEMO_KEY]
        return Part("demo", Command(programs.run(programs.demo_cloud(self.demo_port)), env))


def find_user() -> pwd.struct_passwd | None:
    """Whom root has the cloud worker run as: another user than the database's, and one who can
    load it. None where that is nobody, or where we are not root.
    """
    try:
        user = pwd.getpwnam("daemon")
    except KeyError:
        return None
    if os.geteuid() != 0 or not reaches(user, Path(sys.executable)):
        return None
    test = subprocess.run(
        [sys.executable, "-c", "import celery, assistants.tickets"],
        **as_user(user),
        cwd=CHECKOUT,
        env={
            **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
            "PATH": os.defpath,
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        check=False,
    )
    return user if test.returncode == 0 else None
