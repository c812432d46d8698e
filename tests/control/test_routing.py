from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistants import data
from assistants.control import Candidate, decide_route, is_free
from assistants.exceptions import NoRoute
from assistants.types import (
    CLOUD,
    ON_PREM,
    Capability,
    DeploymentSpec,
    Difficulty,
    Sensitivity,
    Treatment,
    ZoneRules,
)

GROUNDED = Capability.GROUNDED_ANSWER
EASY, HARD = Difficulty.EASY, Difficulty.HARD
USED_UP = "The compliance department's budget for today, 5.00 €, is used up."


def deployment(slug: str, *capabilities: Capability, **fields) -> DeploymentSpec:
    defaults = {"provider": "openai_compatible", "environment": ON_PREM, "region": "", "model": "m"}
    return DeploymentSpec(slug, **{**defaults, "capabilities": frozenset(capabilities), **fields})


# As they are seeded.
QUOTES = deployment("quotes", GROUNDED, provider="quotes", rank=90)
LOCAL = deployment("local", Capability.CHAT, Capability.DRAFT, provider="local", rank=50)
SERVER = deployment("server", *Capability, rank=10)
CLOUDY = deployment(
    "anthropic",
    *Capability,
    provider="anthropic",
    environment=CLOUD,
    region="us",
    rank=20,
    input_price=3,
    output_price=15,
)
HOUSE = [Candidate(CLOUDY), Candidate(LOCAL), Candidate(QUOTES)]
GENERAL = ZoneRules(
    Sensitivity.INTERNAL,
    frozenset({ON_PREM, CLOUD}),
    Treatment.REDACT,
    names=frozenset({"general"}),
)


def slugs(task: Capability, candidates, **wanted) -> list[str]:
    return [spec.slug for spec in decide_route(task, candidates, **wanted).deployments]


# -- what a house expects of the seeded deployments ------------------------------------------------


@pytest.mark.parametrize(
    ("task", "difficulty", "expected"),
    [
        (Capability.CHAT, EASY, ["local", "anthropic"]),
        (Capability.CHAT, HARD, ["anthropic", "local"]),
        (Capability.DRAFT, EASY, ["local", "anthropic"]),
        (Capability.DRAFT, HARD, ["anthropic", "local"]),
        (GROUNDED, EASY, ["anthropic", "quotes"]),
        (GROUNDED, HARD, ["anthropic", "quotes"]),
        (Capability.SUMMARY, EASY, ["anthropic", "quotes"]),
        (Capability.CODE, EASY, ["anthropic"]),
    ],
)
def test_with_a_cloud_only_what_needs_it_goes_there(task, difficulty, expected):
    assert slugs(task, HOUSE, difficulty=difficulty) == expected


@pytest.mark.parametrize("task", [each for each in Capability if each is not Capability.RERANK])
@pytest.mark.parametrize("difficulty", Difficulty)
def test_a_server_on_the_premises_takes_everything(task, difficulty):
    assert slugs(task, [*HOUSE, Candidate(SERVER)], difficulty=difficulty)[0] == "server"


def test_without_either_the_documents_are_quoted_and_small_talk_is_local():
    small = [Candidate(LOCAL), Candidate(QUOTES)]
    assert slugs(GROUNDED, small, difficulty=HARD) == ["quotes"]
    assert slugs(Capability.SUMMARY, small) == ["quotes"]
    assert slugs(Capability.CHAT, small) == ["local"]


def test_without_documents_a_question_is_conversation_where_nobody_reasons():
    route = decide_route(Capability.REASONING, [Candidate(LOCAL)], has_documents=False)
    assert (route.task, route.deployments) == (Capability.CHAT, (LOCAL,))


# -- what is refused -------------------------------------------------------------------------------


def test_a_small_model_is_not_trusted_with_documents():
    route = decide_route(GROUNDED, [Candidate(QUOTES), Candidate(LOCAL)])
    assert [spec.slug for spec in route.deployments] == ["quotes"]
    assert [refusal.deployment for refusal in route.refusals] == ["local"]
    assert "not declared good enough" in route.rule


