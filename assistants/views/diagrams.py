"""The frame in which the chat draws a diagram: apart from the page, with a policy of its own."""

from __future__ import annotations

from csp.constants import NONE, SELF
from csp.decorators import csp
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

# Mermaid writes styles into what it draws. It may, where it can reach nothing: no origin, so no
# session and no page, and no network at all.
POLICY = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF, "'unsafe-inline'"],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": ["allow-scripts"],
}


@require_safe
@cache_control(private=True, max_age=3600)
@login_required
@xframe_options_sameorigin
@csp(POLICY)  # type: ignore[untyped-decorator]
def frame(request: HttpRequest) -> HttpResponse:
    """What it draws comes by a message from the page (`static/js/diagrams/`)."""
    return render(request, "diagrams/frame.html")
