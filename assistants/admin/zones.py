from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from assistants import control
from assistants.models import Zone


@admin.register(Zone)
class ZoneAdmin(admin.ModelAdmin):
    list_display = ["name", "slug", "sensitivity", "places", "treatment", "who_reads"]
    filter_horizontal = ["readers"]

    @admin.display(description="may be processed")
    def places(self, zone: Zone) -> str:
        return ", ".join(zone.residency) or "on the premises, or nowhere"

    @admin.display(description="readers")
    def who_reads(self, zone: Zone) -> str:
        return ", ".join(group.name for group in zone.readers.all()) or "nobody"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("readers")

    def get_readonly_fields(self, request: HttpRequest, obj: Zone | None = None) -> list[str]:
        # Conversations remember their zones by slug.
        return ["slug"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Zone | None = None) -> bool:
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        zone = form.instance
        control.record_event(
            action="zone.changed" if change else "zone.created",
            actor=request.user.get_username(),
            subject=zone.slug,
            data={
                "sensitivity": int(zone.sensitivity),
                "residency": sorted(zone.residency),
                "treatment": zone.treatment,
                "readers": sorted(group.name for group in zone.readers.all()),
            },
        )
