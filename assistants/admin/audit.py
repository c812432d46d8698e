from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from assistants.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):
    """To read only; the database would refuse a change anyway."""

    list_display = ["number", "at", "actor", "action", "subject"]
    list_filter = ["action"]
    search_fields = ["actor", "subject"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False
