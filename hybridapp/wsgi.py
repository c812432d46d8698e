"""HTTP only, for tools that want WSGI; the product itself is served by `hybridapp.asgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hybridapp.settings")
application = get_wsgi_application()
