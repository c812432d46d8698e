"""Marketing: it ships switched off, is switched on at once, and keeps the house's rules."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command

from assistants import control, data
from assistants.exceptions import InvalidRequest
from assistants.models import (
    Answer,
    Assistant,
    AssistantVersion,
    AuditEvent,
    Document,
    SavedPrompt,
    Zone,
)
from assistants.services import conversations, egress, publishing, registry, seeding
from assistants.types import ON_PREM, ReleaseMode, Stage, Treatment
from tests import factories, fakes
from tests.services.test_chat import ask

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def models(monkeypatch):
    return fakes.install(monkeypatch, factories.unit_vector(0))


@pytest.fixture
def mia(cast, monkeypatch, tmp_path):
    """Somebody of the department; two of its documents stand for all."""
    for zone, text in (("brand", "Guaranteed returns are not said."), ("campaigns", "A fee of 4.")):
        (tmp_path / zone).mkdir()
        (tmp_path / zone / "rules.md").write_text(text)
    monkeypatch.setattr(seeding, "DOCUMENTS", tmp_path)
    user = factories.make_user("mia")
    user.groups.add(Group.objects.get_or_create(name="marketing")[0])
    return user


def shown_to(user) -> set[str]:
    return set(conversations.list_assistants(user).values_list("slug", flat=True))


def test_it_ships_switched_off_and_one_click_is_enough(cast, mia):
    seeding._seed_zones({name: seeding.ZONES[name] for name in ("brand", "campaigns")})
    seeding._seed_assistants(["marketing"])
    assert shown_to(mia) == set()
    assistant = Assistant.objects.get(slug="marketing")
    version = AssistantVersion.objects.get(assistant=assistant)
    assert (version.stage, version.reason) == ("active", "It comes with the product.")
    assert len(version.questions) == 2
    publishing.switch(cast.adam, assistant, True, "We have a marketing team now")
    assert shown_to(mia) == {"marketing"}
    assert AssistantVersion.objects.get(assistant=assistant) == version


def test_the_command_makes_what_is_missing_once(cast, mia):
    for _ in range(2):
        call_command("switch_on", "marketing")
    assert shown_to(mia) == {"marketing"}
    assistant = Assistant.objects.get(slug="marketing")
    assert {zone.slug for zone in assistant.zones.all()} == {"brand", "campaigns", "general"}
    assert assistant.release_mode == ReleaseMode.BLOCK
    assert mia.groups.get() in Zone.objects.get(slug="general").readers.all()
    with data.rights_of_system():
        origins = Document.objects.values_list("zone__slug", "origin")
        assert set(origins) == {("brand", "rules.md"), ("campaigns", "rules.md")}
        assert SavedPrompt.objects.filter(department__name="marketing").count() == 4
    assert AuditEvent.objects.filter(action="assistant.enabled").count() == 1
    assert AuditEvent.objects.filter(action="policy.activated", subject__contains="marketing")
    with pytest.raises(InvalidRequest, match="No department “circus” ships"):
        seeding.switch_on("circus", "Why not?", actor="test")


def test_how_the_house_speaks_stays_and_facts_may_leave_sealed(cast, mia):
    call_command("switch_on", "marketing")
    brand = egress.effective_rules(["brand", "campaigns"], None)
    assert (brand.residency, brand.treatment) == (frozenset({ON_PREM}), Treatment.DENY)
    facts = egress.effective_rules(["campaigns", "general"], None)
    assert facts.treatment == Treatment.REDACT
    assert "cloud" in facts.residency


def test_a_guarantee_in_a_draft_waits_for_a_person_and_a_quoted_rule_does_not(cast, mia, models):
    call_command("switch_on", "marketing")
    registry.forget()
    factories.make_deployment("server")
    factories.make_quotes()
    models.says("server", ["Tideline Savings gives you guaranteed returns."])
    held = ask(mia, "Write a headline for Tideline Savings", assistant="marketing")
    assert held.status == Answer.Status.HELD
    assert "Claims the house does not make" in held.receipt["policy"]["rule"]
    models.says("server", ["Guaranteed returns are not said [1]."])
    models.says("quotes", ["> Guaranteed returns are not said. [1]"])
    told = ask(mia, "What is not said of returns?", assistant="marketing", client_id="c2")
    assert told.status == Answer.Status.COMPLETED


def test_the_documents_that_ship_are_enough_and_name_their_version():
    files = [
        path for zone in ("brand", "campaigns") for path in (seeding.DOCUMENTS / zone).glob("*.md")
    ]
    assert len(files) >= 12
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("# ")
        assert "2025" in text[:400], path.name
        found = control.run_guardrails(control.Checked(text, Stage.PASSAGE))
        assert [each.kind for each in found] == [], path.name
        assert data.classify_sensitivity(data.find_structured_spans(text), text)[0] in (None, 1, 2)
