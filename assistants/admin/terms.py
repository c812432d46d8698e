"""Names to protect, by zone: client and project names that never leave as they are."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from assistants.models import Term
from assistants.services.terms import editing_terms


@admin.register(Term)
class TermAdmin(admin.ModelAdmin):
    """Rows of this table exist under the system's rights only; Django's permissions decide who
    gets here. `manage.py import_terms` reads long lists."""

    list_display = ["text", "zone", "changed"]
    list_filter = ["zone"]
    list_select_related = ["zone"]
    search_fields = ["text"]
    list_per_page = 100

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with editing_terms():
            return _rendered(super().changelist_view(request, extra_context))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        with editing_terms():
            return _rendered(super().changeform_view(request, object_id, form_url, extra_context))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with editing_terms():
            return _rendered(super().delete_view(request, object_id, extra_context))


def _rendered(response: HttpResponse) -> HttpResponse:
    """While the rights hold: templates read rows late."""
    return response.render() if isinstance(response, TemplateResponse) else response
