"""What the composer asks the server for, the page of prompts, and those of departments."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from assistants import data
from assistants.models import Attachment, AuditEvent, SavedPrompt, SavedPromptVersion
from assistants.services import library, ready_actions
from tests import factories


@pytest.fixture
def alice(cast, client):
    client.force_login(cast.alice)
    return client


@pytest.fixture
def actions(cast):
    group = Group.objects.get(name="compliance")
    library.seed_prompts(group, ready_actions.COMPLIANCE)
    return group


def test_prompts_are_offered_with_their_text(cast, actions, alice):
    library.save_own(cast.alice, name="Mine", text="Say {{what}}.", description="To say it")
    choices = alice.get("/composing/prompts/").json()["choices"]
    assert choices[0]["name"] == "Mine"
    assert choices[0]["department"] == ""
    assert {each["department"] for each in choices[1:]} == {"compliance"}
    assert "{{topic}}" in choices[1]["text"]


def test_documents_are_offered_by_title(cast, alice):
    factories.make_document(cast.zones.compliance, "x", title="Gifts policy")
    found = alice.get("/composing/documents/", {"assistant": "compliance", "q": "gift"}).json()
    assert [(each["name"], each["description"]) for each in found["choices"]] == [
        ("Gifts policy", "Compliance")
    ]
    refused = alice.get("/composing/documents/", {"assistant": "clinical", "q": "gift"})
    assert refused.status_code == 404
    assert refused.json()["code"] == "not_found"


def test_a_file_is_received_and_removed(cast, alice):
    file = SimpleUploadedFile("../offer\u202e.txt", b"The fee is EUR 42.")
    told = alice.post("/composing/files/", {"file": file, "assistant": "compliance"}).json()
    assert told["name"] == "offer.txt"
    assert told["zones"][0] == {"slug": "compliance", "name": "Compliance"}
    assert alice.post(f"/composing/files/{told['id']}/remove/").status_code == 200
    with data.rights_of_system():
        assert not Attachment.objects.exists()


def test_what_cannot_be_read_is_told(cast, alice):
    for content, name in ((b"\x89PNG\r\n\x1a\n....", "a.png"), (b"", "b.txt")):
        sent = {"file": SimpleUploadedFile(name, content), "assistant": "compliance"}
        refused = alice.post("/composing/files/", sent)
        assert refused.status_code == 400
        assert name in refused.json()["message"]
    assert alice.post("/composing/files/", {"assistant": "compliance"}).status_code == 400


def test_only_for_who_is_signed_in(client, db):
    pages = ["/composing/prompts/", "/composing/documents/", "/prompts/", "/prompts/new/"]
    for path in pages:
        assert client.get(path).status_code == 302
    assert client.post("/composing/files/").status_code == 302


def test_starters_stand_on_the_empty_page(cast, actions, alice):
    page = alice.get("/chat/").content.decode()
    assert page.count("data-prompt=") == 2
    assert "Summarise what our rules say about {{topic}}." in page
    assert "Triage an inquiry" not in page


def test_a_prompt_is_made_changed_brought_back_and_deleted(cast, alice):
    made = alice.post("/prompts/new/", {"name": "Report", "text": "One {{a}}."})
    assert made.status_code == 302
    prompt = library.list_prompts(cast.alice)[0]
    page = f"/prompts/{prompt.id}/"
    alice.post(page, {"name": "Report", "text": "Two.", "description": "Weekly"})
    shown = alice.get(page).content.decode()
    assert "Version 1" in shown
    assert "One {{a}}." in shown
    assert alice.post(f"{page}restore/", {"number": "1"}).status_code == 302
    assert library.get_own(cast.alice, prompt.id).text == "One {{a}}."
    for number in ("7", "x", ""):
        assert alice.post(f"{page}restore/", {"number": number}).status_code == 404
    assert "Report" in alice.get("/prompts/").content.decode()
    assert alice.post(f"{page}delete/").status_code == 302
    assert alice.get(page).status_code == 404


def test_nothing_typed_is_lost_where_it_is_refused(cast, alice):
    sent = {"name": "", "text": "A <b>long</b> text.", "description": "For it"}
    refused = alice.post("/prompts/new/", sent)
    assert refused.status_code == 400
    page = refused.content.decode()
    assert "A prompt needs a name" in page
    assert "A &lt;b&gt;long&lt;/b&gt; text." in page


def test_a_departments_prompt_is_copied_not_changed(cast, actions, alice):
    prompt = library.list_prompts(cast.alice)[0]
    assert alice.get(f"/prompts/{prompt.id}/").status_code == 404
    assert alice.post(f"/prompts/{prompt.id}/delete/").status_code == 404
    page = alice.get("/prompts/new/", {"copy": str(prompt.id)}).content.decode()
    assert "{{topic}}" in page
    assert alice.get("/prompts/new/", {"copy": str(uuid.uuid4())}).status_code == 200
    assert "Copy to yours" in alice.get("/prompts/").content.decode()


class TestConsole:
    @pytest.fixture
    def adam(self, cast, client):
        client.force_login(cast.adam)
        return client

    def test_an_edit_is_a_version_and_an_earlier_one_comes_back(self, cast, actions, adam):
        with library.editing_department_prompts() as prompts:
            prompt = prompts.get(name="Regulatory summary")
        page = reverse("admin:assistants_savedprompt_change", args=[prompt.pk])
        fields = {
            "department": actions.pk,
            "name": "Regulatory summary",
            "description": "",
            "text": "Ours {{topic}}.",
            "position": 0,
        }
        assert adam.post(page, fields).status_code == 302
        assert library.list_prompts(cast.alice)[0].text == "Ours {{topic}}."
        shown = adam.get(page).content.decode()
        assert "Version 1" in shown
        assert "by adam" not in shown  # it came with the product
        restore = reverse("admin:assistants_savedprompt_restore", args=[prompt.pk])
        assert adam.get(restore).status_code == 403
        assert adam.post(restore, {"number": "1"}).status_code == 302
        assert "Begin with the one sentence" in library.list_prompts(cast.alice)[0].text
        assert AuditEvent.objects.filter(action="prompt.saved", actor="adam").count() == 2

    def test_one_is_added_and_deleted(self, cast, actions, adam):
        add = reverse("admin:assistants_savedprompt_add")
        fields = {"department": actions.pk, "name": "New", "text": "Say it.", "position": 9}
        assert adam.post(add, fields).status_code == 302
        assert adam.post(add, {**fields, "text": ""}).status_code == 200
        assert adam.post(add, fields).status_code == 200  # the name is taken
        with library.editing_department_prompts() as prompts:
            prompt = prompts.get(name="New")
        delete = reverse("admin:assistants_savedprompt_delete", args=[prompt.pk])
        assert adam.post(delete, {"post": "yes"}).status_code == 302
        assert AuditEvent.objects.filter(action="prompt.deleted", actor="adam").count() == 1

    def test_a_persons_own_are_not_there(self, cast, actions, adam):
        own = library.save_own(cast.alice, name="My secret", text="Secret.")
        listed = adam.get(reverse("admin:assistants_savedprompt_changelist")).content.decode()
        assert "Regulatory summary" in listed
        assert "My secret" not in listed
        for name in ("change", "delete"):
            page = reverse(f"admin:assistants_savedprompt_{name}", args=[own])
            assert adam.get(page, follow=True).content.decode().count("Secret.") == 0
        restore = reverse("admin:assistants_savedprompt_restore", args=[own])
        assert adam.post(restore, {"number": "1"}).status_code == 404
        chosen = {"action": "delete_selected", "_selected_action": [str(own)], "post": "yes"}
        adam.post(reverse("admin:assistants_savedprompt_changelist"), chosen)
        assert library.get_own(cast.alice, own).text == "Secret."

    def test_django_permissions_decide(self, cast, actions, client):
        rita = factories.make_user("rita", is_staff=True)
        client.force_login(rita)
        listed = reverse("admin:assistants_savedprompt_changelist")
        assert client.get(listed).status_code == 403
        rita.user_permissions.add(Permission.objects.get(codename="view_savedprompt"))
        assert client.get(listed).status_code == 200
        with data.rights_of_system():
            prompt = SavedPrompt.objects.first()
            assert SavedPromptVersion.objects.count() == len(ready_actions.COMPLIANCE)
        restore = reverse("admin:assistants_savedprompt_restore", args=[prompt.pk])
        assert client.post(restore, {"number": "1"}).status_code == 403
