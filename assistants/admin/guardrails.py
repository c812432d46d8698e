"""The guardrails: which there are, how well their scores hold, and what was taken back."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from assistants.admin.people import person
from assistants.models import Incident
from assistants.services.reliability import get_guardrails_page


@admin.register(Incident)
class IncidentAdmin(admin.ModelAdmin):
    """To read only: kinds, counts and hashes, no text."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        page = get_guardrails_page(person(request))
        return TemplateResponse(
            request,
            "admin/assistants/incident/page.html",
            {
                **self.admin_site.each_context(request),
                "title": "Guardrails",
                "opts": self.opts,
                "page": page,
            },
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Incident | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Incident | None = None) -> bool:
        return False
