from __future__ import annotations

import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from assistants import compute, data, tasks
from assistants.models import AuditEvent, Document, DocumentVersion
from assistants.services import ingestion
from tests.data.files import make_encrypted_pdf, make_pdf
from tests.factories import unit_vector

POLICY = b"""# Gifts Policy

Owner: Compliance.

## 3. Limits

3.1 No more than EUR 50 <script>alert("boo")</script>.

| Kind | Most |
|---|---|
| Dinner | EUR 90 |

## 4. Register

Every gift is registered."""


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Files are ingested as soon as they are queued, with a fake in place of the model."""
    monkeypatch.setattr(compute, "embed_texts", lambda texts: [unit_vector(0) for _ in texts])
    monkeypatch.setattr(compute, "count_tokens", lambda text: len(text.split()))
    monkeypatch.setattr(tasks.ingest, "delay", lambda *ids: ingestion.ingest_waiting(lambda: None))


@pytest.fixture
def upload(client, django_capture_on_commit_callbacks):
    def post(zone: str, *files: tuple[str, bytes], **extra):
        uploaded = [SimpleUploadedFile(name, content) for name, content in files]
        with django_capture_on_commit_callbacks(execute=True):
            return client.post("/documents/", {"zone": zone, "files": uploaded}, **extra)

    return post


@pytest.fixture
def policy(cast, client, upload):
    """Alice's document, uploaded by her; she stays signed in."""
    client.force_login(cast.alice)
    upload("compliance", ("gifts.md", POLICY))
    (entry,) = data.list_documents(data.get_scope(cast.alice))
    return data.get_version(data.get_scope(cast.alice), entry.id)


