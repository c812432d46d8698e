"""What a form needs stands in whatever its pattern finds: else looking for it first hides finds."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistants.control.guardrails import advice, code, manners
from assistants.control.guardrails.checked import Checked
from assistants.control.guardrails.patterns import Form, find_forms
from assistants.types import Stage

FORMS = [
    each
    for module in (advice, code, manners)
    for held in vars(module).values()
    if isinstance(held, tuple)
    for each in held
    if isinstance(each, Form) and each.needs
]


def test_there_are_some() -> None:
    assert len(FORMS) >= 12


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.reason.replace(" ", "-"))
@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(data=st.data())
def test_it_is_found_with_what_it_needs(form: Form, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(form.pattern))
    stage = min(form.stages)
    (found,) = find_forms("forms", "1", [form], Checked(text, Stage(stage)))
    assert found.kind == form.kind