def test_who_summarises_documents_must_be_trusted_with_them():
    eager = deployment("eager", Capability.SUMMARY)
    route = decide_route(Capability.SUMMARY, [Candidate(eager), Candidate(QUOTES)])
    assert (route.deployments, route.task) == ((QUOTES,), GROUNDED)
    alone = decide_route(Capability.SUMMARY, [Candidate(eager)], has_documents=False)
    assert (alone.deployments, alone.task) == ((eager,), Capability.SUMMARY)


def test_what_the_zone_refuses_is_never_in_the_list_whatever_its_rank():
    refused = Candidate(replace(CLOUDY, rank=1), zone_refusal="The zone clinical may not leave.")
    route = decide_route(GROUNDED, [refused, Candidate(QUOTES)], preferred="anthropic")
    assert [spec.slug for spec in route.deployments] == ["quotes"]
    assert "Not taken: anthropic (the zone clinical may not leave)." in route.rule


def test_a_deployment_that_does_not_answer_is_passed_over():
    found = slugs(GROUNDED, [Candidate(SERVER, healthy=False), Candidate(QUOTES)])
    assert found == ["quotes"]


def test_a_used_up_budget_refuses_what_costs_and_nothing_else():
    candidates = [Candidate(each, budget_refusal=USED_UP) for each in (CLOUDY, SERVER, QUOTES)]
    route = decide_route(GROUNDED, candidates)
    assert [spec.slug for spec in route.deployments] == ["server", "quotes"]
    assert [(each.deployment, each.reason) for each in route.refusals] == [("anthropic", USED_UP)]


def test_without_any_permitted_deployment_it_fails_closed_and_says_why():
    with pytest.raises(NoRoute) as refused:
        decide_route(GROUNDED, [Candidate(CLOUDY, zone_refusal="no")])
    assert [each.reason for each in refused.value.refusals] == ["no"]
    with pytest.raises(NoRoute):
        decide_route(GROUNDED, [])


def test_the_asker_is_told_that_it_is_the_budget():
    with pytest.raises(NoRoute) as refused:
        decide_route(GROUNDED, [Candidate(CLOUDY, budget_refusal=USED_UP)])
    assert refused.value.user_message.startswith(USED_UP)
    with pytest.raises(NoRoute) as refused:
        decide_route(GROUNDED, [Candidate(CLOUDY, zone_refusal="no", budget_refusal=USED_UP)])
    assert "budget" not in refused.value.user_message


def test_a_task_nobody_is_good_for_becomes_a_question_to_the_documents():
    route = decide_route(Capability.CODE, [Candidate(QUOTES), Candidate(LOCAL)])
    assert [spec.slug for spec in route.deployments] == ["quotes"]
    assert route.task is GROUNDED
    assert "instead" in route.rule


# -- the order of what is permitted ----------------------------------------------------------------

CHEAP = replace(CLOUDY, slug="cheap", model="small", rank=30, input_price=1, output_price=5)


def test_easy_work_goes_to_the_cheaper_and_hard_work_to_the_preferred():
    pair = [Candidate(CLOUDY), Candidate(CHEAP)]
    assert slugs(GROUNDED, pair, difficulty=EASY) == ["cheap", "anthropic"]
    assert slugs(GROUNDED, pair, difficulty=HARD) == ["anthropic", "cheap"]


def test_near_the_budget_hard_work_goes_to_the_cheaper_and_easy_questions_are_quoted():
    trio = [Candidate(CLOUDY), Candidate(CHEAP), Candidate(QUOTES)]
    notice = "The budget for today is nearly used up."
    route = decide_route(GROUNDED, trio, difficulty=HARD, notice=notice)
    assert [spec.slug for spec in route.deployments] == ["cheap", "anthropic", "quotes"]
    assert route.notice == notice
    assert notice in route.rule
    assert slugs(GROUNDED, trio, difficulty=EASY, notice=notice)[0] == "quotes"


def test_a_budget_is_not_spoken_of_where_nothing_costs():
    refused = Candidate(CLOUDY, zone_refusal="no")
    assert decide_route(GROUNDED, [refused, Candidate(QUOTES)], notice="Nearly.").notice == ""


