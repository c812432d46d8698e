"""Recordings over HTTP: pieces, ranges, errors that say what to do."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from django.urls import reverse

from assistants import tasks
from assistants.services import recordings, transcription
from tests import sounds

pytestmark = pytest.mark.django_db
CONTENT = sounds.as_wav(sounds.noise(1))


@pytest.fixture(autouse=True)
def woken(monkeypatch):
    calls = []
    monkeypatch.setattr(tasks.transcribe, "delay", lambda: calls.append(1))
    return calls


@pytest.fixture
def page(client, cast):
    client.force_login(cast.carol)
    return client


def create(page, **more):
    reply = page.post(reverse("create-recording"), {"zone": "clinical", "name": "a.wav", **more})
    return reply.json()["id"]


def send(page, id, number, content, sha256=None):
    return page.put(
        reverse("recording-chunk", args=[id, number]),
        content,
        content_type="application/octet-stream",
        headers={"X-Chunk-Sha256": sha256 or hashlib.sha256(content).hexdigest()},
    )


def uploaded(page):
    id = create(page)
    half = len(CONTENT) // 2
    for number, piece in enumerate((CONTENT[:half], CONTENT[half:])):
        assert send(page, id, number, piece).status_code == 204
    assert page.post(reverse("finish-recording", args=[id]), {"chunks": 2}).status_code == 200
    return id


def test_an_upload_goes_on_where_the_network_was_lost(page):
    id = create(page)
    assert send(page, id, 1, b"later").status_code == 204
    assert send(page, id, 1, b"later").status_code == 204
    (kept,) = page.get(reverse("recording-chunks", args=[id])).json()["chunks"]
    assert (kept["number"], kept["size"]) == (1, 5)
    reply = page.post(reverse("finish-recording", args=[id]), {"chunks": 2})
    assert reply.status_code == 409
    assert "0" in reply.json()["error"]["message"]
    assert send(page, id, 0, b"sooner").status_code == 204
    reply = page.post(reverse("finish-recording", args=[id]), {"chunks": 2})
    assert reply.json()["state"] == "waiting"


def test_errors_have_a_code_and_a_sentence(page, cast):
    id = create(page)
    for reply, status, code in (
        (send(page, id, 0, b"x", "0" * 64), 409, "chunk_damaged"),
        (send(page, id, 0, bytes(recordings.CHUNK_BYTES + 1)), 400, "chunk_size"),
        (
            page.post(reverse("finish-recording", args=[id]), {"chunks": "x"}),
            400,
            "invalid_request",
        ),
        (page.post(reverse("create-recording"), {"zone": "compliance"}), 404, "not_found"),
        (
            page.post(reverse("create-recording"), {"zone": "clinical", "conversation": "x"}),
            404,
            "not_found",
        ),
        (page.get(reverse("export-transcript", args=[id, "pdf"])), 400, "format_unknown"),
        (page.post(reverse("change-recording", args=[id, "explode"])), 404, "not_found"),
    ):
        assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
        assert len(reply.json()["error"]["message"]) > 10


def test_nobody_else_comes_near(page, cast):
    id = uploaded(page)
    page.force_login(cast.alice)
    for reply in (
        page.get(reverse("recording-progress", args=[id])),
        page.get(reverse("recording-chunks", args=[id])),
        page.get(reverse("recording-audio", args=[id])),
        page.get(reverse("bleeped-recording", args=[id])),
        page.get(reverse("export-transcript", args=[id, "txt"])),
        page.post(reverse("change-recording", args=[id, "delete"])),
        send(page, id, 0, b"x"),
    ):
        assert reply.status_code == 404


RANGES = [
    ("", 200, 0, len(CONTENT)),
    ("bytes=0-", 206, 0, len(CONTENT)),
    ("bytes=100-199", 206, 100, 200),
    ("bytes=-50", 206, len(CONTENT) - 50, len(CONTENT)),
    (f"bytes=15000-{10**9}", 206, 15000, len(CONTENT)),
]


def read(reply):
    async def collect():
        return [piece async for piece in reply.streaming_content]

    return b"".join(asyncio.run(collect()))


@pytest.mark.django_db(transaction=True)  # it is read on another thread
def test_the_audio_is_played_from_anywhere(page):
    id = uploaded(page)
    for asked, status, start, end in RANGES:
        headers = {"Range": asked} if asked else {}
        reply = page.get(reverse("recording-audio", args=[id]), headers=headers)
        assert reply.status_code == status
        assert read(reply) == CONTENT[start:end]
        if status == 206:
            assert reply["Content-Range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
        assert reply["X-Content-Type-Options"] == "nosniff"
        assert "html" not in reply["Content-Type"]
    beyond = {"Range": f"bytes={len(CONTENT)}-"}
    assert page.get(reverse("recording-audio", args=[id]), headers=beyond).status_code == 416


def test_from_upload_to_export(page, cast):
    id = uploaded(page)
    while transcription.transcribe_waiting(lambda: None):
        pass
    told = page.get(reverse("recording-progress", args=[id])).json()
    assert (told["state"], told["share"], told["ended"]) == ("ready", 1.0, True)
    reply = page.get(reverse("export-transcript", args=[id, "srt"]))
    assert 'filename="a.srt"' in reply["Content-Disposition"]
    assert (
        page.post(reverse("change-recording", args=[id, "rename"]), {"name": "b"}).status_code
        == 204
    )
    assert recordings.list_recordings(cast.carol)[0].name == "b"
    assert page.post(reverse("change-recording", args=[id, "delete"])).status_code == 204
    assert recordings.list_recordings(cast.carol) == []