def body(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def test_pages_need_a_signed_in_user(client, db):
    for path in (
        "/documents/",
        f"/documents/{uuid.uuid4()}/",
        f"/documents/{uuid.uuid4()}/passage/",
    ):
        response = client.get(path)
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")


def test_the_list_says_what_became_of_each_file(cast, client, upload):
    client.force_login(cast.alice)
    response = upload(
        "compliance",
        ("gifts.md", POLICY),
        ("secret.pdf", make_encrypted_pdf("pw")),
        ("<b>.png", b"\x89PNG\r\n\x1a\n"),
    )
    assert response.status_code == 200
    page = body(response)
    assert "gifts.md will be searchable in a moment" in page
    assert "“&lt;b&gt;.png” is damaged and cannot be opened." in page

    page = body(client.get("/documents/"))
    assert "Gifts Policy" in page
    assert "“secret.pdf” is protected with a password." in page
    assert '<option value="compliance" >Compliance</option>' in page
    assert "clinical" not in page


def test_the_list_alone_can_be_asked_for(policy, client):
    page = body(client.get("/documents/?fragment=1"))
    assert "Gifts Policy" in page
    assert "<html" not in page


def test_an_upload_can_be_answered_as_json(cast, client, upload):
    client.force_login(cast.alice)
    accept = {"headers": {"accept": "application/json"}}
    response = upload("compliance", ("a.md", b"Words."), ("empty.md", b""), **accept)
    assert response.status_code == 200
    received, rejected = response.json()["results"]
    assert received["outcome"] == "received"
    assert client.get(f"/documents/{received['document']}/").status_code == 200
    assert rejected == {
        "name": "empty.md",
        "outcome": "rejected",
        "message": "“empty.md” is empty.",
        "document": None,
    }
    assert upload("compliance", ("empty.md", b""), **accept).status_code == 422
    assert upload("clinical", ("a.md", b"Words."), **accept).json() == {
        "message": "Choose one of your zones."
    }


@pytest.mark.parametrize("zone", ["clinical", "nowhere", ""])
def test_an_upload_into_a_zone_of_others_is_refused(cast, client, upload, zone):
    client.force_login(cast.alice)
    response = upload(zone, ("a.md", b"Words."))
    assert response.status_code == 400
    assert "Choose one of your zones." in body(response)
    assert data.list_documents(data.get_scope(cast.carol)) == []


def test_an_upload_without_files_is_refused(cast, client):
    client.force_login(cast.alice)
    response = client.post("/documents/", {"zone": "compliance"})
    assert response.status_code == 400
    assert "Choose at least one file." in body(response)


def test_who_is_in_no_department_cannot_upload(cast, client, upload):
    client.force_login(cast.outsider)
    page = body(client.get("/documents/"))
    assert 'type="file"' not in page
    assert "There are no documents that you may read yet." in page
    assert upload("general", ("a.md", b"Words.")).status_code == 400


def test_what_is_too_much_is_refused_for_now(cast, client, upload, settings):
    settings.MAX_WAITING_PER_USER = 0
    client.force_login(cast.alice)
    accept = {"headers": {"accept": "application/json"}}
    response = upload("compliance", ("a.md", b"Words."), **accept)
    assert (response.status_code, response["Retry-After"]) == (429, "10")
    (refused,) = response.json()["results"]
    assert refused["outcome"] == "refused"
    assert "not taken" in body(upload("compliance", ("a.md", b"Words.")))


def test_the_list_can_be_narrowed(policy, client, upload):
    upload("general", ("holidays.md", b"# Holidays\n\nThirty days."))
    upload("general", ("secret.pdf", make_encrypted_pdf("pw")))

    def shown(query: str) -> list[str]:
        page = body(client.get(f"/documents/?fragment=1&{query}"))
        return [name for name in ("Gifts Policy", "Holidays", "secret.pdf") if name in page]

    assert shown("") == ["Gifts Policy", "Holidays", "secret.pdf"]
    assert shown("q=holi") == ["Holidays"]
    assert shown("q=GIFTS.md") == ["Gifts Policy"]  # by its file's name
    assert shown("zone=general") == ["Holidays", "secret.pdf"]
    assert shown("zone=clinical") == []
    assert shown("state=attention") == ["secret.pdf"]
    assert shown("state=searchable") == ["Gifts Policy", "Holidays"]
    assert shown("state=reading") == shown("state=removed") == shown("q=%00%25x") == []
    assert shown("state=nonsense&page=99") == ["Gifts Policy", "Holidays", "secret.pdf"]
    assert "No document fits this search." in body(client.get("/documents/?q=nothing"))


def test_many_documents_come_in_pages_with_few_queries(cast, client, django_assert_max_num_queries):
    zone = cast.zones.compliance
    with data.rights_of_system():
        many = [Document(zone=zone, title=f"T{n:03}", origin=f"{n}.md") for n in range(120)]
        Document.objects.bulk_create(many)
        DocumentVersion.objects.bulk_create(
            DocumentVersion(
                document=document,
                zone=zone,
                number=1,
                sha256="0",
                media_type="text/plain",
                size=1,
                status="indexed",
                current=True,
            )
            for document in many
        )
    client.force_login(cast.alice)
    client.get("/documents/")
    with CaptureQueriesContext(connection) as captured:
        # without the sidebar of conversations, which every page has
        page = body(client.get("/documents/?fragment=1&page=3"))
    # without what only a test's transaction around all needs
    extra = ("SAVEPOINT", "RELEASE", "select current_setting")
    queries = [each["sql"] for each in captured if not each["sql"].startswith(extra)]
    assert len(queries) <= 11, queries  # one of them gives the test's rights back
    assert [n for n in range(120) if f"T{n:03}" in page] == list(range(100, 120))
    assert "Page 3 of 3, 120 documents" in page
    assert 'rel="prev" href="?zone=&amp;q=&amp;state=&amp;page=2"' in page
    assert 'rel="next"' not in page


def test_what_is_being_read_says_how_far_it_is(cast, client):
    data.receive_version(
        cast.zones.compliance, "a.md", b"Words.", media_type="text/markdown", pipeline="1"
    )
    client.force_login(cast.alice)
    page = body(client.get("/documents/?fragment=1"))
    assert "data-waiting" in page
    assert "1 file is being read." in page
    assert '<progress max="7" value="1"' in page
    data.advance_versions(data.claim_versions(1), DocumentVersion.Status.CLASSIFIED)
    page = body(client.get("/documents/?fragment=1"))
    assert '<progress max="7" value="4"' in page
    assert "classified" in page


def test_a_document_can_be_removed_and_restored(policy, cast, client):
    path = f"/documents/{policy.document_id}/"
    assert "Remove this document" in body(client.get(path))
    response = client.post(path + "remove/", {"back": path})
    assert (response.status_code, response["Location"]) == (302, path)
    page = body(client.get(path))
    assert "This document was removed on" in page
    assert "No more than EUR 50" in page
    assert "Gifts Policy" not in body(client.get("/documents/?fragment=1"))
    assert "Restore" in body(client.get("/documents/?fragment=1&state=removed"))
    client.post(path + "restore/", {"back": "https://elsewhere.example/"})
    assert "Gifts Policy" in body(client.get("/documents/?fragment=1"))
    events = AuditEvent.objects.filter(subject=str(policy.document_id)).order_by("number")
    assert [(e.action, e.actor) for e in events] == [
        ("document.removed", "alice"),
        ("document.restored", "alice"),
    ]


def test_nobody_leaves_the_site_after_a_change(policy, client):
    path = f"/documents/{policy.document_id}/remove/"
    assert client.post(path, {"back": "//elsewhere.example/"})["Location"] == "/documents/"


@pytest.mark.parametrize("user", ["carol", "outsider"])
@pytest.mark.parametrize("change", ["remove", "restore"])
def test_nobody_removes_what_they_may_not_read(policy, cast, client, user, change):
    client.force_login(getattr(cast, user))
    assert client.post(f"/documents/{policy.document_id}/{change}/").status_code == 404
    assert client.get(f"/documents/{policy.document_id}/{change}/").status_code == 405


def test_what_others_added_needs_a_permission(policy, cast, client):
    from tests.factories import make_user

    client.force_login(make_user("anna", "compliance"))
    path = f"/documents/{policy.document_id}/"
    assert "Remove this document" not in body(client.get(path))
    page = body(client.post(path + "remove/", follow=True))
    assert "You may not do this." in page
    assert "Gifts Policy" in page


def test_dead_letters_can_be_acted_on(cast, client, upload, monkeypatch):
    client.force_login(cast.alice)
    with monkeypatch.context() as patched:
        patched.setattr(data, "chunk_document", lambda *arguments: 1 / 0)
        upload("compliance", ("a.md", b"# A\n\nWords."))
        for _ in range(4):
            with data.rights_of_system():
                DocumentVersion.objects.update(due="2020-01-01T00:00Z")
            ingestion.ingest_waiting(lambda: None)
    page = body(client.get("/documents/?fragment=1"))
    assert "1 file waits for a decision." in page
    assert "because of a fault here" in page
    (entry,) = data.list_documents(data.get_scope(cast.alice))
    retry, discard = (
        f"/documents/versions/{entry.version}/{what}/" for what in ("retry", "discard")
    )
    assert retry in page
    client.force_login(cast.carol)
    assert client.post(retry).status_code == client.post(discard).status_code == 404
    client.force_login(cast.alice)
    assert client.post(retry).status_code == 302
    ingestion.ingest_waiting(lambda: None)
    assert "searchable" in body(client.get("/documents/?fragment=1"))
    assert client.post(retry).status_code == client.post(discard).status_code == 404

    upload("compliance", ("b.pdf", b"%PDF-1.7 and no more"))
    (bad,) = data.list_documents(data.get_scope(cast.alice), statuses=data.DEAD_LETTERS)
    client.post(f"/documents/versions/{bad.version}/discard/")
    assert "b.pdf" not in body(client.get("/documents/?fragment=1"))


def test_a_document_is_laid_out_and_escaped(policy, client):
    page = body(client.get(f"/documents/{policy.document_id}/"))
    assert "<h2>3. Limits</h2>" in page
    assert "&lt;script&gt;alert(&quot;boo&quot;)&lt;/script&gt;" in page
    assert '<script>alert("boo")' not in page
    assert "<td> Dinner </td>" in page
    assert "<mark" not in page


def test_a_range_is_highlighted(policy, client):
    start = policy.text.index("EUR 50")
    page = body(client.get(f"/documents/{policy.document_id}/?start={start}&end={start + 6}"))
    assert '3.1 No more than <mark id="passage">EUR 50</mark> &lt;script' in page
    assert page.count('id="passage"') == 1


@pytest.mark.parametrize(
    "query", ["?start=5", "?start=-1&end=5", "?start=a&end=b", "?start=9&end=3", "?start=٣&end=٩",
              "?start=99999999&end=999999999", "?start=1&end=99999999999999999999"]
)  # fmt: skip
def test_an_odd_range_marks_nothing(policy, client, query):
    response = client.get(f"/documents/{policy.document_id}/{query}")
    assert response.status_code == 200
    assert "<mark" not in body(response)


def test_a_passage_stands_in_its_surroundings(policy, client):
    start = policy.text.index("Every gift")
    path = f"/documents/{policy.document_id}/passage/"
    path += f"?version={policy.pk}&start={start}&end={start + 10}"
    fragment = body(client.get(path + "&fragment=1"))
    assert re.search(r"<mark[^>]*>Every gift is registered\.</mark>", fragment)
    assert "No more than EUR 50" in fragment
    assert "<script" not in fragment
    assert "4. Register" in fragment
    assert "Version 1 of" in fragment
    assert f"/documents/{policy.document_id}/?version={policy.pk}&amp;start={start}" in fragment
    assert "<html" not in fragment
    assert "<html" in body(client.get(path))


def test_a_passage_of_code_is_shown_as_it_is(cast, client, upload):
    client.force_login(cast.dave)
    upload("code", ("pay.py", b"def pay():\n    return '<b>'\n"))
    (entry,) = data.list_documents(data.get_scope(cast.dave))
    path = f"/documents/{entry.id}/passage/?start=0&end=9&fragment=1"
    page = client.get(path).content.decode()
    assert re.search(r"<mark[^>]*>def pay\(\)</mark>", page)
    assert ":\n    return &#x27;&lt;b&gt;&#x27;" in page


def test_an_earlier_version_says_so(policy, client, upload):
    upload("compliance", ("gifts.md", b"# Gifts Policy\n\nNow EUR 75."))
    path = f"/documents/{policy.document_id}/"
    assert "Now EUR 75." in body(client.get(path))
    earlier = body(client.get(f"{path}?version={policy.pk}"))
    assert "This is an earlier version." in earlier
    assert "No more than EUR 50" in earlier
    assert "superseded" in body(client.get(f"{path}passage/?version={policy.pk}&start=1&end=9"))
    listed = body(client.get(path)).partition('id="document-versions"')[2]
    assert re.findall(r"Version \d|superseded|searched|by alice", listed)[:6] == [
        *("Version 2", "searched", "by alice"),
        *("Version 1", "superseded", "by alice"),
    ]
    assert f"?version={policy.pk}" in listed


def test_a_passage_of_a_pdf_says_its_page(cast, client, upload):
    client.force_login(cast.alice)
    upload("compliance", ("rules.pdf", make_pdf(["First things first."], ["Second thoughts."])))
    (entry,) = data.list_documents(data.get_scope(cast.alice))
    text = data.get_version(data.get_scope(cast.alice), entry.id).text
    start = text.index("Second")
    page = body(client.get(f"/documents/{entry.id}/passage/?start={start}&end={start + 6}"))
    assert "Page 2 · Version 1 of" in page


@pytest.mark.parametrize("user", ["carol", "dave", "outsider"])
def test_nobody_opens_what_they_may_not_read(policy, cast, client, user):
    client.force_login(getattr(cast, user))
    for path in (
        f"/documents/{policy.document_id}/",
        f"/documents/{policy.document_id}/?version={policy.pk}",
        f"/documents/{policy.document_id}/passage/?version={policy.pk}&start=0&end=9&fragment=1",
    ):
        response = client.get(path)
        assert response.status_code == 404
        assert "Gifts" not in body(response)
    assert "Gifts Policy" not in body(client.get("/documents/"))


def test_a_right_taken_away_holds_at_once(policy, cast, client):
    cast.alice.groups.clear()
    assert client.get(f"/documents/{policy.document_id}/").status_code == 404


def test_unknown_and_malformed_ids_are_not_found(policy, client):
    for path in (
        f"/documents/{uuid.uuid4()}/",
        "/documents/1/",
        f"/documents/{policy.document_id}/?version=1",
        f"/documents/{policy.document_id}/?version={uuid.uuid4()}",
        f"/documents/{policy.document_id}/passage/?version=%00",
    ):
        assert client.get(path).status_code == 404


def test_pages_have_names():
    assert reverse("documents") == "/documents/"


def test_a_recognised_document_says_how_sure_its_text_is(policy, client):
    page = body(client.get(f"/documents/{policy.document_id}/"))
    assert "recognised" not in page
    with data.rights_of_system():
        DocumentVersion.objects.update(recognised=0.978)
    page = body(client.get(f"/documents/{policy.document_id}/"))
    assert "This text was recognised in a picture, 97 % sure." in page
    page = body(client.get(f"/documents/{policy.document_id}/passage/?start=0&end=5"))
    assert "Text recognised in Gifts Policy, 97 % sure" in page
