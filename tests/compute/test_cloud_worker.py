"""The cloud worker: a real Celery process with the account, the keys and the environment that it
has in the product, a real broker that bounds it, and a real server that speaks as a cloud does.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
import pytest
import redis
from django.conf import settings

from assistants import compute
from assistants.compute import dispatch, remote, wire
from assistants.compute.broker import async_client
from assistants.compute.lanes import CLOUD
from assistants.exceptions import ProviderError
from assistants.tickets import from_base64url, public_key_of, seed_of
from assistants.types import (
    Delta,
    DeploymentSpec,
    Finished,
    GenerationEvent,
    Prompt,
    PromptMessage,
    Role,
    SealedPrompt,
    Started,
)
from tests import cloud as scripted
from tests import workers
from tests.cloud import Cloud
from tests.compute.conftest import until
from tests.egress import Request, let_through
from tests.workers import Worker


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with scripted.serve(Cloud()) as cloud:
        yield cloud


@pytest.fixture
def claude(cloud: Cloud) -> DeploymentSpec:
    return DeploymentSpec(
        "claude",
        "anthropic",
        "cloud",
        "us",
        scripted.MODEL,
        base_url=cloud.url,
        key_variable="TEST_API_KEY",
    )


def request(to: DeploymentSpec, text: str = "Hello [PERSON_1]", /, **of_ticket: Any) -> Request:
    sealed = SealedPrompt((PromptMessage(Role.SYSTEM, "Be exact."), PromptMessage(Role.USER, text)))
    return let_through(sealed, to, **of_ticket)


async def collect(asked: Request) -> list[GenerationEvent]:
    async with asyncio.timeout(30), aclosing(asked.events()) as events:
        return [event async for event in events]


def text_of(events: list[GenerationEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


async def refusal_of(asked: Request) -> ProviderError:
    """What the worker itself says, past all that the trusted side checks."""
    await async_client().set(wire.wanted_key(CLOUD, asked.generation_id), 1, ex=20)
    await asyncio.to_thread(dispatch.send, CLOUD, asked.payload, asked.ticket)
    stream = wire.stream_key(CLOUD, asked.generation_id)
    found: Any = await async_client().xread({stream: "0"}, block=20_000)
    error = wire.decode(found[0][1][0][1])
    assert isinstance(error, ProviderError)
    return error


class TestAnswers:
    async def test_a_sealed_prompt_comes_back_with_its_placeholders(
        self, cloud_worker, cloud, claude
    ):
        events = await collect(request(claude, "[echo] Tell [PERSON_1] of [IBAN_2], please"))
        assert text_of(events) == "Tell [PERSON_1] of [IBAN_2], please"
        assert events[0] == Started(scripted.MODEL)
        assert isinstance(events[-1], Finished)
        assert events[-1].usage.completion_tokens == 5

    async def test_what_leaves_is_the_payload_and_the_key(self, cloud_worker, cloud, claude):
        asked = request(claude, "Hello [PERSON_1]")
        await collect(asked)
        (body,) = cloud.bodies
        assert [message["content"] for message in body["messages"]] == ["Hello [PERSON_1]"]
        assert b"Bearer test-key" in cloud.received[0]
        assert "test-key" not in asked.payload

    async def test_fifty_run_side_by_side(self, cloud_worker, cloud, claude):
        running = asyncio.gather(*(collect(request(claude, "[hold]")) for _ in range(50)))
        try:
            await until(lambda: cloud.open_streams == 50, 30)
        finally:
            cloud.release.set()
            answers = await running
        assert {text_of(events) for events in answers} == {"".join(f"tok{n} " for n in range(12))}

    async def test_closing_it_frees_the_clouds_stream(self, cloud_worker, cloud, claude):
        asked = request(claude, "[tokens=5000] [delay=5]")
        async with aclosing(asked.events()) as events:
            async for event in events:
                if isinstance(event, Delta):
                    break
        await until(lambda: cloud.open_streams == 0)

    async def test_it_stops_for_a_caller_that_died(self, cloud_worker, cloud, claude):
        """It cannot say so: what it wanted lapses."""
        asked = request(claude, "[tokens=5000] [delay=5]")
        await async_client().set(wire.wanted_key(CLOUD, asked.generation_id), 1, px=1500)
        await asyncio.to_thread(dispatch.send, CLOUD, asked.payload, asked.ticket)
        await until(lambda: cloud.open_streams == 1)
        await until(lambda: cloud.open_streams == 0)


class TestTickets:
    """Whatever reaches its queue: without the gate's word for exactly this, nothing is sent."""

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"payload": "another"}, "another payload"),
            ({"deployment": "other"}, "another deployment"),
            ({"place": "cloud:eu"}, "another place"),
            ({"expires": int(time.time()) - 3600}, "expired"),
            ({"expires": int(time.time()) + 86_400}, "longer than tickets"),
            ({"secret": "somebody else's"}, "signature"),
        ],
    )
    async def test_a_ticket_for_something_else_is_refused(
        self, cloud_worker, cloud, claude, wrong, said
    ):
        with pytest.raises(ProviderError, match=said) as raised:
            await collect(request(claude, **wrong))
        assert (raised.value.code, raised.value.permanent) == ("egress_refused", False)
        assert cloud.received == []

    @pytest.mark.parametrize("ticket", ["", "{}", "null", "[1]", '{"record": 1}', "x" * 9999])
    async def test_what_is_no_ticket_is_refused(self, cloud_worker, cloud, claude, ticket):
        with pytest.raises(ProviderError) as raised:
            await collect(replace(request(claude), ticket=ticket))
        assert raised.value.code == "egress_refused"
        assert cloud.received == []

    async def test_one_changed_character_is_refused(self, cloud_worker, cloud, claude):
        asked = request(claude, "Hello [PERSON_1]")
        changed = replace(asked, payload=asked.payload.replace("[PERSON_1]", "[PERSON_2]"))
        with pytest.raises(ProviderError, match="another payload"):
            await collect(changed)
        assert cloud.received == []

    async def test_the_same_generation_is_sent_once(self, cloud_worker, cloud, claude):
        asked = request(claude)
        await collect(asked)
        await async_client().set(wire.wanted_key(CLOUD, asked.generation_id), 1, ex=20)
        await asyncio.to_thread(dispatch.send, CLOUD, asked.payload, asked.ticket)
        await collect(request(claude))
        assert len(cloud.bodies) == 2

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"environment": "on_prem"}, "in no cloud"),
            ({"provider": "local"}, "no cloud speaks"),
            ({"provider": "quotes"}, "no cloud speaks"),
            ({"base_url": "http://cloud.example.org"}, "not https"),
            ({"base_url": "http://10.0.0.1"}, "not https"),
            ({"base_url": "file:///etc/passwd"}, "not https"),
        ],
    )
    async def test_a_ticket_does_not_help_a_deployment_that_is_none(
        self, cloud_worker, cloud, claude, changes, said
    ):
        refused = await refusal_of(request(replace(claude, **changes)))
        assert refused.code == "egress_refused"
        assert said in str(refused)

    async def test_what_is_no_payload_is_dropped(self, cloud_worker, cloud, claude):
        for payload in ("", "[]", '{"id": "../x"}', "[" * 5000):
            await asyncio.to_thread(dispatch.send, CLOUD, payload, "{}")
        assert text_of(await collect(request(claude)))
        assert len(cloud.bodies) == 1


