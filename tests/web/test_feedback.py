"""Thumbs on an answer: whose they are, and what a reviewer reads of them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied

from assistants import data
from assistants.models import Answer, AuditEvent, Feedback
from assistants.services import feedback
from tests import factories
from tests.web.test_chat_pages import ask, reply, signed_in, start


@pytest.fixture
def answer(cast: SimpleNamespace) -> Answer:
    message = ask(start(cast.alice, title="A private title"), "A private question?")
    return reply(message, "A private answer.", receipt_sha256="ab" * 32)


@data.rights_of_system()
def stored() -> list[tuple[str, list[str], str]]:
    return list(Feedback.objects.values_list("verdict", "reasons", "comment"))


def test_it_is_given_changed_and_withdrawn(cast: SimpleNamespace, answer: Answer) -> None:
    client, address = signed_in(cast.alice), f"/answers/{answer.pk}/feedback/"
    page = f"/chat/{answer.message.conversation_id}/"
    assert 'aria-pressed="true" aria-label="Good answer"' not in client.get(page).content.decode()
    form = client.post(address, {"verdict": "up"}).content.decode()
    assert "What was good?" in form
    assert "Incomplete" not in form
    assert stored() == [("up", [], "")]
    assert 'aria-pressed="true" aria-label="Good answer"' in client.get(page).content.decode()
    sent = {"verdict": "up", "saved": "1", "reasons": ["clear", "wrong", "x"], "comment": " Short "}
    assert "Thank you" in client.post(address, sent).content.decode()
    assert stored() == [("up", ["clear"], "Short")]  # a good one is not wrong
    assert 'value="clear" checked' in client.get(address).content.decode()
    client.post(address, {"verdict": "down"})
    assert stored() == [("down", [], "Short")]
    assert "withdrawn" in client.post(address, {"withdraw": "1"}).content.decode()
    assert stored() == []
    actions = AuditEvent.objects.order_by("number").values_list("action", flat=True)
    assert list(actions) == ["feedback.given"] * 3 + ["feedback.withdrawn"]
    assert "Short" not in str(list(AuditEvent.objects.values_list("data", flat=True)))


def test_nobody_else_gives_or_sees_it(cast: SimpleNamespace, answer: Answer) -> None:
    feedback.give_feedback(cast.alice, answer.pk, "down", ["wrong"], "Mine")
    for other in (cast.carol, cast.adam):
        client = signed_in(other)
        for verdict in ("up", ""):
            address = f"/answers/{answer.pk}/feedback/"
            assert client.post(address, {"verdict": verdict}).status_code in (400, 404)
        with data.rights_of_user(other):
            assert not Feedback.objects.exists()
    assert stored() == [("down", ["wrong"], "Mine")]


def test_what_may_not_be_read_any_more_is_not_judged(cast: SimpleNamespace, answer: Answer) -> None:
    with data.rights_of_system():
        Answer.objects.update(made_from=["compliance"])
    cast.alice.groups.remove(Group.objects.get(name="compliance"))
    address = f"/answers/{answer.pk}/feedback/"
    assert signed_in(cast.alice).post(address, {"verdict": "up"}).status_code == 404
    assert stored() == []


@pytest.mark.parametrize("status", ["held", "blocked", "pending", "failed"])
def test_where_nothing_is_shown_nothing_is_judged(
    cast: SimpleNamespace, answer: Answer, status: str
) -> None:
    with data.rights_of_system():
        Answer.objects.update(status=status)
    page = signed_in(cast.alice).post(f"/answers/{answer.pk}/feedback/", {"verdict": "up"})
    assert page.status_code == 400
    assert stored() == []


def test_a_comment_that_is_too_long_is_refused(cast: SimpleNamespace, answer: Answer) -> None:
    sent = {"verdict": "up", "saved": "1", "comment": "x" * 1001}
    page = signed_in(cast.alice).post(f"/answers/{answer.pk}/feedback/", sent)
    assert page.status_code == 400
    assert "1000 characters" in page.content.decode()


def test_reviewers_read_the_list_without_the_conversation(
    cast: SimpleNamespace, answer: Answer
) -> None:
    feedback.give_feedback(cast.alice, answer.pk, "down", ["wrong"], "The <limit> is old.")
    reviewer = factories.make_user("rita", "reviewers", is_staff=True)
    with pytest.raises(PermissionDenied):
        feedback.get_page(reviewer)
    assert signed_in(reviewer).get("/admin/assistants/feedback/").status_code == 403
    reviewer.user_permissions.add(Permission.objects.get(codename="view_feedback"))
    html = signed_in(reviewer).get("/admin/assistants/feedback/").content.decode()
    assert "The &lt;limit&gt; is old." in html
    assert "Wrong" in html
    assert "private" not in html
    assert "alice" not in html
