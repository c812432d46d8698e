"""The wire test, small: nothing planted reaches the cloud. The large one: `benchmarks/wire.py`."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks import wire
from benchmarks.canaries import make_requests
from benchmarks.product import Product
from tests.cloud import Cloud

pytestmark = pytest.mark.faults

REQUESTS = 88


@pytest.mark.timeout(600)
def test_nothing_planted_is_seen_on_the_wire(cloud_product: Product, recorder: Cloud) -> None:
    requests = list(make_requests(REQUESTS, seed=11))
    report = asyncio.run(wire.run(cloud_product, recorder, requests))
    assert [(each, body[-800:]) for each, body in report.leaked] == []
    assert len(report.outcomes) == REQUESTS
    assert {outcome.end for outcome in report.outcomes} <= wire.ENDS
    # It is no test of a cloud that is never asked.
    sealed = [outcome for outcome in report.outcomes if outcome.sealed]
    assert len(sealed) > REQUESTS / 8
    assert report.bodies > REQUESTS / 8
