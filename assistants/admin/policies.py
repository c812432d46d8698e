"""Policies: whose there are, and the versions of one. A version's page is `policy_versions`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern

from assistants.admin import playground, policy_versions
from assistants.admin.forms import ReasonForm, offer
from assistants.admin.people import person
from assistants.admin.policy_versions import to_uuid, to_version
from assistants.exceptions import AssistantsError
from assistants.models import Assistant, Policy, PolicyVersion
from assistants.services import policy_drafts, policy_stages
from assistants.services.policy_drafts import CHANGE_POLICIES

Stage = PolicyVersion.Stage


class PolicyForm(forms.Form):
    whose = forms.ChoiceField(label="Policy of")

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        every_policy = Policy.objects.select_related("department", "assistant")
        known = {(policy.level, policy.target) for policy in every_policy}
        every = [("organisation", "", "The organisation")]
        every += [("department", g.name, f"Department {g.name}") for g in Group.objects.all()]
        every += [("assistant", a.slug, f"Assistant {a.name}") for a in Assistant.objects.all()]
        offer(
            self,
            "whose",
            [(f"{lv}:{target}", name) for lv, target, name in every if (lv, target) not in known],
        )


@admin.register(Policy)
class PolicyAdmin(admin.ModelAdmin):
    """Every change goes through services.policy_drafts and services.policy_stages."""

    def get_urls(self) -> list[URLPattern]:
        return [
            *policy_versions.get_urls(self),
            *playground.get_urls(self),
            *super().get_urls(),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        return False  # receipts name its versions

    def has_add_permission(self, request: HttpRequest) -> bool:
        return person(request).has_perm(CHANGE_POLICIES)

    # ---- The list, and one policy with its versions ---------------------------------------------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        staged = PolicyVersion.objects.exclude(stage=Stage.RETIRED).defer("rules", "cases")
        every = Policy.objects.select_related("department", "assistant").prefetch_related(
            Prefetch("versions", staged)
        )
        order = list(Policy.Level.values)
        rows = []
        for policy in sorted(every, key=lambda each: (order.index(each.level), each.name)):
            at = {version.stage: version for version in policy.versions.all()}
            drafts = sum(each.stage == Stage.DRAFT for each in policy.versions.all())
            rows.append(
                {
                    "policy": policy,
                    "active": at.get(Stage.ACTIVE),
                    "shadow": at.get(Stage.SHADOW),
                    "drafts": drafts,
                }
            )
        return self._page(request, "list", title="Policies", rows=rows)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = PolicyForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            level, _, target = form.cleaned_data["whose"].partition(":")
            try:
                policy = policy_drafts.create_policy(person(request), level, target)
                draft = policy_drafts.create_draft(person(request), policy)
                return to_version(draft)
            except AssistantsError as error:
                form.add_error(None, error.user_message)
        return self._page(request, "add", title="Add a policy", form=form)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        policy = self._find_policy(object_id)
        active = policy_drafts.get_active(policy)
        form = ReasonForm(request.POST if "_roll_back" in request.POST else None)
        if request.method == "POST":
            try:
                if "_draft" in request.POST:
                    return to_version(policy_drafts.create_draft(person(request), policy))
                if form.is_valid():
                    back = policy_stages.roll_back(
                        person(request),
                        policy,
                        form.cleaned_data["reason"],
                        instead_of=to_uuid(request.POST.get("instead_of")),
                    )
                    messages.success(request, f"Version {back.number} holds again.")
                    return HttpResponseRedirect(request.path)
            except AssistantsError as error:
                messages.error(request, error.user_message)
                return HttpResponseRedirect(request.path)
        return self._page(
            request,
            "page",
            title=f"Policy: {policy.name}",
            policy=policy,
            active=active,
            versions=policy.versions.select_related("author", "staged_by", "before"),
            form=form,
        )

    def _find_policy(self, object_id: str) -> Policy:
        pk = to_uuid(object_id)
        known = Policy.objects.select_related("department", "assistant")
        found = known.filter(pk=pk).first() if pk else None
        if found is None:
            raise Http404
        return found

    def _page(
        self, request: HttpRequest, template: str, *, title: str, **context: Any
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            f"admin/assistants/policy/{template}.html",
            {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **context},
        )
