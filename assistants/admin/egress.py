"""The egress ledger: what left the premises, what did not, and which rule decided."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy

from assistants.models import EgressRecord


class DayFilter(admin.SimpleListFilter):
    title = gettext_lazy("day")
    parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("0", "Today"), ("1", "Yesterday"), ("7", "Past 7 days"), ("30", "Past 30 days")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[EgressRecord]
    ) -> QuerySet[EgressRecord]:
        if self.value() not in dict(self.lookups(request, None)):
            return queryset
        days = int(self.value() or 0)
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        queryset = queryset.filter(at__gte=today - timedelta(days=days))
        return queryset.filter(at__lt=today) if days == 1 else queryset


class DeploymentFilter(admin.AllValuesFieldListFilter):
    """Of those that the ledger names; a deployment's own row may be gone or renamed."""


@admin.register(EgressRecord)
class EgressRecordAdmin(admin.ModelAdmin):
    """To read only; the database would refuse a change anyway. There is no content to show."""

    list_display = [
        *("at", "outcome", "deployment", "place", "purpose", "actor", "in_zones", "rule"),
        *("sealed_spans", "size"),
    ]
    list_filter = ["outcome", ("deployment", DeploymentFilter), DayFilter, "purpose"]
    search_fields = ["actor", "subject", "payload_sha256"]
    search_help_text = "a person, an answer's id, or the hash of a payload"
    actions = None
    show_full_result_count = False

    @admin.display(description="zones")
    def in_zones(self, record: EgressRecord) -> str:
        return ", ".join(record.zones)

    @admin.display(description="placeholders")
    def sealed_spans(self, record: EgressRecord) -> int:
        return sum(record.placeholders.values())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: EgressRecord | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: EgressRecord | None = None) -> bool:
        return False
