"""Static files, served beside an event loop."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise's own is for threads only: all views behind it would hold one until they end."""

    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        super().__init__(get_response)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        answer = super().__call__(request)
        return _awaited(answer) if iscoroutinefunction(self) else answer


async def _awaited(answer: Any) -> Any:
    """A file is there at once; what the next middleware answers has to be waited for."""
    return await answer if isawaitable(answer) else answer
