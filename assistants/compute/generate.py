"""The one way to generate on the premises. Where it runs is decided in
docs/adr/0003-where-generation-runs.md; to a cloud it is `generate_sealed`, in `remote`.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator

from assistants.compute import remote
from assistants.compute.broker import close_async_client
from assistants.compute.load import measured
from assistants.compute.providers import provider_class
from assistants.compute.providers.base import failure
from assistants.types import ON_PREM, DeploymentSpec, GenerationEvent, Prompt

# What computes for seconds has a worker of its own; the rest waits for a network, or is trivial,
# and runs on the caller's event loop.
BY_QUEUE = frozenset({"local"})
# It makes nobody wait, and there is nothing to learn of it.
UNMEASURED = frozenset({"quotes"})


def generate(
    prompt: Prompt, deployment: DeploymentSpec, *, generation_id: str
) -> AsyncGenerator[GenerationEvent, None]:
    """One Started, Deltas, one Finished; see `providers.Provider` for what is promised.

    `generation_id` is unique for each attempt: the same one never runs twice. Close the iterator
    (`contextlib.aclosing`) to stop the work at once. Raises ProviderError; at once, and with
    nothing sent, for a deployment outside the premises: what leaves is sealed, has a ticket and
    goes by `generate_sealed`.
    """
    if deployment.environment != ON_PREM:
        raise failure("egress_refused", f"{deployment.slug} is not on the premises")
    if deployment.provider in BY_QUEUE:
        events = remote.generate(prompt, deployment, generation_id=generation_id)
    else:
        events = provider_class(deployment.provider)(deployment).generate(prompt)
    if deployment.provider in UNMEASURED:
        return events
    return measured(events, deployment.slug, generation_id)


async def close_clients() -> None:
    """Close what the running event loop holds open; for the end of a loop's life."""
    await close_async_client()
    # Not imported for this alone: it would bring their clients into processes that never generate.
    for kind in ("openai_compatible", "anthropic"):
        if provider := sys.modules.get(f"assistants.compute.providers.{kind}"):
            await provider.close_session()
