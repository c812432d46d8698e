"""Notices that a person closes once: each for themselves, for good."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from assistants.exceptions import InvalidRequest
from assistants.models import Dismissal

FIRST_VISIT = "first-visit"  # to an employee: what is kept where
FIRST_STEPS = "first-steps"  # to an admin: what an empty install wants
NOTICES = frozenset({FIRST_VISIT, FIRST_STEPS})


def is_dismissed(user: AbstractBaseUser, notice: str) -> bool:
    return Dismissal.objects.filter(user=user.pk, notice=notice).exists()


def dismiss(user: AbstractBaseUser, notice: str) -> None:
    """A second time changes nothing. Raises InvalidRequest for a notice that there is not."""
    if notice not in NOTICES:
        raise InvalidRequest(f"notice {notice!r}")
    Dismissal.objects.get_or_create(user_id=user.pk, notice=notice)
