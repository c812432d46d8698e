"""The kinds of deployments. A kind's module is imported when it is first used."""

from __future__ import annotations

import functools
import importlib
from typing import cast

from assistants.compute.providers.base import Provider, failure

_KINDS = {
    "anthropic": "assistants.compute.providers.anthropic:Anthropic",
    "local": "assistants.compute.providers.local:LocalModel",
    "openai_compatible": "assistants.compute.providers.openai_compatible:OpenAICompatible",
    "quotes": "assistants.compute.providers.quotes:Quotes",
}


@functools.cache
def provider_class(kind: str) -> type[Provider]:
    """Raises ProviderError (`model_missing`) for a kind that does not exist."""
    try:
        module, name = _KINDS[kind].split(":")
    except KeyError:
        raise failure("model_missing", f"no provider of kind {kind!r}") from None
    return cast(type[Provider], getattr(importlib.import_module(module), name))


__all__ = ["Provider", "failure", "provider_class"]
