"""A right taken away while somebody looks: on the running product, by the clock."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

import aiohttp
import psycopg
import pytest

from benchmarks.product import Product
from tests.web.sockets import Tab, open_tab, signed_in

# Asks the scripted server, which takes drafts, for some fifty seconds of text from documents.
LONG = "Draft a note: how long must customer due diligence records be kept? [tokens=5000]"
WITHDRAWN = "You may no longer read what this answer was made from."
PROMISED = 1.0  # seconds
# Says when it was committed, on the clock that this process reads as well.
CHANGE = """
import time
from django.contrib.auth.models import User
from assistants.models import Zone
alice = User.objects.get(username="alice")
{}
print(time.time())
"""


@pytest.fixture
def database(product: Product) -> Iterator[psycopg.Connection]:
    """Other hands than the app's. What they change is put back."""
    services = json.loads((product.state_dir / "services.json").read_text())
    with psycopg.connect(services["DATABASE_URL"], autocommit=True) as connection:
        user = connection.execute("select id from auth_user where username = 'alice'").fetchone()
        assert user
        groups = connection.execute(
            "select group_id from auth_user_groups where user_id = %s", user
        ).fetchall()
        readers = connection.execute(
            "select zone_id, group_id from assistants_zone_readers"
        ).fetchall()
        yield connection
        connection.execute("update auth_user set is_active = true where id = %s", user)
        put_back = "on conflict do nothing"
        for row in groups:
            connection.execute(
                f"insert into auth_user_groups (user_id, group_id) values (%s, %s) {put_back}",
                (*user, *row),
            )
        for row in readers:
            connection.execute(
                f"insert into assistants_zone_readers (zone_id, group_id) values (%s, %s) "
                f"{put_back}",
                row,
            )


def change(product: Product, python: str) -> float:
    """Run the change as an admin's process would; when it was committed."""
    code = CHANGE.format(python)
    return float(product.manage("shell", "-v", "0", "-c", code).splitlines()[-1])


async def begin(tab: Tab) -> dict[str, object]:
    """An answer from alice's documents that has begun to stream."""
    accepted = await tab.ask(LONG)
    frames = await tab.frames(accepted["answer"], lambda frame: frame["type"] == "answer.delta")
    assert frames[-1]["type"] == "answer.delta", frames[-1]
    assert "compliance" in next(f for f in frames if f["type"] == "conversation.zone")["zones"]
    return accepted


async def end_of(tab: Tab, answer: str) -> tuple[dict[str, object], float]:
    frames = await tab.frames(answer)
    return frames[-1], time.time()


async def page_of(session: aiohttp.ClientSession, product: Product, conversation: str) -> str:
    async with session.get(f"{product.url}/chat/{conversation}/") as reply:
        return await reply.text()


@pytest.mark.parametrize(
    "python",
    [
        "alice.groups.remove(alice.groups.get(name='compliance'))",
        "Zone.objects.get(slug='compliance').readers.clear()",
    ],
    ids=["membership", "readers"],
)
async def test_a_streaming_answer_ends_when_its_reader_loses_the_right(product, database, python):
    async with signed_in(product, "alice") as session, open_tab(session, product) as tab:
        accepted = await begin(tab)
        answer = str(accepted["answer"])
        ending = asyncio.create_task(end_of(tab, answer))
        changed = await asyncio.to_thread(change, product, python)
        end, arrived = await ending
        assert (end["type"], end["code"]) == ("answer.failed", "access_withdrawn")
        assert (end["message"], end["retry"]) == (WITHDRAWN, False)
        assert arrived - changed < PROMISED
        # The runner stops too, and nothing of it is kept.
        await asyncio.to_thread(wait_until_ended, database, answer)
        html = await page_of(session, product, str(accepted["conversation"]))
        assert WITHDRAWN in html, html[html.find("<main") :][:4000]
        # Asking the stream again, from its beginning, shows no word of it.
        await tab.send(type="answer.resume", answer=answer, after=0)
        shown = await tab.frames(answer)
        assert [frame["type"] for frame in shown] == ["answer.failed"]


async def test_a_change_that_nobody_announces_holds_as_well(product, database):
    async with signed_in(product, "alice") as session, open_tab(session, product) as tab:
        answer = str((await begin(tab))["answer"])
        ending = asyncio.create_task(end_of(tab, answer))
        await asyncio.to_thread(database.execute, "delete from assistants_zone_readers")
        changed = time.time()
        end, arrived = await ending
        assert end["code"] == "access_withdrawn"
        assert arrived - changed < PROMISED + 0.5  # it looks every 0.8 s; a busy machine, later


async def test_an_answer_that_has_ended_is_taken_from_an_open_page(product, database):
    async with signed_in(product, "alice") as session, open_tab(session, product) as tab:
        accepted = await tab.ask("How long must customer due diligence records be kept?")
        answer, conversation = accepted["answer"], accepted["conversation"]
        end = (await tab.frames(answer))[-1]
        assert end["citations"]
        await asyncio.to_thread(change, product, "alice.groups.clear()")
        assert await told(tab, "rights.changed")
        await tab.send(type="conversation.check", conversation=conversation)
        withheld = await told(tab, "conversation.withheld")
        assert withheld["answers"] == [answer]
        assert withheld["code"] == "access_withdrawn"
        html = await page_of(session, product, conversation)
        assert WITHDRAWN in html, html[html.find("<main") :][:4000]
        assert end["text"][:40] not in html
        async with session.get(product.url + end["citations"][0]["url"]) as reply:
            assert reply.status == 404
        await tab.send(type="answer.resume", answer=answer, after=end["id"])
        (again,) = await tab.frames(answer)
        assert (again["type"], again["code"]) == ("answer.failed", "access_withdrawn")


async def test_switching_an_account_off_closes_its_sockets(product, database):
    async with signed_in(product, "alice") as session, open_tab(session, product) as tab:
        closing = asyncio.create_task(closed(tab))
        changed = await asyncio.to_thread(
            change, product, "alice.is_active = False; alice.save(update_fields=['is_active'])"
        )
        code, when = await closing
        assert code == 4401
        assert when - changed < PROMISED


async def test_signing_out_closes_the_sockets_of_the_session_alone(product):
    async with (
        signed_in(product, "carol") as session,
        signed_in(product, "carol") as elsewhere,
        open_tab(session, product) as tab,
        open_tab(elsewhere, product) as other,
    ):
        (token,) = [c.value for c in session.cookie_jar if c.key == "csrftoken"]
        form = {"csrfmiddlewaretoken": token}
        async with session.post(product.url + "/accounts/logout/", data=form) as reply:
            assert reply.ok
        code, _ = await asyncio.wait_for(closed(tab), PROMISED + 1)
        assert code == 4401
        await other.send(type="answer.stop", answer="none")
        assert (await told(other, "error"))["code"] == "not_found"


async def told(tab: Tab, kind: str) -> dict[str, object]:
    """The next frame of this type."""
    while True:
        frame = await tab.receive()
        if frame["type"] == kind:
            return frame


async def closed(tab: Tab) -> tuple[int, float]:
    return await tab.closed(), time.time()


def wait_until_ended(database: psycopg.Connection, answer: str) -> None:
    """What is stored shows only with the system's rights."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with database.transaction():
            database.execute("set local hybridapp.system = 'on'")
            row = database.execute(
                "select status, error_code, text from assistants_answer where id = %s", [answer]
            ).fetchone()
        if row != ("pending", "", ""):
            assert row == ("failed", "access_withdrawn", "")
            return
        time.sleep(0.05)
    raise AssertionError("the runner did not stop")
