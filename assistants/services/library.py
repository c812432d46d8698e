"""The prompts that are offered under `/`: a person's own, and those of their departments."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AbstractUser, Group
from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, QuerySet, Subquery

from assistants import control, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import SavedPrompt, SavedPromptVersion
from assistants.models.library import NAME_CHARACTERS
from assistants.services.messages import clean_text

OWN = 200  # prompts of one person
DESCRIPTION_CHARACTERS = 160
# What its user fills in, such as {{client}}: `static/js/composing/filling.js` looks for the same.
PLACEHOLDER = re.compile(r"\{\{[ ]*([^{}\n]{1,60}?)[ ]*\}\}")


@dataclass(frozen=True, slots=True)
class OfferedPrompt:
    """A prompt as its user sees it. `department` is a name, "" where it is their own."""

    id: uuid.UUID
    name: str
    description: str
    text: str
    department: str
    starter: bool
    number: int
    updated: datetime

    @property
    def placeholders(self) -> list[str]:
        return list(dict.fromkeys(PLACEHOLDER.findall(self.text)))


def list_prompts(user: AbstractBaseUser) -> list[OfferedPrompt]:
    """All that this person may use: their own first, then their departments'."""
    with data.rights_of_user(user):
        return _offer(SavedPrompt.objects.order_by(F("owner").desc(nulls_last=True), *_ORDER))


def list_starters(user: AbstractBaseUser) -> list[OfferedPrompt]:
    """Those of their departments that stand on the empty page."""
    with data.rights_of_user(user):
        return _offer(SavedPrompt.objects.filter(starter=True, owner=None).order_by(*_ORDER))


_ORDER = ("department__name", "position", "name")


def _offer(found: QuerySet[SavedPrompt]) -> list[OfferedPrompt]:
    held = SavedPromptVersion.objects.filter(prompt=OuterRef("pk"), number=OuterRef("number"))
    return [
        OfferedPrompt(
            prompt.pk,
            prompt.name,
            prompt.description,
            prompt.text,
            prompt.department.name if prompt.department else "",
            prompt.starter,
            prompt.number,
            prompt.updated,
        )
        for prompt in found.select_related("department").annotate(
            text=Subquery(held.values("text"))
        )
    ]


# -- a person's own -------------------------------------------------------------------------------


def get_own(user: AbstractBaseUser, prompt_id: uuid.UUID) -> OfferedPrompt:
    with data.rights_of_user(user) as scope:
        found = _offer(SavedPrompt.objects.filter(pk=prompt_id, owner=scope.user_id))
    if not found:
        raise NotFound(f"prompt {prompt_id}")
    return found[0]


def save_own(
    user: AbstractUser,
    *,
    name: str,
    text: str,
    description: str = "",
    prompt_id: uuid.UUID | None = None,
) -> uuid.UUID:
    """A new prompt of theirs, or another version of one; its id. Raises InvalidRequest and
    NotFound.
    """
    name, text, description = check_prompt(name, text, description)
    try:
        with data.rights_of_user(user) as scope, transaction.atomic():
            own = SavedPrompt.objects.filter(owner=scope.user_id)
            if prompt_id is None:
                if own.count() >= OWN:
                    raise InvalidRequest(
                        "too many prompts",
                        user_message=f"You keep {OWN} prompts, the most there can be. "
                        "Please delete one first.",
                    )
                prompt = SavedPrompt(owner_id=scope.user_id)
            else:
                prompt = _locked(own, prompt_id)
            prompt.name, prompt.description = name, description
            append_version(prompt, text, user)
    except IntegrityError as error:
        raise InvalidRequest(
            f"name {name!r}",
            code="name_taken",
            user_message=f"You have a prompt with the name “{name}” already. Choose another name.",
        ) from error
    return prompt.pk


def delete_own(user: AbstractBaseUser, prompt_id: uuid.UUID) -> None:
    """With all its versions."""
    with data.rights_of_user(user) as scope:
        deleted, _ = SavedPrompt.objects.filter(pk=prompt_id, owner=scope.user_id).delete()
    if not deleted:
        raise NotFound(f"prompt {prompt_id}")


def list_versions(user: AbstractBaseUser, prompt_id: uuid.UUID) -> list[SavedPromptVersion]:
    """Of a prompt that this person may use, the newest first."""
    with data.rights_of_user(user):
        versions = list(
            SavedPromptVersion.objects.filter(prompt=prompt_id).select_related("editor")
        )
    if not versions:
        raise NotFound(f"prompt {prompt_id}")
    return versions


