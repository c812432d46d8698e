"""The prompts of departments: an edit is a version, and an earlier one can hold again. A person's
own are not part of it.
"""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from assistants.admin.people import person
from assistants.exceptions import AssistantsError, NotFound
from assistants.models import SavedPrompt
from assistants.services import library


class SavedPromptForm(forms.ModelForm):
    department = forms.ModelChoiceField(Group.objects.order_by("name"))
    text = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 16, "cols": 90}),
        help_text="What changes each time stands in double braces, such as {{client}}.",
    )

    class Meta:
        model = SavedPrompt
        fields = ["department", "name", "description", "text", "starter", "position"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["text"] = library.get_text(self.instance)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        try:
            name, text, description = library.check_prompt(
                cleaned.get("name", ""), cleaned.get("text", ""), cleaned.get("description", "")
            )
        except AssistantsError as error:
            raise ValidationError(error.user_message) from error
        return {**cleaned, "name": name, "text": text, "description": description}


@admin.register(SavedPrompt)
class SavedPromptAdmin(admin.ModelAdmin):
    """Rows of this table exist under the system's rights only; Django's permissions decide who
    gets here.
    """

    form = SavedPromptForm
    list_display = ["name", "department", "description", "starter", "number", "updated"]
    list_filter = ["department", "starter"]
    list_select_related = ["department"]
    search_fields = ["name", "description"]
    change_form_template = "admin/assistants/savedprompt/form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedPrompt]:
        return super().get_queryset(request).filter(owner=None)

    def get_urls(self) -> list[URLPattern]:
        restore = self.admin_site.admin_view(self.restore_view)
        own = path("<uuid:prompt_id>/restore/", restore, name="assistants_savedprompt_restore")
        return [own, *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: SavedPrompt, form: Any, change: bool) -> None:
        library.save_department_prompt(person(request), obj, form.cleaned_data["text"])

    def delete_model(self, request: HttpRequest, obj: SavedPrompt) -> None:
        library.record_deleted(person(request), [obj])
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SavedPrompt]) -> None:
        library.record_deleted(person(request), queryset)
        super().delete_queryset(request, queryset)

    def restore_view(self, request: HttpRequest, prompt_id: uuid.UUID) -> HttpResponse:
        """POST `number`: that version holds again, as a new one."""
        if request.method != "POST" or not self.has_change_permission(request):
            raise PermissionDenied
        number = request.POST.get("number", "")
        try:
            if not (number.isascii() and number.isdigit() and len(number) < 7):
                raise NotFound(f"version {number[:20]!r}")
            library.restore_department_prompt(person(request), prompt_id, int(number))
        except NotFound as error:
            raise Http404(error.user_message) from error
        messages.success(request, f"Version {number} holds again.")
        return HttpResponseRedirect(
            reverse("admin:assistants_savedprompt_change", args=[prompt_id])
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with library.editing_department_prompts():
            return _rendered(super().changelist_view(request, extra_context))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        with library.editing_department_prompts() as prompts:
            wanted = _id(object_id) if object_id else None
            found = prompts.filter(pk=wanted).first() if wanted else None
            versions = list(found.versions.select_related("editor"))[1:] if found else []
            context = {**(extra_context or {}), "earlier": versions}
            return _rendered(super().changeform_view(request, object_id, form_url, context))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        with library.editing_department_prompts():
            return _rendered(super().delete_view(request, object_id, extra_context))


def _id(value: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(value)
    except ValueError:
        return None


def _rendered(response: HttpResponse) -> HttpResponse:
    """While the rights hold: templates read rows late."""
    return response.render() if isinstance(response, TemplateResponse) else response
