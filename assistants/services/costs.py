"""What answers cost: here, elsewhere, and before they are made. Euro throughout."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from assistants import control
from assistants.services.prompts import CHARACTERS_PER_TOKEN
from assistants.types import DeploymentSpec, Prompt, Usage

MILLION = Decimal(1_000_000)
SMALLEST = Decimal("0.000001")


def cost_of(deployment: DeploymentSpec, usage: Usage) -> Decimal:
    euro = (
        usage.prompt_tokens * Decimal(str(deployment.input_price))
        + usage.completion_tokens * Decimal(str(deployment.output_price))
    ) / MILLION
    return euro.quantize(SMALLEST)


def estimate_cost(deployment: DeploymentSpec, characters: int) -> Decimal:
    """At most, for a prompt of so many characters: all that fits, and the longest answer."""
    longest = min(deployment.max_tokens, deployment.context_tokens // 2)
    prompt = min(_tokens(characters), deployment.context_tokens - longest)
    return cost_of(deployment, Usage(prompt, longest))


def cost_elsewhere(
    deployments: Collection[DeploymentSpec],
    used: Collection[str],
    usage: Usage,
    prompt: Prompt | None,
    text: str,
) -> dict[str, str]:
    """What the same answer would have cost on each priced deployment that was not used, by slug.

    Where the one that answered counts no tokens, they are reckoned from the characters.
    """
    if prompt is None or not text:
        return {}
    sent = sum(len(message.text) for message in prompt.messages)
    reckoned = reckon_usage(sent, len(text))
    usage = Usage(
        usage.prompt_tokens or reckoned.prompt_tokens,
        usage.completion_tokens or reckoned.completion_tokens,
    )
    return {
        deployment.slug: f"{cost_of(deployment, usage):f}"
        for deployment in deployments
        if not control.is_free(deployment) and deployment.slug not in used
    }


def reckon_usage(sent: int, received: int) -> Usage:
    """About how many tokens so many characters are, for where nobody has counted."""
    return Usage(_tokens(sent), _tokens(received))


def _tokens(characters: int) -> int:
    return round(characters / CHARACTERS_PER_TOKEN)
