"""Assistants: which there are, their versions, trying a draft beside what holds, publishing it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_safe

from assistants import tasks
from assistants.admin.assistant_forms import NewAssistantForm, StateForm, TrialForm
from assistants.admin.forms import ReasonForm
from assistants.admin.people import person
from assistants.admin.policy_versions import to_uuid
from assistants.exceptions import AssistantsError, NotFound
from assistants.models import Assistant, AssistantVersion
from assistants.services import (
    assistant_states,
    assistant_versions,
    new_departments,
    publishing,
    trials,
)
from assistants.services.assistant_versions import (
    ADD_ASSISTANTS,
    CHANGE_ASSISTANTS,
    PUBLISH,
    VIEW_ASSISTANTS,
)

Stage = AssistantVersion.Stage


@admin.register(Assistant)
class AssistantAdmin(admin.ModelAdmin):
    """Every change goes through services.assistant_versions."""

    def get_urls(self) -> list[URLPattern]:
        def at(route: str, view: Any, name: str) -> URLPattern:
            pattern: URLPattern = path(route, self.admin_site.admin_view(view), name=name)
            return pattern

        return [
            at("version/<uuid:version_id>/", self.version_view, "assistants_assistant_version"),
            at(
                "version/<uuid:version_id>/trials/",
                require_safe(self.trials_view),
                "assistants_assistant_trials",
            ),
            *super().get_urls(),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Assistant | None = None) -> bool:
        return False  # conversations belong to it; switch it off instead

    # ---- The list, a new one, and one with its versions ------------------------------------------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        staged = AssistantVersion.objects.filter(stage__in=[Stage.ACTIVE, Stage.DRAFT])
        every = Assistant.objects.select_related("department", "prompt").prefetch_related(
            "zones", Prefetch("versions", staged.order_by("-number"))
        )
        rows = []
        for assistant in every:
            versions = list(assistant.versions.all())
            rows.append(
                {
                    "assistant": assistant,
                    "active": next((v for v in versions if v.stage == Stage.ACTIVE), None),
                    "drafts": [v for v in versions if v.stage == Stage.DRAFT],
                }
            )
        return self._page(
            request,
            "list",
            title="Assistants",
            rows=rows,
            may_add=person(request).has_perm(ADD_ASSISTANTS),
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        user = person(request)
        if not user.has_perm(ADD_ASSISTANTS):
            raise PermissionDenied
        form = NewAssistantForm(request.POST or None, user=user)
        if request.method == "POST" and form.is_valid():
            filled = form.cleaned_data
            try:
                made = new_departments.create_department_assistant(
                    user,
                    new_departments.Wanted(
                        slug=filled["slug"],
                        department=filled["department"],
                        new_department=filled.get("new_department") or "",
                        people=filled.get("people") or [],
                        new_zone=filled.get("new_zone") or "",
                        own_policy=filled.get("policy") == "own",
                        state=form.state,
                        questions=form.questions,
                    ),
                )
            except AssistantsError as error:
                form.add_error("slug" if error.code == "slug_taken" else None, error.user_message)
            else:
                messages.success(
                    request, "The draft is made. Nobody can ask it before it is published: try it."
                )
                return _to_version(made)
        return self._page(request, "add", title="Make an assistant", form=form)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        assistant = self._find(object_id)
        user = person(request)
        form = ReasonForm(request.POST if "_draft" not in request.POST else None)
        if request.method == "POST":
            try:
                if "_draft" in request.POST:
                    return _to_version(assistant_versions.create_draft(user, assistant))
                if form.is_valid():
                    messages.success(request, self._stage(request, assistant, form))
                    return HttpResponseRedirect(request.path)
            except AssistantsError as error:
                form.add_error(None, error.user_message)
        else:
            form = ReasonForm()
        return self._page(
            request,
            "page",
            title=assistant.name,
            assistant=assistant,
            active=assistant_versions.get_active(assistant),
            versions=assistant.versions.select_related("author", "staged_by"),
            state=assistant_states.list_differences(None, assistant_states.get_state(assistant)),
            form=form,
            may_change=user.has_perm(CHANGE_ASSISTANTS),
            may_publish=user.has_perm(PUBLISH),
        )

    def _stage(self, request: HttpRequest, assistant: Assistant, form: ReasonForm) -> str:
        user, reason = person(request), form.cleaned_data["reason"]
        if "_roll_back" in request.POST:
            seen = to_uuid(request.POST.get("instead_of"))
            back = publishing.roll_back(user, assistant, reason, instead_of=seen)
            return f"Version {back.number} holds again, from the next question on."
        enabled = "_enable" in request.POST
        publishing.switch(user, assistant, enabled, reason)
        return "Its people can ask it." if enabled else "Nobody can ask it now."

    # ---- One version: the draft's form, its trials, publishing -----------------------------------

    def version_view(self, request: HttpRequest, version_id: uuid.UUID) -> HttpResponse:
        version = self._find_version(request, version_id)
        user = person(request)
        is_draft = version.stage == Stage.DRAFT
        known = {
            "state": assistant_states.read_state(version),
            "questions": version.questions,
        }
        saving = request.method == "POST" and "_save" in request.POST and is_draft
        form = StateForm(request.POST if saving else None, **known)
        trial, reason = TrialForm(), ReasonForm()
        if request.method == "POST":
            acting: Form = form
            if "_ask" in request.POST:
                acting = trial = TrialForm(request.POST)
            elif "_publish" in request.POST:
                acting = reason = ReasonForm(request.POST)
            try:
                if (response := self._act(request, version, acting)) is not None:
                    return response
            except AssistantsError as error:
                if acting.is_bound:
                    acting.add_error(None, error.user_message)
                else:
                    messages.error(request, error.user_message)
        active = assistant_versions.get_active(version.assistant)
        before = active if active and active.pk != version.pk else None
        may_change = user.has_perm(CHANGE_ASSISTANTS)
        return self._page(
            request,
            "version",
            title=f"{version.assistant.name}, version {version.number}",
            version=version,
            assistant=version.assistant,
            active=active,
            untried=publishing.list_untried(version) if is_draft else [],
            differences=assistant_states.list_differences(
                assistant_states.read_state(before) if before else None, known["state"]
            ),
            notices=new_departments.find_notices(version),
            tried=trials.list_trials(user, version) if may_change else None,
            form=form,
            trial=trial,
            reason=reason,
            may_change=may_change,
            may_edit=is_draft and may_change,
            may_publish=is_draft and user.has_perm(PUBLISH),
        )

    def _act(
        self, request: HttpRequest, version: AssistantVersion, form: Form
    ) -> HttpResponse | None:
        """What the pressed button asks for; None to show the page with the form's mistakes."""
        user, posted = person(request), request.POST
        here = HttpResponseRedirect(request.path)
        if "_draft" in posted:
            return _to_version(assistant_versions.create_draft(user, version.assistant, version))
        if "_delete" in posted:
            assistant_versions.delete_draft(user, version.pk)
            messages.success(request, f"The draft {version.number} is deleted, with its trials.")
            return HttpResponseRedirect(_url(version.assistant))
        if "_try" in posted:
            questions = [each["text"] for each in version.questions]
            trials.open_trials(user, version.pk, questions, enqueue=tasks.answer.delay)
            return HttpResponseRedirect(f"{request.path}#trials")
        if not form.is_valid():
            return None
        if "_ask" in posted:
            question = form.cleaned_data["question"]
            trials.open_trials(user, version.pk, [question], enqueue=tasks.answer.delay)
            return HttpResponseRedirect(f"{request.path}#trials")
        if "_publish" in posted:
            seen = to_uuid(posted.get("instead_of"))
            publishing.publish(user, version.pk, form.cleaned_data["reason"], instead_of=seen)
            messages.success(
                request,
                f"Version {version.number} holds: every open page has it at its next question.",
            )
            return HttpResponseRedirect(_url(version.assistant))
        assert isinstance(form, StateForm)  # noqa: S101  # the one that is left
        edits = posted.get("edits", "")
        assistant_versions.save_draft(
            user,
            version.pk,
            form.state,
            form.questions,
            edits=int(edits) if edits.isdecimal() and len(edits) < 9 else -1,
        )
        messages.success(request, "The draft is saved.")
        return here

    def trials_view(self, request: HttpRequest, version_id: uuid.UUID) -> HttpResponse:
        """The trials alone, for the page that waits for them."""
        version = self._find_version(request, version_id)
        user = person(request)
        if not user.has_perm(CHANGE_ASSISTANTS):
            raise PermissionDenied
        return TemplateResponse(
            request,
            "admin/assistants/assistant/_trials.html",
            {
                "tried": trials.list_trials(user, version),
                "untried": publishing.list_untried(version),
            },
        )

    def _find(self, object_id: str) -> Assistant:
        known = Assistant.objects.select_related("department", "prompt", "question_zone")
        found = known.filter(pk=object_id).first() if object_id.isdecimal() else None
        if found is None:
            raise Http404
        return found

    def _find_version(self, request: HttpRequest, version_id: uuid.UUID) -> AssistantVersion:
        if not person(request).has_perm(VIEW_ASSISTANTS):
            raise PermissionDenied
        try:
            return assistant_versions.get_version(version_id)
        except NotFound as error:
            raise Http404 from error

    def _page(
        self, request: HttpRequest, template: str, *, title: str, **context: Any
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            f"admin/assistants/assistant/{template}.html",
            {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **context},
        )


def _to_version(version: AssistantVersion) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:assistants_assistant_version", args=[version.pk]))


def _url(assistant: Assistant) -> str:
    return reverse("admin:assistants_assistant_change", args=[assistant.pk])
