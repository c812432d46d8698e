"""The console's pages for zones and documents: what an admin sees and does there."""

from __future__ import annotations

import re
import uuid

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from assistants import data
from assistants.models import AuditEvent, Document, DocumentVersion, Organisation, Zone, ZoneChange
from assistants.services import moves
from tests import factories

REASON = "asked for by the data protection officer"


@pytest.fixture
def admin(client, cast):
    client.force_login(cast.adam)
    return client


@pytest.fixture
def eve(db):
    return factories.make_user("eve", "admins", is_staff=True, is_superuser=True)


@pytest.fixture
def rita(cast):
    return factories.make_user("rita", "reviewers", is_staff=True)


@pytest.fixture(autouse=True)
def queued(monkeypatch):
    """What is sent to the ingest worker."""
    sent = []
    monkeypatch.setattr("assistants.tasks.ingest.delay", sent.append)
    return sent


def zone_url(zone):
    return reverse("admin:assistants_zone_change", args=[zone.pk])


def form_of(zone, **changes):
    filled = {
        "name": zone.name,
        "description": zone.description,
        "sensitivity": zone.sensitivity,
        "places": [place for place in zone.residency if place.startswith("cloud")],
        "treatment": zone.treatment,
        "retention_days": zone.retention_days or "",
        "readers": [group.name for group in zone.readers.all()],
        "on_detection": zone.on_detection,
        "raise_to": "",
        "reason": "",
    }
    return {**filled, **changes}


def document_of(chunk):
    with data.rights_of_system():
        return DocumentVersion.objects.get(pk=chunk.version_id).document_id


def document_url(chunk):
    return reverse("admin:assistants_document_change", args=[document_of(chunk)])


