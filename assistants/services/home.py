"""The console's home: first steps, what needs attention, today's figures."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AbstractUser

from assistants import data
from assistants.services.attention import Attention, list_attention
from assistants.services.first_steps import Step, get_first_steps
from assistants.services.today import Today, get_today


@dataclass(frozen=True, slots=True)
class Home:
    steps: list[Step]
    attention: list[Attention]
    today: Today | None


def get_home(user: AbstractUser) -> Home:
    """By the permissions of this person. All of it counts rows and reads no content, hence the
    system's rights, once for all.
    """
    with data.rights_of_system():
        return Home(get_first_steps(user), list_attention(user), get_today(user))