def test_a_conversation_stays_where_it_was_answered():
    other = replace(SERVER, slug="other", model="n", rank=40)
    pair = [Candidate(SERVER), Candidate(other)]
    assert slugs(Capability.CHAT, pair, preferred="other") == ["other", "server"]
    assert slugs(Capability.CHAT, pair, preferred="gone") == ["server", "other"]
    busy = [Candidate(SERVER), Candidate(replace(other, capacity=2), in_flight=2)]
    assert slugs(Capability.CHAT, busy, preferred="other") == ["server", "other"]


def test_a_conversation_does_not_stay_where_it_is_less_suited_or_too_dear():
    pair = [Candidate(CLOUDY), Candidate(QUOTES)]
    assert slugs(GROUNDED, pair, preferred="quotes")[0] == "anthropic"
    pair = [Candidate(CLOUDY), Candidate(CHEAP)]
    assert slugs(GROUNDED, pair, preferred="anthropic")[0] == "anthropic"
    assert slugs(GROUNDED, pair, preferred="anthropic", notice="Nearly.")[0] == "cheap"


def test_one_that_is_slower_than_its_latency_budget_or_full_gives_way():
    slow = Candidate(replace(SERVER, latency_budget_ms=800), latency_ms=900)
    spare = Candidate(replace(SERVER, slug="spare", model="n", rank=40))
    assert slugs(Capability.CODE, [slow, spare]) == ["spare", "server"]
    assert slugs(Capability.CODE, [replace(slow, latency_ms=700), spare])[0] == "server"
    full = Candidate(replace(SERVER, capacity=4), in_flight=4)
    assert slugs(Capability.CODE, [full, spare]) == ["spare", "server"]


def test_replicas_share_requests_by_their_free_capacity():
    def shares(*loads: tuple[int, int]) -> list[float]:
        replicas = [
            Candidate(replace(SERVER, slug=f"server-{n}", capacity=capacity), in_flight=in_flight)
            for n, (capacity, in_flight) in enumerate(loads)
        ]
        firsts = Counter(
            slugs(Capability.CODE, replicas, tie=f"answer {n}")[0] for n in range(2000)
        )
        return [firsts[f"server-{n}"] / 2000 for n in range(len(loads))]

    assert shares((0, 0), (0, 0)) == pytest.approx([0.5, 0.5], abs=0.05)
    assert shares((8, 0), (2, 0)) == pytest.approx([0.8, 0.2], abs=0.05)
    assert shares((8, 3), (8, 0)) == pytest.approx([0.2, 0.8], abs=0.05)


# -- the sentence ----------------------------------------------------------------------------------


def test_the_rule_is_a_sentence_for_people():
    route = decide_route(GROUNDED, HOUSE, difficulty=HARD, zone=GENERAL)
    assert route.rule == (
        "Answered in the cloud (anthropic, us) because the question to the documents needs "
        "reasoning and its zone, general, permits sealed processing there; quotes is less suited. "
        "Not taken: local (not declared good enough for answering from documents)."
    )
    route = decide_route(Capability.CHAT, [Candidate(CLOUDY), Candidate(LOCAL)], zone=GENERAL)
    assert route.rule == (
        "Answered on the premises (local) because it is small talk; for that the premises go "
        "before the cloud."
    )


def test_the_rule_names_each_zone_and_what_leaves():
    both = replace(GENERAL, names=frozenset({"general", "code"}), treatment=Treatment.ALLOW)
    rule = decide_route(Capability.CODE, [Candidate(CLOUDY)], zone=both).rule
    assert "its zones, code and general, permit processing there." in rule


# -- what always holds -----------------------------------------------------------------------------

