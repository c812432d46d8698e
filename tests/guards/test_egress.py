"""Nothing leaves but through the gate: looked for in the source, whatever the code forgets."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ASSISTANTS = Path(__file__).resolve().parents[2] / "assistants"
GATE = "control/egress.py"
LEAF = "tickets.py"
SEED = "control/signing.py"
# The one way to a model in a cloud; it takes a ticket. What is inside of the compute plane is
# entered by its front door (import-linter), so its callers are all there is to look at.
SEALED = "generate_sealed"
CLOUD_CLIENTS = {"anthropic", "openai", "mistralai", "google"}


def modules(folder: str = "") -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ASSISTANTS / folder).rglob("*.py")):
        name = path.relative_to(ASSISTANTS).as_posix()
        if not name.startswith("demo/documents/"):
            yield name, ast.parse(path.read_text(encoding="utf-8"), name)


def names_in(tree: ast.AST) -> set[str]:
    """Every name that is imported, called, read or spelled out as a string."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.update((node.name, node.asname or ""))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("sign_ticket", {GATE}),
        ("signing_seed", {GATE, SEED}),
        ("Ed25519PrivateKey", {LEAF}),
        ("record_verdict", {GATE}),
    ],
)
def test_only_the_gate_signs_tickets(name, where):
    assert {module for module, tree in modules() if name in names_in(tree)} == where


def test_a_ticket_is_handed_out_in_one_place_only():
    """And an EgressTicket is made by signing or by reading one, nowhere else."""
    making = {
        module
        for module, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _called(node) == "EgressTicket"
    }
    assert making == {LEAF}


def test_the_ledger_is_written_by_the_gate_only():
    writing = {
        module
        for module, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _called(node) == "EgressRecord"
    }
    assert writing == {GATE}


def test_only_the_compute_plane_talks_to_clouds():
    """Who imports a cloud's client could send it anything."""
    importing = {
        module
        for module, tree in modules()
        for node in ast.walk(tree)
        if _imported(node) & CLOUD_CLIENTS
    }
    assert all(module.startswith("compute/providers/") for module in importing), importing


def test_sealed_prompts_are_sent_with_a_ticket():
    """Each call of `generate_sealed` hands on a payload and a ticket, and comes from a service."""
    for module, tree in modules():
        if module.startswith("compute/"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) == SEALED:
                assert module.startswith("services/"), module
                given = {keyword.arg for keyword in node.keywords}
                assert len(node.args) >= 2 or "ticket" in given, f"{module}:{node.lineno}"


def test_the_guard_sees_what_it_looks_for():
    tree = ast.parse("from assistants import tickets as t\ngetattr(t, 'sign_ticket')(b'')")
    assert "sign_ticket" in names_in(tree)
    assert _imported(ast.parse("import anthropic.types").body[0]) == {"anthropic"}
    (call,) = (n for n in ast.walk(ast.parse("c.generate_sealed(p)")) if isinstance(n, ast.Call))
    assert _called(call) == SEALED


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return {(node.module or "").partition(".")[0]}
    return set()
