"""Budgets: the list with what is used of each, and their form. Every change is recorded."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from assistants import control
from assistants.models import Budget
from assistants.services import budgets


@admin.register(Budget)
class BudgetAdmin(admin.ModelAdmin):
    """For a department or for a person; for neither, it is the whole organisation's."""

    fields = ["department", "user", "period", "soft_limit", "hard_limit", "enabled"]
    actions = None

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return TemplateResponse(
            request,
            "admin/assistants/budget/list.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Budgets",
                "entries": budgets.list_entries(),
                "may_add": self.has_add_permission(request),
            },
        )

    def save_model(self, request: HttpRequest, obj: Budget, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self._record(request, obj, "budget.changed" if change else "budget.created")

    def delete_model(self, request: HttpRequest, obj: Budget) -> None:
        self._record(request, obj, "budget.deleted")
        super().delete_model(request, obj)

    def _record(self, request: HttpRequest, budget: Budget, action: str) -> None:
        control.record_event(
            action=action,
            actor=request.user.get_username(),
            subject=str(budget),
            data={
                "soft_limit": _written(budget.soft_limit),
                "hard_limit": _written(budget.hard_limit),
                "enabled": budget.enabled,
            },
        )


def _written(limit: object) -> str:
    return "none" if limit is None else f"{limit} euro"
