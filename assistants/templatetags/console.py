"""What the console's home shows, for whoever opens it."""

from __future__ import annotations

from django import template
from django.contrib.auth.models import AbstractUser

from assistants.services.home import Home, get_home

register = template.Library()


@register.simple_tag
def console_home(user: object) -> Home | None:
    return get_home(user) if isinstance(user, AbstractUser) else None
