"""The programs that make the product; `compose.yaml` starts the same ones."""

from __future__ import annotations

import sys

CELERY = ("python", "-m", "celery", "--quiet", "-A")
# No gossip between workers: nobody listens, and it costs the broker a message a second each.
ALONE = ("--without-gossip", "--without-mingle", "-l", "INFO")


def run(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The same program by this very Python."""
    return (sys.executable, *argv[1:])


def web(host: str, port: int) -> tuple[str, ...]:
    return (
        *("python", "-m", "uvicorn", "hybridapp.asgi:application"),
        *("--host", host, "--port", str(port)),
        *("--loop", "uvloop", "--lifespan", "off", "--timeout-graceful-shutdown", "5"),
        *("--log-level", "warning", "--no-access-log"),
        # Tokens are small frames: compressing each costs more than it saves.
        *("--ws-per-message-deflate", "false", "--ws-max-size", "1048576"),
    )


def demo_cloud(port: int) -> tuple[str, ...]:
    return ("python", "-m", "assistants.compute.demo_cloud", "--port", str(port))


WORKERS: dict[str, tuple[str, ...]] = {
    # Threads, since its tasks wait for models and share one event loop.
    "trusted": (
        *(*CELERY, "hybridapp", "worker", "-Q", "trusted", "-n", "trusted@%h"),
        *("-P", "threads", "-c", "300", *ALONE),
    ),
    # A process, since parsing computes and may crash on a bad file.
    "ingest": (
        *(*CELERY, "hybridapp", "worker", "-Q", "ingest", "-n", "ingest@%h"),
        *("-P", "prefork", "-c", "1", *ALONE),
    ),
    # Processes, since it computes for minutes: two hear parts of one recording side by side.
    "speech": (
        *(*CELERY, "hybridapp", "worker", "-Q", "speech", "-n", "speech@%h"),
        *("-P", "prefork", "-c", "2", *ALONE),
    ),
    # Of its own, since somebody waits for each word: no long recording is ahead of them.
    "dictation": (
        *(*CELERY, "hybridapp", "worker", "-Q", "dictation", "-n", "dictation@%h"),
        *("-P", "threads", "-c", "1", *ALONE),
    ),
    # Without Django and database; one generation at a time has the processor to itself.
    "model": (
        *(*CELERY, "assistants.compute.worker", "worker", "-Q", "on_prem", "-n", "model@%h"),
        *("-P", "threads", "-c", "1", *ALONE),
    ),
    # Without Django and database, and with the clouds' keys. It waits for networks.
    "cloud": (
        *(*CELERY, "assistants.compute.cloud", "worker", "-Q", "cloud", "-n", "cloud@%h"),
        *("-P", "threads", "-c", "50", *ALONE),
    ),
    "beat": (*CELERY, "hybridapp", "beat", "-l", "WARNING"),
}
WEIGHTS = ("python", "-m", "assistants.compute.weights")
MIGRATE = ("python", "manage.py", "migrate", "--noinput", "--verbosity", "0")
SEED = ("python", "manage.py", "seed")
STATIC = ("python", "manage.py", "collectstatic", "--noinput", "--verbosity", "0")
