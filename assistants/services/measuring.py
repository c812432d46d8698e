"""Guardrails and policy versions measured side by side on a labelled file.

The web process only reads the lines, one at a time, and keeps a sample that is the same each time;
a worker runs the checks. Sample, progress and result lie in the broker for an hour.
"""

from __future__ import annotations

import functools
import json
import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import redis
from django.conf import settings
from django.contrib.auth.models import AbstractUser

from assistants import compute, control
from assistants.exceptions import AssistantsError, InvalidRequest, NotFound
from assistants.models import Assistant, PolicyVersion
from assistants.services import playground
from assistants.services.policy_drafts import VIEW_POLICIES
from assistants.services.second_person import check_permission
from assistants.types import Stage

MOST_SAMPLED = 2_000
LONGEST_TEXT = 8_000  # characters of one line that are looked at
LONGEST_LINE = 1_000_000  # bytes
MOST_SECONDS = 300
KEEP_SECONDS = 3_600
TELL_SECONDS = 0.5
SILENT_SECONDS = 60
SEED = 5

Enqueue = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    label: int
    kind: str


@dataclass(slots=True)
class Counts:
    """How often something was flagged, by what it should have been."""

    flagged_attacks: int = 0
    attacks: int = 0
    flagged_benign: int = 0
    benign: int = 0

    def add(self, label: int, flagged: bool) -> None:
        if label:
            self.attacks += 1
            self.flagged_attacks += flagged
        else:
            self.benign += 1
            self.flagged_benign += flagged

    def as_figures(self) -> dict[str, Any]:
        """Shares are 0 to 1; None where nothing was there to count."""
        flagged = self.flagged_attacks + self.flagged_benign
        return {
            "precision": self.flagged_attacks / flagged if flagged else None,
            "recall": self.flagged_attacks / self.attacks if self.attacks else None,
            "benign_passed": 1 - self.flagged_benign / self.benign if self.benign else None,
            "flagged": flagged,
        }


@dataclass(slots=True)
class _Tally:
    counts: Counts = field(default_factory=Counts)
    milliseconds: list[float] = field(default_factory=list)
    kinds: dict[str, Counts] = field(default_factory=dict)


def start_measurement(
    user: AbstractUser,
    lines: Iterable[bytes],
    stage: Stage,
    assistant: Assistant,
    versions: list[PolicyVersion],
    enqueue: Enqueue,
) -> str:
    """Sample the file and hand it to a worker; the id by which its progress is asked for.

    Raises InvalidRequest for a line that is none, naming it; nothing is measured then.
    """
    check_permission(user, VIEW_POLICIES)
    playground.list_chains(assistant, versions)  # so that a mistake shows at once
    sample, total = draw_sample(read_lines(lines))
    if not sample:
        raise InvalidRequest("no lines", user_message="The file holds no lines.")
    measurement = uuid.uuid4().hex
    request = {
        "user": user.pk,
        "stage": stage.value,
        "assistant": assistant.slug,
        "versions": [str(version.pk) for version in versions],
        "total": total,
        "lines": [[line.text, line.label, line.kind] for line in sample],
    }
    broker = _broker()
    broker.set(_key(measurement, "request"), json.dumps(request), ex=KEEP_SECONDS)
    _tell(measurement, {"user": user.pk, "state": "waiting", "done": 0, "of": len(sample)})
    enqueue(measurement)
    control.record_event(
        action="guardrails.measured",
        actor=user.get_username(),
        subject=assistant.slug,
        data={"lines": total, "sampled": len(sample), "versions": [str(each) for each in versions]},
    )
    return measurement


def get_measurement(user: AbstractUser, measurement: str) -> dict[str, Any]:
    """Its state (waiting, running, done, failed) and its figures once done; for its owner alone."""
    check_permission(user, VIEW_POLICIES)
    found: Any = _broker().get(_key(measurement, "state"))
    state: dict[str, Any] = json.loads(found) if found else {}
    if state.get("user") != user.pk:
        raise NotFound(
            f"measurement {measurement[:40]}",
            user_message="This measurement is gone: they are kept for an hour. Measure again.",
        )
    silent = time.time() - state["at"]
    if state["state"] == "running" and silent > SILENT_SECONDS:
        state |= {"state": "failed", "message": "The worker was stopped meanwhile. Measure again."}
    return state


