from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from assistants.admin.lists import DayFilter, LargeListAdmin, by_value
from assistants.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(LargeListAdmin):
    """To read only; the database would refuse a change anyway."""

    list_display = ["number", "at", "actor", "action", "subject"]
    list_filter = [DayFilter, by_value("action")]
    exact = ["actor", "subject"]
    search_help_text = "a person, or what it was about: a whole name or id"
    ordering = ["-number"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False
