"""Settings, read from the environment once at start.

Every variable begins with `TIDEWATER_`. A variable that is absent takes its default; a variable
that is there but cannot be understood stops the process with `SettingsError`. Since 4.3.1 there is
no falling back to a default for a bad value: that is what went unseen on 2025-03-14.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from tidewater.retry import Jitter

PREFIX = "TIDEWATER_"

ENVIRONMENTS = ("dev", "staging", "production")


class SettingsError(Exception):
    """A setting is missing or has a value that cannot be used; names the variable."""


@dataclass(frozen=True)
class Settings:
    """All settings of the gateway, the workers, the relay and the scheduler."""

    database_url: str
    environment: str = "dev"
    log_level: str = "INFO"

    retry_base_seconds: float = 5.0
    retry_factor: float = 2.0
    retry_cap_seconds: float = 600.0
    retry_max_attempts: int = 10
    retry_jitter: Jitter = Jitter.FULL

    submit_rate_per_second: int = 100
    worker_threads: int = 8
    worker_claim_batch: int = 50
    worker_lease_seconds: int = 120
    partner_timeout_seconds: float = 10.0

    pool_size: int = 10
    pool_timeout_seconds: float = 5.0
    statement_timeout_ms: int = 3000
    gateway_timeout_seconds: float = 8.0

    relay_poll_ms: int = 500
    relay_batch: int = 200

    def check(self) -> None:
        """Refuse combinations of settings that are each fine but wrong together."""
        if self.environment not in ENVIRONMENTS:
            raise SettingsError(f"{PREFIX}ENVIRONMENT must be one of {', '.join(ENVIRONMENTS)}")
        if self.environment == "production" and self.retry_jitter is Jitter.NONE:
            raise SettingsError(f"{PREFIX}RETRY_JITTER=none is not allowed in production")
        if self.worker_lease_seconds <= 2 * self.partner_timeout_seconds:
            raise SettingsError(
                f"{PREFIX}WORKER_LEASE_SECONDS must be over twice the partner timeout, or a slow "
                "call could outlive its lease and be made twice"
            )
        if self.pool_timeout_seconds >= self.gateway_timeout_seconds:
            raise SettingsError(
                f"{PREFIX}POOL_TIMEOUT_SECONDS must be under the gateway timeout, or a request "
                "that waits for a connection ends as a 504 instead of a 503"
            )
        if not 1 <= self.retry_max_attempts <= 20:
            raise SettingsError(f"{PREFIX}RETRY_MAX_ATTEMPTS must be 1 to 20")


def _parse_int(text: str) -> int:
    return int(text.replace("_", ""))


def _parse_jitter(text: str) -> Jitter:
    """Read a jitter mode; the old values `true` and `false` are refused by name.

    They were valid up to 4.2.x, when jitter was a switch and not a mode.
    """
    if text.lower() in {"true", "false"}:
        raise ValueError("jitter is a mode since 4.3.0: write full, equal or none")
    return Jitter(text.lower())


_PARSERS: dict[str, Callable[[str], object]] = {
    "str": str,
    "int": _parse_int,
    "float": float,
    "Jitter": _parse_jitter,
}


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings, check them and return them.

    An unknown variable with our prefix is refused too: nearly always it is a typing mistake in the
    name of a real one.
    """
    source = os.environ if environ is None else environ
    known = {PREFIX + f.name.upper(): f for f in fields(Settings)}
    for name in sorted(source):
        if name.startswith(PREFIX) and name not in known:
            raise SettingsError(f"{name} is not a setting of this service")
    values: dict[str, object] = {}
    for name, field_ in known.items():
        text = source.get(name)
        if text is None:
            continue
        try:
            values[field_.name] = _PARSERS[str(field_.type)](text.strip())
        except ValueError as error:
            raise SettingsError(f"{name}: {error}") from error
    if "database_url" not in values:
        raise SettingsError(f"{PREFIX}DATABASE_URL must be set")
    settings = Settings(**values)  # type: ignore[arg-type]
    settings.check()
    return settings


def describe(settings: Settings) -> str:
    """Return the settings as one line for the start of the log, the database address left out."""
    shown = {f.name: getattr(settings, f.name) for f in fields(settings)}
    shown.pop("database_url")
    shown["retry_jitter"] = settings.retry_jitter.value
    return " ".join(f"{name}={value}" for name, value in shown.items())
