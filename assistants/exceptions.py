"""Every error that a person may meet, with a code, a sentence for them, and whether to retry."""

from __future__ import annotations

from typing import Any

from assistants.types import Refusal


class AssistantsError(Exception):
    """`code` is stable and for programs; `user_message` is shown and says what to do.

    `permanent` means that the same request would fail again. `retry_after` is in seconds.
    The exception's own text (`detail`) is for the log only.
    """

    code = "error"
    user_message = "Something went wrong here. Please try again."
    permanent = False

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        user_message: str | None = None,
        permanent: bool | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.code = code or self.code
        self.user_message = user_message or self.user_message
        self.permanent = self.permanent if permanent is None else permanent
        self.retry_after = retry_after
        super().__init__(detail or self.user_message)


class InvalidRequest(AssistantsError):
    """The request cannot be carried out as sent."""

    code = "invalid_request"
    user_message = "This request could not be understood."
    permanent = True


class InvalidKey(AssistantsError):
    """A key of the API that opens nothing: unknown, revoked, expired, or of an account that is off.
    Which of them is not told.
    """

    code = "invalid_api_key"
    user_message = (
        "This API key is not valid. Check that it was copied whole; it may also have expired or "
        "been revoked. Your administrator can make another."
    )
    permanent = True


class NotFound(AssistantsError):
    """It does not exist, or not for this user: the two are never told apart."""

    code = "not_found"
    user_message = "This does not exist, or you may not see it."
    permanent = True


class AccessWithdrawn(NotFound):
    """It is the user's own, and made from what they may not read any more."""

    code = "access_withdrawn"
    user_message = "You may no longer read what this answer was made from."


class RateLimited(AssistantsError):
    code = "rate_limited"
    user_message = "You are sending faster than allowed. Please wait a moment and send again."


class DocumentRejected(AssistantsError):
    """A file that cannot be read; `user_message` says why and what to do."""

    code = "document_rejected"
    user_message = "This file could not be read."
    permanent = True


class SourceUnavailable(AssistantsError):
    """A source that cannot be read now; `user_message` says why and what to do."""

    code = "source_unavailable"
    user_message = "This source cannot be reached. It is tried again by itself."


class EmbeddingModelChanged(AssistantsError):
    """Another embedding model took over since these vectors were made: make them anew."""

    code = "embedding_model_changed"


class ProviderError(AssistantsError):
    """A deployment failed. `permanent` means that trying it again is pointless."""

    code = "provider_error"
    user_message = "The model did not answer. Please try again."


class TicketRefused(AssistantsError):
    """A payload without a valid egress ticket: it is not sent. The detail says why, no content."""

    code = "egress_refused"
    user_message = (
        "This was not sent to a cloud: its egress ticket is not valid. It stays on the premises."
    )
    permanent = True


class NoRoute(AssistantsError):
    """No deployment may, or can, take this request; fails closed. `refusals` says why, of each."""

    refusals: tuple[Refusal, ...] = ()
    code = "no_route"
    user_message = (
        "No model that may see this conversation is available now. "
        "Your message is kept; please try again later or ask your administrator."
    )


class EgressRefused(ProviderError):
    """The gate did not let it leave. `rule` says why, in a sentence; `crossing` is its record."""

    code = "egress_refused"
    user_message = (
        "This may not leave the premises, and no model here can answer it. Your message is kept."
    )
    permanent = True

    def __init__(self, detail: str = "", *, rule: str = "", crossing: Any = None) -> None:
        super().__init__(detail)
        self.rule = rule
        self.crossing = crossing


class LeaseLost(AssistantsError):
    """Another runner has taken this answer over; the loser exits and writes nothing more."""

    code = "lease_lost"
