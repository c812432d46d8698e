"""The console's search. Its home is `templates/admin/index.html`, by the tags of `console`."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from assistants.admin.people import person
from assistants.services.console_search import SHORTEST, search_console


def search_view(request: HttpRequest, site: AdminSite) -> HttpResponse:
    query = request.GET.get("q", "").strip()[:200]
    return TemplateResponse(
        request,
        "admin/search.html",
        {
            **site.each_context(request),
            "title": f"Search: {query}" if query else "Search",
            "searched": query,
            "short": len(query) < SHORTEST,
            "found": search_console(person(request), query),
        },
    )