class TestTheTrustedSide:
    async def test_nothing_goes_to_a_cloud_unsealed(self, cloud_worker, cloud, claude):
        prompt = Prompt((PromptMessage(Role.USER, "in clear"),), question="in clear")
        with pytest.raises(ProviderError) as raised:
            compute.generate(prompt, claude, generation_id=str(uuid.uuid4()))
        assert raised.value.code == "egress_refused"
        assert cloud.received == []

    def test_only_a_cloud_is_sent_to(self, claude):
        with pytest.raises(ProviderError, match="in no cloud"):
            request(replace(claude, environment="on_prem")).events()

    def test_a_payload_goes_by_its_own_name(self, claude):
        with pytest.raises(ValueError, match="another"):
            replace(request(claude), generation_id="other").events()

    def test_the_payload_says_where_it_goes_and_no_more(self, claude):
        payload = json.loads(request(claude).payload)
        assert payload.keys() == {"id", "messages", "max_tokens", "temperature", "deployment"}
        told = payload["deployment"]
        assert (told["slug"], told["region"], told["base_url"]) == ("claude", "us", claude.base_url)
        assert not told.keys() & {"rank", "capabilities", "input_price", "output_price"}

    def test_a_payload_survives_the_broker(self, claude):
        asked = request(claude, "Grüße an [PERSON_1] \u2028 😀")
        generation_id, prompt, deployment = wire.decode_sealed(asked.payload)
        assert (generation_id, deployment) == (asked.generation_id, claude)
        assert prompt.messages[-1].text == "Grüße an [PERSON_1] \u2028 😀"
        assert prompt.question == ""

    async def test_health_is_what_the_worker_tells(self, cloud_worker, claude):
        assert (await compute.check_deployment(claude)).ready
        for variable, said in (("OTHER_API_KEY", "OTHER_API_KEY"), ("", "key_variable")):
            health = await compute.check_deployment(replace(claude, key_variable=variable))
            assert (health.ready, said in health.detail) == (False, True)

    async def test_an_entry_that_is_none_is_an_error_and_no_crash(self, monkeypatch):
        stream = "generation-of-nobody"
        monkeypatch.setattr(wire, "stream_key", lambda lane, generation_id: stream)
        await async_client().xadd(stream, {"n": "1", "t": "finished", "reason": "why not"})
        try:
            with pytest.raises(ProviderError) as raised:
                await anext(remote._follow(async_client(), CLOUD, "x"))
        finally:
            await async_client().delete(stream)
        assert raised.value.code == "bad_response"


