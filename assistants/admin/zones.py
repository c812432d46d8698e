"""Zones: the list, one zone with its form and what hangs on it, and what may run where."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_safe

from assistants.admin.forms import NEW_ZONE, ZoneForm
from assistants.admin.people import person
from assistants.exceptions import AssistantsError
from assistants.models import Organisation, Zone, ZoneChange
from assistants.services import document_admin, zone_pages, zones
from assistants.services.second_person import VIEW_DOCUMENTS, get_organisation
from assistants.types import Sensitivity

TITLES_ON_A_PAGE = 50


@admin.register(Zone)
class ZoneAdmin(admin.ModelAdmin):
    """Every change goes through services.zones, which asks for reasons and second persons."""

    def get_urls(self) -> list[URLPattern]:
        matrix = self.admin_site.admin_view(require_safe(self.matrix_view))
        return [path("matrix/", matrix, name="assistants_zone_matrix"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Zone]:
        every: QuerySet[Zone] = super().get_queryset(request)
        return every.select_related("raise_to").prefetch_related("readers")

    def has_delete_permission(self, request: HttpRequest, obj: Zone | None = None) -> bool:
        return False  # conversations remember their zones by slug

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        entries = zone_pages.list_zone_entries()
        rows = [
            {
                "zone": zone,
                "sensitivity": Sensitivity(zone.sensitivity).name.lower(),
                "places": zones.places_in_words(zone.residency),
                "leaves": zones.TREATMENTS[zone.rules.treatment],
                "readers": ", ".join(group.name for group in zone.readers.all()) or "nobody",
                "entry": entries[zone.pk],
            }
            for zone in Zone.objects.prefetch_related("readers")
        ]
        return self._page(
            request,
            "admin/assistants/zone/list.html",
            title="Zones",
            rows=rows,
            may_add=self.has_add_permission(request),
        )

    def matrix_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._page(
            request,
            "admin/assistants/zone/matrix.html",
            title="What may run where",
            matrix=zone_pages.get_matrix(person(request)),
        )

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ZoneForm(request.POST or None, state=NEW_ZONE)
        preview = None
        if request.method == "POST" and form.is_valid():
            try:
                if "_preview" in request.POST:
                    preview = zone_pages.preview_zone(person(request), None, form.state)
                else:
                    zone = zones.create_zone(person(request), form.cleaned_data["slug"], form.state)
                    messages.success(request, f"The zone {zone.name} is made.")
                    return HttpResponseRedirect(
                        reverse("admin:assistants_zone_change", args=[zone.pk])
                    )
            except AssistantsError as error:
                form.add_error(None, error.user_message)
        return self._page(
            request,
            "admin/assistants/zone/form.html",
            title="Add a zone",
            form=form,
            preview=preview,
            may_change=True,
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        zone = self.get_object(request, object_id)  # with readers: see get_queryset
        if zone is None:
            raise Http404
        may_change = self.has_change_permission(request, zone)
        if not self.has_view_permission(request, zone) or (
            request.method == "POST" and not may_change
        ):
            raise PermissionDenied
        state = zones.get_state(zone)
        form = ZoneForm(request.POST or None, zone=zone, state=state)
        preview = None
        if request.method == "POST" and form.is_valid():
            try:
                preview = zone_pages.preview_zone(person(request), zone, form.state)
                if "_preview" not in request.POST:
                    self._save(request, zone, form)
                    return HttpResponseRedirect(request.path)
            except AssistantsError as error:
                field = "reason" if error.code == "reason_needed" else None
                form.add_error(field, error.user_message)
        return self._page(
            request,
            "admin/assistants/zone/form.html",
            title=zone.name,
            zone=zone,
            form=form,
            preview=preview,
            may_change=may_change,
            changes=zone.changes.filter(status=ZoneChange.Status.WAITING).select_related(
                "requested_by"
            ),
            differences=zones.describe_state(state),
            **({} if preview else self._about(request, zone)),
        )

    def _about(self, request: HttpRequest, zone: Zone) -> dict[str, Any]:
        """What is in it, who may read it, what may see it."""
        contents = zone_pages.get_contents(zone)
        return {
            "contents": contents,
            "documents": self._documents(request, zone, contents.documents),
            "readers": zone_pages.list_readers(zone),
            "cells": zone_pages.list_cells(zone),
            "searched_by": zone_pages.list_assistants(zone),
        }

    def _documents(self, request: HttpRequest, zone: Zone, number: int) -> Page[Any] | None:
        """A page of titles, for whoever may see them."""
        user = person(request)
        if not user.has_perm(VIEW_DOCUMENTS):
            return None
        with document_admin.reading_titles(user):
            titles = (
                zone.documents.filter(removed=None).order_by("title", "pk").only("title", "zone")
            )
            pages = Paginator(titles, TITLES_ON_A_PAGE)
            pages.count = number  # known already
            page = pages.get_page(request.GET.get("page"))
            page.object_list = list(page.object_list)
        return page

    def _save(self, request: HttpRequest, zone: Zone, form: ZoneForm) -> None:
        state = form.state
        changes = {name: getattr(state, name) for name in zones.as_json(state)}
        outcome = zones.change_zone(
            person(request), zone.slug, changes, form.cleaned_data["reason"]
        )
        if outcome.changed:
            told = "; ".join(f"{d.field}: {d.before} → {d.after}" for d in outcome.changed)
            messages.success(request, f"Holds now. {told}.")
        if outcome.waiting:
            messages.warning(request, "What gets looser waits for a second person, who is not you.")
        if not outcome.changed and not outcome.waiting:
            messages.info(request, "Nothing was changed.")

    def _page(
        self, request: HttpRequest, template: str, *, title: str, **context: Any
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            template,
            {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **context},
        )


@admin.register(Organisation)
class OrganisationAdmin(admin.ModelAdmin):
    """One row: its list is its form."""

    fields = ["second_person_from", "review_minutes", "review_escalation"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Organisation | None = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = get_organisation()
        return HttpResponseRedirect(reverse("admin:assistants_organisation_change", args=[row.pk]))

    def save_model(self, request: HttpRequest, obj: Organisation, form: Any, change: bool) -> None:
        zones.change_organisation(
            person(request),
            obj.second_person_from,
            review_minutes=obj.review_minutes,
            review_escalation=obj.review_escalation,
        )
