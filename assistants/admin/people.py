"""Users and groups: who is in which department, and so who may read what. Recorded."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from assistants import control

admin.site.unregister([User, Group])

TOOLTIPS = "js/admin/tooltips.js"  # what Django's pair of lists lacks


def person(request: HttpRequest) -> User:
    """Who is signed in; the admin site lets nobody else through."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101  # by admin_view
    return user


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Departments are groups: a list says who is in which, whose keys there are, who is off."""

    list_display = ["username", "full_name", "departments", "is_staff", "is_active", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser", "groups"]
    list_per_page = 50
    show_full_result_count = False
    readonly_fields = ["last_login", "date_joined"]  # facts

    class Media:
        js = [TOOLTIPS]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        every: QuerySet[User] = super().get_queryset(request)
        return every.prefetch_related("groups")

    @admin.display(description="name")
    def full_name(self, user: User) -> str:
        return user.get_full_name() or "–"

    @admin.display(description="departments and groups")
    def departments(self, user: User) -> str:
        return ", ".join(sorted(group.name for group in user.groups.all())) or "–"

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # messages, changes and the trail name them; switch the account off instead

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        user = form.instance
        control.record_event(
            action="user.changed" if change else "user.created",
            actor=request.user.get_username(),
            subject=user.get_username(),
            data={
                "groups": sorted(group.name for group in user.groups.all()),
                "active": user.is_active,
                "staff": user.is_staff,
                "superuser": user.is_superuser,
            },
        )


@admin.register(Group)
class DepartmentAdmin(GroupAdmin):
    list_display = ["name", "people", "asks", "reads"]

    class Media:
        js = [TOOLTIPS]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        every: QuerySet[Group] = super().get_queryset(request)
        active = Count("user", filter=Q(user__is_active=True), distinct=True)
        return every.annotate(number=active).prefetch_related("assistants", "zones")

    @admin.display(description="people", ordering="number")
    def people(self, group: Any) -> int:
        return int(group.number)

    @admin.display(description="may ask")
    def asks(self, group: Any) -> str:
        return ", ".join(each.name for each in group.assistants.all()) or "–"

    @admin.display(description="may read")
    def reads(self, group: Any) -> str:
        return ", ".join(zone.name for zone in group.zones.all()) or "–"

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        group = form.instance
        control.record_event(
            action="group.changed" if change else "group.created",
            actor=request.user.get_username(),
            subject=group.name,
            data={"permissions": sorted(p.codename for p in group.permissions.all())},
        )

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        name = obj.name
        super().delete_model(request, obj)
        control.record_event(
            action="group.deleted", actor=request.user.get_username(), subject=name
        )

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for group in queryset:
            self.delete_model(request, group)