class TestWhatItCanReach:
    """With everything that is in its environment."""

    @pytest.fixture
    def environment(self, cloud_worker: Worker) -> dict[str, str]:
        raw = Path(f"/proc/{cloud_worker.process.pid}/environ").read_bytes()
        pairs = (item.partition(b"=") for item in raw.split(b"\0") if item)
        return {name.decode(): value.decode() for name, _, value in pairs}

    @pytest.fixture
    def account(self, environment):
        with redis.Redis.from_url(environment["REDIS_URL"], decode_responses=True) as client:
            yield client

    @pytest.fixture
    def others(self):
        """Keys of the on-premises side, as the trusted account sees them."""
        with redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True) as client:
            client.xadd("generation:others", {"n": "1", "t": "delta", "text": "in clear"})
            client.rpush("on_prem", "a prompt in clear")
            yield client
            client.delete("generation:others", "on_prem")

    def test_it_is_given_nothing_that_it_does_not_need(self, environment):
        assert not environment.keys() & {
            *("DATABASE_URL", "MIGRATION_DATABASE_URL", "SECRET_KEY", "SECRET_KEY_FALLBACKS"),
            *("DEMO_PASSWORD", "CLOUD_REDIS_URL", "MODELS_DIR", "DJANGO_SETTINGS_MODULE"),
        }
        assert environment["REDIS_URL"] != os.environ["REDIS_URL"]

    @pytest.mark.parametrize(
        "command",
        [
            ("GET", "alive:model"),
            ("XREAD", "STREAMS", "generation:others", "0"),
            ("XRANGE", "generation:others", "-", "+"),
            ("LRANGE", "on_prem", "0", "-1"),
            ("RPOP", "on_prem"),
            ("LPUSH", "on_prem", "x"),
            ("LPUSH", "trusted", "x"),
            ("SET", "answer:x:stop", "1"),
            ("DEL", "generation:others"),
            ("XADD", "generation:others", "*", "n", "2"),
            ("COPY", "generation:others", "cloud:mine"),
            ("RENAME", "on_prem", "cloud:mine"),
            ("EVAL", "return redis.call('lrange', KEYS[1], 0, -1)", "1", "on_prem"),
            ("EVAL", "return redis.call('keys', '*')", "0"),
            ("EVAL", "return redis.call('get', 'al' .. 'ive:model')", "0"),
            ("KEYS", "*"),
            ("SCAN", "0"),
            ("RANDOMKEY",),
            ("PUBSUB", "CHANNELS"),
            ("SUBSCRIBE", "answers:stop"),
            ("PSUBSCRIBE", "*"),
            ("PUBLISH", "answers:stop", "x"),
            ("CONFIG", "GET", "*"),
            ("ACL", "LIST"),
            ("ACL", "SETUSER", "cloud", "~*"),
            ("CLIENT", "LIST"),
            ("CLIENT", "KILL", "ID", "1"),
            ("MONITOR",),
            ("FLUSHALL",),
            ("SCRIPT", "FLUSH"),
            ("FUNCTION", "LIST"),
            ("SHUTDOWN",),
        ],
    )
    def test_the_broker_denies_it_what_is_not_the_clouds(self, account, others, command):
        # A script's own try is told as an error of the script.
        with pytest.raises(redis.exceptions.ResponseError, match=r"permission|ACL failure"):
            account.execute_command(*command)

    def test_its_account_is_no_other(self, environment):
        url = urlsplit(environment["REDIS_URL"])
        for user, word in (("default", url.password), (None, url.password), (None, None)):
            client = redis.Redis(unix_socket_path=url.path, username=user, password=word)
            with client, pytest.raises(redis.exceptions.AuthenticationError):
                client.ping()

    def test_it_reads_no_row_of_the_database(self, environment):
        database = settings.DATABASES["default"]
        if not str(database["HOST"]).startswith("/"):
            pytest.skip("the given database is not the embedded one")
        words = {part for value in environment.values() for part in (value, *value.split(":@/"))}
        words |= {unquote(urlsplit(environment["REDIS_URL"]).password or ""), ""}
        for role in (database["USER"], settings.OWNER_DATABASE["USER"], "postgres"):
            for word in sorted(word for word in words if len(word) < 1000):
                with pytest.raises(psycopg.OperationalError, match="password"):
                    psycopg.connect(
                        host=database["HOST"], user=role, password=word, dbname="postgres"
                    )

    def test_it_makes_no_ticket_and_opens_no_map(self, environment):
        public = from_base64url(environment["EGRESS_PUBLIC_KEY"])
        assert public == public_key_of(seed_of(settings.SECRET_KEY))
        for value in environment.values():
            assert settings.SECRET_KEY not in value
            assert public_key_of(seed_of(value)) != public
        assert not (Path(environment["STATE_DIR"]) / "secret_key").exists()
        assert not (Path(environment["STATE_DIR"]) / "services.json").exists()

    def test_the_trusted_side_holds_no_key(self):
        assert "TEST_API_KEY" not in os.environ
        assert parse_qs(urlsplit(os.environ["CLOUD_REDIS_URL"]).query) == {}


