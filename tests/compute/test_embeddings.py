from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistants import compute
from assistants.compute import embeddings, weights

TEXTS = [
    "How long are records of closed accounts kept?",
    "Records of closed accounts are kept for seven years.",
    "The cafeteria opens at half past seven.",
    "größe 日本語 😀",
    "",
    "word " * 1000,
    "x" * 50_000,
]


def cosine(a: list[float], b: list[float]) -> float:
    return float(np.dot(a, b))


def test_it_equals_the_reference_implementation():
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = weights.EMBEDDINGS.path().parent
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).eval()
    texts = TEXTS[:6]
    inputs = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.inference_mode():
        states = model(**inputs).last_hidden_state
    mask = inputs["attention_mask"][:, :, None]
    expected = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)
    np.testing.assert_allclose(compute.embed_texts(texts), expected.numpy(), atol=2e-6)


def test_tokens_are_counted_uncut_and_without_marks():
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(weights.EMBEDDINGS.path().parent)
    for text in TEXTS:
        expected = tokenizer(text, add_special_tokens=False, truncation=False)["input_ids"]
        assert compute.count_tokens(text) == len(expected)


def test_vectors_are_of_length_one_and_in_order():
    vectors = compute.embed_texts(TEXTS)
    assert [len(vector) for vector in vectors] == [embeddings.DIMENSIONS] * len(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    question, answer, other = vectors[:3]
    assert cosine(question, answer) > 0.6 > 0.3 > cosine(question, other)
    assert compute.embed_texts([]) == []


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=400), min_size=1, max_size=8))
def test_a_batch_equals_its_texts_alone(texts):
    together = compute.embed_texts(texts)
    alone = [compute.embed_texts([text])[0] for text in texts]
    np.testing.assert_allclose(together, alone, atol=2e-5)


def test_more_than_a_batch_comes_back_in_order():
    texts = [f"number {n} " + "word " * (n * 7 % 90) for n in range(150)]
    vectors = compute.embed_texts(texts)
    for index in (0, 1, 74, 149):
        assert cosine(vectors[index], compute.embed_texts([texts[index]])[0]) > 0.9999


async def test_a_query_equals_the_text():
    assert cosine(await compute.embed_query(TEXTS[0]), compute.embed_texts(TEXTS[:1])[0]) > 0.9999


async def test_queries_at_once_share_passes(monkeypatch):
    sizes = []
    embed = embeddings.embed_texts

    def counted(texts):
        sizes.append(len(texts))
        return embed(texts)

    monkeypatch.setattr(embeddings, "embed_texts", counted)
    texts = [f"question {n}" for n in range(100)]
    found = await asyncio.gather(*(compute.embed_query(text) for text in texts))
    assert sum(sizes) == 100
    assert len(sizes) < 20
    np.testing.assert_allclose(found, compute.embed_texts(texts), atol=2e-5)


async def test_a_cancelled_query_does_not_harm_its_neighbours():
    waiting = [asyncio.create_task(compute.embed_query(f"question {n}")) for n in range(8)]
    await asyncio.sleep(0)
    waiting[3].cancel()
    await asyncio.wait(waiting)
    assert waiting.pop(3).cancelled()
    assert [len(task.result()) for task in waiting] == [384] * 7


async def test_a_failure_reaches_everyone_who_waits_and_passes(monkeypatch):
    def fail(texts):
        raise weights.WeightsMissing("gone")

    with monkeypatch.context() as patch:
        patch.setattr(embeddings, "embed_texts", fail)
        results = await asyncio.gather(
            *(compute.embed_query("question") for _ in range(3)), return_exceptions=True
        )
        assert [type(result) for result in results] == [weights.WeightsMissing] * 3
    assert len(await compute.embed_query("question")) == 384


def test_it_works_from_one_event_loop_after_another():
    for _ in range(2):
        assert len(asyncio.run(compute.embed_query("question"))) == 384


@pytest.mark.parametrize(
    "statement", ["import assistants.compute", "import assistants.compute.worker"]
)
def test_importing_the_plane_imports_nothing_heavy(statement):
    heavy = ("torch", "transformers", "aiohttp", "tokenizers", "numpy")
    code = f"{statement}, sys; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert found.stdout.strip() == "[]"