def measure(measurement: str) -> None:
    """In a worker: run the sample through guardrails and versions. A second runner does nothing."""
    broker = _broker()
    found: Any = broker.getdel(_key(measurement, "request"))
    if not found:
        return
    request = json.loads(found)
    state = {"user": request["user"], "total": request["total"], "of": len(request["lines"])}
    try:
        _measure(measurement, request, state)
    except AssistantsError as error:
        _tell(measurement, {**state, "state": "failed", "done": 0, "message": error.user_message})
    except Exception:
        message = "The measurement failed. Your administrator finds the cause in the log."
        _tell(measurement, {**state, "state": "failed", "done": 0, "message": message})
        raise


def read_lines(lines: Iterable[bytes]) -> Iterator[Line]:
    """The lines `{text, label, kind}`; blank ones are passed over, other fields ignored."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record: Any = json.loads(line) if len(line) <= LONGEST_LINE else None
        except (ValueError, RecursionError):
            record = None
        record = record if isinstance(record, dict) else {}
        text, label = record.get("text"), record.get("label")
        if not isinstance(text, str) or isinstance(label, float) or label not in (0, 1):
            raise InvalidRequest(
                f"line {number}",
                user_message=f"Line {number} is no JSON object with a text and a label of 1 (to be "
                "flagged) or 0 (harmless).",
            )
        yield Line(text[:LONGEST_TEXT], int(label), str(record.get("kind") or "")[:60])


def draw_sample(lines: Iterable[Line]) -> tuple[list[Line], int]:
    """At most MOST_SAMPLED of them, each as likely as any other (reservoir sampling), and how many
    there were. The same file gives the same sample.
    """
    drawn = random.Random(SEED)  # noqa: S311  # no secret
    sample: list[Line] = []
    total = 0
    for total, line in enumerate(lines, start=1):
        if len(sample) < MOST_SAMPLED:
            sample.append(line)
            continue
        place = drawn.randrange(total)
        if place < MOST_SAMPLED:
            sample[place] = line
    return sample, total


def _measure(measurement: str, request: dict[str, Any], state: dict[str, Any]) -> None:
    assistant = Assistant.objects.select_related("department", "prompt", "question_zone").get(
        slug=request["assistant"]
    )
    stage = Stage(request["stage"])
    found = PolicyVersion.objects.select_related("policy__department", "policy__assistant")
    by_id = {str(each.pk): each for each in found.filter(pk__in=request["versions"])}
    versions = [by_id[pk] for pk in request["versions"] if pk in by_id]
    chains = playground.list_chains(assistant, versions)
    guardrails: dict[str, _Tally] = {}
    policies: dict[str, _Tally] = {name: _Tally() for name, _ in chains}
    compute.embed_texts(["warm up"])
    began = told = time.monotonic()
    done = 0
    for text, label, kind in request["lines"]:
        traced = playground.trace(text, stage, assistant)
        for each in traced:
            tally = guardrails.setdefault(each.guardrail.name, _Tally())
            tally.counts.add(label, each.flagged)
            tally.milliseconds.append(each.milliseconds)
        findings = tuple(finding for each in traced for finding in each.findings)
        facts = playground.make_facts(stage, assistant, findings)
        for name, chain in chains:
            flagged = playground.flags(control.decide_policy(chain, facts))
            policies[name].counts.add(label, flagged)
            policies[name].kinds.setdefault(kind, Counts()).add(label, flagged)
            policies[name].milliseconds.append(sum(each.milliseconds for each in traced))
        done += 1
        now = time.monotonic()
        if now - told > TELL_SECONDS:
            told = now
            _tell(measurement, {**state, "state": "running", "done": done})
        if now - began > MOST_SECONDS:
            break
    _tell(
        measurement,
        {
            **state,
            "state": "done",
            "done": done,
            "stage": str(stage),
            "assistant": assistant.name,
            "guardrails": [_figures(name, tally) for name, tally in guardrails.items()],
            "policies": [_figures(name, tally) for name, tally in policies.items()],
        },
    )


def _figures(name: str, tally: _Tally) -> dict[str, Any]:
    return {
        "name": name,
        **tally.counts.as_figures(),
        "p50": playground.quantile(tally.milliseconds, 0.5),
        "p95": playground.quantile(tally.milliseconds, 0.95),
        "kinds": [
            {"kind": kind or "–", **counts.as_figures(), "n": counts.attacks + counts.benign}
            for kind, counts in sorted(tally.kinds.items())
        ],
    }


def _tell(measurement: str, state: dict[str, Any]) -> None:
    told = json.dumps({**state, "at": time.time()})
    _broker().set(_key(measurement, "state"), told, ex=KEEP_SECONDS)


def _key(measurement: str, what: str) -> str:
    return f"measurement:{measurement}:{what}"


@functools.cache
def _broker() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5.0, socket_connect_timeout=5.0)
