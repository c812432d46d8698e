"""Keys of the API: whose there are, and revoking them. `manage.py create_api_key` makes one."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from assistants.admin.people import person
from assistants.models import ApiKey
from assistants.services.api_keys import revoke_api_key


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
    """To read and to revoke. A key is shown once, to whoever makes it on the server."""

    list_display = ["prefix", "user", "name", "created", "last_used", "expires", "revoked"]
    list_filter = [("revoked", admin.EmptyFieldListFilter), "expires"]
    list_select_related = ["user"]
    search_fields = ["prefix", "user__username", "name"]
    readonly_fields = ["prefix", "user", "name", "created", "last_used", "expires", "revoked"]
    exclude = ["sha256"]
    actions = ["revoke"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False  # conversations and the trail name them; revoke it instead

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        actor = person(request).get_username()
        revoked = sum(revoke_api_key(key, actor=actor) for key in queryset)
        messages.success(request, f"{revoked} of {len(queryset)} keys revoked now.")
