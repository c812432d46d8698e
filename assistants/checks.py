"""System checks: they say what is misconfigured before the first request, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register


@register(deploy=True)
def check_hosts(app_configs: object, **kwargs: object) -> Sequence[CheckMessage]:
    if set(settings.ALLOWED_HOSTS) <= {"localhost", "127.0.0.1", "[::1]"}:
        return [
            Warning(
                "Only this machine can reach the site.",
                hint="Set ALLOWED_HOSTS to the names it is served under.",
                id="assistants.W001",
            )
        ]
    return []
