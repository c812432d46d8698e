from __future__ import annotations

import importlib
import json
import math
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import numpy as np
import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assistants import data
from assistants.data import lexemes, ranking
from assistants.data.lexemes import Statistics
from assistants.models import EMBEDDING_DIMENSIONS, Chunk, Document, DocumentVersion, Lexeme
from assistants.types import Evidence, Passage, Scope
from tests.factories import make_document, make_zone, unit_vector

searching = importlib.import_module("assistants.data.search")  # the name is the function's
pytestmark = pytest.mark.django_db


def vector(*parts: float) -> list[float]:
    """A unit vector from its first few components."""
    length = math.sqrt(sum(part * part for part in parts)) or 1.0
    rest = [0.0] * (EMBEDDING_DIMENSIONS - len(parts))
    return [part / length for part in parts] + rest


@contextmanager
def built_graph(blocker):
    """Built while the table is empty: else PostgreSQL would plan with how few rows it saw."""
    with blocker.unblock():
        assert data.build_graph(1)
    yield
    with blocker.unblock(), data.as_owner(), connection.cursor() as cursor:
        cursor.execute("drop index embedding_model_1")


@pytest.fixture(scope="class")
def graph(django_db_setup, django_db_blocker):
    with built_graph(django_db_blocker):
        yield


@pytest.fixture(scope="class", params=["scanned", "before there is a graph", "by the graph"])
def way(request, django_db_setup, django_db_blocker):
    by_graph = request.param == "by the graph"
    with built_graph(django_db_blocker) if by_graph else nullcontext():
        yield request.param


def titles(passages):
    return [passage.title for passage in passages]


class TestPermission:
    def test_only_the_scope_is_searched(self, cast):
        make_document(cast.zones.compliance, "The gift limit is 50 euro.", title="Policy")
        make_document(cast.zones.clinical, "The gift limit is 50 euro or so.", title="Chart")
        found = data.search(
            data.get_scope(cast.alice), None, "gift limit", unit_vector(0), keyword_weight=0.4
        )
        assert titles(found) == ["Policy"]

    def test_the_assistants_zones_narrow_the_scope_and_never_widen_it(self, cast):
        make_document(cast.zones.general, "Gift rules for all.", title="Handbook")
        make_document(cast.zones.compliance, "Gift rules for compliance.", title="Policy")
        scope = data.get_scope(cast.alice)
        every_zone = [zone.pk for zone in vars(cast.zones).values()]

        def ask(zone_ids):
            found = data.search(scope, zone_ids, "gift", unit_vector(0), keyword_weight=0.5)
            return set(titles(found))

        assert ask([cast.zones.general.pk]) == {"Handbook"}
        assert ask(every_zone) == ask(None) == {"Handbook", "Policy"}
        assert ask([cast.zones.clinical.pk]) == ask([]) == set()

    def test_nobody_without_a_zone_finds_anything(self, cast):
        make_document(cast.zones.general, "Gift rules for all.")
        scope = data.get_scope(cast.outsider)
        assert data.search(scope, None, "gift", unit_vector(0), keyword_weight=0.5) == []

    def test_a_right_taken_away_holds_at_once(self, cast):
        make_document(cast.zones.compliance, "Gift rules.")
        cast.alice.groups.clear()
        scope = data.get_scope(cast.alice)
        assert data.search(scope, None, "gift", unit_vector(0), keyword_weight=0.5) == []

    def test_words_of_other_zones_do_not_count(self, cast):
        """How common a word is elsewhere must not show in the figures of this zone."""
        make_document(cast.zones.compliance, "Gifts are registered.")
        scope = Scope((cast.zones.compliance.pk,))
        before = data.search(scope, None, "gifts warfarin", unit_vector(0), keyword_weight=0.4)
        for number in range(3):
            make_document(cast.zones.clinical, f"Warfarin and gifts, chart {number}.")
        after = data.search(scope, None, "gifts warfarin", unit_vector(0), keyword_weight=0.4)
        assert before == after

    @hypothesis_settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        readable=st.sets(st.integers(0, 4)),
        asked=st.none() | st.lists(st.integers(0, 5), max_size=4),
        question=st.sampled_from(["alpha", "alpha gamma", "beta or gamma", "nothing", ""]),
        direction=st.lists(st.floats(-1, 1, width=16), min_size=3, max_size=3),
        keyword_weight=st.floats(0, 1),
    )
    def test_against_brute_force(
        self, corpus, readable, asked, question, direction, keyword_weight
    ):
        zones, rows = corpus
        scope = Scope(tuple(zones[index] for index in readable))
        zone_ids = None if asked is None else [zones[i] if i < 5 else 10**9 for i in asked]
        open_zones = set(scope.zone_ids) & (set(scope.zone_ids) if asked is None else set(zone_ids))
        direction = vector(*direction)
        found = data.search(
            scope, zone_ids, question, direction, keyword_weight=keyword_weight, limit=50
        )
        expected = {chunk for chunk, zone, _ in rows if zone in open_zones}
        assert {passage.chunk_id for passage in found} == expected
        stored = {chunk: embedding for chunk, _, embedding in rows}
        for passage in found:
            cosine = sum(a * b for a, b in zip(stored[passage.chunk_id], direction, strict=True))
            assert passage.evidence.cosine == pytest.approx(cosine, abs=0.01) or not any(direction)


