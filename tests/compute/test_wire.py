from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistants.compute import wire
from assistants.compute.providers import failure
from assistants.exceptions import ProviderError
from assistants.types import (
    Capability,
    Delta,
    DeploymentSpec,
    Evidence,
    Finished,
    FinishReason,
    Passage,
    Prompt,
    PromptMessage,
    Role,
    Started,
    Usage,
)

EVENTS = st.one_of(
    st.builds(Started, st.text(), st.text()),
    st.builds(Delta, st.text()),
    st.builds(
        Finished,
        st.sampled_from(FinishReason),
        st.builds(Usage, st.integers(0, 10**9), st.integers(0, 10**9)),
    ),
)


@given(EVENTS)
def test_an_event_survives_the_broker(event):
    assert wire.decode(wire.encode_event(event)) == event


@pytest.mark.parametrize("retry_after", [None, 0.0, 2.5])
def test_an_error_survives_the_broker(retry_after):
    found = wire.decode(
        wire.encode_error(failure("overloaded", "HTTP 503", retry_after=retry_after))
    )
    assert isinstance(found, ProviderError)
    assert (found.code, str(found), found.retry_after) == ("overloaded", "HTTP 503", retry_after)


def test_a_heartbeat_is_no_event():
    assert wire.decode(wire.heartbeat()) is None


@given(st.text(), st.text())
def test_a_request_survives_the_broker(text, title):
    evidence = Evidence(0.5, 0.25, 1.0, 0.4)
    passage = Passage(1, "c", "d", "v", title, "2 Badges", text, "general", 0, len(text), evidence)
    prompt = Prompt((PromptMessage(Role.USER, text),), text, (passage,), 64, 0.5)
    deployment = DeploymentSpec(
        "local", "local", "on_prem", "eu", "m", capabilities=frozenset({Capability.CHAT})
    )
    payload = wire.encode_request("an-id", prompt, deployment)
    assert wire.decode_request(payload) == ("an-id", prompt, deployment)
