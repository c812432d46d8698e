from __future__ import annotations

import socket

import pytest

from assistants import compute
from assistants.compute import embedding_endpoint
from assistants.exceptions import InvalidRequest, ProviderError
from assistants.types import EmbeddingSpec
from tests.inference import embeddings, serve


def spec(url: str, dimensions: int = 3, **extra) -> EmbeddingSpec:
    return EmbeddingSpec(1, "wide", "", dimensions, url, **extra)


def three(text: str) -> list[float]:
    return [float(len(text)), 0.0, 0.0]


async def test_vectors_are_of_length_one_and_in_order():
    batches = []

    def answer(path, body, headers):
        assert (path, body["model"]) == ("/v1/embeddings", "wide")
        batches.append(len(body["input"]))
        return embeddings(body, lambda text: [float(text), 1.0, 0.0])

    texts = [str(number) for number in range(100)]
    with serve(answer) as url:
        vectors = await compute.embed_at_endpoint(texts, spec(url))
    assert batches == [64, 36]
    for number, vector in enumerate(vectors):
        assert sum(value * value for value in vector) == pytest.approx(1)
        assert vector[0] / vector[1] == pytest.approx(number)


async def test_the_length_is_measured_and_the_key_sent(monkeypatch):
    seen = []

    def answer(path, body, headers):
        seen.append(headers.get("Authorization"))
        return embeddings(body, lambda text: [0.0, 2.0, 0.0, 0.0])

    monkeypatch.setenv("EMBEDDINGS_KEY", "secret")
    with serve(answer) as url:
        found = await compute.measure_endpoint(spec(url, 0, key_variable="EMBEDDINGS_KEY"))
    assert (found, seen) == (4, ["Bearer secret"])


async def test_what_passes_is_tried_again(monkeypatch):
    monkeypatch.setattr(embedding_endpoint, "PAUSE_SECONDS", 0.001)
    told = [(503, {}), (429, {})]

    def answer(path, body, headers):
        return told.pop() if told else embeddings(body, three)

    with serve(answer) as url:
        assert len(await compute.embed_at_endpoint(["one", "two"], spec(url))) == 2
    assert told == []


@pytest.mark.parametrize(
    "told",
    [
        (401, {}),
        (307, {}),
        (200, {"data": []}),
        (200, {"data": [{"index": 0, "embedding": [1.0, 0.0]}]}),  # too short
        (200, {"data": [{"index": 0, "embedding": [0.0, 0.0, 0.0]}]}),
        (200, {"data": [{"index": 0, "embedding": "words"}]}),
        (200, []),
    ],
    ids=range(7),
)
async def test_what_cannot_be_used_is_an_error(told):
    with serve(lambda *_: told) as url, pytest.raises(ProviderError):
        await compute.embed_at_endpoint(["one"], spec(url))


async def test_texts_go_to_private_addresses_only(monkeypatch):
    def resolve(host, *_):
        return [(socket.AF_INET, 0, 0, "", (address, 0)) for address in hosts[host]]

    hosts = {"inside": ["10.0.0.7"], "outside": ["93.184.216.34"], "both": ["10.0.0.7", "8.8.8.8"]}
    monkeypatch.setattr(embedding_endpoint.socket, "getaddrinfo", resolve)
    embedding_endpoint.check_on_premises("http://inside/v1")
    for host in ("outside", "both"):
        with pytest.raises(InvalidRequest) as caught:
            await compute.embed_at_endpoint(["private"], spec(f"https://{host}/v1"))
        assert "premises" in caught.value.user_message