@pytest.fixture
def corpus(db):
    """Five zones, twenty chunks: (zone ids, [(chunk id, zone id, vector)])."""
    zones = [make_zone(f"zone-{number}") for number in range(5)]
    rows = []
    for number in range(20):
        zone = zones[number % 5]
        embedding = vector(math.sin(number), math.cos(number), number / 20)
        words = " ".join(
            word for bit, word in enumerate(("alpha", "beta", "gamma")) if number >> bit & 1
        )
        chunk = make_document(zone, f"Text {number}: {words}.", vector=embedding)
        rows.append((str(chunk.pk), zone.pk, embedding))
    return [zone.pk for zone in zones], rows


class TestOrder:
    def test_the_weight_decides_between_words_and_meaning(self, cast):
        zone = cast.zones.compliance
        make_document(zone, "The gift register.", title="Words", vector=vector(0.2, 1))
        make_document(zone, "Presents are listed.", title="Meaning", vector=vector(1, 0.2))
        scope = Scope((zone.pk,))
        for weight, first in ((0.0, "Meaning"), (0.9, "Words")):
            found = data.search(scope, None, "gift register", vector(1), keyword_weight=weight)
            assert titles(found)[0] == first
            assert [passage.number for passage in found] == [1, 2]
            scores = [passage.evidence.score for passage in found]
            assert scores == sorted(scores, reverse=True)

    def test_a_rare_word_weighs_more_than_a_common_one(self, cast):
        zone = cast.zones.compliance
        for number in range(6):
            make_document(zone, f"The policy, part {number}.", title="Common")
        make_document(zone, "The whistleblower line.", title="Rare")
        found = data.search(
            Scope((zone.pk,)), None, "policy whistleblower", unit_vector(0), keyword_weight=0.5
        )
        assert titles(found)[0] == "Rare"
        assert found[0].evidence.coverage > 0.5 > found[1].evidence.coverage

    def test_the_evidence(self, cast):
        zone = cast.zones.compliance
        make_document(zone, "Gifts above the limit.", title="Policy", vector=vector(3, 4))
        (passage,) = data.search(Scope((zone.pk,)), None, "gifts?", vector(1), keyword_weight=0.25)
        assert passage.evidence == Evidence(
            cosine=pytest.approx(0.6, abs=0.001),
            keyword=1.0,
            coverage=1.0,
            score=pytest.approx(0.25 + 0.75 * 0.6, abs=0.001),
        )
        assert (passage.zone, passage.title, passage.text) == (
            "compliance", "Policy", "Gifts above the limit."
        )  # fmt: skip

    def test_a_word_that_stands_nowhere_lowers_the_coverage(self, cast):
        zone = cast.zones.compliance
        make_document(zone, "Gifts above the limit.")
        (passage,) = data.search(
            Scope((zone.pk,)), None, "gifts from Atlantis", unit_vector(0), keyword_weight=0.25
        )
        assert 0 < passage.evidence.coverage < 0.5

    def test_title_and_section_are_searched(self, cast):
        zone = cast.zones.compliance
        make_document(zone, "EUR 50.", title="Hospitality", section="3. Limits")
        make_document(zone, "EUR 70.", title="Travel")
        found = data.search(
            Scope((zone.pk,)), None, "hospitality limits", unit_vector(0), keyword_weight=1.0
        )
        assert titles(found)[0] == "Hospitality"
        assert found[0].evidence.coverage == 1.0

    def test_repeated_texts_are_left_out_but_other_numbers_are_not(self, cast):
        zone = cast.zones.compliance
        make_document(zone, "The limit is EUR 50.", title="One")
        make_document(zone, "The  limit is EUR 50", title="Two")
        make_document(zone, "The limit is EUR 100.", title="Three")
        found = data.search(Scope((zone.pk,)), None, "limit", unit_vector(0), keyword_weight=0.5)
        assert len(found) == 2
        assert "Three" in titles(found)

    def test_the_limit(self, corpus):
        zones, _ = corpus
        found = data.search(
            Scope(tuple(zones)), None, "alpha", vector(1), keyword_weight=0.5, limit=3
        )
        assert [passage.number for passage in found] == [1, 2, 3]

    def test_a_superseded_version_is_not_found(self, cast):
        chunk = make_document(cast.zones.compliance, "The limit is EUR 100.")
        with data.rights_of_system():
            chunk.version.current = False
            chunk.version.save()
        scope = Scope((cast.zones.compliance.pk,))
        assert data.search(scope, None, "limit", unit_vector(0), keyword_weight=0.5) == []


