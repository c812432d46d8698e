from __future__ import annotations

import threading

import pytest

from assistants import compute
from assistants.compute import reranking
from assistants.exceptions import ProviderError
from assistants.types import CLOUD, ON_PREM, DeploymentSpec
from tests.inference import serve

TEXTS = ["one", "two", "three"]


def deployment(url: str, **extra) -> DeploymentSpec:
    values = {"environment": ON_PREM, "region": "", "model": "reranker", **extra}
    return DeploymentSpec(slug="reranker", provider="rerank", base_url=url, **values)


def by_length(key):
    def answer(path, body, headers):
        assert path == "/v1/rerank"
        assert body["query"] == "which?"
        assert body["documents"] == body["texts"]
        results = [{"index": n, key: float(len(t))} for n, t in enumerate(body["documents"])]
        results.sort(key=lambda result: -result[key])
        return 200, ({"results": results} if key == "relevance_score" else results)

    return answer


@pytest.mark.parametrize("key", ["relevance_score", "score"])
async def test_both_dialects_give_a_score_for_each_text_in_their_order(key):
    with serve(by_length(key)) as url:
        assert await compute.rerank(deployment(url), "which?", TEXTS) == [3.0, 3.0, 5.0]


async def test_model_and_key_are_sent(monkeypatch):
    seen = []

    def answer(path, body, headers):
        seen.append((body["model"], headers.get("Authorization")))
        return 200, [{"index": 0, "score": 1.0}]

    monkeypatch.setenv("RERANKER_KEY", "secret")
    with serve(answer) as url:
        await compute.rerank(deployment(url, key_variable="RERANKER_KEY"), "which?", ["one"])
    assert seen == [("reranker", "Bearer secret")]


@pytest.mark.parametrize(
    "told",
    [
        (500, {}),
        (307, {}),
        (200, {"results": [{"index": 0, "relevance_score": 1.0}]}),  # of three
        (200, [{"index": n, "score": float("nan")} for n in range(3)]),
        (200, {"unexpected": []}),
        (200, "words"),
    ],
    ids=range(6),
)
async def test_what_cannot_be_used_is_an_error(told):
    with serve(lambda *_: told) as url, pytest.raises(ProviderError):
        await compute.rerank(deployment(url), "which?", TEXTS)


async def test_one_that_is_away_or_slow_is_an_error(monkeypatch):
    with pytest.raises(ProviderError) as caught:
        await compute.rerank(deployment("http://127.0.0.1:9/v1"), "which?", TEXTS)
    assert caught.value.code == "unreachable"
    monkeypatch.setattr(reranking, "SECONDS", 0.05)
    go_on = threading.Event()

    def wait(*_):
        go_on.wait(10)
        return 200, []

    with serve(wait) as url:
        try:
            with pytest.raises(ProviderError) as caught:
                await compute.rerank(deployment(url), "which?", TEXTS)
        finally:
            go_on.set()
    assert caught.value.code == "timeout"


async def test_nothing_is_sent_off_the_premises():
    def never(*_):
        raise AssertionError

    with serve(never) as url, pytest.raises(ProviderError):
        await compute.rerank(deployment(url, environment=CLOUD), "which?", TEXTS)
