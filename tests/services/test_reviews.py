"""Review queues with the real database: who may do what, and what becomes of the answer."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.db import connection
from django.utils import timezone

from assistants import compute, control, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import (
    Answer,
    Assistant,
    AuditEvent,
    Message,
    Notification,
    ReviewDecision,
    ReviewItem,
)
from assistants.services import (
    chat,
    closing,
    completions,
    conversations,
    following,
    notifications,
    receipts,
    review_cases,
    review_clock,
    review_decisions,
    review_notes,
    review_pages,
    reviews,
)
from assistants.services.second_person import get_organisation
from assistants.types import Decision, Finding, Outcome, Stage, StreamFrame
from tests import factories, fakes
from tests.services.test_chat import open_turn
from tests.services.test_completions import open_completion

SOURCE = "Give glucose 15 g by mouth. Repeat after 15 minutes if below 4.0 mmol/L."
QUESTION = "How is hypoglycaemia treated in Thomas Brackenfell?"


@pytest.fixture
def models(monkeypatch):
    return fakes.install(monkeypatch, factories.unit_vector(0))


@pytest.fixture
def house(cast, models, monkeypatch):
    """The clinical assistant holds what it says; rita and robin review."""
    # The answer names somebody whom no source knows.
    factories.drop_guardrail(monkeypatch, control.guardrails.groundedness.name)
    Assistant.objects.filter(slug="clinical").update(release_mode="hold")
    factories.make_deployment("server")
    models.says("server", ["Give Thomas Brackenfell ", "glucose 15 g [1]."])
    factories.make_document(cast.zones.clinical, SOURCE, title="Hypoglycaemia")
    cast.rita = factories.make_user("rita", "reviewers", is_staff=True)
    cast.robin = factories.make_user("robin", "reviewers", is_staff=True)
    return cast


def ask(user, text=QUESTION, *, assistant="clinical", client_id="c1") -> Answer:
    accepted = open_turn(user, text, assistant=assistant, client_id=client_id)
    chat.answer(accepted.answer)
    return get(accepted.answer)


@data.rights_of_system()
def get(answer) -> Answer:
    return Answer.objects.select_related("message").get(pk=answer)


@data.rights_of_system()
def item_of(answer) -> ReviewItem:
    return ReviewItem.objects.filter(answer=answer.pk).select_related().latest("created")


@data.rights_of_system()
def change(item, **fields) -> None:
    ReviewItem.objects.filter(pk=item.pk).update(**fields)


@data.rights_of_system()
def notified(user) -> list[str]:
    return list(
        Notification.objects.filter(user=user).order_by("id").values_list("kind", flat=True)
    )


def held(house, user=None, **fields) -> tuple[Answer, ReviewItem]:
    answer = ask(user or house.carol)
    item = item_of(answer)
    if fields:
        change(item, **fields)
    return answer, item


def refused(function, *args, **more) -> str:
    with pytest.raises((InvalidRequest, NotFound)) as caught:
        function(*args, **more)
    return caught.value.code


def seen_by(user, answer):
    (turn,) = conversations.get_conversation(user, answer.message.conversation_id).turns
    return turn.answers[-1]


def end_of(user, answer):
    with data.rights_of_user(user):
        return closing.end_frame(Answer.objects.get(pk=answer.pk))


# ---- holding ----


def test_a_held_answer_waits_in_the_queue_and_shows_nothing(house):
    answer, item = held(house)
    assert answer.status == Answer.Status.HELD
    assert (item.state, item.reviewers.name, item.department.name) == (
        "waiting",
        "reviewers",
        "clinical",
    )
    assert item.rule == reviews.HELD.rule
    shown = seen_by(house.carol, answer)
    assert (shown.text, shown.html, shown.citations) == ("", "", [])
    assert shown.review.waits
    assert shown.review.usual == "There is no usual time yet."
    end = end_of(house.carol, answer)
    assert end[0] == "answer.held"
    assert "glucose" not in str(end)
    assert end[1]["usual"] == "There is no usual time yet."
    assert [each.pk for each in reviews.list_queue(house.rita)] == [item.pk]


def test_an_answer_that_is_shown_waits_for_nobody(house):
    ask(house.alice, "Hello", assistant="compliance")
    with data.rights_of_system():
        assert not ReviewItem.objects.exists()


def test_policy_says_who_reviews_and_how(house):
    answer, item = held(house)
    group = Group.objects.create(name="pharmacists")
    finding = Finding("dosage", 0.8, "a dose", "dosage", Stage.ANSWER, 5, 10)
    decision = Decision(
        Outcome.REVIEW,
        rule="dosage needs a pharmacist",
        policy="house 3",
        findings=(finding,),
        reviewers="pharmacists",
        severity=0.8,
        four_eyes=True,
    )
    change(item, state="expired")
    with data.rights_of_asker(answer.pk):
        opened = reviews.open_item(chat._get_answer(answer.pk), decision)
    assert (opened.reviewers, opened.severity, opened.four_eyes) == (group, 0.8, True)
    assert opened.due - timezone.now() < timedelta(minutes=16)
    assert opened.findings[0]["kind"] == "dosage"
    assert reviews.list_queue(house.rita) == []


def test_a_department_may_have_reviewers_of_its_own(house):
    factories.make_user("petra", "clinical reviewers", is_staff=True)
    _, item = held(house)
    assert item.reviewers.name == "clinical reviewers"
    assert reviews.is_reviewer(item.reviewers.user_set.get())


# ---- rights ----


def test_only_its_reviewers_open_an_item_and_each_opening_is_recorded(house):
    _, item = held(house)
    for stranger in (house.alice, house.carol, house.dave, house.adam, house.outsider):
        assert refused(review_pages.open_item_page, stranger, item.pk) == "not_found"
        assert refused(reviews.claim, stranger, item.pk) == "not_found"
    assert not AuditEvent.objects.filter(action="review.opened").exists()
    review_pages.open_item_page(house.rita, item.pk)
    event = AuditEvent.objects.get(action="review.opened")
    assert (event.actor, event.subject, event.data["sealed"]) == ("rita", str(item.pk), True)


def test_the_database_shows_a_reviewer_one_question_and_nobody_else_any(house):
    answer, item = held(house)
    other = ask(house.carol, client_id="c2")
    with data.rights_of_reviewer(house.rita, item.pk):
        assert set(Answer.objects.values_list("pk", flat=True)) == {answer.pk}
        assert ReviewItem.objects.count() == 2
    with data.rights_of_user(house.rita):
        assert not Answer.objects.exists()
    for stranger in (house.alice, house.outsider, house.adam):
        with data.rights_of_reviewer(stranger, item.pk):
            assert not Answer.objects.exists()
            assert not ReviewItem.objects.exists()
            assert not ReviewDecision.objects.exists()
    with data.rights_of_user(house.carol):
        assert ReviewItem.objects.count() == 2
        assert Answer.objects.filter(pk=other.pk).exists()
    assert not ReviewItem.objects.exists()
    assert not ReviewDecision.objects.exists()
    assert not Notification.objects.exists()


def test_what_reviewers_write_among_themselves_is_not_the_askers(house):
    _answer, item = held(house)
    reviews.claim(house.rita, item.pk)
    reviews.escalate(house.rita, item.pk, "Is this even legal?")
    with data.rights_of_user(house.carol):
        assert not ReviewDecision.objects.exists()
    with data.rights_of_user(house.robin):
        assert ReviewDecision.objects.get().reason == "Is this even legal?"


def test_nobody_reviews_their_own_question(house):
    house.carol.groups.add(Group.objects.get(name="reviewers"))
    _, item = held(house)
    assert reviews.list_queue(house.carol) == []
    assert refused(review_pages.open_item_page, house.carol, item.pk) == "not_found"
    assert refused(reviews.claim, house.carol, item.pk) == "not_found"
    assert refused(review_decisions.approve, house.carol, item.pk) == "not_found"


def test_a_right_taken_away_takes_the_item_away(house):
    answer, item = held(house)
    reviews.claim(house.rita, item.pk)
    house.rita.groups.clear()
    assert refused(review_decisions.approve, house.rita, item.pk) == "not_found"
    review_clock.sweep()
    assert item_of(answer).state == "waiting"
    assert get(answer.pk).status == Answer.Status.HELD


def test_a_right_lost_between_reading_and_writing_finds_no_row_to_write(house):
    answer, item = held(house)
    with data.rights_of_reviewer(house.rita, item.pk):
        read = ReviewItem.objects.get(pk=item.pk)
        house.rita.groups.clear()
        assert (
            refused(reviews.take_step, read, control.ReviewAction.CLAIM, house.rita) == "conflict"
        )
    assert item_of(answer).state == "waiting"


# ---- the view ----


def test_a_reviewer_without_the_zone_sees_it_sealed_and_may_lift_that_with_a_reason(house):
    _, item = held(house)
    view = review_pages.open_item_page(house.rita, item.pk)
    assert view.sealed
    assert "Brackenfell" not in str((view.question, view.answer, view.text))
    assert "glucose 15 g" in view.text
    assert refused(review_pages.open_item_page, house.rita, item.pk, reason="to see the name") == (
        "not_permitted"
    )
    right = Permission.objects.get(codename="unseal_reviewitem")
    Group.objects.get(name="reviewers").permissions.add(right)
    robin = type(house.robin).objects.get(pk=house.robin.pk)  # permissions are remembered
    clear = review_pages.open_item_page(robin, item.pk, reason="to see the name")
    assert "Brackenfell" in clear.text
    assert AuditEvent.objects.filter(data__reason="to see the name").exists()


def test_a_reviewer_of_the_zone_sees_it_as_it_is_with_findings_and_sources(house):
    for name in ("general", "clinical"):
        house.zones.__dict__[name].readers.add(Group.objects.get(name="reviewers"))
    at = "Give Thomas Brackenfell glucose 15 g [1].".index("glucose")
    finding = {"reason": "a dose", "severity": 0.8, "stage": "answer", "start": at, "end": at + 12}
    _, item = held(house, findings=[finding | {"kind": "dosage"}])
    view = review_pages.open_item_page(house.rita, item.pk)
    assert not view.sealed
    assert [p.text for p in view.answer if p.found == "a dose"] == ["glucose 15 g"]
    (source,) = view.sources
    assert (source.number, source.title, source.cited) == (1, "Hypoglycaemia", True)
    assert "".join(piece.text for piece in source.passage) == SOURCE
    assert SOURCE[:20] in "".join(piece.text for piece in view.quotes)


def test_a_reviewer_reads_what_went_with_the_question_as_they_may(house):
    answer, item = held(house)
    file = "Ask Thomas Brackenfell about his tablets."
    given = [
        {"role": "user", "text": f"<file name='a'>\n{file}\n</file>", "file": "visit.txt"},
        {"role": "user", "text": "<transcript>\nHello, Ann.\n</transcript>\n", "recording": "x"},
        {"role": "user", "text": "what a client says went before"},
    ]
    with data.rights_of_system():
        Message.objects.filter(pk=answer.message_id).update(given=given)
    sealed = review_pages.open_item_page(house.rita, item.pk).attached
    assert "Brackenfell" not in str(sealed)
    assert "".join(piece.text for piece in sealed[0].text).endswith("about his tablets.")
    for name in ("general", "clinical"):
        house.zones.__dict__[name].readers.add(Group.objects.get(name="reviewers"))
    clear = review_pages.open_item_page(house.rita, item.pk).attached
    assert [(each.name, "".join(p.text for p in each.text)) for each in clear] == [
        ("visit.txt", file),
        ("transcript of a recording", "Hello, Ann."),
    ]


# ---- deciding ----


def test_an_approved_answer_is_shown_with_its_citations_and_its_receipt_says_by_whom(
    house, django_capture_on_commit_callbacks
):
    answer, item = held(house)
    before = answer.receipt_sha256
    reviews.claim(house.rita, item.pk)
    with django_capture_on_commit_callbacks(execute=True):
        review_decisions.approve(house.rita, item.pk)
    shown = seen_by(house.carol, answer)
    assert shown.status == Answer.Status.COMPLETED
    assert shown.text == "Give Thomas Brackenfell glucose 15 g [1]."
    assert [each["number"] for each in shown.citations] == [1]
    assert shown.review.state == "approved"
    end = end_of(house.carol, answer)
    assert (end[0], end[1]["reviewed"]) == ("answer.completed", True)
    receipt = receipts.get_receipt(house.carol, answer.pk)
    assert receipt.verified
    (review,) = receipt.receipt["reviews"]
    assert (review["by"], review["outcome"]) == ("rita", "approved")
    assert review["receipt_sha256_before"] == before
    assert notified(house.carol) == ["approved"]
    assert refused(review_decisions.approve, house.robin, item.pk) == "decided"


def test_an_edit_in_a_sealed_view_gets_its_values_back_and_shows_the_difference(house):
    answer, item = held(house)
    reviews.claim(house.rita, item.pk)
    text = review_pages.open_item_page(house.rita, item.pk).text
    changed = text.replace("15 g", "20 g")
    unknown = review_pages.get_restorer(house.rita, item.pk)
    assert refused(
        review_decisions.edit, house.rita, item.pk, f"{text} [PERSON_77]", restore=unknown
    ) == ("unknown_placeholder")
    difference = review_pages.preview_edit(house.rita, item.pk, changed)
    assert ("removed", "15") in difference
    restore = review_pages.get_restorer(house.rita, item.pk)
    review_decisions.edit(house.rita, item.pk, changed, restore=restore)
    shown = seen_by(house.carol, answer)
    assert shown.text == "Give Thomas Brackenfell glucose 20 g [1]."
    assert shown.review.difference[1:3] == [("removed", "15"), ("added", "20")]
    assert receipts.get_receipt(house.carol, answer.pk).verified
    # nor does the decided item tell her the name
    decided = review_pages.open_item_page(house.rita, item.pk)
    assert ("added", "20") in decided.changes
    assert "Brackenfell" not in str(decided.changes)


def test_what_an_edit_removed_can_be_kept_from_the_asker(house):
    answer, item = held(house)
    reviews.claim(house.rita, item.pk)
    review_decisions.edit(
        house.rita, item.pk, "Ask the ward's pharmacist.", hides_removed=True, confirmed=True
    )
    note = seen_by(house.carol, answer).review
    assert "glucose" not in str(note.difference)
    assert "[…]" in str(note.difference)
    assert seen_by(house.carol, answer).citations == []


def test_an_edit_that_names_somebody_new_has_to_be_confirmed(house):
    _, item = held(house)
    reviews.claim(house.rita, item.pk)
    text = "Give Thomas Brackenfell glucose 15 g, says Odalys Ferreira (odalys@example.org)."
    with pytest.raises(review_decisions.PersonalDataAdded) as caught:
        review_decisions.edit(house.rita, item.pk, text)
    assert "email address" in caught.value.user_message
    assert item_of(SimpleNamespace(pk=item.answer_id)).state == "claimed"
    review_decisions.edit(house.rita, item.pk, text, confirmed=True)


def test_an_edit_passes_the_same_checks_as_any_answer(house, monkeypatch):
    factories.add_guardrail(monkeypatch, "words", lambda text: "forbidden" in text, Stage.ANSWER)
    _, item = held(house)
    reviews.claim(house.rita, item.pk)
    assert refused(review_decisions.edit, house.rita, item.pk, "forbidden") == "blocked"
    assert refused(review_decisions.edit, house.rita, item.pk, "   ") == "empty"


def test_quotations_take_the_place_of_what_the_model_wrote(house):
    answer, item = held(house)
    reviews.claim(house.rita, item.pk)
    review_decisions.answer_with_quotes(house.rita, item.pk)
    shown = seen_by(house.carol, answer)
    assert "> Give glucose 15 g by mouth." in shown.text
    assert "Brackenfell" not in shown.text
    assert shown.review.state == "quoted"
    assert receipts.get_receipt(house.carol, answer.pk).verified


def test_a_rejection_shows_the_reason_and_can_be_appealed_once(house):
    answer, item = held(house)
    reviews.claim(house.rita, item.pk)
    assert refused(review_decisions.reject, house.rita, item.pk, " ") == "empty"
    review_decisions.reject(house.rita, item.pk, "The dose is for adults only.")
    shown = seen_by(house.carol, answer)
    assert (shown.status, shown.text, shown.citations) == ("blocked", "", [])
    assert shown.review.message == "The dose is for adults only."
    assert end_of(house.carol, answer)[0] == "answer.blocked"
    assert "glucose" not in str(get(answer.pk).text)
    assert receipts.get_receipt(house.carol, answer.pk).verified
    # nobody else's to appeal
    assert refused(review_decisions.appeal, house.alice, answer.pk, "Why?") == "not_found"
    review_decisions.appeal(house.carol, answer.pk, "He is forty.")
    again = item_of(answer)
    assert (again.appeal, again.appeal_of_id) == ("He is forty.", item.pk)
    assert seen_by(house.carol, answer).text == ""
    assert refused(review_decisions.appeal, house.carol, answer.pk, "Why?") == "appealed"
    assert refused(reviews.claim, house.rita, again.pk) == "barred"
    reviews.claim(house.robin, again.pk)
    review_decisions.approve(house.robin, again.pk)
    assert seen_by(house.carol, answer).text == "Give Thomas Brackenfell glucose 15 g [1]."
    assert receipts.get_receipt(house.carol, answer.pk).verified
    assert control.verify_chain() is None


def test_four_eyes_are_two_people(house):
    answer, item = held(house, four_eyes=True)
    reviews.claim(house.rita, item.pk)
    text = review_pages.open_item_page(house.rita, item.pk).text.replace("15 g", "20 g")
    restore = review_pages.get_restorer(house.rita, item.pk)
    review_decisions.edit(house.rita, item.pk, text, restore=restore)
    assert get(answer.pk).status == Answer.Status.HELD
    assert refused(reviews.claim, house.rita, item.pk) == "second_person"
    view = review_pages.open_item_page(house.robin, item.pk)
    assert ("added", "20") in view.proposed
    reviews.claim(house.robin, item.pk)
    review_decisions.approve(house.robin, item.pk)
    shown = seen_by(house.carol, answer)
    assert shown.text == "Give Thomas Brackenfell glucose 20 g [1]."
    assert shown.review.state == "edited"
    (review,) = get(answer.pk).receipt["reviews"]
    assert (review["by"], review["with"]) == ("robin", "rita")


def test_the_author_is_asked_and_replies(house, django_capture_on_commit_callbacks):
    answer, item = held(house)
    reviews.claim(house.rita, item.pk)
    reviews.ask_author(house.rita, item.pk, "Is the patient conscious?")
    note = review_notes.get_note(house.carol, answer.pk)
    assert note.asks
    assert note.question == "Is the patient conscious?"
    assert notified(house.carol) == ["asked"]
    assert refused(reviews.reply, house.alice, item.pk, "Yes.") == "not_found"
    reviews.reply(house.carol, item.pk, "Yes, Thomas Brackenfell is eating.")
    assert item_of(answer).reply == "Yes, Thomas Brackenfell is eating."
    assert "Brackenfell" not in review_pages.open_item_page(house.rita, item.pk).reply
    assert notified(house.rita) == ["replied"]
    reviews.claim(house.robin, item.pk)


def test_handing_over_and_escalating(house):
    answer, item = held(house)
    reviews.claim(house.rita, item.pk)
    assert refused(reviews.hand_over, house.rita, item.pk, "carol") == "no_target"
    reviews.hand_over(house.rita, item.pk, "robin")
    assert item_of(answer).holder == house.robin
    organisation = get_organisation()
    organisation.review_escalation = Group.objects.get(name="admins")
    organisation.save()
    reviews.escalate(house.robin, item.pk, "Not mine to say.")
    assert item_of(answer).escalated_to.name == "admins"
    assert refused(reviews.claim, house.robin, item.pk) == "barred"
    reviews.claim(house.adam, item.pk)
    review_decisions.approve(house.adam, item.pk)
    assert get(answer.pk).status == Answer.Status.COMPLETED


def test_bulk_approves_what_is_slight_and_leaves_the_rest(house):
    first, slight = held(house, severity=0.1)
    second = ask(house.carol, client_id="c2")
    grave = item_of(second)
    keys = [slight.pk, grave.pk]
    assert review_decisions.approve_in_bulk(house.alice, keys) == (0, 2)
    assert review_decisions.approve_in_bulk(house.rita, keys) == (1, 1)
    assert get(first.pk).status == Answer.Status.COMPLETED
    assert get(second.pk).status == Answer.Status.HELD


# ---- the clock ----


def test_a_claim_lapses_and_the_item_waits_again(house):
    answer, item = held(house)
    reviews.claim(house.rita, item.pk)
    assert refused(reviews.claim, house.robin, item.pk) == "claimed"
    change(item, claim_expires=timezone.now() - timedelta(seconds=1))
    assert refused(review_decisions.approve, house.rita, item.pk) == "lost_claim"
    assert review_clock.sweep() == 1
    assert item_of(answer).state == "waiting"
    assert review_clock.sweep() == 0


def test_reminders_come_once_and_then_others_are_asked(house):
    answer, item = held(house)
    now = timezone.now()
    change(item, created=now - timedelta(minutes=50), due=now + timedelta(minutes=10))
    review_clock.sweep()
    review_clock.sweep()
    assert notified(house.rita) == ["due"]
    reviews.claim(house.rita, item.pk)
    change(item, due=now)
    organisation = get_organisation()
    organisation.review_escalation = Group.objects.get(name="admins")
    organisation.save()
    review_clock.sweep()
    review_clock.sweep()
    overdue = item_of(answer)
    assert (overdue.state, overdue.escalated_to.name) == ("waiting", "admins")
    assert notified(house.adam) == ["overdue"]
    assert notified(house.rita) == ["due", "overdue"]


def test_what_nobody_decides_ends_unshown(house):
    answer, item = held(house)
    change(item, created=timezone.now() - timedelta(days=31))
    review_clock.sweep()
    shown = seen_by(house.carol, answer)
    assert (shown.status, shown.text) == ("blocked", "")
    assert "in time" in shown.error_message
    assert receipts.get_receipt(house.carol, answer.pk).verified


def test_the_usual_time_is_the_median_of_decisions(house):
    for number, minutes in enumerate((4, 10, 600)):
        answer = ask(house.carol, client_id=f"c{number}")
        item = item_of(answer)
        reviews.claim(house.rita, item.pk)
        review_decisions.approve(house.rita, item.pk)
        now = timezone.now()
        change(item, created=now - timedelta(minutes=minutes), decided=now)
    assert reviews.usual_seconds(item.reviewers_id) == pytest.approx(600)
    assert reviews.in_words(600) == "Usually about 10 minutes."


# ---- telling ----


def test_notifications_are_their_persons_and_are_read(house):
    answer, item = held(house)
    reviews.claim(house.rita, item.pk)
    review_decisions.approve(house.rita, item.pk)
    (told,), unread = notifications.list_notifications(house.carol)
    assert unread == 1
    assert told.url == f"/chat/{answer.message.conversation_id}/"
    assert "glucose" not in told.words
    assert notifications.list_notifications(house.alice) == ([], 0)
    assert notifications.mark_read(house.carol, answer.pk) == 0


def test_mail_is_off_until_a_server_is_named_and_holds_no_content(house, settings):
    house.carol.email = "carol@example.org"
    house.carol.save()
    _, item = held(house)
    reviews.claim(house.rita, item.pk)
    review_decisions.reject(house.rita, item.pk, "The dose is wrong.")
    assert notifications.send_mails() == 0
    settings.NOTIFY_BY_EMAIL = True
    assert notifications.send_mails() == 1
    assert notifications.send_mails() == 0
    (sent,) = mail.outbox
    assert sent.to == ["carol@example.org"]
    assert "dose" not in sent.body + sent.subject


def test_the_api_tells_of_a_held_answer_and_gives_it_once_it_is_approved(house):
    opened = open_completion(house.carol, QUESTION, assistant="clinical")
    chat.answer(opened.answer)
    waits = completions.get_completion(house.carol, opened.answer)
    assert (waits.status, waits.text, waits.citations) == ("held", "", [])
    item = item_of(SimpleNamespace(pk=opened.answer))
    reviews.claim(house.rita, item.pk)
    review_decisions.reject(house.rita, item.pk, "Too risky.")
    rejected = completions.get_completion(house.carol, opened.answer)
    assert (rejected.status, rejected.text, rejected.citations) == ("blocked", "", [])
    assert "Too risky." in rejected.message


# ---- blind samples and cases ----


def test_a_share_of_what_is_shown_is_judged_by_two(house):
    Assistant.objects.filter(slug="compliance").update(blind_share=1.0)
    answer = ask(house.alice, "Hello", assistant="compliance")
    item = item_of(answer)
    assert (item.kind, answer.status) == ("blind", Answer.Status.COMPLETED)
    assert seen_by(house.alice, answer).review is None
    reviews.claim(house.rita, item.pk)
    assert refused(review_decisions.approve, house.rita, item.pk) == "decided"
    assert refused(review_decisions.judge, house.rita, item.pk, "problem") == "empty"
    review_decisions.judge(house.rita, item.pk, "problem", "It names a client.")
    assert review_pages.open_item_page(house.robin, item.pk).history == []
    assert refused(reviews.claim, house.rita, item.pk) == "barred"
    reviews.claim(house.robin, item.pk)
    review_decisions.judge(house.robin, item.pk, "fine")
    assert item_of(answer).state == "judged"
    figures = review_cases.get_figures(house.adam)
    assert (figures.judged, figures.kappa, len(figures.missed)) == (1, 0.0, 1)
    assert get(answer.pk).status == Answer.Status.COMPLETED


def test_the_draw_can_be_repeated():
    keys = [control.sha256_of(number)[:32] for number in range(400)]
    drawn = [reviews.is_drawn(uuid.UUID(key), 0.25) for key in keys]
    assert drawn == [reviews.is_drawn(uuid.UUID(key), 0.25) for key in keys]
    assert 60 < sum(drawn) < 140


def test_a_decision_becomes_a_case_without_names(house):
    finding = {"reason": "a dose", "severity": 0.8, "stage": "answer", "start": 0, "end": 4}
    _, item = held(house, findings=[finding | {"kind": "medical_advice"}])
    reviews.claim(house.rita, item.pk)
    assert refused(review_cases.add_case, house.rita, item.pk) == "open"
    review_decisions.reject(house.rita, item.pk, "Wrong.")
    case = review_cases.add_case(house.rita, item.pk)
    assert review_cases.add_case(house.rita, item.pk).pk == case.pk
    assert (case.label, case.kind) == (1, "medical_advice")
    assert "Brackenfell" not in case.text
    assert "glucose 15 g" in case.text
    assert refused(review_cases.add_case, house.alice, item.pk) == "not_found"
    (line,) = review_cases.export_cases(house.adam)
    assert '"label": 1' in line
    assert list(review_cases.export_cases(house.alice)) == []


# ---- races ----


@pytest.mark.django_db(transaction=True)
def test_of_many_who_decide_at_once_one_does(house):
    """Threads, each on a connection of its own: one decision, one end of the answer."""
    people = [factories.make_user(f"r{n}", "reviewers", is_staff=True) for n in range(4)]
    answer, item = held(house)
    begin = threading.Barrier(len(people))
    done: list[str] = []

    def work(person) -> None:
        try:
            begin.wait(20)
            reviews.claim(person, item.pk)
            review_decisions.approve(person, item.pk)
            done.append(person.username)
        except (InvalidRequest, NotFound):
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(done) == 1
    assert len(get(answer.pk).receipt["reviews"]) == 1
    with data.rights_of_system():
        assert ReviewDecision.objects.filter(action="approve").count() == 1
    assert notified(house.carol) == ["approved"]
    # the stream still ends with "held"; whoever follows it again gets what was decided
    stream = following.access_stream(house.carol, str(answer.pk))

    async def follow() -> list[StreamFrame]:
        return [frame async for frame in following.follow(stream, 0)]

    frames = compute.run(follow())
    assert frames[-1].type == "answer.completed"
    assert "answer.held" not in [frame.type for frame in frames]
