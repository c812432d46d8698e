"""Whether a conversation may be shared with somebody: the database decides, here and at each
opening (migration 0025).
"""

from __future__ import annotations

import uuid

from django.db import connection


def may_be_shared(conversation_id: uuid.UUID, reader_id: int) -> bool:
    """Whether this person may read, now, all that the conversation is made of.

    Never one that is temporary or of the API, or whose owner's account is off.
    """
    with connection.cursor() as cursor:
        cursor.execute("select assistants_may_be_shared(%s, %s)", [conversation_id, reader_id])
        return bool(cursor.fetchone()[0])