TASKS = [each for each in Capability if each is not Capability.RERANK]
ZONES = st.builds(
    ZoneRules,
    st.sampled_from(Sensitivity),
    st.frozensets(st.sampled_from([ON_PREM, CLOUD, "cloud:eu", "cloud:us"])),
    st.sampled_from(Treatment),
    names=st.frozensets(st.sampled_from(["general", "code", "clinical"])),
)
SPECS = st.builds(
    DeploymentSpec,
    slug=st.sampled_from("abcdefgh"),
    provider=st.sampled_from(["openai_compatible", "anthropic"]),
    environment=st.sampled_from([ON_PREM, CLOUD]),
    region=st.sampled_from(["", "eu", "us"]),
    model=st.sampled_from(["m", "n"]),
    capabilities=st.frozensets(st.sampled_from(TASKS)),
    input_price=st.sampled_from([0.0, 1.0, 3.0]),
    rank=st.sampled_from([10, 20, 20, 50]),
    latency_budget_ms=st.sampled_from([0, 500]),
    capacity=st.sampled_from([0, 1, 8]),
)


@st.composite
def houses(draw):
    """Deployments of different slugs, with what may be known of each."""
    specs = draw(st.lists(SPECS, unique_by=lambda spec: spec.slug, max_size=8))
    known = st.tuples(
        st.booleans(),
        st.sampled_from([None, USED_UP]),
        st.sampled_from([None, 100.0, 900.0]),
        st.integers(0, 9),
    )
    return [(spec, draw(known)) for spec in specs]


def candidates_of(house, zone: ZoneRules) -> list[Candidate]:
    return [
        Candidate(spec, data.refusal(zone, spec.place), healthy, budget, latency, in_flight)
        for spec, (healthy, budget, latency, in_flight) in house
    ]


WANTED = st.fixed_dictionaries(
    {
        "task": st.sampled_from(TASKS),
        "difficulty": st.sampled_from(Difficulty),
        "has_documents": st.booleans(),
        "preferred": st.sampled_from(["", *"abcdefgh"]),
        "notice": st.sampled_from(["", "Nearly used up."]),
        "tie": st.text(max_size=8),
    }
)


def route_of(candidates, wanted):
    wanted = dict(wanted)
    try:
        return decide_route(wanted.pop("task"), candidates, **wanted)
    except NoRoute as refused:
        return refused


@given(houses(), ZONES, WANTED)
def test_every_deployment_of_a_route_is_permitted_and_every_other_has_a_reason(house, zone, wanted):
    candidates = candidates_of(house, zone)
    by_slug = {each.deployment.slug: each for each in candidates}
    found = route_of(candidates, wanted)
    refused = {refusal.deployment for refusal in found.refusals}
    if isinstance(found, NoRoute):
        assert refused == set(by_slug)
        return
    taken = [by_slug[spec.slug] for spec in found.deployments]
    assert len({each.deployment.slug for each in taken}) == len(taken) > 0
    for each in taken:
        assert data.refusal(zone, each.deployment.place) is None
        assert each.healthy
        assert not each.budget_refusal or is_free(each.deployment)
        assert found.task in taken[0].deployment.capabilities
    assert refused | {each.deployment.slug for each in taken} == set(by_slug)
    assert all(refusal.reason for refusal in found.refusals)
    assert found.rule.endswith(".")


@given(houses(), ZONES, WANTED, st.randoms())
def test_the_order_is_total_and_depends_on_nothing_but_the_arguments(house, zone, wanted, random):
    candidates = candidates_of(house, zone)
    shuffled = random.sample(candidates, len(candidates))
    first, second = route_of(candidates, wanted), route_of(shuffled, wanted)
    if isinstance(first, NoRoute):
        assert isinstance(second, NoRoute)
    else:
        assert first.deployments == second.deployments


@given(houses(), ZONES, ZONES, WANTED)
def test_a_stricter_zone_never_adds_a_deployment(house, zone, other, wanted):
    stricter = data.join_zones([zone, other])
    loose, strict = (route_of(candidates_of(house, each), wanted) for each in (zone, stricter))
    if isinstance(strict, NoRoute):
        return
    # There is a route under the looser zone as well; another one where another task was served.
    assert not isinstance(loose, NoRoute)
    permitted = {spec.slug for spec, _ in house if data.refusal(zone, spec.place) is None}
    assert {spec.slug for spec in strict.deployments} <= permitted
    if strict.task is loose.task:
        assert set(strict.deployments) <= set(loose.deployments)