def make_versions(zone, *texts, days):
    """One document; each text was valid for so many days before the next came."""
    now = timezone.now()
    with data.rights_of_system():
        chunks = [make_document(zone, text, title="Policy") for text in texts]
        document = chunks[0].version.document
        for number, chunk in enumerate(chunks):
            version = chunk.version
            version.document, version.number = document, number + 1
            since = now - timedelta(days=days * (len(texts) - number))
            version.valid_from = since
            if chunk is not chunks[-1]:
                version.valid_until = since + timedelta(days=days)
                version.current = False
                Chunk.objects.filter(pk=chunk.pk).update(current=False)
            version.save()
    return chunks


class TestAsOf:
    def ask(self, zone, *, ago, question="limit", **more):
        moment = None if ago is None else timezone.now() - timedelta(days=ago)
        found = data.search(
            Scope((zone.pk,)), None, question, unit_vector(0), keyword_weight=0.4, as_of=moment,
            **more,
        )  # fmt: skip
        return [passage.text for passage in found]

    def test_the_version_of_the_day_is_found(self, cast):
        zone = cast.zones.compliance
        texts = [f"The limit is EUR {amount}." for amount in (50, 70, 90)]
        make_versions(zone, *texts, days=10)
        assert self.ask(zone, ago=None) == [texts[2]]
        assert [self.ask(zone, ago=ago) for ago in (5, 15, 25)] == [[t] for t in texts[::-1]]
        assert self.ask(zone, ago=35) == []

    def test_words_of_then_count_though_they_stand_nowhere_now(self, cast):
        zone = cast.zones.compliance
        make_versions(zone, "The faxes go to the registry.", "The mails are kept.", days=10)
        make_document(zone, "An older text.", title="Other")
        with data.rights_of_system():
            DocumentVersion.objects.filter(document__title="Other").update(
                valid_from=timezone.now() - timedelta(days=30)
            )
        found = self.ask(zone, ago=15, question="faxes")
        assert found == ["The faxes go to the registry.", "An older text."]

    def test_the_past_is_locked_like_the_present(self, cast):
        make_versions(cast.zones.clinical, "Dose 5 mg.", "Dose 7 mg.", days=10)
        assert self.ask(cast.zones.compliance, ago=15, question="dose") == []
        scope = data.get_scope(cast.alice)
        then = timezone.now() - timedelta(days=15)
        found = data.search(
            scope, [cast.zones.clinical.pk], "dose", unit_vector(0), keyword_weight=0.4, as_of=then
        )
        assert found == []


