"""Feedback as reviewers read it: verdicts, reasons and comments, nothing of the conversations."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from assistants.admin.people import person
from assistants.models import Feedback
from assistants.services import feedback


@admin.register(Feedback)
class FeedbackAdmin(admin.ModelAdmin):
    """To read only, by the permission to view feedback, which the group of reviewers has."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        number = request.GET.get("page", "1")
        page = feedback.get_page(
            person(request), int(number) if number.isdecimal() and len(number) < 7 else 1
        )
        return TemplateResponse(
            request,
            "admin/assistants/feedback/list.html",
            {
                **self.admin_site.each_context(request),
                "title": "Feedback",
                "opts": self.opts,
                "page": page,
            },
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Feedback | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Feedback | None = None) -> bool:
        return False
