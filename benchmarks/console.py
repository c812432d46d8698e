"""How long the console's pages take over a million rows: `python -m benchmarks.console`.

Audit events, egress records, answers, their generations and findings, a million each, spread over
ninety days; a day's are about eleven thousand. Each page is opened by an admin, warm, five times:
queries without the frames of transactions, and the median in milliseconds of the server's work,
without the network. Beside other work on the machine the milliseconds say little.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

from benchmarks import database

PEOPLE, DAYS = 2_000, 90
TIMES = 5
LIMIT_QUERIES, LIMIT_MS = 25, 300
FRAMES = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")  # around the queries

# {n} rows; `nth` spreads over the days, newest last. Ids are UUIDv7 of their own time.
SPREAD = """
create function pg_temp.at(nth bigint, n bigint) returns timestamptz language sql stable as
    $$ select now() - (interval '1 day' * {days}) * (1 - nth::float8 / n) $$;
create function pg_temp.id(at timestamptz, nth bigint) returns uuid language sql immutable as
    $$ select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0')
        || '7' || substr(md5(nth::text), 1, 3) || '8' || substr(md5(nth::text), 4, 15))::uuid $$;
"""
FILL = {
    "people": """
insert into auth_user (username, password, is_superuser, is_staff, is_active, first_name,
    last_name, email, date_joined)
select 'person-' || nth, '', false, false, true, '', '', '', now()
from generate_series(1, {people}) nth;
insert into auth_user_groups (user_id, group_id)
select id, (select min(id) from auth_group) from auth_user where username like 'person-%';
""",
    "audit events": """
insert into assistants_auditevent
    (number, at, actor, action, subject, data, previous_sha256, sha256)
select 1000000 + nth, pg_temp.at(nth, {n}), 'person-' || nth % {people},
    'action.' || nth % 60, pg_temp.id(now(), nth)::text, '{{}}', md5('') || md5(''),
    md5('') || md5('')
from generate_series(1, {n}) nth
""",
    "egress records": """
insert into assistants_egressrecord (id, at, purpose, subject, actor, deployment, place, region,
    zones, treatment, sealed, outcome, rule, payload_sha256, size, placeholders, findings, expires,
    sha256)
select pg_temp.id(pg_temp.at(nth, {n}), nth), pg_temp.at(nth, {n}), 'purpose-' || nth % 5,
    pg_temp.id(now(), nth)::text, 'person-' || nth % {people}, 'model-' || nth % 8, 'cloud:eu',
    'eu', '{{general}}', 'redact', true, case when nth % 20 = 0 then 'block' else 'allow' end,
    'Nothing objects.', md5(nth::text) || md5(nth::text), 2000, '{{"PERSON": 2}}', '[]', now(),
    md5('') || md5('')
from generate_series(1, {n}) nth
""",
    "conversations": """
insert into assistants_conversation (id, owner_id, assistant_id, title, zones, origin, created,
    updated)
select pg_temp.id(pg_temp.at(nth, {n} / 10), nth), (select max(id) from auth_user) - nth % {people},
    (select min(id) from assistants_assistant), 'A title', '{{general}}', 'page', now(), now()
from generate_series(1, {n} / 10) nth;
insert into assistants_message (id, conversation_id, author_id, client_id, text, zones, given,
    sampling, created)
select id, id, owner_id, id::text, 'A question', zones, '[]', '{{}}', now()
from assistants_conversation
""",
    "answers": """
insert into assistants_answer (id, message_id, number, status, text, draft, fingerprint,
    finish_reason, error_code, error_message, zones, made_from, deployment_id, prompt_tokens,
    completion_tokens, cost, elsewhere, receipt_sha256, created, ended)
select pg_temp.id(pg_temp.at(nth, {n}), nth),
    (array(select id from assistants_message))[1 + nth % ({n} / 10)], 1 + nth / ({n} / 10),
    case when nth % 50 = 0 then 'held' when nth % 70 = 0 then 'blocked' else 'completed' end,
    'An answer', '', '', 'stop', '', '', '{{general}}', '{{}}',
    (select min(id) from assistants_deployment) + nth % 8, 900, 200, 0.002, '{{}}', md5(''),
    pg_temp.at(nth, {n}), pg_temp.at(nth, {n})
from generate_series(1, {n}) nth
""",
    "generations": """
insert into assistants_generation (id, answer_id, deployment_id, model, version, outcome,
    prompt_tokens, completion_tokens, first_token_ms, duration_ms, created)
select id, id, deployment_id, '', '', 'stop', 900, 200, 100 + random() * 900, 2000, created
from assistants_answer
""",
    "findings": """
insert into assistants_guardrailfinding (id, answer_id, guardrail, version, kind, severity, reason,
    stage, outcome, start, "end", failed, created)
select id, id, 'a guardrail', '1', 'kind-' || (random() * 6)::int, 0.6, 'A reason', 'output',
    'allow', 0, 0, false, created
