"""Checks with a time limit that really returns.

They run on a thread of their own, and a caller that has waited long enough leaves it behind. Python
cannot stop a thread, so few may be left behind at a time, and a search by pattern, which lets no
other thread run, has to be linear (tests/control/test_inspection.py) on a text of bounded length.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

SECONDS = 2.0  # for one check; some hundred times what one needs
MOST_LEFT_BEHIND = 8

Check = Callable[[], Any]

_left_behind: list[threading.Thread] = []
_lock = threading.Lock()


class CheckFailed(Exception):
    """`check` did not say anything; the text says why, without content."""

    def __init__(self, check: str, reason: str) -> None:
        self.check, self.reason = check, reason
        super().__init__(f"{check}: {reason}")


def run_checks(checks: Sequence[tuple[str, Check]], seconds: float | None = None) -> list[Any]:
    """What each check returns, one after the other. Raises CheckFailed for the first that fails.

    `seconds` is for each (default: `SECONDS`). They run on another thread: they must not rely on
    the caller's database connection, transaction or rights.
    """
    seconds = SECONDS if seconds is None else seconds
    with _lock:
        _left_behind[:] = [thread for thread in _left_behind if thread.is_alive()]
        if len(_left_behind) >= MOST_LEFT_BEHIND:
            raise CheckFailed(checks[0][0], "too many earlier checks still hang")
    results: SimpleQueue[tuple[Any, Exception | None]] = SimpleQueue()
    given_up = threading.Event()
    thread = threading.Thread(
        target=_run, args=(checks, results, given_up), name="egress checks", daemon=True
    )
    thread.start()
    found: list[Any] = []
    for name, _ in checks:
        try:
            result, error = results.get(timeout=seconds)
        except Empty:
            given_up.set()
            with _lock:
                _left_behind.append(thread)
            raise CheckFailed(name, f"it did not end within {seconds:g} seconds") from None
        if error is not None:
            raise CheckFailed(name, _reason(error)) from error
        found.append(result)
    return found


def _run(
    checks: Sequence[tuple[str, Check]],
    results: SimpleQueue[tuple[Any, Exception | None]],
    given_up: threading.Event,
) -> None:
    for _, check in checks:
        if given_up.is_set():
            return
        try:
            results.put((check(), None))
        except BaseException as error:  # also SystemExit: a check must not end silently
            results.put(
                (None, error if isinstance(error, Exception) else RuntimeError(repr(type(error))))
            )
            return


def _reason(error: Exception) -> str:
    """The error's own text may quote what it choked on."""
    return f"it failed with {type(error).__name__}"