def restore_own(user: AbstractUser, prompt_id: uuid.UUID, number: int) -> None:
    """The wording of an earlier version holds again, as a new version."""
    with data.rights_of_user(user) as scope:
        prompt = _locked(SavedPrompt.objects.filter(owner=scope.user_id), prompt_id)
        append_version(prompt, _text_of(prompt, number), user)


# -- a department's, by its admins ----------------------------------------------------------------


@contextmanager
def editing_department_prompts() -> Iterator[QuerySet[SavedPrompt]]:
    """The prompts of all departments, by whoever has the permission to. A person's own are none of
    them.
    """
    with data.rights_of_system():
        yield SavedPrompt.objects.filter(owner=None)


def save_department_prompt(user: AbstractUser, prompt: SavedPrompt, text: str) -> None:
    """Inside `editing_department_prompts`, with fields that were checked."""
    append_version(prompt, text, user)
    control.record_event(
        action="prompt.saved",
        actor=user.get_username(),
        subject=str(prompt.pk),
        data={"name": prompt.name, "department": _name_of(prompt), "number": prompt.number},
    )


def restore_department_prompt(user: AbstractUser, prompt_id: uuid.UUID, number: int) -> None:
    with editing_department_prompts() as prompts:
        prompt = _locked(prompts, prompt_id)
        save_department_prompt(user, prompt, _text_of(prompt, number))


def record_deleted(user: AbstractUser, prompts: Iterable[SavedPrompt]) -> None:
    """Inside `editing_department_prompts`, before they are."""
    for prompt in prompts:
        control.record_event(
            action="prompt.deleted",
            actor=user.get_username(),
            subject=str(prompt.pk),
            data={"name": prompt.name, "department": _name_of(prompt)},
        )


def seed_prompts(department: Group, actions: Sequence[tuple[str, str, str, bool]]) -> None:
    """Ready actions (name, description, text, starter) of a department that has none by that
    name; what an admin has made of one stays.
    """
    with editing_department_prompts() as prompts:
        known = set(prompts.filter(department=department).values_list("name", flat=True))
        for position, (name, description, text, starter) in enumerate(actions):
            if name not in known:
                name, text, description = check_prompt(name, text, description)
                prompt = SavedPrompt(
                    department=department,
                    name=name,
                    description=description,
                    starter=starter,
                    position=position,
                )
                append_version(prompt, text, None)


# -- both -----------------------------------------------------------------------------------------


def check_prompt(name: str, text: str, description: str = "") -> tuple[str, str, str]:
    """As they will be stored. Raises InvalidRequest with what to do."""
    name = " ".join(clean_text(name).split()).lstrip("/").strip()
    text, description = clean_text(text), " ".join(clean_text(description).split())
    problem = ""
    if not name or len(name) > NAME_CHARACTERS:
        problem = f"A prompt needs a name of 1 to {NAME_CHARACTERS} characters."
    elif len(description) > DESCRIPTION_CHARACTERS:
        problem = f"What it is for has at most {DESCRIPTION_CHARACTERS} characters."
    elif not text:
        problem = "A prompt needs a text."
    elif len(text) > settings.MAX_MESSAGE_CHARACTERS:
        problem = (
            f"This prompt has {len(text):,} characters; at most "
            f"{settings.MAX_MESSAGE_CHARACTERS:,} are possible."
        )
    if problem:
        raise InvalidRequest("prompt", code="invalid_prompt", user_message=problem)
    return name, text, description


def append_version(prompt: SavedPrompt, text: str, editor: AbstractBaseUser | None) -> None:
    """In the caller's transaction, with the prompt's other fields; the same text again is no
    further version.
    """
    held = None if prompt._state.adding else _text_of(prompt, prompt.number)
    if held != text:
        prompt.number += 1
    prompt.save()
    if held != text:
        SavedPromptVersion.objects.create(
            prompt=prompt, number=prompt.number, text=text, editor_id=editor.pk if editor else None
        )


def get_text(prompt: SavedPrompt) -> str:
    """The wording that holds; with the rights to read it."""
    return _text_of(prompt, prompt.number)


def _text_of(prompt: SavedPrompt, number: int) -> str:
    text = prompt.versions.filter(number=number).values_list("text", flat=True).first()
    if text is None:
        raise NotFound(f"version {number} of prompt {prompt.pk}")
    return str(text)


def _locked(prompts: QuerySet[SavedPrompt], prompt_id: uuid.UUID) -> SavedPrompt:
    prompt = prompts.select_for_update().filter(pk=prompt_id).first()
    if prompt is None:
        raise NotFound(f"prompt {prompt_id}")
    return prompt


def _name_of(prompt: SavedPrompt) -> str:
    return prompt.department.name if prompt.department else ""
