"""`manage.py policy`: policies as files."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from assistants.models import AuditEvent, PolicyVersion
from assistants.services import policies, policy_drafts, policy_stages, registry
from assistants.types import Outcome
from tests.control.policies import facts, finding


@pytest.fixture
def shipped(cast) -> None:
    policy_stages.sync_shipped()


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("policy", *map(str, arguments), stdout=out)
    return out.getvalue()


@pytest.fixture
def exported(shipped, tmp_path):
    """The clinical policy as a file, and what it says."""
    path = tmp_path / "clinical.json"
    assert "clinical v1 is in" in run("export", path, "--policy", "department:clinical")
    return path, json.loads(path.read_text())


def write(path, given) -> None:
    path.write_text(json.dumps(given))


def test_what_is_exported_is_what_is_imported(exported):
    path, given = exported
    assert (given["level"], given["target"]) == ("department", "clinical")
    assert run("import", path) == "Nothing changed: the active version says the same.\n"
    assert run("diff", path) == "They say the same.\n"
    assert run("export", "--policy", "department:clinical") == path.read_text()


def test_an_import_is_a_draft_until_it_is_activated(exported):
    path, given = exported
    given["rules"][0]["then"]["message"] = "A clinician looks at it."
    write(path, given)
    assert run("import", path) == "clinical v2 is a draft; nothing else holds than before.\n"
    assert "message: A question of dosage" in run(
        "diff", "--policy", "department:clinical", "--versions", 1, 2
    )
    told = run("import", path, "--activate", "--reason", "new wording", "--by", "adam")
    assert told == "clinical v3 holds now.\n"
    event = AuditEvent.objects.last()
    assert (event.action, event.actor, event.data["reason"]) == (
        "policy.activated",
        "adam",
        "new wording",
    )
    write(path, {**given, "appeal": "Call 4711."})
    told = run("import", path, "--shadow", "--reason", "to see what changes")
    assert told == "clinical v4 decides in shadow now.\n"


def test_a_file_may_bring_the_first_policy_of_an_assistant(shipped, tmp_path):
    path = tmp_path / "code.json"
    write(
        path,
        {
            "level": "assistant",
            "target": "code",
            "rules": [
                {
                    "name": "No keys",
                    "when": {"findings": ["secret"], "stages": ["input"]},
                    "then": {"outcome": "block"},
                }
            ],
            "cases": [
                {
                    "name": "A key",
                    "facts": {"stage": "input"},
                    "findings": [{"kind": "secret"}],
                    "expect": {"outcome": "block", "rule": "No keys"},
                }
            ],
        },
    )
    assert "No keys" in run("diff", path)
    assert run("test", path) == "A key: passes\nAll 1 cases pass.\n"
    run("import", path, "--activate", "--reason", "keys belong into the vault")
    code = next(each for each in registry.get_assistants().values() if each.slug == "code")
    assert policies.decide(code, facts(finding())).outcome is Outcome.BLOCK


def test_cases_are_run_and_what_fails_is_told(exported):
    path, given = exported
    assert "All 6 cases pass." in run("test", path)
    assert "All 6 cases pass." in run("test", "--policy", "department:clinical")
    given["cases"][1]["expect"] = {"outcome": "block"}
    write(path, given)
    with pytest.raises(CommandError, match="1 of 6 cases fail"):
        run("test", path)
    with pytest.raises(CommandError, match="the outcome is review, not block"):
        run("import", path, "--activate", "--reason", "new wording")
    # the draft is there to be mended
    assert PolicyVersion.objects.get(policy__department__name="clinical", number=2).stage == "draft"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no json", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[]", "holds no object"),
        (b'{"rules": []}', "does not say whose policy"),
        (b'{"level": "planet", "rules": []}', "is no level"),
        (b'{"level": "department", "target": "nobody", "rules": []}', "There is no department"),
        (b'{"level": "organisation", "rules": [], "extra": 1}', "which is not known here"),
        (b'{"level": "organisation", "rules": []}', "No rule speaks of"),
        (
            b'{"level": "department", "target": "code", "rules": [{"name": "A", "when": '
            b'{"findings": ["witchcraft"]}, "then": {"outcome": "block"}}]}',
            "rule “A”, findings: “witchcraft” is none of",
        ),
        (b" " * (2 * 1024 * 1024 + 1), "larger than 2 MB"),
    ],
)
def test_what_is_no_policy_changes_nothing_and_says_why(shipped, tmp_path, content, told):
    path = tmp_path / "policy.json"
    path.write_bytes(content)
    before = PolicyVersion.objects.count()
    with pytest.raises(CommandError, match=told):
        run("import", path)
    assert PolicyVersion.objects.count() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["export", "--policy", "department:nobody"], "There is no policy of department nobody"),
        (["export", "--version-number", 7], "has no version 7"),
        (["test", "gone.json"], "cannot be read"),
        (["import", "gone.json", "--by", "nobody"], "There is no user nobody"),
        (["diff"], "Name a FILE"),
    ],
)
def test_what_is_not_there_is_told(shipped, arguments, told):
    with pytest.raises(CommandError, match=told):
        run(*arguments)


def test_an_import_needs_the_right(exported, cast):
    path, given = exported
    write(path, {**given, "appeal": "Call 4711."})
    with pytest.raises(CommandError, match="You may not do this"):
        run("import", path, "--by", "carol")
    assert policy_drafts.find_policy("department", "clinical").versions.count() == 1