def candidate(text, *, cosine=0.5, counts=None, at=None, document="d"):
    vector = b""
    if at is not None:
        vector = b"\0\0\0\0" + np.array(at, dtype=">f2").tobytes()
    passage = Passage(
        0, text, document, "v", "T", "", text, "general", 0, len(text), Evidence(0, 0, 0, 0)
    )
    return ranking.Candidate(passage, cosine, len(text), counts or {}, vector)


class TestRanking:
    def test_what_is_near_to_everything_is_worth_less(self):
        """Twenty-four alike and one apart, all as near to the question."""
        crowd = [candidate(f"crowd {n}", at=[1, 0, 0.01 * n]) for n in range(24)]
        apart = candidate("apart", at=[0, 1, 0])
        ranked = ranking.rank([*crowd, apart], Statistics(25, {}), 0.2)
        assert ranked[0].text == "apart"
        assert all(passage.evidence.cosine == 0.5 for passage in ranked)
        assert ranking.crowding([*crowd, apart])[-1] < 0.1 < 0.9 < ranking.crowding(crowd)[0]

    def test_a_few_chunks_are_no_crowd(self):
        few = [candidate(f"text {n}", at=[1, 0, 0]) for n in range(20)]
        assert set(ranking.crowding(few)) == {0.0}

    @pytest.mark.parametrize(("words", "first"), [(9, "rare"), (10, "agreed")])
    def test_in_a_long_question_the_words_of_the_nearest_count_more(self, words, first):
        """`rare` holds the rarest word, which no near chunk uses; `agreed` one they all use."""
        near = [candidate(f"near {n}", cosine=0.9, counts={"w1": 1}) for n in range(31)]
        pair = [
            candidate("rare", counts={"w0": 1}),
            candidate("agreed", cosine=0.5, counts={"w1": 1}),
        ]
        frequencies = {"w0": 2, "w1": 20, **{f"w{n}": 50 for n in range(2, words)}}
        ranked = ranking.rank([*near, *pair], Statistics(1000, frequencies), 1.0)
        left = [p.text for p in ranked if p.text in ("rare", "agreed")]
        assert left[0] == first

    def test_words_weigh_less_in_program_text_unless_they_are_tuned(self):
        code = "def pay(amount):\n    return {'amount': limits[amount]}"
        assert ranking.looks_like_code(code)
        assert not ranking.looks_like_code(
            "Gifts above EUR 50 (see section 4.2) are refused by the one who is given them."
        )
        scores = []
        for text in ("Gifts are paid.", code):
            for weight in (None, 0.5):
                pair = [candidate(text, counts={"pay": 1})]
                (passage,) = ranking.rank(pair, Statistics(10, {"pay": 1}), weight)
                scores.append(passage.evidence.score)
        assert scores == pytest.approx([0.625, 0.75, 0.525, 0.75])

    def test_repeats_are_dropped_and_editions_kept(self):
        texts = [
            "The limit of a gift is EUR 50 for staff.",
            "Limit of gift is EUR 50, for the staff!",  # articles and signs
            "The limit of a gift is EUR 80 for staff.",
            "The limit of a gift is not EUR 50 for staff.",
            "A gift may be EUR 50 for staff.",
            "limit is EUR 50",  # not a piece: a word is missing
            "gift is EUR 50",  # a piece of the first
        ]
        passages = [candidate(text).passage for text in texts]
        kept = [passage.text for passage in ranking.without_duplicates(passages, 10)]
        assert kept == [texts[0], *texts[2:5], texts[5]]
        assert len(ranking.without_duplicates(passages, 2)) == 2

    def test_a_piece_in_another_document_says_where_else_it_stands(self):
        texts = ["The limit is EUR 50 for staff.", "limit is EUR 50"]
        passages = [candidate(text, document=text).passage for text in texts]
        assert len(ranking.without_duplicates(passages, 10)) == 2


