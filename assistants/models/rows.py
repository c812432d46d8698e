"""Rows by plain SQL, for the few statements that every answer needs.

Building a query anew costs several times the processor time of sending it and reading its row, and
planning it anew costs PostgreSQL several times that of running it: these are prepared once a
connection. They find rows by their key, so that one plan fits all values; a search is none of them.
The columns still come from the models, so a new field needs no change here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any, Generic, TypeVar

import psycopg
from django.db import connection
from django.db.models import AutoField, Field, Model

M = TypeVar("M", bound=Model)


class Columns(Generic[M]):
    """A model's columns in the select list of a joined query; some of its fields, or all."""

    def __init__(self, model: type[M], alias: str, *names: str) -> None:
        self._model = model
        self._alias = alias
        self._names = names

    @cached_property
    def _fields(self) -> list[Field[Any, Any]]:
        fields = self._model._meta.concrete_fields
        return [field for field in fields if not self._names or field.name in self._names]

    @cached_property
    def _attributes(self) -> list[str]:
        return [field.attname for field in self._fields]

    def __str__(self) -> str:
        return ", ".join(f'{self._alias}."{field.column}"' for field in self._fields)

    def read(self, values: Iterator[Any]) -> M:
        """An instance from the next values of a row, which are taken."""
        taken = [_from_database(field, next(values)) for field in self._fields]
        return self._model.from_db(connection.alias, self._attributes, taken)


def read(sql: str, values: Sequence[Any]) -> tuple[Any, ...] | None:
    """The first row that a query finds."""
    with _prepared_cursor() as cursor:
        return cursor.execute(sql, values, prepare=True).fetchone()


def insert(*rows: Model) -> None:
    """Store new rows in their order, in one round trip. A key that the database makes is not read.

    Inside a transaction: all of them or none.
    """
    if not rows:
        return
    with _prepared_cursor() as cursor, cursor.connection.pipeline():
        for row in rows:
            values = [
                field.get_db_prep_save(field.pre_save(row, True), connection)
                for field in _stored(type(row))
            ]
            cursor.execute(_insert_of(type(row)), values, prepare=True)
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def update(
    row: Model, names: Collection[str], where: str = "true", values: Sequence[Any] = ()
) -> bool:
    """Store these fields of a row; False where it is not there, or not as `where` says."""
    fields = [field for field in row._meta.concrete_fields if field.name in names]
    stored = [field.get_db_prep_save(field.pre_save(row, False), connection) for field in fields]
    assigned = ", ".join(f'"{field.column}" = %s' for field in fields)
    table, key = row._meta.db_table, row._meta.pk.column
    sql = f'update "{table}" set {assigned} where "{key}" = %s and {where}'  # noqa: S608
    with _prepared_cursor() as cursor:
        return bool(cursor.execute(sql, [*stored, row.pk, *values], prepare=True).rowcount)


@contextmanager
def _prepared_cursor() -> Iterator[psycopg.Cursor]:
    """On Django's connection and in its transaction. Django's own cursors write values into the
    text of a query, which then cannot be prepared.
    """
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor


@cache
def _stored(model: type[Model]) -> list[Field[Any, Any]]:
    return [field for field in model._meta.concrete_fields if not isinstance(field, AutoField)]


@cache
def _insert_of(model: type[Model]) -> str:
    fields = _stored(model)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    return f'insert into "{model._meta.db_table}" ({columns}) values ({marks})'  # noqa: S608


def _from_database(field: Field[Any, Any], value: Any) -> Any:
    convert = getattr(field, "from_db_value", None)
    return convert(value, None, connection) if convert else value
