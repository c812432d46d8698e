"""The web process: HTTP by Django, websockets by Channels, same origin only."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import django
from django.core.handlers.asgi import ASGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hybridapp.settings")
django.setup(set_prefix=False)

STREAMS = "/v1/"


class Handler(ASGIHandler):
    """Django's, which keeps a thread for each request until its response has ended. What streams
    for minutes does without: its middleware takes turns on the one thread of the process, and its
    work with the database has threads of its own.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith(STREAMS):
            await self.handle(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


from channels.auth import AuthMiddlewareStack  # noqa: E402  # apps must be loaded first
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402

from assistants.routing import websocket_urlpatterns  # noqa: E402
from hybridapp import memory  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": Handler(),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
        ),
    }
)

import_module(settings.ROOT_URLCONF)  # with all views, which the first request would load
memory.settle()
