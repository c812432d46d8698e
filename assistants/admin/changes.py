"""What waits for a second person, and what became of it."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from assistants import tasks
from assistants.admin.forms import reason_field
from assistants.admin.people import person
from assistants.exceptions import AssistantsError
from assistants.models import ZoneChange
from assistants.services import document_admin, moves, zone_changes, zone_pages, zones
from assistants.services.second_person import DECIDE_CHANGES, VIEW_DOCUMENTS


class DecisionForm(forms.Form):
    reason = reason_field(required=False, help_text="A refusal needs one.")


@admin.register(ZoneChange)
class ZoneChangeAdmin(admin.ModelAdmin):
    """Rows come from services.zones and services.moves; here they are decided."""

    list_display = ["kind", "zone", "target", "status", "requested_by", "created", "decided_by"]
    list_filter = ["status", "kind", "zone"]
    list_select_related = ["zone", "target", "requested_by", "decided_by"]
    search_fields = ["zone__name", "requested_by__username"]
    ordering = ["-id"]
    actions = None
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ZoneChange | None = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": "Changes of zones and moves"})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        user = person(request)
        change = self._find(object_id)
        form = DecisionForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                told = self._decide(request, change, form.cleaned_data["reason"])
            except AssistantsError as error:
                form.add_error(None, error.user_message)
            else:
                messages.success(request, told)
                return HttpResponseRedirect(request.path)
        waits = change.status == ZoneChange.Status.WAITING
        own = change.requested_by_id == user.pk
        return TemplateResponse(
            request,
            "admin/assistants/zonechange/page.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": str(change.get_kind_display()).capitalize(),
                "change": change,
                "form": form,
                "waits": waits,
                "may_withdraw": waits and own,
                "may_decide": waits and not own and user.has_perm(DECIDE_CHANGES),
                **self._what(user, change),
            },
        )

    def _find(self, object_id: str) -> ZoneChange:
        try:
            pk = uuid.UUID(object_id)
        except ValueError as error:
            raise Http404 from error
        change = (
            ZoneChange.objects.select_related("zone", "target", "requested_by", "decided_by")
            .filter(pk=pk)
            .first()
        )
        if change is None:
            raise Http404
        return change

    def _what(self, user: Any, change: ZoneChange) -> dict[str, Any]:
        """What it would do now, where it waits; titles for whoever may see them."""
        waits = change.status == ZoneChange.Status.WAITING
        if change.kind == ZoneChange.Kind.CHANGE_ZONE:
            context: dict[str, Any] = {
                "differences": zones.describe_change(change.before, change.after)
            }
            if waits:
                wanted = zones.get_state(change.zone).with_changes(change.after)
                context["preview"] = zone_pages.preview_zone(user, change.zone, wanted)
            return context
        context = {}
        try:
            if change.document_id and user.has_perm(VIEW_DOCUMENTS):
                sheet = document_admin.get_document_sheet(user, change.document_id)
                context["document"] = sheet.document
            if waits and change.target and change.document_id:
                context["preview"] = zone_pages.preview_move(
                    user, change.document_id, change.target
                )
        except AssistantsError as error:
            context["problem"] = error.user_message
        if change.kind == ZoneChange.Kind.KEEP_DOCUMENT:
            context["found"] = moves.describe_detected(change.before.get("detected", {}))
        return context

    def _decide(self, request: HttpRequest, change: ZoneChange, reason: str) -> str:
        user = person(request)
        if "_withdraw" in request.POST:
            zone_changes.withdraw_change(user, change.pk)
            return "It is withdrawn."
        approve = "_approve" in request.POST
        zone_changes.decide_change(
            user, change.pk, approve=approve, reason=reason, requeue=tasks.ingest.delay
        )
        return "Approved: it holds now." if approve else "Refused: nothing is changed."
