from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path

from assistants import control
from assistants.admin.what_if import what_if_view
from assistants.models import Deployment, PromptVersion
from assistants.services.registry import find_mistakes
from assistants.types import Capability


class DeploymentForm(forms.ModelForm):
    capabilities = forms.MultipleChoiceField(
        choices=[(capability.value, capability.value) for capability in Capability],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="what it is good enough for; routing sends it nothing else",
    )

    class Meta:
        model = Deployment
        fields = [
            *("slug", "provider", "environment", "region", "model", "version", "base_url"),
            *("key_variable", "context_tokens", "max_tokens", "capabilities"),
            *("input_price", "output_price", "rank", "latency_budget_ms", "capacity"),
            *("hedge_after_ms", "first_token_seconds", "enabled"),
        ]

    def clean(self) -> dict[str, Any]:
        filled_in = super().clean() or {}
        for field, mistake in find_mistakes(filled_in).items():
            self.add_error(field, mistake)
        return filled_in


@admin.register(Deployment)
class DeploymentAdmin(admin.ModelAdmin):
    form = DeploymentForm
    list_display = [
        *("slug", "provider", "environment", "region", "model", "input_price", "output_price"),
        *("rank", "enabled"),
    ]
    list_filter = ["environment", "enabled"]
    search_fields = ["slug", "model", "region"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(what_if_view)
        what_if = path("what-if/", view, {"deployments": self}, name="assistants_what_if")
        return [what_if, *super().get_urls()]

    def has_delete_permission(self, request: HttpRequest, obj: Deployment | None = None) -> bool:
        return False  # answers name it; switch it off instead

    def save_model(self, request: HttpRequest, obj: Deployment, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        control.record_event(
            action="deployment.changed" if change else "deployment.created",
            actor=request.user.get_username(),
            subject=obj.slug,
            data={"changed": sorted(form.changed_data), "enabled": obj.enabled},
        )


@admin.register(PromptVersion)
class PromptVersionAdmin(admin.ModelAdmin):
    """Versions are added, never changed: receipts name them."""

    list_display = ["name", "number", "created"]
    search_fields = ["name"]

    def has_change_permission(self, request: HttpRequest, obj: PromptVersion | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PromptVersion | None = None) -> bool:
        return False