from assistants_answer
""",
    "charges": """
insert into assistants_charge (answer, at, user_id, department_id, cost)
select id, created, (select max(id) from auth_user) - (random() * {people})::int,
    (select min(id) from auth_group), cost from assistants_answer
""",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    database.start()
    from django.core.management import call_command

    call_command("collectstatic", interactive=False, verbosity=0)
    _fill(rows)
    slow = _measure()
    print("\nAll within the limits." if not slow else f"\nBeyond the limits: {', '.join(slow)}")


def _fill(rows: int) -> None:
    from django.contrib.auth.models import Group, User
    from django.db import connection

    from assistants import data
    from assistants.models import Assistant, Budget, Deployment, PromptVersion, Zone

    User.objects.create_superuser("admin")
    department = Group.objects.create(name="department")
    zone = Zone.objects.create(
        slug="general", name="General", sensitivity=1, residency=["on_prem"], treatment="redact"
    )
    zone.readers.add(department)
    Assistant.objects.create(
        slug="assistant",
        name="Assistant",
        department=department,
        prompt=PromptVersion.objects.create(name="assistant", number=1, text="A prompt"),
        question_zone=zone,
    )
    for number in range(8):
        Deployment.objects.create(slug=f"model-{number}", provider="quotes")
    for period in ("day", "month"):
        for whose in (None, department):
            Budget.objects.create(department=whose, period=period, hard_limit=1)
    names = {"n": rows, "people": PEOPLE, "days": DAYS}
    with data.as_owner(), data.rights_of_system(), connection.cursor() as cursor:
        cursor.execute(SPREAD.format(**names))
        for what, statement in FILL.items():
            began = time.monotonic()
            cursor.execute(statement.format(**names))
            print(f"{what}: {time.monotonic() - began:.0f} s", flush=True)
    with data.as_owner(), connection.cursor() as cursor:
        cursor.execute("vacuum analyze")


def _pages() -> dict[str, str]:
    from django.urls import reverse

    from assistants.models import AuditEvent, EgressRecord

    audit = reverse("admin:assistants_auditevent_changelist")
    ledger = reverse("admin:assistants_egressrecord_changelist")
    event, record = AuditEvent.objects.order_by("number")[500_000:][:1], EgressRecord.objects.last()
    subject = event[0].subject if event else ""
    people = reverse("admin:auth_user_changelist")
    return {
        "home": reverse("admin:index"),
        "search, a name": reverse("admin:search", query={"q": "person-17"}),
        "search, an id": reverse("admin:search", query={"q": subject}),
        "audit": audit,
        "audit, its last page": f"{audit}?p=100",
        "audit, a person": f"{audit}?q=person-17",
        "audit, nobody": f"{audit}?q=nobody",
        "audit, an action today": f"{audit}?action=action.7&day=0",
        "audit, yesterday": f"{audit}?day=1",
        "audit, by actor": f"{audit}?o=3",
        "egress": ledger,
        "egress, its last page": f"{ledger}?p=100",
        "egress, one model, refused, a week": f"{ledger}?deployment=model-3&outcome=block&day=7",
        "egress, a person": f"{ledger}?q=person-17",
        "egress, a record": reverse("admin:assistants_egressrecord_change", args=[record.pk])
        if record
        else ledger,
        "guardrails": reverse("admin:assistants_incident_changelist"),
        "reviews": reverse("admin:assistants_reviewitem_changelist"),
        "budgets": reverse("admin:assistants_budget_changelist"),
        "people": people,
        "people, a name": f"{people}?q=person-17",
        "departments": reverse("admin:auth_group_changelist"),
        "keys": reverse("admin:assistants_apikey_changelist"),
        "documents": reverse("admin:assistants_document_changelist"),
        "assistants": reverse("admin:assistants_assistant_changelist"),
        "zones": reverse("admin:assistants_zone_changelist"),
    }


def _measure() -> list[str]:
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client, slow = Client(SERVER_NAME="localhost"), []
    client.force_login(User.objects.get(username="admin"))
    print(f"\n{'page':36} {'queries':>8} {'ms':>8}")
    for name, page in _pages().items():
        taken, queries = [], 0
        for _ in range(TIMES + 1):
            with CaptureQueriesContext(connection) as captured:
                began = time.perf_counter()
                reply: Any = client.get(page)
                taken.append((time.perf_counter() - began) * 1000)
            assert reply.status_code == 200, (name, reply.status_code)
            queries = sum(not each["sql"].startswith(FRAMES) for each in captured)
        milliseconds = statistics.median(taken[1:])
        print(f"{name:36} {queries:>8} {milliseconds:>8.0f}", flush=True)
        if queries > LIMIT_QUERIES or milliseconds > LIMIT_MS:
            slow.append(name)
            longest = max(captured.captured_queries, key=lambda each: float(each["time"]))
            print(f"    the longest, {longest['time']} s: {longest['sql'][:300]}")
    return slow


if __name__ == "__main__":
    main()
