"""System checks: they say what is misconfigured before the first request, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections


@register(Tags.database)
def check_role(
    app_configs: object, databases: Sequence[str] | None = None, **kwargs: object
) -> list[CheckMessage]:
    """Row-level security does not bind a superuser. Runs with `migrate`, thus at every start."""
    messages: list[CheckMessage] = []
    for alias in databases or []:
        with connections[alias].cursor() as cursor:
            cursor.execute(
                "select rolsuper or rolbypassrls from pg_roles where rolname = current_user"
            )
            row = cursor.fetchone()
        if row and row[0]:
            messages.append(
                Error(
                    "The database role is exempt from row-level security.",
                    hint="Connect as a role that is neither SUPERUSER nor BYPASSRLS: "
                    "create role hybridapp login password '…' nosuperuser nobypassrls; "
                    "and make it the owner of the database.",
                    id="assistants.E001",
                )
            )
    return messages


@register(deploy=True)
def check_hosts(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    if set(settings.ALLOWED_HOSTS) <= {"localhost", "127.0.0.1", "[::1]"}:
        return [
            Warning(
                "Only this machine can reach the site.",
                hint="Set ALLOWED_HOSTS to the names it is served under.",
                id="assistants.W001",
            )
        ]
    return []
