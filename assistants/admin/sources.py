"""Sources: the list with how each is doing, and one source: its form, trying it, syncing it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from assistants import tasks
from assistants.exceptions import AssistantsError, SourceUnavailable
from assistants.models import Source
from assistants.services import sources

# What each kind has beside its location: the form's field, and the option it is kept under.
OPTIONS: dict[str, dict[str, str]] = {
    Source.Kind.FOLDER: {},
    Source.Kind.GIT: {"branch": "branch"},
    Source.Kind.S3: {"endpoint": "endpoint", "region": "region", "below": "prefix"},
}


class SourceForm(forms.ModelForm):
    """A source's row; what only one kind needs is kept in `options`."""

    name = forms.CharField(
        max_length=100,
        validators=[
            RegexValidator(
                r"^\w[\w .,&()+-]*$", "Please use letters, digits, spaces and . , & ( ) + - only."
            )
        ],
        help_text="Its documents are named after it. It cannot be changed later.",
    )
    location = forms.CharField(
        max_length=500,
        help_text="Folder: its full path, such as /srv/handbook. Git: an https:// or ssh:// "
        "address, or the path of a repository. Bucket: its name only.",
    )
    branch = forms.CharField(
        required=False, max_length=200, help_text="Git only. Empty: the repository's main branch."
    )
    endpoint = forms.CharField(
        required=False,
        max_length=300,
        help_text="Bucket only. The store's address, such as https://minio.example.org:9000. "
        "Empty: Amazon S3.",
    )
    region = forms.CharField(
        required=False, max_length=40, help_text="Bucket only. Empty: us-east-1."
    )
    below = forms.CharField(
        label="Prefix",
        required=False,
        max_length=500,
        strip=False,
        help_text="Bucket only. Only what begins like this is read, such as handbook/.",
    )
    key_variable = forms.CharField(
        required=False,
        max_length=100,
        label="Variable with the key",
        validators=[
            RegexValidator(
                sources.KEY_VARIABLE, "The variable must begin with SOURCE_KEY, in capitals."
            )
        ],
        help_text="The name of an environment variable that begins with SOURCE_KEY; the key "
        "itself is never stored. Git over https: a token, or user:token. Git over ssh: the path "
        "of a private key. Bucket: ID:SECRET. Empty: no key.",
    )
    interval_minutes = forms.IntegerField(
        label="Sync every",
        initial=15,
        validators=[MinValueValidator(1), MaxValueValidator(10_080)],
        help_text="minutes",
    )
    enabled = forms.BooleanField(
        required=False,
        initial=True,
        help_text="A source that is switched off is not synced; its documents stay.",
    )

    class Meta:
        model = Source
        fields = ["name", "kind", "zone", "location", "key_variable", "interval_minutes", "enabled"]
        help_texts = {
            "zone": "Where new documents go. A document that is there already stays in its zone, "
            "also where a person moved it.",
        }

    field_order = [
        *("name", "kind", "location", "branch", "endpoint", "region", "below", "key_variable"),
        *("zone", "interval_minutes", "enabled"),
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for options in OPTIONS.values():
            for field, option in options.items():
                self.initial.setdefault(field, self.instance.options.get(option, ""))
        if not self.instance._state.adding:
            self.fields["name"].disabled = self.fields["kind"].disabled = True

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        filled = self.cleaned_data
        options = OPTIONS.get(filled.get("kind", ""), {})
        self.instance.options = {
            option: filled[field] for field, option in options.items() if filled.get(field)
        }
        return cleaned

    @property
    def changed_columns(self) -> list[str]:
        own = [name for name in self.changed_data if name in SourceForm.Meta.fields]
        return [*own, *(["options"] if set(self.changed_data) - set(own) else [])]


@admin.register(Source)
class SourceAdmin(admin.ModelAdmin):
    """Saving tries the source first; what it says goes through services.sources."""

    def has_delete_permission(self, request: HttpRequest, obj: Source | None = None) -> bool:
        return False  # its documents are named after it; switch it off instead

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = [
            {"source": source, "happened": sources.describe_summary(source.summary)}
            for source in Source.objects.select_related("zone")
        ]
        return self._page(
            request,
            "list.html",
            title="Sources",
            rows=rows,
            may_add=self.has_add_permission(request),
        )

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = SourceForm(request.POST or None, instance=Source(created_by_id=request.user.pk))
        if request.method == "POST" and self._saved(request, form):
            return HttpResponseRedirect(
                reverse("admin:assistants_source_change", args=[form.instance.pk])
            )
        return self._page(request, "page.html", title="Add a source", form=form, may_change=True)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        source = self.get_object(request, object_id)
        if source is None:
            raise Http404
        may_change = self.has_change_permission(request, source)
        if not self.has_view_permission(request, source) or (
            request.method == "POST" and not may_change
        ):
            raise PermissionDenied
        form = SourceForm(_posted(request, "_save", "_test"), instance=source)
        if request.method == "POST" and (
            self._acted(request, source) or self._saved(request, form)
        ):
            return HttpResponseRedirect(request.path)
        return self._page(
            request,
            "page.html",
            title=source.name,
            source=source,
            form=form,
            happened=sources.describe_summary(source.summary),
            may_change=may_change,
        )

    def _saved(self, request: HttpRequest, form: SourceForm) -> bool:
        """Tries the source, and saves it if that was asked for and it can be read."""
        if not form.is_valid():
            return False
        source: Source = form.instance
        if source.enabled or "_test" in request.POST:
            try:
                found = sources.check_source(source)
            except SourceUnavailable as error:
                form.add_error(None, error.user_message)
                return False
            messages.success(request, found)
        if "_test" in request.POST:
            return False
        sources.save_source(source, form.changed_columns, request.user.get_username())
        messages.success(request, f"The source {source.name} is saved.")
        return True

    def _acted(self, request: HttpRequest, source: Source) -> bool:
        """Whether a button beside the form was meant; then it is done, or told why not."""
        actor = request.user.get_username()
        if "_sync" in request.POST:
            tasks.sync_sources.delay(str(source.pk), actor)
            messages.success(request, "The sync begins. Load this page again to see how it went.")
            return True
        if "_confirm" not in request.POST:
            return False
        try:
            agreed = sources.confirm_removals(source.pk, actor, request.POST["_confirm"])
        except AssistantsError as error:
            messages.error(request, error.user_message)
        else:
            tasks.sync_sources.delay(str(source.pk), actor)
            messages.success(request, f"{agreed} documents are removed with the sync that begins.")
        return True

    def _page(
        self, request: HttpRequest, template: str, *, title: str, **context: Any
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            f"admin/assistants/source/{template}",
            {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **context},
        )


def _posted(request: HttpRequest, *buttons: str) -> Any:
    """What was sent, if one of these buttons sent it."""
    return request.POST if any(button in request.POST for button in buttons) else None
