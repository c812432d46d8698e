"""Which answers their asker may not read any more, and what is noted so that this can be told."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import connection

from assistants.types import Scope


@dataclass(frozen=True, slots=True)
class Withheld:
    """The place of an answer whose text its asker may not read now; row-level security hides it."""

    answer: uuid.UUID
    message: uuid.UUID
    number: int


def note_made_from(answer_id: str | uuid.UUID, slugs: Collection[str]) -> bool:
    """Note the zones that a pending answer is made from, before any of its text is shown.

    False, and nothing is noted, where the asker may not read one of them now.
    """
    with connection.cursor() as cursor:
        cursor.execute("select assistants_make_from(%s, %s::varchar[])", [answer_id, sorted(slugs)])
        return bool(cursor.fetchone()[0])


def list_withdrawn(answers: Iterable[str]) -> set[str]:
    """Those of these answers whose asker may not read them now; one query for all."""
    with connection.cursor() as cursor:
        cursor.execute("select assistants_withdrawn(%s::uuid[])", [list(answers)])
        return {str(row[0]) for row in cursor.fetchall()}


def is_asker(scope: Scope, answer_id: uuid.UUID) -> bool:
    """Whether it was this user who asked for the answer, readable to them or not."""
    with connection.cursor() as cursor:
        cursor.execute("select assistants_asker_of(%s)", [answer_id])
        return scope.user_id is not None and cursor.fetchone()[0] == scope.user_id


def list_withheld(scope: Scope, conversation_id: uuid.UUID) -> list[Withheld]:
    """The answers of the user's conversation that they may not read, in order of message."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select answer_id, message_id, number from assistants_withheld(%s, %s::varchar[], %s)",
            [scope.user_id, list(scope.slugs), conversation_id],
        )
        return [Withheld(*row) for row in cursor.fetchall()]
