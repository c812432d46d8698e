"""What pages need to have something on them, put in place in one go: an answer of every kind of
block, a recording with its note, an item for a reviewer, and where the console's pages are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from benchmarks.product import Product

ANSWER = r"""
## What is kept

The dose is $D = \frac{m}{c}$, see **below** and `backoff`. It cites nothing.

- first
- second

> A quotation.

| Rule | Limit |
|---|---:|
| Gifts | EUR 50 |
| Hospitality | EUR 100 |

```python
def backoff(attempt):
    return min(30, 2**attempt)  # a comment that goes on, far beyond the width of the column
```

```diff
- return 1
+ return 2
```

```mermaid
graph TD
A[Received] --> B[Checked]
```
"""

SCRIPT = """
import json
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import reverse
from assistants import data
from assistants.models import Answer, Assistant, Policy, Zone
from assistants.services import assistant_versions, note_drafting, notes, policy_drafts, reviews
from tests.visits import make_visit

people = get_user_model().objects
alice, adam = people.get(username="alice"), people.get(username="adam")
zone = Zone.objects.get(slug="compliance")
recording = make_visit(alice, zone, unsure="doxycycline")
note = notes.create_note(alice, recording.pk, notes.list_templates(alice)[0].slug, lambda _: None)
note_drafting.draft_note(note.pk)
assistant = assistant_versions.create_draft(adam, Assistant.objects.get(slug="code"))
policy = policy_drafts.create_draft(adam, Policy.objects.order_by("pk").first())
with data.rights_of_system():
    answers = Answer.objects.filter(message__conversation__owner=alice)
    answers.filter(message__conversation={drawn!r}).update(text={text!r})
    answers.filter(message__conversation={held!r}).update(status="held")
    item = reviews.open_item(answers.select_related("message__conversation__assistant").get(
        message__conversation={held!r}))

    request = RequestFactory().get("/")
    request.user = adam
    console = ["index", "password_change"]
    console += ["assistants_" + name for name in ("zone_matrix", "document_held", "what_if",
        "playground", "review_figures", "assistant_add", "zone_add")]
    console = [reverse("admin:" + name) for name in console]
    console.append(reverse("admin:index") + "search/?q=policy")
    for name, version in (("assistant", assistant), ("policy", policy)):
        console.append(reverse(f"admin:assistants_{{name}}_version", args=[version.pk]))
    for model, of in admin.site._registry.items():
        name = f"admin:{{model._meta.app_label}}_{{model._meta.model_name}}_"
        if of.has_view_permission(request):
            console.append(reverse(name + "changelist"))
        first = of.get_queryset(request).order_by("pk").first()
        if first and of.has_view_permission(request, first) and name.split("_")[1] != "reviewitem":
            console.append(reverse(name + "change", args=[first.pk]))
        elif of.has_add_permission(request):
            console.append(reverse(name + "add"))

names = ("403", "403_csrf", "500")
print(json.dumps(dict(
    recording=reverse("recording", args=[recording.pk]),
    note=reverse("note", args=[note.pk]),
    item=reverse("admin:assistants_reviewitem_change", args=[item.pk]),
    console=console,
    errors=dict((name, render_to_string(name + ".html")) for name in names),
)))
"""


@dataclass(frozen=True)
class Furnished:
    """Paths, and the text of pages that only an accident shows."""

    drawn: str
    held: str
    recording: str
    note: str
    item: str
    console: list[str]
    errors: dict[str, str]


def furnish(product: Product, *, drawn: str, held: str) -> Furnished:
    """`drawn` and `held` are alice's conversations: one gets the answer, the other waits for a
    reviewer.
    """
    told: dict[str, Any] = json.loads(
        product.manage(
            "shell", "-c", SCRIPT.format(drawn=drawn, held=held, text=ANSWER)
        ).splitlines()[-1]
    )
    return Furnished(drawn=drawn, held=held, **told)
