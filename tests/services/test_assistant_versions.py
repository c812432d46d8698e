"""Assistants by version: drafts, trials as real turns, publishing and the way back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import DatabaseError, transaction
from django.utils import timezone

from assistants import compute, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import (
    Answer,
    Assistant,
    AssistantTrial,
    AssistantVersion,
    AuditEvent,
    Conversation,
    PromptVersion,
    ReviewItem,
)
from assistants.services import (
    assistant_states,
    assistant_versions,
    chat,
    conversations,
    history,
    publishing,
    receipts,
    registry,
    trials,
)
from assistants.services.assistant_states import AssistantState
from tests import factories

QUESTION = "What colour is the brand's logo?"
CASES = [{"text": QUESTION, "expect": "teal"}]
STATE = AssistantState(
    name="Marketing",
    description="Brand and campaigns.",
    prompt="You are the assistant of a marketing department.",
    zones=("general",),
    question_zone="general",
    starters=("What is our tone of voice?",),
)

pytestmark = pytest.mark.django_db(transaction=True)


def add(zone, text):
    factories.make_document(zone, text, vector=compute.embed_texts([text])[0])


@pytest.fixture
def house(cast):
    factories.make_quotes()
    add(cast.zones.general, "The colour of the brand's logo is teal.")
    add(cast.zones.compliance, "The colour of the brand's logo is secret.")
    cast.adam.groups.add(Group.objects.get(name="compliance"))
    cast.marketing = Group.objects.create(name="marketing")
    return cast


def make_draft(house, **changes):
    state = replace(STATE, **changes)
    return assistant_versions.create_assistant(
        house.adam, "marketing", house.marketing, state, CASES
    )


def run(user, version, question=QUESTION):
    queued = []
    trials.open_trials(user, version.pk, [question], enqueue=queued.append)
    for answer in queued:
        chat.answer(answer)
    return trials.list_trials(user, assistant_versions.get_version(version.pk))


def publish(house, version, reason="The first one"):
    assistant = version.assistant
    active = assistant_versions.get_active(assistant)
    return publishing.publish(
        house.adam, version.pk, reason, instead_of=active.pk if active else None
    )


def test_from_a_form_to_an_answer(house):
    version = make_draft(house)
    mia = factories.make_user("mia", "marketing")
    house.zones.general.readers.add(house.marketing)
    assert list(conversations.list_assistants(mia)) == []
    with pytest.raises(InvalidRequest, match="untried"):
        publish(house, version)
    tried = run(house.adam, version)
    (trial,) = tried.trials
    assert trial.active is None
    assert trial.draft.answer.status == "completed"
    assert "teal" in trial.draft.answer.text
    assert trial.draft.answer.citations
    assert trial.draft.missing == ()
    publish(house, version)
    assert [each.slug for each in conversations.list_assistants(mia)] == ["marketing"]
    asked = []
    chat.open_turn(mia, client_id="1", assistant="marketing", text=QUESTION, enqueue=asked.append)
    chat.answer(asked[0])
    with data.rights_of_system():
        answer = Answer.objects.get(pk=asked[0])
    assert "teal" in answer.text
    assert answer.prompt.text == STATE.prompt
    event = AuditEvent.objects.get(action="assistant.published")
    assert event.data["reason"] == "The first one"


def test_both_sides_answer_the_same_question_as_their_versions_say(house):
    first = make_draft(house)
    run(house.adam, first)
    publish(house, first)
    draft = assistant_versions.create_draft(house.adam, first.assistant)
    state = replace(assistant_states.read_state(draft), prompt="Other", zones=("compliance",))
    draft = assistant_versions.save_draft(house.adam, draft.pk, state, CASES, edits=0)
    assert PromptVersion.objects.filter(name="marketing").count() == 1  # until it is tried
    (trial,) = run(house.adam, draft).trials
    assert "teal" in trial.active.answer.text
    assert "secret" in trial.draft.answer.text
    assert trial.draft.missing == ("teal",)
    with data.rights_of_system():
        prompts = {a.prompt.text for a in Answer.objects.select_related("prompt")}
    assert prompts == {STATE.prompt, "Other"}
    assert registry.get_assistants()[first.assistant.pk].prompt.text == STATE.prompt


def test_a_trial_has_no_more_rights_than_who_tries(house):
    version = make_draft(house, zones=("clinical", "general"))
    add(house.zones.clinical, "The colour of the brand's logo is red.")
    tried = run(house.adam, version)
    assert "red" not in tried.trials[0].draft.answer.text
    assert tried.unread == ["Clinical"]
    with pytest.raises(InvalidRequest):
        trials.open_trials(house.alice, version.pk, [QUESTION], enqueue=print)
    other = factories.make_user("eve", "admins", is_staff=True, is_superuser=True)
    seen = trials.list_trials(other, version)
    assert (seen.trials, seen.others) == ([], 1)


def test_a_trial_is_in_nobodys_history(house):
    version = make_draft(house, release_mode="hold")
    (trial,) = run(house.adam, version).trials
    assert trial.draft.answer.status == "held"
    assert trial.draft.answer.text == ""
    with data.rights_of_system():
        assert not ReviewItem.objects.exists()
        chat_of_it = Conversation.objects.get()
        stored = Answer.objects.get()
    assert stored.receipt["origin"] == "trial"
    assert receipts.get_receipt(house.adam, stored.pk)
    assert history.get_sidebar(house.adam).is_empty
    with pytest.raises(NotFound):
        conversations.get_conversation(house.adam, chat_of_it.pk)
    publish(house, version)  # what waits for a reviewer was answered


def test_permitted_models_take_away(house):
    factories.make_deployment("server", provider="openai_compatible", base_url="http://127.0.0.1:9")
    version = make_draft(house, deployments=("server",))
    with data.rights_of_system():
        assert not Answer.objects.exists()
    (trial,) = run(house.adam, version).trials
    assert trial.draft.answer.status == "failed"
    with data.rights_of_system():
        refusals = {
            each["deployment"]: each["reason"] for each in Answer.objects.get().receipt["refusals"]
        }
    assert refusals["quotes"] == "The assistant Marketing may not use it."
    with pytest.raises(InvalidRequest, match="untried"):
        publish(house, version)  # a failure is no answer


def test_an_edited_draft_is_tried_again(house):
    version = make_draft(house)
    run(house.adam, version)
    version = assistant_versions.save_draft(
        house.adam, version.pk, replace(STATE, description="Else"), CASES, edits=0
    )
    assert publishing.list_untried(version) == [QUESTION]
    with pytest.raises(InvalidRequest, match="was edited"):
        assistant_versions.save_draft(house.adam, version.pk, STATE, CASES, edits=0)
    assert trials.list_trials(house.adam, version).trials[0].stale
    version = assistant_versions.save_draft(house.adam, version.pk, STATE, [], edits=1)
    with pytest.raises(InvalidRequest, match="no test question"):
        publish(house, version)


def test_the_way_back(house):
    alices = Assistant.objects.get(slug="compliance")
    draft = assistant_versions.create_draft(house.adam, alices)
    before = assistant_versions.get_active(alices)
    assert before.reason == assistant_versions.AS_IT_WAS
    state = replace(assistant_states.read_state(draft), prompt="Be brief.", starters=("Gifts?",))
    draft = assistant_versions.save_draft(house.adam, draft.pk, state, CASES, edits=0)
    run(house.adam, draft)
    with pytest.raises(InvalidRequest, match="no reason"):
        publish(house, draft, "")
    with pytest.raises(InvalidRequest, match="active is"):
        publishing.publish(house.adam, draft.pk, "Because", instead_of=None)
    publish(house, draft)
    assert registry.get_assistants()[alices.pk].prompt.text == "Be brief."
    back = publishing.roll_back(house.adam, alices, "Too brief", instead_of=draft.pk)
    assert back == before
    alices = registry.get_assistants()[alices.pk]
    assert (alices.prompt.text, alices.starters) == ("You are the compliance assistant.", [])
    assert AuditEvent.objects.filter(action="assistant.rolled_back").count() == 1
    assert AssistantVersion.objects.get(pk=draft.pk).stage == "retired"


def test_what_was_published_stays(house):
    version = make_draft(house)
    run(house.adam, version)
    publish(house, version)
    with pytest.raises(DatabaseError, match="not changed"), transaction.atomic():
        AssistantVersion.objects.filter(pk=version.pk).update(state={})
    with pytest.raises(InvalidRequest, match="is active"):
        assistant_versions.delete_draft(house.adam, version.pk)


def test_a_deleted_draft_takes_its_trials_with_it(house):
    version = make_draft(house)
    run(house.adam, version)
    assistant_versions.delete_draft(house.adam, version.pk)
    with data.rights_of_system():
        assert not Conversation.objects.exists()
    assert not AssistantTrial.objects.exists()


def test_what_was_said_in_trying_is_not_kept_for_ever(house):
    version = make_draft(house)
    run(house.adam, version)
    now = timezone.now()
    assert trials.delete_old_trials(now) == 0
    assert trials.delete_old_trials(now + timedelta(days=91)) == 1
    with data.rights_of_system():
        assert not Conversation.objects.exists()
    assert AuditEvent.objects.get(action="trials.expired").data == {"conversations": 1}


def test_what_is_changed_beside_its_versions_becomes_one(house):
    version = make_draft(house)
    run(house.adam, version)
    publish(house, version)
    Assistant.objects.filter(slug="marketing").update(release_mode="hold")
    draft = assistant_versions.create_draft(house.adam, version.assistant)
    assert assistant_states.read_state(draft).release_mode == "hold"
    active = assistant_versions.get_active(version.assistant)
    assert active.reason == "Changed without a version."
    # and nobody publishes over what they have not seen, again and again
    draft = assistant_versions.save_draft(
        house.adam, draft.pk, assistant_states.read_state(draft), CASES, edits=0
    )
    run(house.adam, draft)
    Assistant.objects.filter(slug="marketing").update(release_mode="block")
    with pytest.raises(InvalidRequest, match="active is"):
        publish(house, draft)
    publish(house, draft)


def test_it_is_switched_off_and_on_with_a_reason(house):
    alices = Assistant.objects.get(slug="compliance")
    publishing.switch(house.adam, alices, False, "For the holidays")
    assert list(conversations.list_assistants(house.alice)) == []
    assistant_versions.create_draft(house.adam, alices)
    publishing.switch(house.adam, alices, True, "They are over")
    assert [each.slug for each in conversations.list_assistants(house.alice)] == ["compliance"]
    new = make_draft(house)
    with pytest.raises(InvalidRequest, match="never published"):
        publishing.switch(house.adam, new.assistant, True, "In a hurry")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"prompt": "  "}, "Write a prompt"),
        ({"zones": ("moon",)}, "no zone “moon”"),
        ({"deployments": ("moon",)}, "no model “moon”"),
        ({"starters": tuple("abcdefg")}, "Keep to 6 starters"),
        ({"keyword_weight": 7.0}, "less than or equal to 1"),
    ],
)
def test_what_will_not_do_is_said(house, changes, told):
    with pytest.raises(InvalidRequest) as error:
        make_draft(house, **changes)
    assert told in error.value.user_message
    assert not Assistant.objects.filter(slug="marketing").exists()


def test_it_takes_permissions(house):
    version = make_draft(house)
    editor = factories.make_user("ed", "general", is_staff=True)
    editor.user_permissions.add(Permission.objects.get(codename="change_assistant"))
    editor = type(editor).objects.get(pk=editor.pk)
    assistant_versions.save_draft(editor, version.pk, STATE, CASES, edits=0)
    with pytest.raises(InvalidRequest, match="lacks one of"):
        publishing.publish(editor, version.pk, "Because I can", instead_of=None)
    with pytest.raises(InvalidRequest, match="lacks one of"):
        assistant_versions.create_assistant(editor, "other", house.marketing, STATE)
