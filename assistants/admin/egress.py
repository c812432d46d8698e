"""The egress ledger: what left the premises, what did not, and which rule decided."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from assistants.admin.lists import DayFilter, LargeListAdmin, by_value
from assistants.models import EgressRecord


@admin.register(EgressRecord)
class EgressRecordAdmin(LargeListAdmin):
    """To read only; the database would refuse a change anyway. There is no content to show."""

    list_display = [
        *("at", "outcome", "deployment", "place", "purpose", "actor", "in_zones", "rule"),
        *("sealed_spans", "size"),
    ]
    list_filter = ["outcome", by_value("deployment"), DayFilter, by_value("purpose")]
    exact = ["actor", "subject", "payload_sha256"]
    search_help_text = "a person, an answer's id, or the hash of a payload; whole"
    actions = None

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
