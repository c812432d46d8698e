"""One box over the console: people, departments, assistants and all that is registered.

By names only, and each under the permission of its own list; never a word of anybody's chats or
documents. Texts of documents are searched where they are asked about.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractUser, Group, User
from django.db.models import Model, Q, QuerySet
from django.urls import reverse

from assistants.models import (
    ApiKey,
    Assistant,
    AuditEvent,
    Deployment,
    EgressRecord,
    Source,
    Zone,
)

EACH = 5
SHORTEST = 2


@dataclass(frozen=True, slots=True)
class Hit:
    label: str
    told: str
    url: str


@dataclass(slots=True)
class Hits:
    """`more` is the address of the list, narrowed to the same words."""

    title: str
    hits: list[Hit] = field(default_factory=list)
    more: str = ""


def search_console(user: AbstractUser, query: str) -> list[Hits]:
    """What this person may see of it, at most five of a kind. Nothing for fewer than two letters.

    An id or a hash finds its records in the trail and the ledger.
    """
    query = " ".join(query.split())[:200]
    if len(query) < SHORTEST:
        return []
    named = Q(name__icontains=query) | Q(slug__icontains=query)
    found = [
        _look(
            user,
            "People",
            User.objects.filter(
                Q(username__icontains=query)
                | Q(first_name__icontains=query)
                | Q(last_name__icontains=query)
                | Q(email__icontains=query)
            ).order_by("username"),
            query,
        ),
        _look(user, "Departments", Group.objects.filter(name__icontains=query), query),
        _look(user, "Assistants", Assistant.objects.filter(named), ""),
        _look(user, "Zones", Zone.objects.filter(named), ""),
        _look(
            user,
            "Models",
            Deployment.objects.filter(Q(slug__icontains=query) | Q(model__icontains=query)),
            query,
        ),
        _look(user, "Sources", Source.objects.filter(name__icontains=query), ""),
        _look(
            user,
            "Keys",
            ApiKey.objects.filter(
                Q(prefix__startswith=query) | Q(user__username=query) | Q(name__icontains=query)
            ).select_related("user"),
            query,
        ),
        _look(
            user,
            "Audit trail",
            AuditEvent.objects.filter(_about(query)).order_by("-number"),
            query,
        ),
        _look(
            user,
            "Egress ledger",
            EgressRecord.objects.filter(_about(query) | Q(payload_sha256=query)).order_by("-pk"),
            query,
        ),
    ]
    if user.has_perm("assistants.view_document"):
        # Their list searches them by title, a page at a time.
        page = reverse("admin:assistants_document_changelist", query={"q": query})
        found.append(Hits("Documents", [], page))
    return [each for each in found if each and (each.hits or each.more)]


def _about(query: str) -> Q:
    """Exact, so that an index answers: who it was, or what it was about."""
    about = Q(subject=query)
    try:
        about |= Q(subject=str(uuid.UUID(query)))
    except ValueError:
        about |= Q(actor=query)
    return about


def _look(user: AbstractUser, title: str, found: QuerySet[Any], query: str) -> Hits | None:
    options = found.model._meta
    if not user.has_perm(f"{options.app_label}.view_{options.model_name}"):
        return None
    page = f"admin:{options.app_label}_{options.model_name}"
    hits = [
        Hit(_label(row), _told(row), reverse(f"{page}_change", args=[row.pk]))
        for row in found[: EACH + 1]
    ]
    more = reverse(f"{page}_changelist", query={"q": query} if query else None)
    return Hits(title, hits[:EACH], more if len(hits) > EACH else "")


def _label(row: Model) -> str:
    if isinstance(row, AuditEvent):
        return f"{row.action}: {row.subject}"
    if isinstance(row, EgressRecord):
        return f"{row.get_outcome_display().capitalize()} to {row.deployment}"
    if isinstance(row, ApiKey):
        return f"{row.prefix}…"
    return str(row)


def _told(row: Model) -> str:
    if isinstance(row, AuditEvent | EgressRecord):
        return f"{row.actor or 'the system'}, {row.at:%Y-%m-%d %H:%M}"
    if isinstance(row, User):
        return row.get_full_name() or row.email
    if isinstance(row, ApiKey):
        return str(row.user)
    return getattr(row, "description", "") or ""
