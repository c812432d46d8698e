"""What every provider promises, and the errors it may raise. The contract suite in
`tests/compute/test_provider_contract.py` holds all of them to it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from assistants.exceptions import ProviderError
from assistants.types import DeploymentSpec, GenerationEvent, Prompt


class Provider(Protocol):
    """One deployment, ready to be asked; cheap to make, for one request or many."""

    def __init__(self, deployment: DeploymentSpec) -> None: ...

    def generate(self, prompt: Prompt) -> AsyncGenerator[GenerationEvent, None]:
        """Yield one Started, any number of Deltas that are not empty, and one Finished.

        Closing the iterator (`aclose`, or cancelling the task that awaits it) stops the work at
        once and frees what it held. Raises ProviderError, made by `failure`, and nothing else.
        """
        ...


# code: (what the person reads, whether the same request would fail here again)
_FAILURES = {
    "unreachable": ("The model cannot be reached just now. Please try again shortly.", False),
    "timeout": ("The model took too long to answer. Please try again.", False),
    "rate_limited": ("The model is busy with other requests. Please try again shortly.", False),
    "overloaded": ("The model is overloaded just now. Please try again shortly.", False),
    "unauthorized": (
        "The model refused our credentials. Please tell your administrator.",
        True,
    ),
    "context_exceeded": (
        "This is too long for the model. Please shorten the message or start a new conversation.",
        True,
    ),
    "bad_response": ("The model gave an answer that could not be read. Please try again.", False),
    "spend_limit": (
        "The account for this model has reached its spending limit. "
        "Please tell your administrator.",
        True,
    ),
    "refused": ("The model declined to answer this. Please ask in other words.", True),
    # By the cloud worker, or before it: another permitted deployment may take the request.
    "egress_refused": ("This was not sent to the cloud. It stays on the premises.", False),
    "interrupted": ("The answer was cut off. What arrived is kept; please try again.", False),
    "model_missing": (
        "The configured model is not there. Please tell your administrator.",
        True,
    ),
}


def failure(code: str, detail: str = "", *, retry_after: float | None = None) -> ProviderError:
    """The one way to make a provider's error. `detail` is logged: no prompt, no answer, no key.

    Raises KeyError for a code that is not in the list above.
    """
    user_message, permanent = _FAILURES[code]
    return ProviderError(
        detail or code,
        code=code,
        user_message=user_message,
        permanent=permanent,
        retry_after=retry_after,
    )