def text_of(reply):
    """The page's words, without its tags."""
    words = re.sub(r"<(script|style|svg).*?</\1>", "", reply.content.decode(), flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", words).split())


# -- zones ----------------------------------------------------------------------------------------


def test_the_list_tells_all_of_a_zone(admin, cast):
    factories.make_document(cast.zones.clinical, "Dosage")
    page = text_of(admin.get(reverse("admin:assistants_zone_changelist")))
    assert "Clinical restricted on the premises only never clinical 1 0 0" in page


def test_a_preview_tells_and_changes_nothing(admin, cast):
    factories.make_deployment("claude", environment="cloud", region="eu")
    factories.make_document(cast.zones.clinical, "Dosage")
    sent = form_of(
        cast.zones.clinical,
        sensitivity=1,
        places=["cloud:eu"],
        treatment="redact",
        readers=["clinical", "code"],
    )
    reply = admin.post(zone_url(cast.zones.clinical), {**sent, "_preview": "1"})
    page = text_of(reply)
    assert "The sensitivity falls from restricted to internal." in page
    assert "This waits for a second person." in page
    assert "Touches 1 document, 1 searchable passage, 0 conversations" in page
    assert "May read it then 1 person: dave" in page
    assert "May no longer read it nobody" in page
    assert "claude: sealed, in a cloud, eu" in page
    assert "Assistants that search it Clinical" in page
    assert 'value="cloud:eu" id="id_places_1" checked' in reply.content.decode()
    assert Zone.objects.get(slug="clinical").sensitivity == 3
    assert not AuditEvent.objects.exists()


def test_a_stricter_zone_holds_at_once(admin, cast):
    zone = cast.zones.compliance
    reply = admin.post(zone_url(zone), form_of(zone, treatment="deny", readers=[]), follow=True)
    assert "Holds now." in text_of(reply)
    zone.refresh_from_db()
    assert (zone.treatment, zone.readers.count()) == ("deny", 0)


def test_a_looser_zone_asks_for_a_reason(admin, cast):
    zone = cast.zones.compliance
    reply = admin.post(zone_url(zone), form_of(zone, sensitivity=0))
    assert "Give a reason. The sensitivity falls from confidential to public." in text_of(reply)
    zone.refresh_from_db()
    assert zone.sensitivity == 2
    admin.post(zone_url(zone), form_of(zone, sensitivity=0, reason=REASON))
    zone.refresh_from_db()
    assert zone.sensitivity == 0
    assert AuditEvent.objects.get(action="zone.changed").data["reason"] == REASON


def test_a_second_admin_approves_and_not_the_first(admin, cast, eve):
    zone = cast.zones.clinical
    reply = admin.post(
        zone_url(zone), form_of(zone, treatment="redact", reason=REASON), follow=True
    )
    assert "waits for a second person, asked for by adam" in text_of(reply)
    change = ZoneChange.objects.get()
    url = reverse("admin:assistants_zonechange_change", args=[change.pk])
    assert "somebody else has to decide" in text_of(admin.get(url))
    assert "You asked for this yourself" in text_of(admin.post(url, {"_approve": "1"}))
    zone.refresh_from_db()
    assert zone.treatment == "deny"

    admin.force_login(eve)
    page = text_of(admin.get(url))
    assert "never sealed: what is sensitive is replaced" in page
    assert "Approve" in page
    assert "Approved: it holds now." in text_of(admin.post(url, {"_approve": "1"}, follow=True))
    zone.refresh_from_db()
    assert zone.treatment == "redact"


def test_a_refusal_needs_a_reason(admin, cast, eve):
    zone = cast.zones.clinical
    admin.post(zone_url(zone), form_of(zone, treatment="redact", reason=REASON))
    change = ZoneChange.objects.get()
    url = reverse("admin:assistants_zonechange_change", args=[change.pk])
    admin.force_login(eve)
    assert "Give a reason." in text_of(admin.post(url, {"_refuse": "1", "reason": ""}))
    admin.post(url, {"_refuse": "1", "reason": "Not before the audit."})
    change.refresh_from_db()
    assert (change.status, change.decided_by) == ("refused", eve)


def test_whoever_asked_withdraws(admin, cast):
    zone = cast.zones.clinical
    admin.post(zone_url(zone), form_of(zone, treatment="redact", reason=REASON))
    change = ZoneChange.objects.get()
    admin.post(reverse("admin:assistants_zonechange_change", args=[change.pk]), {"_withdraw": "1"})
    change.refresh_from_db()
    assert change.status == "withdrawn"


def test_a_zone_is_made_after_a_preview(admin, cast):
    url = reverse("admin:assistants_zone_add")
    sent = form_of(
        cast.zones.clinical, name="Research", slug="research", readers=["clinical", "code"]
    )
    page = text_of(admin.post(url, {**sent, "_preview": "1"}))
    assert "May read it then 2 people: carol, dave" in page
    assert not Zone.objects.filter(slug="research").exists()
    assert "The zone Research is made." in text_of(admin.post(url, sent, follow=True))
    zone = Zone.objects.get(slug="research")
    assert (zone.residency, zone.readers.count()) == (["on_prem"], 2)
    assert "exists" in text_of(admin.post(url, sent))


def test_the_matrix_says_what_may_run_where_and_why_not(admin, cast):
    factories.make_deployment("local", "local", environment="on_prem")
    factories.make_deployment("claude", environment="cloud", region="eu", enabled=False)
    page = text_of(admin.get(reverse("admin:assistants_zone_matrix")))
    assert "✕ No The zone clinical may not leave the premises." in page
    assert "✓ Yes as it is written, on the premises" in page
    assert "✓ Yes sealed, in a cloud, eu" in page
    assert "claude switched off" in page


def test_the_zones_page_tells_what_is_in_it_and_who_and_what_may_see_it(admin, cast):
    factories.make_deployment("claude", environment="cloud")
    factories.make_document(cast.zones.clinical, "Dosage", title="The protocol")
    page = text_of(admin.get(zone_url(cast.zones.clinical)))
    assert "1 document, 1 searchable passage, 0 held" in page
    assert "The protocol" in page
    assert "Who may read it 1 person: carol" in page
    assert "claude ✕ No The zone clinical may not leave the premises." in page
    assert "Searched by: Clinical." in page


def test_titles_need_their_permission(client, cast, rita):
    factories.make_document(cast.zones.clinical, "Dosage", title="The protocol")
    rita.user_permissions.set(Permission.objects.filter(codename="view_zone"))
    client.force_login(rita)
    page = text_of(client.get(zone_url(cast.zones.clinical)))
    assert "1 document" in page
    assert "The protocol" not in page
    assert "Preview" not in page  # to look is not to change
    sent = form_of(cast.zones.clinical, treatment="allow", reason=REASON)
    assert client.post(zone_url(cast.zones.clinical), sent).status_code == 403


@pytest.mark.parametrize(
    "name",
    [
        "assistants_zone_changelist",
        "assistants_zone_matrix",
        "assistants_zone_add",
        "assistants_zonechange_changelist",
        "assistants_document_changelist",
        "assistants_document_held",
        "assistants_organisation_changelist",
        "auth_user_changelist",
        "auth_group_changelist",
    ],
)
def test_a_reviewer_may_not(client, cast, rita, name):
    client.force_login(rita)
    assert client.get(reverse(f"admin:{name}")).status_code == 403
    client.force_login(cast.adam)
    assert client.get(reverse(f"admin:{name}"), follow=True).status_code == 200


def test_the_limit_for_a_second_person_is_recorded(admin, cast):
    url = reverse("admin:assistants_organisation_changelist")
    assert admin.get(url, follow=True).status_code == 200
    filled_in = {"second_person_from": 2, "review_minutes": 60}
    admin.post(reverse("admin:assistants_organisation_change", args=[1]), filled_in)
    assert Organisation.objects.get().second_person_from == 2
    event = AuditEvent.objects.get(action="organisation.changed")
    assert event.data == {
        "before": {"second_person_from": 3},
        "after": {"second_person_from": 2},
    }


def test_changed_memberships_are_recorded(admin, cast):
    alice = cast.alice
    url = reverse("admin:auth_user_change", args=[alice.pk])
    form = admin.get(url).context["adminform"].form
    sent = {name: form[name].value() for name in ("username", "first_name", "last_name", "email")}
    sent |= {"date_joined_0": "2025-01-01", "date_joined_1": "00:00", "is_active": "on"}
    assert admin.post(url, sent).status_code == 302
    assert not User.objects.get(pk=alice.pk).groups.exists()
    event = AuditEvent.objects.get(action="user.changed")
    assert (event.subject, event.data["groups"], event.actor) == ("alice", [], "adam")


# -- documents ------------------------------------------------------------------------------------


def test_documents_are_found_and_filtered(admin, cast):
    factories.make_document(cast.zones.clinical, "Dosage", title="The protocol")
    factories.make_document(cast.zones.general, "Canteen", title="The menu")
    url = reverse("admin:assistants_document_changelist")
    assert {"The protocol", "The menu"} <= set(titles(admin.get(url)))
    assert titles(admin.get(url, {"q": "menu"})) == ["The menu"]
    clinical = {"zone__id__exact": cast.zones.clinical.pk}
    assert titles(admin.get(url, clinical)) == ["The protocol"]
    assert titles(admin.get(url, {"status": "held"})) == []
    assert len(titles(admin.get(url, {"status": "indexed"}))) == 2


def titles(reply):
    return re.findall(r'class="field-title"><a[^>]*>([^<]*)<', reply.content.decode())


def test_a_document_is_moved_with_a_reason(admin, cast):
    chunk = factories.make_document(cast.zones.general, "Salaries", title="Salaries")
    url = document_url(chunk)
    reply = admin.post(url, {"target": "clinical", "reason": "", "_preview": "1"})
    page = text_of(reply)
    assert "Nothing gets looser" in page
    assert "May no longer read it 2 people: alice, dave" in page
    assert "Touches 1 passage, 0 answers made from it" in page
    reply = admin.post(url, {"target": "clinical", "reason": "", "_move": "1"})
    assert "Give a reason." in text_of(reply)
    reply = admin.post(url, {"target": "clinical", "reason": REASON, "_move": "1"}, follow=True)
    assert "The document is moved." in text_of(reply)
    with data.rights_of_system():
        assert Document.objects.get(pk=document_of(chunk)).zone == cast.zones.clinical


def test_text_is_read_with_a_reason_and_the_trail_knows(admin, cast):
    chunk = factories.make_document(cast.zones.clinical, "The dose is 5 mg.")
    url = document_url(chunk)
    assert "The dose is" not in text_of(admin.get(url))
    read = {"version": chunk.version_id, "_read": "1"}
    assert "The dose is" not in text_of(admin.post(url, {**read, "reason": " "}))
    assert not AuditEvent.objects.exists()
    assert "The dose is 5 mg." in text_of(admin.post(url, {**read, "reason": REASON}))
    event = AuditEvent.objects.get(action="document.inspected")
    assert (event.actor, event.data["reason"]) == ("adam", REASON)


def test_another_documents_version_is_not_read_through_this_one(admin, cast):
    one = factories.make_document(cast.zones.general, "One")
    other = factories.make_document(cast.zones.clinical, "The dose is 5 mg.")
    read = {"version": other.version_id, "_read": "1", "reason": REASON}
    assert "The dose is" not in text_of(admin.post(document_url(one), read))


def test_reading_text_needs_its_permission(client, cast, rita):
    chunk = factories.make_document(cast.zones.clinical, "The dose is 5 mg.")
    rita.user_permissions.set(Permission.objects.filter(codename="view_document"))
    client.force_login(rita)
    read = {"version": chunk.version_id, "_read": "1", "reason": REASON}
    page = text_of(client.post(document_url(chunk), read))
    assert "You may not do this." in page or "Read what it says" not in page
    assert "The dose is" not in page
    assert not AuditEvent.objects.exists()


def make_held(zone):
    chunk = factories.make_document(zone, "Number 4711 of a patient", title="Notes")
    with data.rights_of_system():
        DocumentVersion.objects.filter(pk=chunk.version_id).update(
            status="held", current=False, detected={"PATIENT_NUMBER": 2}, detected_sensitivity=3
        )
    return chunk


def test_held_documents_are_listed_with_what_was_found(admin, cast):
    make_held(cast.zones.compliance)
    reply = admin.get(reverse("admin:assistants_document_held"))
    assert "Notes 1 Compliance (confidential) 2 × patient number restricted" in text_of(reply)
    assert "4711" not in reply.content.decode()


def test_keeping_a_held_document_waits_for_the_second_person(
    admin, cast, eve, queued, django_capture_on_commit_callbacks
):
    chunk = make_held(cast.zones.compliance)
    keep = {"version": chunk.version_id, "_keep": "1", "reason": REASON}
    reply = admin.post(document_url(chunk), keep, follow=True)
    assert "keeping of a held document waits for a second person" in text_of(reply).lower()
    change = ZoneChange.objects.get()
    url = reverse("admin:assistants_zonechange_change", args=[change.pk])
    admin.force_login(eve)
    assert "2 × patient number" in text_of(admin.get(url))
    with django_capture_on_commit_callbacks(execute=True):
        admin.post(url, {"_approve": "1"})
    assert queued == [str(chunk.version_id)]


def test_a_held_document_is_rejected(admin, cast):
    chunk = make_held(cast.zones.compliance)
    reject = {"version": chunk.version_id, "_reject": "1", "reason": REASON}
    assert "turned down" in text_of(admin.post(document_url(chunk), reject, follow=True))
    with data.rights_of_system():
        assert DocumentVersion.objects.get(pk=chunk.version_id).status == "rejected"


def test_unknown_documents_and_changes_are_not_found(admin, cast):
    for name in ("document", "zonechange"):
        for pk in (uuid.uuid4(), "x"):
            url = reverse(f"admin:assistants_{name}_change", args=[pk])
            assert admin.get(url).status_code == 404


# -- many rows ------------------------------------------------------------------------------------


def queries_of(request):
    """How many statements a request takes; a savepoint is a transaction outside of a test."""
    with CaptureQueriesContext(connection) as captured:
        assert request().status_code == 200
    kinds = ("SAVEPOINT", "RELEASE SAVEPOINT")
    return len([q for q in captured if not q["sql"].startswith(kinds)])


def test_pages_take_few_queries_with_many_rows(admin, cast):
    for number in range(60):
        chunk = factories.make_document(cast.zones.general, "Text", title=f"Document {number}")
    for number in range(30):
        factories.make_deployment(f"model-{number}", environment="cloud", region="eu")
        factories.make_zone(f"zone-{number}", "clinical", "code", "compliance")
        factories.make_user(f"user-{number}", "compliance")
    moves.move_document(cast.adam, document_of(chunk), "clinical", REASON, print)
    zone = cast.zones.general
    pages = [
        *(
            reverse(f"admin:assistants_{name}")
            for name in (
                *("zone_changelist", "zone_matrix", "document_changelist", "document_held"),
                *("zonechange_changelist", "zone_add"),
            )
        ),
        zone_url(zone),
        document_url(chunk),
        reverse("admin:index"),
    ]
    for url in pages:
        assert queries_of(lambda url=url: admin.get(url)) < 25, url
    sent = {**form_of(zone, sensitivity=3), "_preview": "1"}
    assert queries_of(lambda: admin.post(zone_url(zone), sent)) < 25
    sent = {"target": "code", "reason": "", "_preview": "1"}
    assert queries_of(lambda: admin.post(document_url(chunk), sent)) < 50


def test_the_pages_hold_nothing_inline(admin, cast):
    chunk = factories.make_document(cast.zones.general, "Text")
    for url in (zone_url(cast.zones.general), document_url(chunk)):
        page = admin.get(url).content.decode()
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=", page)
