"""Many vectors as one parameter in PostgreSQL's own binary form: text costs forty times as much.

The layouts are those of PostgreSQL's `array_recv` and pgvector's `halfvec_recv`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import psycopg
from django.db import connection
from psycopg.adapt import Dumper
from psycopg.pq import Format


class _HalfVectors:
    """The bytes of a `halfvec[]`. Its element's type has another number in each database."""

    def __init__(self, vectors: Sequence[Sequence[float]], element: int) -> None:
        parts = [struct.pack(">iiIii", 1, 0, element, len(vectors), 1)] if vectors else []
        for vector in vectors:
            length = len(vector)
            parts.append(struct.pack(f">ihh{length}e", 4 + 2 * length, length, 0, *vector))
        self.data = b"".join(parts) or struct.pack(">iiI", 0, 0, element)


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: _HalfVectors) -> bytes:
        return obj.data


def execute_with_vectors(
    statement: str, parameters: Mapping[str, object], vectors: Sequence[Sequence[float]]
) -> None:
    """Run it on Django's connection, with `%(vectors)s::halfvec[]` beside the other parameters.

    Numbers are rounded to the nearest that half precision has: three to four decimal digits.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.adapters.register_dumper(_HalfVectors, _Dumper)
        cursor.execute("select 'halfvec'::regtype::oid::bigint", prepare=False)
        row = cursor.fetchone()
        assert row is not None  # noqa: S101  # it always has one
        halves = _HalfVectors(vectors, row[0])
        cursor.execute(statement, {**parameters, "vectors": halves}, prepare=False)
