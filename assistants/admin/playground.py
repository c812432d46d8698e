"""The playground: what guardrails see in a text and what policies say, and both measured."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_http_methods, require_safe

from assistants import control, tasks
from assistants.admin.people import person
from assistants.exceptions import AssistantsError, NotFound
from assistants.models import Assistant, PolicyVersion
from assistants.services import measuring, playground
from assistants.services.policy_drafts import VIEW_POLICIES
from assistants.types import Stage

MOST_VERSIONS = 4
LARGEST_FILE = 50 * 1024 * 1024  # bytes
REFRESH_SECONDS = 2


class TryForm(forms.Form):
    text = forms.CharField(
        required=False,
        strip=False,
        help_text="Nothing is sent to a model and the text is not kept: it is gone with this page.",
        widget=forms.Textarea(attrs={"rows": 6, "cols": 80, "autocomplete": "off"}),
    )
    file = forms.FileField(
        required=False,
        help_text="instead of a text: a document, or lines {text, label, kind} to measure on",
    )
    stage = forms.ChoiceField(
        label="Checked as",
        choices=[(str(stage), said) for stage, said in control.policy.STAGES.items()],
    )
    assistant = forms.ModelChoiceField(Assistant.objects.none(), to_field_name="slug")
    versions = forms.ModelMultipleChoiceField(
        PolicyVersion.objects.none(),
        label="Beside what is active",
        required=False,
        help_text=f"versions to compare, at most {MOST_VERSIONS}",
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        assistant, versions = self.fields["assistant"], self.fields["versions"]
        assert isinstance(assistant, forms.ModelChoiceField)  # noqa: S101  # as declared
        assert isinstance(versions, forms.ModelMultipleChoiceField)  # noqa: S101
        assistant.queryset = Assistant.objects.select_related(
            "department", "prompt", "question_zone"
        )
        assistant.empty_label = None
        versions.queryset = PolicyVersion.objects.exclude(stage="active").select_related(
            "policy__department", "policy__assistant"
        )

    def clean_versions(self) -> list[PolicyVersion]:
        chosen = list(self.cleaned_data["versions"])
        if len(chosen) > MOST_VERSIONS:
            raise forms.ValidationError(f"Choose at most {MOST_VERSIONS}.")
        return chosen

    def clean(self) -> dict[str, Any]:
        filled = super().clean() or {}
        file = filled.get("file")
        if file and filled.get("text", "").strip():
            self.add_error("file", "Paste a text or choose a file, not both.")
        if file and file.size > LARGEST_FILE:
            self.add_error("file", "Keep the file below 50 MB, or use manage.py evaluate.")
        return filled


def get_urls(policies: ModelAdmin) -> list[URLPattern]:
    def at(route: str, view: Any, name: str) -> URLPattern:
        pattern: URLPattern = path(
            route,
            policies.admin_site.admin_view(view),
            {"policies": policies},
            name=f"assistants_{name}",
        )
        return pattern

    return [
        at("playground/", playground_view, "playground"),
        at("playground/<slug:measurement>/", measurement_view, "measurement"),
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def playground_view(request: HttpRequest, policies: ModelAdmin) -> HttpResponse:
    user = person(request)
    if not user.has_perm(VIEW_POLICIES):
        raise PermissionDenied
    form = TryForm(request.POST or None, request.FILES or None)
    tried: playground.Tried | None = None
    if request.method == "POST" and form.is_valid():
        filled = form.cleaned_data
        stage = Stage(filled["stage"])
        file = filled["file"]
        try:
            if file and file.name.lower().endswith((".jsonl", ".ndjson")):
                measurement = measuring.start_measurement(
                    user,
                    file,
                    stage,
                    filled["assistant"],
                    filled["versions"],
                    tasks.measure_guardrails.delay,
                )
                return HttpResponseRedirect(
                    reverse("admin:assistants_measurement", args=[measurement])
                )
            text = playground.read_upload(file.name, file.read()) if file else filled["text"]
            tried = playground.try_text(user, text, stage, filled["assistant"], filled["versions"])
        except AssistantsError as error:
            form.add_error("file" if file else "text", error.user_message)
    return _page(request, policies, "playground", title="Playground", form=form, tried=tried)


@require_safe
def measurement_view(request: HttpRequest, policies: ModelAdmin, measurement: str) -> HttpResponse:
    user = person(request)
    if not user.has_perm(VIEW_POLICIES):
        raise PermissionDenied
    try:
        state = measuring.get_measurement(user, measurement)
    except NotFound as error:
        raise Http404(error.user_message) from error
    state["tables"] = [
        ("Policies, side by side", state.get("policies", [])),
        ("Guardrails", state.get("guardrails", [])),
    ]
    reply = _page(request, policies, "measurement", title="Measured", state=state)
    if state["state"] in ("waiting", "running"):
        reply["Refresh"] = str(REFRESH_SECONDS)
    return reply


def _page(
    request: HttpRequest, policies: ModelAdmin, template: str, *, title: str, **context: Any
) -> HttpResponse:
    return TemplateResponse(
        request,
        f"admin/assistants/policy/{template}.html",
        {
            **policies.admin_site.each_context(request),
            "opts": policies.opts,
            "title": title,
            **context,
        },
    )
