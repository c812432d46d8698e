"""The prompts that come with the product: well formed, and sent to the kind of model they need."""

from __future__ import annotations

import pytest

from assistants import control
from assistants.services import library
from assistants.services.ready_actions import ACTIONS
from assistants.types import Capability, Difficulty, Stage

FILLED = {
    "Regulatory summary": ("gifts and entertainment", Capability.SUMMARY),
    "Compare two versions": ("the gifts policy", Capability.GROUNDED_ANSWER),
    "Obligations as a table": ("outsourcing", Capability.GROUNDED_ANSWER),
    "Triage an inquiry": ("A client asks us to delete her data.", Capability.GROUNDED_ANSWER),
    "History summary": ("the patient", Capability.SUMMARY),
    "Explain results": ("potassium 6.1 mmol/l", Capability.GROUNDED_ANSWER),
    "Visit note": ("Cough for three days, chest clear.", Capability.DRAFT),
    "Explain a log": ("ERROR retry 3 of 3 failed", Capability.GROUNDED_ANSWER),
    "Find a symbol": ("compute_backoff", Capability.GROUNDED_ANSWER),
    "Draft a patch": ("caps the backoff at 30 seconds", Capability.CODE),
    "Variants of a text": ("the newsletter", Capability.DRAFT),
    "Translation": ("Savings with a date, not a maybe.", Capability.DRAFT),
    "Claim check": ("The best account in the country.", Capability.GROUNDED_ANSWER),
    "Texts of a brief": ("Harbour in Spring", Capability.DRAFT),
    "Architecture question": ("split the worker pool", Capability.GROUNDED_ANSWER),
}
ALL = [(department, each) for department, actions in ACTIONS.items() for each in actions]


def filled(action):
    return library.PLACEHOLDER.sub(lambda _: FILLED[action.name][0], action.text)


@pytest.mark.parametrize(("department", "action"), ALL, ids=[each.name for _, each in ALL])
def test_it_goes_to_the_kind_of_model_it_needs(department, action):
    assert library.check_prompt(action.name, action.text, action.description)
    assert library.PLACEHOLDER.search(action.text.partition("\n\n")[2] + action.text)
    text = filled(action)
    task = control.decide_task(text, has_documents=True)
    assert task is FILLED[action.name][1]
    if task is Capability.GROUNDED_ANSWER:  # a quotation is not enough for any of them
        assert control.decide_difficulty(text, task) is Difficulty.HARD


@pytest.mark.parametrize(("department", "action"), ALL, ids=[each.name for _, each in ALL])
def test_no_guardrail_takes_it_for_an_attack(department, action):
    checked = control.Checked(filled(action), Stage.INPUT, department=department)
    assert [f for f in control.run_guardrails(checked) if f.severity >= 0.3] == []


def test_each_department_has_starters_that_fit_a_line():
    for actions in ACTIONS.values():
        assert 1 <= sum(action.starter for action in actions) <= 3
        assert len({action.name for action in actions}) == len(actions)


def test_seeding_again_leaves_what_an_admin_made(cast):
    department = cast.alice.groups.get()
    library.seed_prompts(department, ACTIONS["compliance"])
    first = library.list_prompts(cast.alice)[0]
    with library.editing_department_prompts() as prompts:
        library.append_version(prompts.get(pk=first.id), "Ours.", cast.adam)
    library.seed_prompts(department, ACTIONS["compliance"])
    offered = library.list_prompts(cast.alice)
    assert len(offered) == len(ACTIONS["compliance"])
    assert offered[0].text == "Ours."
