"""Every page needs a login, or stands on this list."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.module_loading import import_string

OPEN = {
    "accounts/login/",
    "accounts/logout/",  # POST only; ends a session, if there is one
    "admin/login/",
    "language/",  # POST only; keeps a choice in a cookie
    "healthz",
    "metrics",
    "",  # redirects to the chat, which needs a login
}
# What a route's parts are filled with.
SAMPLES = {
    "uuid": "01900000-0000-7000-8000-000000000000",
    "int": "1",
    "str": "x",
    "path": "x",
    "slug": "x",
}


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> list[str]:
    found: list[str] = []
    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^").removesuffix("$")
        if isinstance(pattern, URLResolver):
            found += routes(pattern.url_patterns, route)
        else:
            found.append(route)
    return found


def fill(route: str) -> str:
    for kind, sample in SAMPLES.items():
        while f"<{kind}:" in route:
            start = route.index(f"<{kind}:")
            route = route[:start] + sample + route[route.index(">", start) + 1 :]
    return route.replace("<path:object_id>", "1")


ALL = [route for route in routes(get_resolver().url_patterns) if "(?P<" not in route]


def test_there_are_pages_to_guard():
    assert {"chat/", "documents/", "admin/"} <= set(ALL)


API = {route for route in ALL if route.startswith("v1/")}


@pytest.mark.parametrize("route", sorted(set(ALL) - OPEN - API))
def test_a_page_sends_strangers_to_the_login(client, db, route):
    reply = client.get("/" + fill(route))
    assert reply.status_code in (302, 405), f"/{route} answers {reply.status_code} to a stranger"
    if reply.status_code == 302:
        assert "/login/" in reply["Location"] or reply["Location"].startswith("/admin/")


@pytest.mark.parametrize("route", sorted(API))
def test_the_api_refuses_whoever_has_no_key(client, cast, route):
    client.force_login(cast.alice)  # a session is no key
    for reply in (client.get("/" + fill(route)), client.post("/" + fill(route))):
        assert reply.status_code == 401
        assert reply.json()["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("route", ["accounts/login/", "healthz"])
def test_open_pages_carry_the_content_security_policy(client, db, route):
    policy = client.get("/" + route)["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy


@pytest.mark.parametrize("path", settings.MIDDLEWARE)
def test_no_middleware_holds_a_thread_for_a_view_that_waits(path):
    """One that knows no event loop would: for each stream and each waiting program."""
    assert import_string(path).async_capable
