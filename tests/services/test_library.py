from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, transaction

from assistants import data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import AuditEvent, SavedPrompt, SavedPromptVersion
from assistants.services import library


def names(user):
    return [each.name for each in library.list_prompts(user)]


def make_department_prompt(slug: str, name: str, text: str = "Say {{what}}.", **extra):
    prompt = SavedPrompt(department=Group.objects.get(name=slug), name=name, **extra)
    with library.editing_department_prompts():
        library.append_version(prompt, text, None)
    return prompt


def test_theirs_first_then_their_departments(cast):
    make_department_prompt("compliance", "By clause")
    make_department_prompt("clinical", "Visit note")
    library.save_own(cast.alice, name="  /Weekly   report ", text="Report on {{week}}.")
    assert names(cast.alice) == ["Weekly report", "By clause"]
    assert names(cast.carol) == ["Visit note"]
    assert names(cast.outsider) == []
    first = library.list_prompts(cast.alice)[0]
    assert (first.text, first.department, first.placeholders) == (
        "Report on {{week}}.",
        "",
        ["week"],
    )


def test_an_edit_is_a_version_and_the_old_one_comes_back(cast):
    own = library.save_own(cast.alice, name="Report", text="One.")
    library.save_own(cast.alice, prompt_id=own, name="Report", text="Two.")
    library.save_own(cast.alice, prompt_id=own, name="Report", text="Two.", description="The same")
    assert [each.text for each in library.list_versions(cast.alice, own)] == ["Two.", "One."]
    library.restore_own(cast.alice, own, 1)
    assert [each.number for each in library.list_versions(cast.alice, own)] == [3, 2, 1]
    shown = library.get_own(cast.alice, own)
    assert (shown.text, shown.number, shown.description) == ("One.", 3, "The same")
    with pytest.raises(NotFound):
        library.restore_own(cast.alice, own, 9)


def test_a_persons_own_are_nobody_elses(cast):
    own = library.save_own(cast.alice, name="Mine", text="Mine.")
    assert "Mine" not in names(cast.adam)
    for act in (
        lambda: library.get_own(cast.carol, own),
        lambda: library.save_own(cast.carol, prompt_id=own, name="Mine", text="Hers."),
        lambda: library.delete_own(cast.carol, own),
        lambda: library.restore_own(cast.carol, own, 1),
        lambda: library.list_versions(cast.carol, own),
    ):
        with pytest.raises(NotFound):
            act()
    with library.editing_department_prompts() as prompts:
        assert not prompts.filter(pk=own).exists()
    library.delete_own(cast.alice, own)
    with data.rights_of_system():
        assert not SavedPromptVersion.objects.exists()


def test_a_departments_prompt_is_not_changed_by_its_members(cast):
    prompt = make_department_prompt("compliance", "By clause")
    for act in (
        lambda: library.save_own(cast.alice, prompt_id=prompt.pk, name="x", text="y"),
        lambda: library.delete_own(cast.alice, prompt.pk),
        lambda: library.restore_own(cast.alice, prompt.pk, 1),
    ):
        with pytest.raises(NotFound):
            act()
    assert [each.text for each in library.list_versions(cast.alice, prompt.pk)] == ["Say {{what}}."]


def test_the_database_itself_keeps_them_apart(cast):
    own = library.save_own(cast.alice, name="Mine", text="Mine.")
    department = make_department_prompt("compliance", "By clause").pk
    with data.rights_of_user(cast.carol):
        assert not SavedPrompt.objects.filter(pk__in=[own, department]).exists()
        assert not SavedPromptVersion.objects.exists()
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            SavedPrompt.objects.create(owner=cast.alice, name="Planted")


def test_an_account_that_is_off_uses_none(cast):
    make_department_prompt("compliance", "By clause")
    cast.alice.is_active = False
    cast.alice.save()
    assert names(cast.alice) == []


def test_starters_are_the_departments(cast):
    make_department_prompt("compliance", "Second", position=2, starter=True)
    make_department_prompt("compliance", "First", position=1, starter=True)
    make_department_prompt("compliance", "Not there")
    assert [each.name for each in library.list_starters(cast.alice)] == ["First", "Second"]
    assert library.list_starters(cast.carol) == []


def test_an_admin_changes_a_departments_and_it_is_recorded(cast):
    prompt = make_department_prompt("compliance", "By clause")
    with library.editing_department_prompts():
        library.save_department_prompt(cast.adam, prompt, "Better.")
    library.restore_department_prompt(cast.adam, prompt.pk, 1)
    assert library.list_prompts(cast.alice)[0].text == "Say {{what}}."
    events = AuditEvent.objects.filter(action="prompt.saved", actor="adam")
    assert [event.data["number"] for event in events.order_by("pk")] == [2, 3]


@pytest.mark.parametrize(
    ("name", "text"),
    [("", "x"), ("/", "x"), ("n" * 61, "x"), ("n", " "), ("n", "x" * 32_001), ("n", "a\x00b")],
)
def test_what_is_no_prompt_is_told(cast, name, text):
    with pytest.raises(InvalidRequest) as refused:
        library.save_own(cast.alice, name=name, text=text)
    assert refused.value.user_message[-1] == "."


def test_one_name_is_one_prompt_of_a_person(cast):
    library.save_own(cast.alice, name="Report", text="One.")
    library.save_own(cast.carol, name="Report", text="One.")
    with pytest.raises(InvalidRequest) as refused:
        library.save_own(cast.alice, name="Report", text="Two.")
    assert refused.value.code == "name_taken"


def test_a_person_keeps_only_so_many(cast, monkeypatch):
    monkeypatch.setattr(library, "OWN", 1)
    library.save_own(cast.alice, name="One", text="One.")
    with pytest.raises(InvalidRequest, match="too many"):
        library.save_own(cast.alice, name="Two", text="Two.")


def test_placeholders_are_what_stands_between_braces():
    found = library.PLACEHOLDER.findall("{{client}} {{ the date }} {{}} {{a\nb}} {x} {{client}}")
    assert found == ["client", "the date", "client"]
