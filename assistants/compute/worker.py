"""The model worker: takes generations from the queue and writes their events to the broker.

    celery -A assistants.compute.worker worker -Q on_prem -n model@%h -P threads -c 1

It needs neither Django nor the database. One generation at a time has the processor to itself;
run more workers, on more machines, for more at once.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from celery import signals

from assistants.compute import liveness, loop, relay, wire
from assistants.compute.dispatch import celery_app
from assistants.compute.lanes import ON_PREM
from assistants.compute.providers import provider_class
from assistants.compute.weights import WeightsMissing

logger = logging.getLogger(__name__)

app = celery_app(ON_PREM)
app.set_current()
liveness.announce()


@signals.worker_init.connect
def _warm_up(**kwargs: Any) -> None:
    """Before it takes a task, so that the first question finds the model loaded."""
    from assistants.compute.providers import local

    begun = time.monotonic()
    try:
        model = local.load()
    except WeightsMissing as error:
        raise SystemExit(f"the model worker cannot start: {error}") from None
    logger.info("%s is ready after %.1f s", model.name, time.monotonic() - begun)


@app.task(name=ON_PREM.task)
def generate(payload: str) -> None:
    """Run one generation, unless another worker has it or its caller is gone."""
    generation_id, prompt, deployment = wire.decode_request(payload)

    def start() -> relay.Events:
        return provider_class(deployment.provider)(deployment).generate(prompt)

    loop.run(relay.run(ON_PREM, generation_id, start))
