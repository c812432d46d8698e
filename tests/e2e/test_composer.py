"""The composer: prompts, assistants, documents and files; and what an answer may hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from assistants.services.ready_actions import ACTIONS
from benchmarks.product import Product
from tests.e2e.driver import PATIENCE, ChatPage

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., ChatPage]

OFFER: FilePayload = {
    "name": "offer.txt",
    "mimeType": "text/plain",
    "buffer": b"The yearly fee for the vault is EUR 42, due in May.",
}
DROP = """name => {
    const given = new DataTransfer();
    const png = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 0, 0]);
    given.items.add(new File([png], name, {type: "image/png"}));
    const event = new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: given});
    document.querySelector("[data-transcript]").dispatchEvent(event);
}"""
ANSWER = r"""
The dose is $D = \frac{m}{c}$ and costs between $5 and $6.

$$
\begin{aligned} a &= b \\ c &= d \end{aligned}
$$

```python
def backoff(attempt):
    return min(30, 2**attempt)  # a comment that goes on, far beyond the width of the column
```

```mermaid
graph TD
A[Received] --> B[Checked]
```
"""
CASES = Path(__file__).resolve().parent.parent / "actions" / "cases.jsonl"
FIND = """
import json
from assistants import data
from assistants.models import Assistant, Document
from assistants.services import library, registry, retrieval
from assistants.services.ready_actions import ACTIONS
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
USERS = {{"compliance": "alice", "clinical": "carol", "code": "dave", "marketing": "mia"}}
mia, _ = get_user_model().objects.get_or_create(username="mia")
mia.groups.add(Group.objects.get(name="marketing"))
found = []
for case in {cases!r}:
    action = next(each for each in ACTIONS[case["assistant"]] if each.name == case["action"])
    blanks = iter(case["blanks"])
    text = library.PLACEHOLDER.sub(lambda _: next(blanks), action.text)
    assistant = Assistant.objects.get(slug=case["assistant"])
    user = get_user_model().objects.get(username=USERS[case["assistant"]])
    scope = data.get_scope(user)
    zones = registry.get_searched_zones()[assistant.pk]
    with data.rights_of(scope):
        all_ = dict(Document.objects.values_list("origin", "pk"))
    named = [pk for origin, pk in all_.items() if origin.endswith(tuple(case.get("named", ("-",))))]
    passages = retrieval.find_passages(assistant, scope, zones, text, documents=named).passages
    with data.rights_of(scope):
        ids = {{passage.document_id for passage in passages}}
        found.append(list(Document.objects.filter(pk__in=ids).values_list("origin", flat=True)))
