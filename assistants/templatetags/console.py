"""What the console's home shows, for whoever opens it."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib.auth.models import AbstractUser

from assistants.services.attention import list_attention
from assistants.services.first_steps import get_first_steps
from assistants.services.today import get_today

register = template.Library()


@register.simple_tag
def console_home(user: object) -> dict[str, Any]:
    if not isinstance(user, AbstractUser):
        return {}
    return {
        "steps": get_first_steps(user),
        "attention": list_attention(user),
        "today": get_today(user),
    }