class TestContext:
    def test_its_words_count_half(self, cast):
        zone = cast.zones.compliance
        make_document(zone, "The board decides.", title="Asked")
        make_document(zone, "Gifts are listed.", title="Context")
        make_document(zone, "Nothing of it.", title="Neither")
        found = data.search(
            Scope((zone.pk,)), None, "board", unit_vector(0), keyword_weight=0.9, context="gifts"
        )
        assert titles(found) == ["Asked", "Context", "Neither"]
        asked, context, neither = (passage.evidence.coverage for passage in found)
        assert (asked, context, neither) == pytest.approx((2 / 3, 1 / 3, 0))

    def test_a_word_that_is_asked_for_counts_whole(self, cast):
        zone = cast.zones.compliance
        make_document(zone, "Gifts are listed.")
        for context in ("", "gifts", "the gift"):
            (passage,) = data.search(
                Scope((zone.pk,)), None, "gifts?", unit_vector(0), keyword_weight=0.9,
                context=context,
            )  # fmt: skip
            assert passage.evidence.coverage == 1.0


HOSTILE = [
    "",
    "   ",
    "\x00\x00",
    "gift\x00limit",
    "'; drop table assistants_chunk; --",
    "gift & | ! ( ) <-> :* 'unclosed",
    "\\' \\\\ %s %(x)s {} {0}",
    "the of and",
    "gift " * 50_000,
    " ".join(f"word{number}" for number in range(3_000)),
    "x" * 500_000,
    "подарок 礼物 هدية 🎁 gift",
    "a/b c//d http://example.org/gift?x='y'",
]


@pytest.mark.parametrize("question", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_question_is_only_a_question(cast, question):
    make_document(cast.zones.compliance, "The gift limit; it's o'clock.", title="Policy's")
    found = data.search(
        Scope((cast.zones.compliance.pk,)), None, question, unit_vector(0), keyword_weight=0.4
    )
    assert titles(found) == ["Policy's"]


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(question=st.text(max_size=60))
def test_any_text_can_be_asked(corpus, question):
    zones, rows = corpus
    found = data.search(
        Scope(tuple(zones)), None, question, vector(1), keyword_weight=0.4, limit=50
    )
    assert len(found) == len(rows)


def test_words_with_quotes_and_backslashes_match_themselves(db):
    for word in ("o'clock", "back\\slash", "a & b", "'"):
        with connection.cursor() as cursor:
            cursor.execute(
                "select array_to_tsvector(array[%s]) @@ %s::tsquery",
                [word, lexemes.any_of([word, "other"])],
            )
            assert cursor.fetchone() == (True,)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts=st.lists(st.text(max_size=30), max_size=4), word=st.text(max_size=12))
def test_words_are_counted_as_the_database_counts_them(db, texts, word):
    text = lexemes.searchable(" ".join([*texts, word, "it's a\\b 'gift' gift", word]))
    with connection.cursor() as cursor:
        cursor.execute(
            "select vector::text, (select jsonb_object_agg(lexeme, cardinality(positions)) "
            "from unnest(vector)) from to_tsvector('english', %s) as vector",
            [text],
        )
        vector, expected = cursor.fetchone()
    expected = json.loads(expected)
    assert lexemes.count_in(vector, [*expected, "nowhere", "if"]) == expected


