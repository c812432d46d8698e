"""Two database roles: one owns the tables and migrates them, the app's own one owns nothing.

What the app's role may do is granted after each `migrate`, so a new table needs no grant of its
own. It can neither change a table nor switch row-level security off (docs/adr/0010).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import sql

WHO = ("USER", "PASSWORD", "HOST", "PORT")

# Whose a key is never changes, and which migrations ran is the owner's to say.
GRANTS = """
grant usage on schema {schema} to {role};
grant select, insert, update, delete on all tables in schema {schema} to {role};
grant usage on all sequences in schema {schema} to {role};
revoke update, delete on assistants_apikey from {role};
grant update (last_used, revoked) on assistants_apikey to {role};
revoke insert, update, delete on django_migrations from {role};
"""
# The trail and the ledger are only ever appended to.
APPENDED = ("assistants_auditevent", "assistants_egressrecord")
REVOKE = "revoke update, delete on {table} from {role}"


def as_owner(alias: str = DEFAULT_DB_ALIAS) -> AbstractContextManager[None]:
    """Inside, this process connects as the owner of the tables: for migrations, never beside
    requests. The same role on an installation that has one role only.
    """
    return _connected(alias, settings.OWNER_DATABASE)


def as_app(alias: str = DEFAULT_DB_ALIAS) -> AbstractContextManager[None]:
    """Inside, as the app's role again."""
    return _connected(alias, settings.APP_DATABASE)


@contextmanager
def _connected(alias: str, database: Mapping[str, Any]) -> Iterator[None]:
    before = {key: connections[alias].settings_dict[key] for key in WHO}
    _connect(alias, database)
    try:
        yield
    finally:
        _connect(alias, before)


def _connect(alias: str, who: Mapping[str, Any]) -> None:
    connection = connections[alias]
    new = {key: who[key] for key in WHO}
    if new == {key: connection.settings_dict[key] for key in WHO}:
        return
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has it
    connection.settings_dict.update(new)


def grant_rights(using: str = DEFAULT_DB_ALIAS, **kwargs: object) -> None:
    """Give the app's role what it needs, on every table there is; for `post_migrate`.

    Nothing to do for whoever owns the tables anyway, or is that role itself.
    """
    role = str(settings.APP_DATABASE["USER"])
    with connections[using].cursor() as cursor:
        cursor.execute("select current_user, current_schema()")
        user, schema = cursor.fetchone()
        if role and role != user:
            names = {"schema": sql.Identifier(schema), "role": sql.Identifier(role)}
            cursor.execute(sql.SQL(GRANTS).format(**names))
            # Not all of them are there where an earlier migration was the last.
            for table in set(APPENDED) & set(connections[using].introspection.table_names(cursor)):
                names["table"] = sql.Identifier(table)
                cursor.execute(sql.SQL(REVOKE).format(**names))
