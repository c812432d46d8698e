"""Policy in every turn: which versions hold for an assistant, and what they say together.

What is active is read at most once in `registry.REMEMBER_SECONDS` a process and parsed once, so
that a decision costs no query. A version that was activated or taken back holds everywhere within
a second.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, replace

from django.db.models.signals import post_delete, post_save

from assistants import control
from assistants.exceptions import AssistantsError
from assistants.models import Assistant, Policy, PolicyVersion
from assistants.services import policy_shadows, registry
from assistants.services.policy_shadows import Compared
from assistants.types import Decision, PolicyFacts

logger = logging.getLogger(__name__)

Chain = tuple[control.PolicyRules, ...]
Key = tuple[str, object]

ORGANISATION: Key = (Policy.Level.ORGANISATION.value, None)


@dataclass(frozen=True, slots=True)
class _Known:
    """The active and shadow versions by level and the key of department or assistant.

    None stands for one that cannot be read: nothing may be decided without it.
    """

    active: dict[Key, control.PolicyRules | None]
    shadow: dict[Key, tuple[uuid.UUID, control.PolicyRules]]


_parsed: dict[tuple[uuid.UUID, str], control.PolicyRules] = {}


def get_chain(assistant: Assistant) -> Chain:
    """The active policies of organisation, department and assistant, in this order.

    Without an active one the organisation's is the one that ships, so that there always is one.
    Raises AssistantsError where a stored one cannot be read: nothing is allowed by nobody.
    """
    return _chain(_known().active, assistant)


def decide(
    assistant: Assistant, facts: PolicyFacts, *, subject: uuid.UUID | None = None
) -> Decision:
    """What the active policies say; a version in shadow decides beside them.

    `subject` is the id of the answer or message, by which a difference is listed.
    """
    known = _known()
    chain = _chain(known.active, assistant)
    decision = control.decide_policy(chain, facts)
    if known.shadow:
        _compare(known, assistant, chain, facts, decision, subject)
    return decision


def get_shipped_organisation() -> control.PolicyRules:
    """The organisation's policy as it ships, version 0."""
    shipped = control.policy.list_shipped()[0]
    return control.parse_policy(shipped.rules, stored=True)


def parse_version(version: PolicyVersion) -> control.PolicyRules:
    """The rules of a version that has left its draft; parsed once. Raises PolicyInvalid."""
    policy = version.policy
    known = _parsed.get((version.pk, policy.name))
    if known is None:
        known = control.parse_policy(
            version.rules,
            level=control.policy.Level[policy.level.upper()],
            name=policy.name,
            version=version.number,
            stored=True,
        )
        _parsed[version.pk, policy.name] = known
    return known


def list_keys(assistant: Assistant) -> tuple[Key, Key, Key]:
    return (
        ORGANISATION,
        (Policy.Level.DEPARTMENT.value, assistant.department_id),
        (Policy.Level.ASSISTANT.value, assistant.pk),
    )


def key_of(policy: Policy) -> Key:
    return (str(policy.level), policy.department_id or policy.assistant_id)


@registry.remembered
def _known() -> _Known:
    known = _Known({}, {})
    staged = PolicyVersion.objects.filter(
        stage__in=[PolicyVersion.Stage.ACTIVE, PolicyVersion.Stage.SHADOW]
    )
    for version in staged.select_related("policy__department", "policy__assistant"):
        key = key_of(version.policy)
        try:
            rules = parse_version(version)
        except control.PolicyInvalid as invalid:
            logger.error("policy %s cannot be read: %s", version, invalid)
            if version.stage == PolicyVersion.Stage.ACTIVE:
                known.active[key] = None
            continue
        if version.stage == PolicyVersion.Stage.ACTIVE:
            known.active[key] = rules
        else:
            known.shadow[key] = (version.pk, rules)
    if ORGANISATION not in known.active:
        known.active[ORGANISATION] = get_shipped_organisation()
    return known


def _chain(active: dict[Key, control.PolicyRules | None], assistant: Assistant) -> Chain:
    chain = []
    for key in list_keys(assistant):
        if key not in active:
            continue
        rules = active[key]
        if rules is None:
            raise AssistantsError(
                f"the policy of {key} cannot be read",
                code="policy_unreadable",
                user_message="The policy of this assistant cannot be read, so nothing is answered. "
                "Please tell your administrator.",
            )
        chain.append(rules)
    return tuple(chain)


def _compare(
    known: _Known,
    assistant: Assistant,
    chain: Chain,
    facts: PolicyFacts,
    decision: Decision,
    subject: uuid.UUID | None,
) -> None:
    """Let each version in shadow decide in its place; a mistake there never harms the turn."""
    for key in list_keys(assistant):
        if key not in known.shadow:
            continue
        version, rules = known.shadow[key]
        others = [each for each in chain if each.level is not rules.level]
        try:
            would = control.decide_policy([*others, rules], facts)
            policy_shadows.note(
                Compared(
                    version,
                    subject,
                    assistant.slug,
                    str(facts.stage),
                    str(decision.outcome),
                    control.policy.deciding_rule(chain, facts),
                    str(would.outcome),
                    control.policy.deciding_rule([*others, rules], facts),
                    differs=comparable(decision) != comparable(would),
                )
            )
        except Exception:
            logger.exception("policy version %s in shadow", version)


def comparable(decision: Decision) -> Decision:
    """What of a decision changes something for somebody; not who says so, and why."""
    return replace(decision, rule="", message="", policy="", severity=0.0)


def connect_signals() -> None:
    for sender in (Policy, PolicyVersion):
        post_save.connect(registry.forget, sender=sender)
        post_delete.connect(registry.forget, sender=sender)
