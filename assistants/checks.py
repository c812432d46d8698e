"""System checks: they say what is misconfigured before the first request, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

# The app's role, whoever is connected: `migrate` looks on behalf of the processes that follow.
ROLE = """
select rolsuper or rolbypassrls, exists (
    select from pg_class
    where relowner = pg_roles.oid and relname like 'assistants\\_%%' and relkind = 'r'
)
from pg_roles where rolname = coalesce(nullif(%s, ''), current_user)
"""


@register(Tags.database)
def check_role(
    app_configs: object, databases: Sequence[str] | None = None, **kwargs: object
) -> list[CheckMessage]:
    """Row-level security does not bind a superuser. Runs with `migrate`, thus at every start."""
    messages: list[CheckMessage] = []
    name = str(settings.APP_DATABASE["USER"])
    for alias in databases or []:
        with connections[alias].cursor() as cursor:
            cursor.execute(ROLE, [name])
            row = cursor.fetchone()
        if row is None:
            messages.append(
                Error(
                    f"The database has no role {name}, which DATABASE_URL names.",
                    hint=f"create role {name} login password '…' nosuperuser nobypassrls;",
                    id="assistants.E002",
                )
            )
        elif row[0]:
            messages.append(
                Error(
                    "The database role is exempt from row-level security.",
                    hint="Connect as a role that is neither SUPERUSER nor BYPASSRLS: "
                    "create role hybridapp_app login password '…' nosuperuser nobypassrls;",
                    id="assistants.E001",
                )
            )
        elif row[1]:
            messages.append(
                Warning(
                    "The database role owns the tables, so that it could switch row-level "
                    "security off.",
                    hint="Name the owner in MIGRATION_DATABASE_URL, for `migrate` alone, and in "
                    "DATABASE_URL another role, which owns nothing.",
                    id="assistants.W002",
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
