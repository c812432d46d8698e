"""The web process: HTTP by Django, websockets by Channels, same origin only."""

from __future__ import annotations

import os
from importlib import import_module

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hybridapp.settings")
http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402  # apps must be loaded first
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402

from assistants.routing import websocket_urlpatterns  # noqa: E402
from hybridapp import memory  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
        ),
    }
)

import_module(settings.ROOT_URLCONF)  # with all views, which the first request would load
memory.settle()