class TestLargeScope:
    """The paths that only large scopes take, on a small one."""

    @pytest.fixture(autouse=True)
    def large(self, way, monkeypatch):
        monkeypatch.setattr(searching, "READ_THROUGH", 0)
        if way != "scanned":
            monkeypatch.setattr(searching, "is_scanned", lambda chunks, total: False)

    def test_the_index_finds_the_nearest(self, corpus, way):
        zones, rows = corpus
        with CaptureQueriesContext(connection) as queries:
            found = data.search(
                Scope(tuple(zones)), None, "", vector(1), keyword_weight=0.0, limit=5
            )
        asked = [query["sql"] for query in queries if "halfvec_send" in query["sql"]]
        assert ["halfvec(384) <=>" in sql for sql in asked] == [way == "by the graph"]
        nearest = sorted(rows, key=lambda row: -row[2][0])[:5]
        assert [passage.chunk_id for passage in found] == [row[0] for row in nearest]

    @pytest.mark.parametrize("wide", [-1, 10**9], ids=["a small part", "a large part"])
    def test_words_come_in_from_the_rarest_on(self, corpus, way, monkeypatch, wide):
        zones, _ = corpus
        scope = Scope(tuple(zones))
        monkeypatch.setattr(searching, "WIDE", wide)
        monkeypatch.setattr(searching, "CANDIDATES", 1)  # so that the words must find theirs
        for rows, expected in ((0, False), (1, True)):
            monkeypatch.setattr(searching, "RAREST_WORD_ROWS", rows)
            found = data.search(scope, None, "text 19 alpha", vector(1), keyword_weight=0.9)
            assert any(passage.text.startswith("Text 19:") for passage in found) is expected

    def test_without_an_index_for_words_the_nearest_are_still_found(self, corpus, way, monkeypatch):
        zones, _ = corpus
        monkeypatch.setattr(searching, "SCANNED_UP_TO", 0)
        monkeypatch.setattr(
            searching,
            "SETTINGS",
            searching.SETTINGS.replace("(select proleakproof", "false and (select proleakproof"),
        )
        found = data.search(Scope(tuple(zones)), None, "text 19", vector(1), keyword_weight=0.4)
        assert len(found) == 8


def test_a_scope_is_scanned_while_that_is_quicker():
    for chunks, total, scanned in (
        (20_000, -1, True),  # nobody has counted them
        (21_000, -1, False),
        (10_000, 1_000_000, True),
        (44_000, 1_000_000, True),
        (50_000, 1_000_000, False),
        (100_000, 10_000_000, True),
        (200_000, 10_000_000, False),
        (100_000, 100_000, False),
    ):
        assert searching.is_scanned(chunks, total) is scanned, (chunks, total)


OTHER_INDEXES = """
select indexrelid::regclass::text, exists (select from pg_constraint where conindid = indexrelid)
from pg_index where indrelid = %s::regclass and indexrelid <> %s::regclass
"""


@contextmanager
def with_one_index(table, index):
    """A cursor of the owner's, beside the test's connection; what it does is rolled back.

    Of a table as small as here the costs say nothing, so there is no other index to choose.
    """
    who = {**connection.settings_dict, **settings.OWNER_DATABASE}
    with psycopg.connect(
        dbname=connection.settings_dict["NAME"],
        user=who["USER"] or None,
        password=who["PASSWORD"] or None,
        host=who["HOST"] or None,
        port=who["PORT"] or None,
    ) as owner:
        cursor = owner.cursor()
        for name, constraint in cursor.execute(OTHER_INDEXES, [table, index]).fetchall():
            cursor.execute(
                f"alter table {table} drop constraint {name} cascade"
                if constraint
                else f"drop index {name}"
            )
        yield cursor
        owner.rollback()


