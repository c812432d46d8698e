from __future__ import annotations

import pytest

from assistants.control import Candidate, decide_route, decide_task
from assistants.exceptions import NoRoute
from assistants.types import CLOUD, ON_PREM, Capability, DeploymentSpec

GROUNDED = Capability.GROUNDED_ANSWER


def deployment(slug: str, *capabilities: Capability, rank: int = 50, environment: str = ON_PREM):
    return DeploymentSpec(
        slug=slug,
        provider="openai_compatible",
        environment=environment,
        region="",
        model="m",
        capabilities=frozenset(capabilities),
        rank=rank,
    )


QUOTES = deployment("quotes", GROUNDED, rank=90)
LOCAL = deployment("local", Capability.CHAT, Capability.DRAFT)
SERVER = deployment("server", *Capability, rank=10)
CLOUDY = deployment("cloud", *Capability, rank=1, environment=CLOUD)


def slugs(task: Capability, *candidates: Candidate) -> list[str]:
    return [spec.slug for spec in decide_route(task, candidates).deployments]


def test_the_preferred_fit_deployment_comes_first_and_the_rest_are_its_fallbacks():
    assert slugs(GROUNDED, Candidate(QUOTES), Candidate(LOCAL), Candidate(SERVER)) == [
        "server",
        "quotes",
    ]


def test_a_small_model_is_not_trusted_with_documents():
    route = decide_route(GROUNDED, [Candidate(QUOTES), Candidate(LOCAL)])
    assert [spec.slug for spec in route.deployments] == ["quotes"]
    assert [refusal.deployment for refusal in route.refusals] == ["local"]
    assert "not declared good enough" in route.rule


def test_what_the_zone_refuses_is_never_in_the_list_whatever_its_rank():
    refused = Candidate(CLOUDY, zone_refusal="The zone clinical may not leave the premises.")
    route = decide_route(GROUNDED, [refused, Candidate(QUOTES)])
    assert [spec.slug for spec in route.deployments] == ["quotes"]
    assert "may not leave the premises" in route.rule


def test_a_deployment_that_does_not_answer_is_passed_over():
    assert slugs(GROUNDED, Candidate(SERVER, healthy=False), Candidate(QUOTES)) == ["quotes"]


def test_a_task_nobody_is_good_for_becomes_a_question_to_the_documents():
    route = decide_route(Capability.CODE, [Candidate(QUOTES), Candidate(LOCAL)])
    assert [spec.slug for spec in route.deployments] == ["quotes"]
    assert route.task is GROUNDED
    assert "instead" in route.rule


def test_without_any_permitted_deployment_it_fails_closed():
    with pytest.raises(NoRoute):
        decide_route(GROUNDED, [Candidate(CLOUDY, zone_refusal="no")])
    with pytest.raises(NoRoute):
        decide_route(GROUNDED, [])


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("Hello!", Capability.CHAT),
        ("Thank you, that helps.", Capability.CHAT),
        ("Draft a short reply to the client", Capability.DRAFT),
        ("Could you please rephrase this: …", Capability.DRAFT),
        ("What is the limit for gifts?", GROUNDED),
        ("Hi, what is the limit for gifts from business partners this year?", GROUNDED),
        ("Write-off limits for loans", GROUNDED),
        ("Is a written report needed?", GROUNDED),
        ("okay dose of paracetamol for a child of 12 kg", GROUNDED),
    ],
)
def test_the_task_is_told_by_the_first_words(text, task):
    assert decide_task(text, has_documents=True) is task


def test_without_documents_a_question_is_conversation():
    assert decide_task("What is the capital of France?", has_documents=False) is Capability.CHAT