class TestItsOwnCare:
    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"SECRET_KEY": "x"}, "must not be given SECRET_KEY"),
            ({"DATABASE_URL": "postgres:///x"}, "must not be given DATABASE_URL"),
            ({"EGRESS_PUBLIC_KEY": ""}, "EGRESS_PUBLIC_KEY"),
            ({"EGRESS_PUBLIC_KEY": "c2hvcnQ"}, "EGRESS_PUBLIC_KEY"),
        ],
    )
    def test_it_does_not_start_wrongly(self, tmp_path, changes, said):
        worker = workers.cloud_worker(tmp_path, **changes)
        worker.launch()
        try:
            assert worker.process.wait(60) != 0
        except subprocess.TimeoutExpired:
            worker.kill()
            raise
        assert said in worker.log.read_text()

    async def test_its_log_tells_no_text_and_no_key(self, cloud_worker, cloud, claude):
        asked = request(claude, "canary-question")
        await collect(asked)
        for fault in ("401", "garbage", "reset"):
            asked = request(claude, f"canary-question [fault={fault}]")
            with pytest.raises(ProviderError) as raised:
                await collect(asked)
            assert "canary" not in str(raised.value)
            assert "test-key" not in str(raised.value)
        asked = request(claude, "canary-question")
        with pytest.raises(ProviderError):
            await collect(replace(asked, ticket="{}"))
        await until(lambda: asked.generation_id in cloud_worker.log.read_text())
        log = cloud_worker.log.read_text()
        assert "canary" not in log
        assert "test-key" not in log
        assert "Traceback" not in log
