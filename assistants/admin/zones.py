from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from assistants import control
from assistants.models import Zone
from assistants.models.zones import place


class PlacesField(forms.CharField):
    """Places, separated by commas; one that is none is named in the error."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        places = [word.strip() for word in (super().clean(value) or "").split(",")]
        for word in filter(None, places):
            try:
                place(word)
            except ValidationError as error:
                raise ValidationError(f"“{word}” is no place. {error.messages[0]}") from error
        return sorted(set(filter(None, places)))


class ZoneForm(forms.ModelForm):
    residency = PlacesField(
        required=False,
        help_text="where its text may be processed: on_prem, cloud, or a region such as cloud:eu; "
        "separated by commas",
    )

    class Meta:
        model = Zone
        fields = [
            *("name", "slug", "description", "sensitivity", "residency", "treatment"),
            *("retention_days", "readers"),
        ]


@admin.register(Zone)
class ZoneAdmin(admin.ModelAdmin):
    form = ZoneForm
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
