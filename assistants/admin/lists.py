"""Lists over tables of millions: nothing is counted to the end, and filters read an index."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Field, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy

from assistants.models import first_id_at

MOST = 10_000
SLACK = timedelta(hours=1)  # between a row's id and its own time

# Each value once, by one probe of the index for each: `select distinct` reads the whole table.
VALUES = """
with recursive found as (
    (select {column} as value from {table} order by {column} limit 1)
    union all
    select (select {column} from {table} where {column} > found.value order by {column} limit 1)
    from found where found.value is not null
)
select value from found where value is not null and value <> ''
"""


class BoundedPaginator(Paginator):
    """The first 10,000 rows of what a list is narrowed to. Whoever wants others narrows it more:
    counting and skipping a million costs more than anybody reads.
    """

    @cached_property
    def counted(self) -> int:
        rows = self.object_list
        assert isinstance(rows, QuerySet)  # noqa: S101  # of a changelist
        return len(rows.values_list("pk", flat=True)[: MOST + 1])

    @cached_property
    def count(self) -> int:
        return min(self.counted, MOST)

    @property
    def is_cut(self) -> bool:
        return self.counted > MOST


class LargeListAdmin(admin.ModelAdmin):
    """`exact` are fields that the search box looks into, whole words only: an index answers."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_max_show_all = 0
    exact: ClassVar[list[str]] = []

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return self.exact

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        matching = Q()
        for field in self.exact:
            matching |= Q(**{field: term})
        return queryset.filter(matching), False


class DayFilter(admin.SimpleListFilter):
    """By `at`; where ids are ordered by time, by the primary key's index as well."""

    title = gettext_lazy("day")
    parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("0", "Today"), ("1", "Yesterday"), ("7", "Past 7 days"), ("30", "Past 30 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in dict(self.lookups(request, None)):
            return queryset
        days = int(self.value() or 0)
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        since, until = today - timedelta(days=days), today if days == 1 else None
        queryset = queryset.filter(at__gte=since)
        if until:
            queryset = queryset.filter(at__lt=until)
        if queryset.model._meta.pk.get_internal_type() == "UUIDField":
            queryset = queryset.filter(pk__gte=first_id_at(since - SLACK))
        return queryset


class ValuesFilter(admin.SimpleListFilter):
    """One value of a column that leads an index; of those that are there."""

    column = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value) for value in _list_values(model_admin.model, self.column)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


def by_value(name: str, title: str = "") -> type[ValuesFilter]:
    named = {"title": title or name, "parameter_name": name, "column": name}
    return type(f"{name.title()}Filter", (ValuesFilter,), named)


def _list_values(model: type[Model], name: str) -> list[str]:
    quote = connection.ops.quote_name
    field = model._meta.get_field(name)
    assert isinstance(field, Field) and field.column  # noqa: S101, PT018  # of its own table
    column = quote(field.column)
    with connection.cursor() as cursor:
        cursor.execute(VALUES.format(table=quote(model._meta.db_table), column=column))
        return [value for (value,) in cursor.fetchall()]