class TestIndexes:
    """Each way of searching has its index, as the app's role and under row-level security."""

    def plan(self, zones, query, *, off=("seqscan",)):
        """As for a large table, where what is `off` would be too slow."""
        with data.rights_of(Scope(tuple(zones))), connection.cursor() as cursor:
            return self.explain(cursor, zones, query, off)

    def explain(self, cursor, zones, query, off):
        for way in off:
            cursor.execute(f"set local enable_{way} = off")
        cursor.execute(
            "explain (costs off) with question as materialized "
            f"(select %(vector)s::halfvec as vector) {query}",
            {"zones": list(zones), "vector": str(vector(1)), "words": "alpha"},
        )
        return "\n".join(line for (line,) in cursor.fetchall())

    def near(self, distance):
        return searching.NEAR.format(model=1, distance=distance, candidates=5)

    def worded(self, matches):
        return searching.WORDED.format(matches=matches, weight="0::float8", candidates=5)

    def test_a_scan_reads_the_zones_index_alone(self, db):
        with with_one_index("assistants_embedding", "embedding_zone_1") as cursor:
            off = ("seqscan", "bitmapscan")
            plan = self.explain(cursor, [1, 2], self.near(searching.EXACT), off)
        assert "Index Only Scan using embedding_zone_1" in plan, plan
        assert "Disabled" not in plan

    def test_the_graph(self, graph, corpus):
        near = self.near(searching.INDEXED.format(dimensions=384))
        plan = self.plan(corpus[0], near, off=("seqscan", "sort"))
        assert "Index Scan using embedding_model_1" in plan, plan

    def test_words(self, db):
        with with_one_index("assistants_chunk", "chunk_words") as cursor:
            for matches in (searching.MATCHES, searching.MATCHES_WIDE):
                plan = self.explain(cursor, [1, 2], self.worded(matches), ("seqscan",))
                assert "Bitmap Index Scan on chunk_words" in plan, plan
        (condition,) = (line for line in plan.splitlines() if "Index Cond" in line)
        assert "zone_id" not in condition  # of nearly all zones none is looked up


class TestLexemes:
    def counts(self, zone):
        with data.rights_of_system():
            rows = Lexeme.objects.filter(zone=zone).values_list("lexeme", "chunks")
            return dict(rows)

    def test_they_follow_the_chunks(self, cast):
        zone = cast.zones.code
        one = make_document(zone, "retry jitter", title="A")
        make_document(zone, "retry cap", title="B")
        assert self.counts(zone) == {"": 2, "retri": 2, "jitter": 1, "cap": 1, "b": 1}
        with data.rights_of_system():
            Chunk.objects.filter(pk=one.pk).update(zone=cast.zones.general)
        assert self.counts(zone) == {"": 1, "retri": 1, "cap": 1, "b": 1}
        assert self.counts(cast.zones.general) == {"": 1, "retri": 1, "jitter": 1}
        with data.rights_of_system():
            Document.objects.all().delete()
        assert self.counts(zone) == self.counts(cast.zones.general) == {}

    def test_they_are_locked_like_the_text(self, cast):
        make_document(cast.zones.code, "retry jitter")
        assert list(Lexeme.objects.all()) == []
        with data.rights_of(Scope((cast.zones.general.pk,))):
            assert list(Lexeme.objects.all()) == []
        with data.rights_of(Scope((cast.zones.code.pk,))):
            assert Lexeme.objects.filter(lexeme="jitter").get().chunks == 1

    def test_a_path_is_words_and_a_nul_is_none(self, db):
        assert lexemes.searchable("and/or\x00") == "and or "


@pytest.mark.parametrize(
    ("cosine", "coverage", "expected"),
    [(0.6, 0.0, True), (0.2, 0.6, True), (0.05, 0.9, False), (0.2, 0.1, False)],
)
def test_relevance(cosine, coverage, expected):
    assert data.is_relevant(Evidence(cosine, 0.0, coverage, 0.0)) is expected
