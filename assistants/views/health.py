"""For machines: whether the product is well, and its figures. Neither tells of a person."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST

from assistants.services.health import get_health
from assistants.services.metrics import get_metrics


async def healthz(request: HttpRequest) -> JsonResponse:
    parts = await get_health()
    well = all(state.ready for state in parts.values())
    response = JsonResponse(
        {
            "status": "ok" if well else "unavailable",
            "parts": {
                part: {"ready": state.ready, "detail": state.detail}
                for part, state in parts.items()
            },
        },
        status=200 if well else 503,
        headers={"Cache-Control": "no-store"},
    )
    # Who asks every few seconds also reads the answer; as an error each it would flood the log.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


async def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(await get_metrics(), content_type=CONTENT_TYPE_LATEST)
