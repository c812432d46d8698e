"""Who may change zones and documents, with what reason, and when it takes two of them."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser

from assistants.exceptions import InvalidRequest
from assistants.models import Organisation

# Django permissions, which an admin gives to groups.
ADD_ZONES = "assistants.add_zone"
CHANGE_ZONES = "assistants.change_zone"
VIEW_ZONES = "assistants.view_zone"
CHANGE_ORGANISATION = "assistants.change_organisation"
VIEW_DOCUMENTS = "assistants.view_document"  # titles
READ_CONTENT = "assistants.view_documentversion"
MOVE_DOCUMENTS = "assistants.change_document"
JUDGE_HELD = "assistants.change_documentversion"
DECIDE_CHANGES = "assistants.change_zonechange"

SHORTEST_REASON = 5  # characters
LONGEST_REASON = 2000


def check_permission(user: AbstractUser, *permissions: str) -> None:
    """Raises InvalidRequest for whoever lacks one of them, or is switched off."""
    if not user.is_active or not user.has_perms(permissions):
        raise InvalidRequest(
            f"{user} lacks one of {permissions}",
            code="not_permitted",
            user_message="You may not do this. Ask your administrator for the permission.",
        )


def check_reason(reason: str, why: str) -> str:
    """The reason as it is kept; `why` says what needs one, for whoever gave none."""
    reason = " ".join(reason.split())
    if len(reason) < SHORTEST_REASON:
        raise InvalidRequest(
            "no reason", code="reason_needed", user_message=f"Give a reason. {why}".strip()
        )
    if len(reason) > LONGEST_REASON:
        raise InvalidRequest(
            "long reason", user_message=f"Keep the reason below {LONGEST_REASON} characters."
        )
    return reason


def get_organisation() -> Organisation:
    """Its one row, made when it is first asked for."""
    return Organisation.objects.get_or_create(pk=1)[0]


def takes_two(sensitivity: int) -> bool:
    """Whether loosening text of this sensitivity takes a second person."""
    return sensitivity >= get_organisation().second_person_from
