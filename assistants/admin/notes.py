"""Kinds of notes: their sections are data, so that a department makes its own."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError

from assistants.models import NoteTemplate
from assistants.services import notes


class NoteTemplateForm(forms.ModelForm):
    class Meta:
        model = NoteTemplate
        fields = ["name", "slug", "assistant", "clinical", "enabled", "sections"]
        widgets = {"sections": forms.Textarea(attrs={"rows": 24, "spellcheck": "false"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["sections"] = json.dumps(
                self.instance.sections, indent=2, ensure_ascii=False
            )

    def clean_sections(self) -> object:
        sections = self.cleaned_data["sections"]
        try:
            notes.check_sections(sections)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return sections


@admin.register(NoteTemplate)
class NoteTemplateAdmin(admin.ModelAdmin):
    form = NoteTemplateForm
    list_display = ["name", "assistant", "clinical", "enabled"]
    list_select_related = ["assistant"]
    search_fields = ["name", "assistant__name"]
    prepopulated_fields = {"slug": ["name"]}
