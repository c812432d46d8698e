"""The reviewers' console and the asker's side of it, over HTTP, for every role."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from assistants import control
from assistants.models import Assistant, AuditEvent, Notification, ReviewItem, ReviewReason
from assistants.services import review_decisions, reviews
from tests import factories, fakes
from tests.services.test_reviews import SOURCE, ask, change, get, held, item_of

# What stands for the patient's name in a sealed view; the text of the editor.
WITH_PLACEHOLDER = re.compile(r"Give (\[[A-Z]+_\d+\]) glucose")
QUEUE = "/admin/assistants/reviewitem/"


@pytest.fixture
def models(monkeypatch):
    return fakes.install(monkeypatch, factories.unit_vector(0))


@pytest.fixture
def house(cast, models, monkeypatch):
    # The answer names somebody whom no source knows.
    factories.drop_guardrail(monkeypatch, control.guardrails.groundedness.name)
    Assistant.objects.filter(slug="clinical").update(release_mode="hold")
    factories.make_deployment("server")
    models.says("server", ["Give Thomas Brackenfell ", "glucose 15 g [1]."])
    factories.make_document(cast.zones.clinical, SOURCE, title="Hypoglycaemia")
    cast.rita = factories.make_user("rita", "reviewers", is_staff=True)
    cast.robin = factories.make_user("robin", "reviewers", is_staff=True)
    return cast


@pytest.fixture
def rita(client, house):
    client.force_login(house.rita)
    return client


def page_of(item) -> str:
    return reverse("admin:assistants_reviewitem_change", args=[item.pk])


def test_a_reviewer_has_a_console_with_her_queues_and_nothing_else(rita, house):
    held(house)
    index = rita.get("/admin/").content.decode()
    assert QUEUE in index
    others = re.findall(r'href="/admin/assistants/(\w+)/', index)
    assert set(others) == {"reviewitem"}
    for name in ("zone", "document", "assistant", "auditevent", "reviewreason"):
        assert rita.get(f"/admin/assistants/{name}/").status_code == 403


@pytest.mark.parametrize(
    ("who", "queue", "item"),
    [
        ("alice", 302, 302),
        ("carol", 302, 302),
        ("dave", 302, 302),
        ("outsider", 302, 302),
        ("adam", 200, 404),
        ("rita", 200, 200),
    ],
)
def test_who_sees_the_queue_and_who_opens_an_item(client, house, who, queue, item):
    _, opened = held(house)
    client.force_login(getattr(house, who))
    assert client.get(QUEUE).status_code == queue
    assert client.get(page_of(opened)).status_code == item
    assert client.post(page_of(opened), {"_claim": "1"}).status_code == (
        302 if item == 200 else item
    )
    assert item_of(get(opened.answer_id)).state == ("claimed" if who == "rita" else "waiting")


def test_staff_who_review_nothing_see_no_queue(client, house):
    stranger = factories.make_user("sam", "code", is_staff=True)
    client.force_login(stranger)
    assert client.get(QUEUE).status_code == 403
    assert client.get(reverse("admin:assistants_review_figures")).status_code == 403
    assert client.get(reverse("admin:assistants_review_cases")).status_code == 403


def test_the_queue_tells_no_content_and_an_opening_is_recorded(rita, house):
    _, item = held(house)
    listed = rita.get(QUEUE).content.decode()
    assert "clinical" in listed
    assert "hypoglycaemia" not in listed.lower()
    assert "glucose" not in listed
    assert not AuditEvent.objects.filter(action="review.opened").exists()
    page = rita.get(page_of(item)).content.decode()
    assert "glucose 15 g" in page
    assert "Brackenfell" not in page  # she may not read the clinical zone
    assert re.search(r'<span class="sealed">\[[A-Z]+_\d+\]</span>', page)
    assert AuditEvent.objects.filter(action="review.opened", actor="rita").count() == 1


def test_the_queue_is_filtered(rita, house):
    _, item = held(house, severity=0.9)
    for query, found in (
        ("", True),
        ("?risk=high", True),
        ("?risk=low", False),
        ("?department=code", False),
        ("?state=approved", False),
        ("?kind=blind", False),
        ("?mine=1", False),
        ("?state=nonsense&risk=nonsense", False),
    ):
        assert (str(item.pk) in rita.get(QUEUE + query).content.decode()) == found, query


def test_taking_editing_and_approving(rita, house):
    answer, item = held(house)
    url = page_of(item)
    rita.post(url, {"_claim": "1"})
    page = rita.get(url).content.decode()
    assert "Approve the edit" in page
    text = f"Give {WITH_PLACEHOLDER.search(page)[1]} glucose 20 g [1]."
    preview = rita.post(url, {"_preview": "1", "text": text}).content.decode()
    assert "<del>15</del><ins>20</ins>" in preview
    assert text in preview  # what was typed is kept
    added = rita.post(url, {"_edit": "1", "text": f"{text} Ask odalys@example.org."})
    page = added.content.decode()
    assert "email address" in page
    assert "It belongs there" in page
    assert "odalys@example.org" in page
    assert rita.post(url, {"_edit": "1", "text": text}).status_code == 302
    assert get(answer.pk).text == "Give Thomas Brackenfell glucose 20 g [1]."
    page = rita.get(url).content.decode()
    assert "Add to the cases" in page
    rita.post(url, {"_case": "1"})
    assert "Among the cases" in rita.get(url).content.decode()
    line = json.loads(rita.get(reverse("admin:assistants_review_cases")).content)
    assert set(line) == {"text", "label", "kind"}
    assert "Brackenfell" not in line["text"]


def test_what_went_wrong_is_said_and_nothing_is_lost(rita, house):
    answer, item = held(house)
    url = page_of(item)
    page = rita.post(url, {"_approve": "1"}).content.decode()
    assert "Take it again" in page
    rita.post(url, {"_claim": "1"})
    page = rita.post(url, {"_reject": "1", "reason": " "}).content.decode()
    assert "Give a reason" in page
    assert get(answer.pk).status == "held"
    ReviewReason.objects.update_or_create(text="Out of scope.")
    assert rita.post(url, {"_reject": "1", "canned": "Out of scope."}).status_code == 302
    assert "Out of scope." in get(answer.pk).error_message


def test_a_lock_is_shown_and_a_page_that_lost_its_item_is_told(client, house):
    _, item = held(house)
    keep = reverse("admin:assistants_review_keep", args=[item.pk])
    client.force_login(house.rita)
    client.post(page_of(item), {"_claim": "1"})
    assert client.post(keep).status_code == 200
    client.force_login(house.robin)
    assert "with rita" in client.get(QUEUE).content.decode()
    assert "rita works on it" in re.sub(r"<[^>]+>", "", client.get(page_of(item)).content.decode())
    assert client.post(keep).status_code == 409
    client.force_login(house.rita)
    house.rita.groups.set([Group.objects.get_or_create(name="code")[0]])
    assert client.post(keep).status_code == 409
    assert client.get(page_of(item)).status_code == 403


def test_bulk_is_offered_where_it_is_safe(rita, house):
    _first, slight = held(house, severity=0.1)
    second = ask(house.carol, client_id="c2")
    page = rita.get(QUEUE).content.decode()
    assert page.count('name="item"') == 1
    keys = [str(slight.pk), str(item_of(second).pk)]
    url = reverse("admin:assistants_review_bulk")
    page = rita.post(url, {"item": keys}, follow=True).content.decode()
    assert "1 approved." in page
    assert "1 were left" in page
    assert get(second.pk).status == "held"
    assert rita.post(url, {"item": ["nonsense"]}).status_code == 404


def test_a_second_person_sees_what_the_first_decided(client, house):
    answer, item = held(house, four_eyes=True)
    client.force_login(house.rita)
    client.post(page_of(item), {"_claim": "1"})
    name = WITH_PLACEHOLDER.search(client.get(page_of(item)).content.decode())[1]
    client.post(page_of(item), {"_edit": "1", "text": f"Give {name} glucose 20 g [1]."})
    assert "a second person has to agree" in client.get(page_of(item)).content.decode()
    client.force_login(house.robin)
    page = client.get(page_of(item)).content.decode()
    assert "rita decided: edit" in page
    assert "<ins>20</ins>" in page
    client.post(page_of(item), {"_claim": "1"})
    client.post(page_of(item), {"_approve": "1"})
    assert get(answer.pk).text == "Give Thomas Brackenfell glucose 20 g [1]."


def test_figures_are_drawn_without_inline_styles(client, house):
    Assistant.objects.filter(slug="compliance").update(blind_share=1.0)
    for number, verdicts in enumerate((("fine", "fine"), ("problem", "problem"))):
        answer = ask(house.alice, "Hello", assistant="compliance", client_id=f"b{number}")
        item = item_of(answer)
        for person, verdict in zip((house.rita, house.robin), verdicts, strict=True):
            reviews.claim(person, item.pk)
            review_decisions.judge(person, item.pk, verdict, "It names a client.")
    answer, item = held(house)
    reviews.claim(house.rita, item.pk)
    review_decisions.approve(house.rita, item.pk)
    for who in (house.adam, house.rita):
        client.force_login(who)
        page = client.get(reverse("admin:assistants_review_figures")).content.decode()
        assert "Cohen’s kappa is <strong>1.00</strong>" in page
        assert '<circle class="dot" cx="200.0"' in page
        assert '<rect x="96" y="4" width="220"' in page
        assert " style=" not in page


def test_a_judge_sees_a_form_for_a_judgement_and_no_other(rita, house):
    Assistant.objects.filter(slug="compliance").update(blind_share=1.0)
    item = item_of(ask(house.alice, "Hello", assistant="compliance"))
    rita.post(page_of(item), {"_claim": "1"})
    page = rita.get(page_of(item)).content.decode()
    assert 'name="_judge"' in page
    assert 'name="_approve"' not in page
    rita.post(page_of(item), {"_judge": "1", "verdict": "fine"})
    assert item_of(get(item.answer_id)).votes == 1


def test_an_admin_edits_the_reasons_and_it_is_recorded(client, house):
    client.force_login(house.adam)
    url = reverse("admin:assistants_reviewreason_add")
    assert client.post(url, {"text": "Too old.", "position": 9}).status_code == 302
    assert AuditEvent.objects.filter(action="review_reason.added").exists()


# ---- the asker's side ----


def test_the_asker_sees_that_it_waits_what_is_asked_and_what_was_decided(client, house):
    answer, item = held(house)
    client.force_login(house.carol)
    url = f"/chat/{answer.message.conversation_id}/"
    page = client.get(url).content.decode()
    assert "Waiting for a reviewer." in page
    assert "There is no usual time yet." in page
    assert "glucose" not in page
    reviews.claim(house.rita, item.pk)
    reviews.ask_author(house.rita, item.pk, "Is he conscious?")
    note = f"/reviews/{answer.pk}/"
    assert "Is he conscious?" in client.get(note).content.decode()
    empty = client.post(f"{note}reply/", {"text": " "})
    assert empty.status_code == 400
    assert "Write your reply." in empty.content.decode()
    assert client.post(f"{note}reply/", {"text": "He is."}).status_code == 200
    reviews.claim(house.rita, item.pk)
    review_decisions.reject(house.rita, item.pk, "Wrong <dose>.")
    page = client.get(url).content.decode()
    assert "Not approved." in page
    assert "Wrong &lt;dose&gt;." in page
    assert "glucose" not in page
    appealed = client.post(f"{note}appeal/", {"text": "He is forty."})
    assert "Somebody else looks at it again." in appealed.content.decode()
    again = item_of(answer)
    reviews.claim(house.robin, again.pk)
    review_decisions.edit(house.robin, again.pk, "Give glucose 10 g [1].")
    page = client.get(url).content.decode()
    assert "Edited and approved by a reviewer." in page
    assert re.search(r"<del>[^<]*15</del>", page) or "<del>15</del>" in page
    assert "Give glucose 10 g" in page


def test_a_note_is_the_askers_alone(client, house):
    answer, _ = held(house)
    for who in (house.alice, house.rita, house.adam):
        client.force_login(who)
        assert client.get(f"/reviews/{answer.pk}/").status_code == 404
        assert client.post(f"/reviews/{answer.pk}/reply/", {"text": "x"}).status_code == 404
        assert client.post(f"/reviews/{answer.pk}/appeal/", {"text": "x"}).status_code == 404


def test_the_bell_counts_what_is_unread(client, house):
    answer, item = held(house)
    reviews.claim(house.rita, item.pk)
    review_decisions.approve(house.rita, item.pk)
    client.force_login(house.carol)
    assert (
        '<span class="bell-count" data-bell-count >1</span>'
        in client.get("/chat/").content.decode()
    )
    listed = client.get("/notifications/")
    assert listed["X-Unread"] == "1"
    assert "Your answer was approved." in listed.content.decode()
    assert f"/chat/{answer.message.conversation_id}/" in listed.content.decode()
    assert client.post("/notifications/read/", {"answer": "nonsense"}).status_code == 404
    assert client.post("/notifications/read/").json() == {"unread": 0}
    client.force_login(house.rita)
    assert "Your answer" not in client.get("/notifications/").content.decode()


def test_an_item_whose_conversation_is_gone_is_gone(client, house):
    answer, item = held(house)
    change(item, four_eyes=False)
    from assistants import data
    from assistants.models import Conversation

    with data.rights_of_system():
        Conversation.objects.filter(pk=answer.message.conversation_id).delete()
        assert not ReviewItem.objects.exists()
        assert not Notification.objects.exists()
