"""What of a message would be replaced before it left the premises, shown while it is written.

It decides nothing: what is really sent is sealed and checked again when it is. The text is
neither stored nor logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser

from assistants import control, data
from assistants.exceptions import NotFound
from assistants.models import Conversation
from assistants.services import egress, registry
from assistants.services.conversations import (
    ZoneLabel,
    access_conversation,
    label_zones,
    list_assistants,
)
from assistants.services.messages import check_length
from assistants.types import ON_PREM, DeploymentSpec, Scope, Treatment, ZoneRules


@dataclass(frozen=True, slots=True)
class PreviewSpan:
    """Characters `start` to `end` of the text as it was sent here, and what would stand in their
    place. `sure`: its form proves what it is, by a checksum for instance, or it stands on a
    zone's own list; no person can mark it as harmless.
    """

    start: int
    end: int
    type: str
    placeholder: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """`may_leave`: the zone of the conversation as it is now permits a cloud that is enabled.
    `note` says so in a sentence, or why not; "" where no cloud is enabled at all.
    """

    spans: list[PreviewSpan]
    zone: ZoneLabel
    may_leave: bool
    note: str


def is_any_cloud() -> bool:
    """Whether a deployment outside the premises is enabled: if not, nothing can leave."""
    return bool(_clouds())


def preview_message(
    user: AbstractBaseUser,
    *,
    conversation: str | None,
    assistant: str,
    text: str,
    zones: Sequence[str] = (),
) -> Preview:
    """What would be replaced in this text if it went to a cloud now.

    `conversation` is None for one that has not begun. `zones` are the slugs of those that attached
    files are put into. Raises InvalidRequest for a text that is
    too long, NotFound, RateLimited.
    """
    check_length(text)
    control.check_preview_rate(user.pk)
    with data.rights_of_user(user) as scope:
        slugs, chat = _zones(user, scope, conversation, assistant)
        slugs = sorted({*slugs, *zones} & {*slugs, *scope.slugs})
        detected = egress.detect(text, chat.detected if chat else None)
        effective = egress.effective_rules(slugs, detected)
        zone = label_zones(slugs, detected)
        clouds = _clouds()
        if not clouds:
            return Preview([], zone, may_leave=False, note="")
        refusals = [egress.get_refusal(effective, detected, cloud) for cloud in clouds]
        permitted = [cloud for cloud, refused in zip(clouds, refusals, strict=True) if not refused]
        if not permitted:
            return Preview([], zone, may_leave=False, note=_stays(slugs, refusals[0] or ""))
        try:
            seal = data.get_seal(chat.pk) if chat else data.Seal()
        except data.SealUnreadable as error:
            return Preview([], zone, may_leave=False, note=error.user_message)
    try:
        as_written = effective.treatment is Treatment.ALLOW
        spans = [] if as_written else _spans(seal, text, egress.names_of(user))
    except data.SealFailed as error:
        return Preview([], zone, may_leave=False, note=error.user_message)
    return Preview(spans, zone, may_leave=True, note=_note(effective, permitted))


def _zones(
    user: AbstractBaseUser, scope: Scope, conversation: str | None, assistant: str
) -> tuple[list[str], Conversation | None]:
    """The slugs of the zones that the message would be in, and its conversation, if it has one."""
    allowed = list_assistants(user)
    if conversation is not None:
        chat = access_conversation(scope, conversation)
        if not allowed.filter(pk=chat.assistant_id).exists():
            raise NotFound(f"assistant {chat.assistant.slug}")
        return list(chat.zones), chat
    chosen = allowed.filter(slug=assistant).select_related("question_zone").first()
    if chosen is None:
        raise NotFound(f"assistant {assistant!r}")
    return [chosen.question_zone.slug], None


def _spans(seal: data.Seal, text: str, names: tuple[str, ...]) -> list[PreviewSpan]:
    """`seal` is not kept: to learn what is sure, everything is marked as harmless in it."""
    terms = data.get_term_list()
    found = seal.preview(text, terms=terms, names=names)
    for span in found:
        seal.mark_harmless(span.text)
    sure = (
        {(span.start, span.end) for span in seal.preview(text, terms=terms, names=names)}
        if found
        else set()
    )
    return [
        PreviewSpan(
            span.start, span.end, span.type, span.placeholder, (span.start, span.end) in sure
        )
        for span in found
    ]


def _note(rules: ZoneRules, permitted: list[DeploymentSpec]) -> str:
    names = " or ".join(f"{cloud.slug} ({cloud.place})" for cloud in permitted)
    if rules.treatment is Treatment.ALLOW:
        return f"May be answered by {names}, as it is written."
    return f"May be answered by {names}, sealed: what is sensitive is replaced before it leaves."


def _stays(slugs: list[str], reason: str) -> str:
    """By its zones alone, or for the reason given, such as what was detected in it."""
    zone = label_zones(slugs)
    if zone.on_prem_only:
        known = registry.get_zone_names()
        named = " and ".join(known[slug] for slug in zone.label.split(", "))
        return f"Stays on the premises: nothing of {named} may leave."
    return f"Stays on the premises: {reason[:1].lower()}{reason[1:]}"


def _clouds() -> list[DeploymentSpec]:
    found = [each for each in registry.list_deployments() if each.environment != ON_PREM]
    return [cloud for cloud in found if cloud.capabilities]