print(json.dumps(found))
"""


def options(page: Page) -> Locator:
    return page.get_by_role("option")


def test_a_prompt_a_document_and_a_file_go_with_a_question(open_page: OpenPage) -> None:
    chat = open_page("alice", expect="400 \\(Bad Request\\)")  # the picture's
    page, keyboard = chat.page, chat.page.keyboard
    field = page.locator("#composer-text")
    keyboard.type("/")
    expect(options(page).nth(1)).to_be_visible(timeout=PATIENCE)
    expect(field).to_have_attribute("aria-expanded", "true")
    keyboard.press("ArrowDown")
    second = options(page).nth(1)
    expect(second).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", str(second.get_attribute("id")))
    keyboard.press("Escape")
    expect(options(page)).to_have_count(0)
    expect(field).not_to_have_attribute("aria-expanded", "true")
    keyboard.press("Backspace")
    keyboard.type("/oblig")
    expect(options(page)).to_have_count(1, timeout=PATIENCE)
    keyboard.press("Enter")
    expect(chat.composer).to_have_value(re.compile("from {{rule or topic}}"))
    keyboard.press("Enter")  # not yet: there is a blank, which is selected
    expect(page.get_by_role("alert")).to_contain_text("Fill in “rule or topic”")
    keyboard.type("the vault")
    chat.composer.fill("What is the yearly fee for the vault? #hospitality")
    keyboard.press("End")
    expect(options(page).first).to_contain_text("Gifts and Hospitality Policy", timeout=PATIENCE)
    keyboard.press("Enter")
    expect(chat.composer).to_have_value("What is the yearly fee for the vault? ")
    page.locator("[data-file-picker]").set_input_files([OFFER])
    parts = page.get_by_role("list", name="Goes with the message").get_by_role("listitem")
    expect(parts).to_have_count(2)
    expect(parts.nth(1).get_by_role("combobox")).to_have_value("compliance", timeout=PATIENCE)
    page.evaluate(DROP, "scan.png")
    expect(parts.nth(2)).to_contain_text("cannot be opened", timeout=PATIENCE)
    chat.composer.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Remove “scan.png”")
    page.get_by_role("button", name="Remove scan.png").click()
    page.get_by_role("button", name="Remove Gifts and Hospitality").first.click()
    expect(parts).to_have_count(1)
    chat.composer.press("Enter")
    answer = chat.wait_for_end()
    expect(answer.locator(".prose")).to_contain_text("EUR 42")
    expect(page.locator("[data-turn-parts=file]:visible")).to_contain_text("offer.txt")
    expect(page.locator("[data-zone]")).to_contain_text("compliance")
    answer.locator(".citation-item a").first.click()
    expect(chat.panel.locator("mark")).to_contain_text("EUR 42")
    keyboard.press("Escape")
    page.reload()
    expect(page.locator("[data-turn-parts=file]")).to_contain_text("offer.txt")
    page.set_viewport_size({"width": 360, "height": 740})
    chat.composer.fill("#hosp")
    keyboard.press("End")
    expect(options(page).first).to_be_visible(timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    keyboard.press("Enter")
    chat.composer.fill("What is the limit?")
    chat.composer.press("Enter")
    limited = chat.wait_for_end(1)
    expect(page.locator("[data-turn-parts=document]:visible")).to_contain_text("Gifts and Hosp")
    for cited in limited.locator(".citation-title").all():
        assert "Gifts and Hospitality" in cited.inner_text()


def test_formulas_code_and_diagrams(open_page: OpenPage, product: Product) -> None:
    chat = open_page("dave")
    chat.ask("Hello")
    conversation = chat.page.url.rstrip("/").rsplit("/", 1)[-1]
    product.manage("shell", "-c", _store(conversation))
    page = chat.page
    page.reload()
    answer = chat.answers.first
    formula = answer.locator("math").first
    box = formula.bounding_box()
    assert box is not None
    assert box["height"] > 15  # a fraction, drawn
    assert answer.locator("math").count() == 2
    expect(answer.locator(".prose p").first).to_contain_text("between $5 and $6")
    code = answer.locator("figure.code").first
    assert code.locator(".line").count() == 2
    copied = code.locator("pre").evaluate(
        "pre => { getSelection().selectAllChildren(pre); return getSelection().toString(); }"
    )
    assert copied.startswith("def backoff(attempt):\n    return")
    before = code.locator("pre").evaluate("pre => [pre.scrollWidth > pre.clientWidth]")
    code.get_by_role("button", name="Wrap long lines").click()
    after = code.locator("pre").evaluate("pre => [pre.scrollWidth > pre.clientWidth]")
    assert (before, after) == ([True], [False])
    diagram = answer.locator("figure.diagram")
    height = _height(diagram)
    diagram.scroll_into_view_if_needed()
    frame = page.frame_locator("iframe.diagram-frame")
    expect(frame.locator("svg")).to_contain_text("Received", timeout=PATIENCE)
    expect(diagram).to_have_attribute("data-diagram", "drawn", timeout=PATIENCE)
    assert abs(_height(diagram) - height) < 1  # nothing below it moves
    reached = frame.locator("svg").evaluate(
        """async () => {
            const tried = {};
            try { parent.document.title; tried.page = true } catch { tried.page = false }
            try { document.cookie; tried.cookie = true } catch { tried.cookie = false }
            return tried;
        }"""
    )
    assert reached == {"page": False, "cookie": False}
    diagram.get_by_role("button", name="Show the source").click()
    expect(diagram.locator("pre")).to_be_visible()


def _height(of: Locator) -> float:
    box: Any = of.bounding_box()
    return float(box["height"])


def _store(conversation: str) -> str:
    return (
        "from assistants import data\n"
        "from assistants.models import Answer\n"
        "with data.rights_of_system():\n"
        f"    Answer.objects.filter(message__conversation={conversation!r})"
        f".update(text={json.dumps(ANSWER)})"
    )


def test_ready_actions_find_what_they_are_about(product: Product) -> None:
    """Each with its blanks filled, on the demo's documents: what it is to be answered from is
    among the passages that the model is given.
    """
    cases = [json.loads(line) for line in CASES.read_text().splitlines()]
    found = json.loads(product.manage("shell", "-c", FIND.format(cases=cases)).splitlines()[-1])
    missed = [
        f"{case['action']} ({case['blanks'][0][:40]}): {sorted(origins)}"
        for case, origins in zip(cases, found, strict=True)
        if not all(any(o.endswith(d) for o in origins) for d in case["documents"])
        or (case.get("named") and len(origins) != len(case["named"]))
    ]
    assert missed == []
    assert {case["action"] for case in cases} == {a.name for each in ACTIONS.values() for a in each}
