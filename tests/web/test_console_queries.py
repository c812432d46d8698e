"""No page of the console asks the database more than 25 times, however much there is to list."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from assistants import control, data
from assistants.models import (
    ApiKey,
    Assistant,
    AssistantVersion,
    Budget,
    EgressRecord,
    NoteTemplate,
    PolicyVersion,
    PromptVersion,
    ReviewItem,
    ReviewReason,
    Source,
    Term,
    ZoneChange,
)
from assistants.services import assistant_versions, policy_drafts
from assistants.services.terms import editing_terms
from tests import factories

# Requests of their own, as outside of tests: no transaction around them whose rights are put back.
pytestmark = pytest.mark.django_db(transaction=True)

MOST = 25
MANY = 12  # of each: more than a page may ask about one by one


@pytest.fixture
def full_house(cast: Any) -> Any:
    reviewers = Group.objects.create(name="reviewers")
    cast.adam.groups.add(reviewers)
    for number in range(MANY):
        name = f"team-{number}"
        zone = factories.make_zone(name, name)
        assistant = factories.make_assistant(name, [zone, cast.zones.general])
        user = factories.make_user(f"user-{number}", name, "compliance")
        factories.make_deployment(f"model-{number}", rank=number)
        group = Group.objects.get(name=name)
        PromptVersion.objects.create(name=name, number=2, text="Text")
        NoteTemplate.objects.create(slug=name, name=name, assistant=assistant, sections=[])
        for period in ("day", "month"):
            Budget.objects.create(department=group, hard_limit=1, period=period)
        for level, target in (("department", name), ("assistant", name)):
            policy = policy_drafts.create_policy(None, level, target)
            for version, stage in enumerate(("retired", "active", "shadow", "draft")):
                PolicyVersion.objects.create(
                    policy=policy,
                    number=version + 1,
                    rules={"rules": []},
                    stage=stage,
                    compared=4,
                    differing=2,
                    author=user,
                    staged_by=user,
                )
        assistant_versions.create_draft(cast.adam, assistant)
        ApiKey.objects.create(user=user, prefix=name[:12], sha256=uuid.uuid4().hex * 2)
        Source.objects.create(name=name, zone=zone, kind="folder", location=f"/tmp/{name}")
        ZoneChange.objects.create(
            kind="zone", zone=zone, requested_by=user, before={}, after={"name": "Other"}
        )
        ReviewReason.objects.create(text=f"Reason {number}")
        factories.make_document(zone, "A text", title=f"Title {number}")
        with editing_terms():
            Term.objects.create(zone=zone, text=f"Client {number}")
        held = factories.make_answer(user, status="held", zones=["general"])
        with data.rights_of_system():
            ReviewItem.objects.create(
                answer=held,
                asker=user,
                assistant=assistant,
                department=group,
                reviewers=reviewers,
                rule="It is risky.",
                due=timezone.now() + timedelta(minutes=number),
            )
        control.record_event(action=f"made.{number}", actor=user.username, subject=name)
        EgressRecord.objects.create(
            at=timezone.now(),
            purpose=f"answer-{number}",
            actor=user.username,
            deployment=f"model-{number}",
            place="cloud:eu",
            zones=[name],
            treatment="redact",
            sealed=True,
            outcome="allow",
            rule="Nothing objects.",
            payload_sha256="0" * 64,
            size=1,
            sha256="0" * 64,
        )
    return cast


def list_pages() -> list[str]:
    """The addresses of every list, form and page for which nothing but a primary key is needed."""
    pages = [reverse("admin:index"), reverse("admin:search") + "?q=team"]
    for model, model_admin in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages += [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
        with data.rights_of_system():
            row = model._default_manager.order_by("pk").last()
        if row is not None:
            pages.append(reverse(f"{name}_change", args=[row.pk]))
        for pattern in model_admin.get_urls():
            if pattern.name and not pattern.name.startswith(name.removeprefix("admin:") + "_add"):
                try:
                    pages.append(reverse(f"admin:{pattern.name}"))
                except NoReverseMatch:
                    continue  # it needs a key of its own: see below
    policy, version = PolicyVersion.objects.last(), AssistantVersion.objects
    assert policy
    pages += [
        reverse("admin:assistants_policy_version", args=[policy.pk]),
        reverse("admin:assistants_policy_rule", args=[policy.pk, 1]),
        reverse("admin:assistants_policy_differences", args=[policy.pk]),
        reverse("admin:assistants_assistant_version", args=[version.filter(stage="draft")[0].pk]),
        reverse("admin:assistants_auditevent_changelist") + "?action=made.3&day=7&q=user-3",
        reverse("admin:assistants_egressrecord_changelist") + "?deployment=model-3&day=0",
    ]
    return sorted(set(pages))


def test_no_page_asks_too_often(client, full_house):
    client.force_login(full_house.adam)
    asked, opened = {}, 0
    for page in list_pages():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            reply = client.get(page)
        assert reply.status_code in (200, 302, 403, 405), page
        opened += reply.status_code == 200
        reads = [
            each["sql"]
            for each in queries.captured_queries
            if not each["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "ROLLBACK"))
        ]
        asked[page] = reads
    assert opened > 50
    too_many = {page: len(reads) for page, reads in asked.items() if len(reads) > MOST}
    assert not too_many, "\n".join(
        [
            str(too_many),
            *(f"{page}\n  " + "\n  ".join(r[:160] for r in asked[page]) for page in too_many),
        ]
    )


def test_what_is_cut_says_so(client, full_house, monkeypatch):
    monkeypatch.setattr("assistants.admin.lists.MOST", 10)
    client.force_login(full_house.adam)
    url = reverse("admin:assistants_egressrecord_changelist")
    page = client.get(url).content.decode()
    assert "The first 10; there are more." in page
    assert "model-11" in page  # the newest
    page = client.get(url + "?deployment=model-1").content.decode()
    assert "1 egress record" in page


def test_the_trail_is_searched_by_whole_words_newest_first(client, full_house):
    client.force_login(full_house.adam)
    url = reverse("admin:assistants_auditevent_changelist")

    def rows(query):
        page = client.get(f"{url}?{query}").content.decode()
        listed = page.split('id="result_list"')
        return listed[1] if len(listed) > 1 else ""

    assert "made.3" in rows("q=user-3")
    assert rows("q=user-") == ""
    assert "made.4" in rows("q=team-4")
    assert "made.5" in rows("action=made.5&day=0")
    assert rows("action=made.5&day=1") == ""
    first = rows("")
    assert first.index("made.11") < first.index("made.10")


def test_people_and_departments_say_what_hangs_on_them(client, full_house):
    client.force_login(full_house.adam)
    users = client.get(reverse("admin:auth_user_changelist") + "?q=user-3").content.decode()
    assert "compliance, team-3" in users
    groups = client.get(reverse("admin:auth_group_changelist") + "?q=team-3").content.decode()
    assert "Team-3" in groups
    assert Assistant.objects.filter(department__name="team-3").exists()
    keys = client.get(reverse("admin:assistants_apikey_changelist") + "?q=user-3").content.decode()
    assert "team-3" in keys
