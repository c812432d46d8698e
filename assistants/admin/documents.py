"""Documents: the list, what is held, and one document: moving it, and reading it with a reason."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from assistants import tasks
from assistants.admin.forms import MoveForm, ReasonForm
from assistants.admin.lists import BoundedPaginator
from assistants.admin.people import person
from assistants.exceptions import AssistantsError, NotFound
from assistants.models import Document, DocumentVersion, Zone
from assistants.services import document_admin, moves, zone_pages
from assistants.services.second_person import JUDGE_HELD, READ_CONTENT
from assistants.types import Sensitivity

SHOWN_CHARACTERS = 200_000


class StatusFilter(admin.SimpleListFilter):
    """By the newest version."""

    title = "state"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*DocumentVersion.Status.choices, ("removed", "Removed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> QuerySet[Document]:
        if self.value() == "removed":
            return queryset.filter(removed__isnull=False)
        if self.value():
            newer = DocumentVersion.objects.filter(
                document=OuterRef("document"), number__gt=OuterRef("number")
            )
            newest = DocumentVersion.objects.filter(
                ~Exists(newer), document=OuterRef("pk"), status=self.value()
            )
            return queryset.filter(Exists(newest))
        return queryset


@admin.register(Document)
class DocumentAdmin(admin.ModelAdmin):
    """Titles for whoever has the permission; no text without a reason."""

    list_display = ["title", "origin", "zone", "state", "source", "created"]
    list_filter = ["zone", StatusFilter, "source"]
    list_select_related = ["zone", "source"]
    search_fields = ["title", "origin"]
    search_help_text = "Titles and file names"
    ordering = ["-id"]
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    actions = None
    change_list_template = "admin/assistants/document/list.html"

    def get_urls(self) -> list[URLPattern]:
        held = self.admin_site.admin_view(require_safe(self.held_view))
        return [path("held/", held, name="assistants_document_held"), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # documents are uploaded or come from sources

    def has_delete_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        versions = DocumentVersion.objects.filter(document=OuterRef("pk")).order_by("-number")
        annotated: QuerySet[Document] = (
            super().get_queryset(request).annotate(newest=Subquery(versions.values("status")[:1]))
        )
        return annotated

    @admin.display(description="state")
    def state(self, document: Any) -> str:
        if document.removed:
            return "removed"
        return str(DocumentVersion.Status(document.newest).label) if document.newest else "empty"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        with document_admin.reading_titles(person(request)):
            response = super().changelist_view(request, {"title": "Documents"})
            return response.render() if isinstance(response, TemplateResponse) else response

    def held_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        held = [
            {
                "version": version,
                "found": moves.describe_detected(version.detected),
                "sensitivity": _level(version.detected_sensitivity),
                "zone_sensitivity": _level(version.zone.sensitivity),
            }
            for version in document_admin.list_held(person(request))
        ]
        return self._page(
            request,
            "admin/assistants/document/held.html",
            title="Held documents",
            held=held,
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            sheet = document_admin.get_document_sheet(person(request), uuid.UUID(object_id))
        except (ValueError, NotFound) as error:
            raise Http404 from error
        source = sheet.document.zone
        forms: dict[str, Any] = {
            "move": MoveForm(
                _posted(request, "_preview", "_move"), source=source, auto_id="move_%s"
            ),
            "judge": ReasonForm(_posted(request, "_keep", "_reject"), auto_id="judge_%s"),
            "read": ReasonForm(_posted(request, "_read"), auto_id="read_%s"),
        }
        context: dict[str, Any] = {}
        for name, form in forms.items():
            if form.is_bound and form.is_valid():
                try:
                    context = self._act(request, sheet, form, name)
                except AssistantsError as error:
                    field = "reason" if error.code == "reason_needed" else None
                    form.add_error(field, error.user_message)
                else:
                    if not context:
                        return HttpResponseRedirect(request.path)
        return self._page(
            request,
            "admin/assistants/document/page.html",
            title=sheet.document.title,
            sheet=sheet,
            forms=forms,
            held=[
                {
                    "version": version,
                    "found": moves.describe_detected(version.detected),
                    "sensitivity": _level(version.detected_sensitivity),
                }
                for version in sheet.versions
                if version.status == DocumentVersion.Status.HELD
            ],
            zone_sensitivity=_level(source.sensitivity),
            may_move=self.has_change_permission(request, sheet.document),
            may_judge=person(request).has_perm(JUDGE_HELD),
            may_read=person(request).has_perm(READ_CONTENT),
            **context,
        )

    def _act(
        self, request: HttpRequest, sheet: document_admin.DocumentSheet, form: Any, name: str
    ) -> dict[str, Any]:
        """Do what was asked; what to show with the page, or nothing where it is done."""
        user, reason, document = person(request), form.cleaned_data["reason"], sheet.document
        if name == "move":
            target = form.cleaned_data["target"]
            if "_preview" in request.POST:
                zone = Zone.objects.get(slug=target)
                return {"preview": zone_pages.preview_move(user, document.pk, zone)}
            outcome = moves.move_document(user, document.pk, target, reason, _requeue)
            _tell(request, outcome, "The document is moved.")
            return {}
        version_id = _version_id(request, sheet)
        if name == "read":
            version = document_admin.inspect_version(user, version_id, reason)
            return {
                "inspected": version,
                "text": version.text[:SHOWN_CHARACTERS],
                "cut": len(version.text) > SHOWN_CHARACTERS,
            }
        if "_keep" in request.POST:
            outcome = moves.keep_version(user, version_id, reason, _requeue)
            _tell(request, outcome, "It stays in its zone and is being read.")
        else:
            moves.reject_version(user, version_id, reason)
            messages.success(request, "The version is turned down; its content is gone.")
        return {}

    def _page(
        self, request: HttpRequest, template: str, *, title: str, **context: Any
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            template,
            {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **context},
        )


def _tell(request: HttpRequest, outcome: moves.MoveOutcome, done: str) -> None:
    if outcome.waiting:
        messages.warning(request, "This waits for a second person, who is not you.")
    else:
        messages.success(request, done)


def _posted(request: HttpRequest, *buttons: str) -> Any:
    """What was sent, if one of these buttons sent it."""
    return request.POST if any(button in request.POST for button in buttons) else None


def _version_id(request: HttpRequest, sheet: document_admin.DocumentSheet) -> uuid.UUID:
    """The chosen version; it must be one of this document's."""
    for version in sheet.versions:
        if str(version.pk) == request.POST.get("version"):
            return version.pk
    raise Http404


def _requeue(version_id: str) -> None:
    tasks.ingest.delay(version_id)


def _level(sensitivity: int | None) -> str:
    return "unknown" if sensitivity is None else Sensitivity(sensitivity).name.lower()
