"""The what-if page: what would become of a message, asked in somebody's place."""

from __future__ import annotations

from django import forms
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from assistants.admin.people import person
from assistants.exceptions import AssistantsError
from assistants.models import Assistant
from assistants.services.what_if import ASK_WHAT_IF, WhatIf, ask_what_if


class WhatIfForm(forms.Form):
    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True).order_by("username"),
        label="Person",
        to_field_name="username",
        help_text="who would ask; what they may read decides what is found",
    )
    assistant = forms.ModelChoiceField(Assistant.objects.filter(enabled=True), to_field_name="slug")
    text = forms.CharField(
        label="Message",
        help_text="Nothing is sent to a model and the text is not kept: it is gone with this page.",
        widget=forms.Textarea(attrs={"rows": 6, "cols": 80, "autocomplete": "off"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def what_if_view(request: HttpRequest, deployments: ModelAdmin) -> HttpResponse:
    if not person(request).has_perms(ASK_WHAT_IF):
        raise PermissionDenied
    form = WhatIfForm(request.POST or None)
    found: WhatIf | None = None
    if request.method == "POST" and form.is_valid():
        filled = form.cleaned_data
        try:
            found = ask_what_if(
                person(request), filled["user"], filled["assistant"], filled["text"]
            )
        except AssistantsError as error:
            form.add_error(None, error.user_message)
    return TemplateResponse(
        request,
        "admin/assistants/deployment/what_if.html",
        {
            **deployments.admin_site.each_context(request),
            "opts": deployments.opts,
            "title": "What if",
            "form": form,
            "found": found,
        },
    )
