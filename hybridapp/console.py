"""The admin site. Not in `assistants.admin`: importing that registers on the site being made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from csp.decorators import csp_replace
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path

# Django's own admin scripts write HTML themselves. They come from here and nothing is inline, so
# only the Trusted Types part of the policy is lifted, and only under /admin/.
_without_trusted_types = csp_replace({"require-trusted-types-for": None, "trusted-types": None})


class ConsoleSite(AdminSite):
    site_header = site_title = "hybridapp"
    index_title = "Administration"

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        return _without_trusted_types(super().admin_view(view, cacheable))

    def get_urls(self) -> list[URLPattern | URLResolver]:
        from assistants.admin.home import search_view  # registers on this site

        def search(request: HttpRequest) -> HttpResponse:
            return search_view(request, self)

        return [path("search/", self.admin_view(search), name="search"), *super().get_urls()]
