from __future__ import annotations

import time
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistants import data
from assistants.data.graph import store
from assistants.data.graph.extract import Piece, extract_graph, heading_number, section_numbers
from assistants.data.graph.names import file_keys, section_of, title_key
from assistants.data.graph.references import counted
from assistants.models import Chunk, Document, DocumentVersion, Entity, Mention, Relation

POLICY = """# Gifts and Hospitality Policy (2025 edition)

Document GIF-07, version 3.0. Owner: Head of Conduct Compliance.

## 1. Purpose

1.1 “Gift” means anything of value. Politically exposed persons (PEP) are covered too.

## 4. Limits

4.1 Ordinary gifts: 50 euro, see section 4.2 and Appendix B.

4.2 Officials: none. Clause 5.4 of the Customer Due Diligence Policy and Article 6(1) GDPR apply.

4.3 Clauses 1 to 3 of EDD-02, and the Suspicious Activity Reporting Procedure, stay as they are.

## Appendix B: Forms

The contact is Lotte Maarsen (relationship manager). Data Protection Officer: Jane Miller.
"""

CODE = '''"""When a job is tried again; docs/design-retries.md says why."""

import json
from tidewater.clock import now, Pause as Wait

MAX_AGE = 6


class Policy:
    def ceiling(self, attempt):
        return now() + attempt

    def longest_span(self):
        return self.ceiling(MAX_AGE)


def next_step(policy, answers):
    json.dumps({})
    answers.get("x")
    return policy.longest_span() if now() else classify(policy)


def classify(policy):
    return Policy()
'''


def graph_of(text: str, name: str = "a.md"):
    parsed = data.parse_document(name, text.encode(), 10**6)
    chunks = data.chunk_document(parsed)
    pieces = [Piece(index, chunk.start, chunk.end) for index, chunk in enumerate(chunks)]
    return extract_graph("own", name, parsed, pieces), parsed, chunks


def keys(graph, kind: str, *, defines: bool) -> set[str]:
    return {
        place.entity.key
        for place in graph.places
        if place.entity.kind == kind and place.defines is defines
    }


class TestProse:
    def test_sections_and_clauses_are_defined_where_they_stand(self):
        graph, parsed, chunks = graph_of(POLICY)
        for number in ("1", "1.1", "4", "4.1", "4.2", "4.3", "appendix b"):
            found = [p for p in graph.places if p.entity == section_of("own", number) and p.defines]
            assert found, number
            assert all(chunks[p.chunk].start <= p.start < chunks[p.chunk].end for p in found)
        clause = next(p for p in graph.places if p.entity == section_of("own", "4.2") and p.defines)
        assert parsed.text[clause.start :].startswith("4.2 Officials")

    def test_references_name_the_section_and_whose_it_is(self):
        graph, parsed, _ = graph_of(POLICY)
        referred = keys(graph, "section", defines=False)
        cdd = title_key("Customer Due Diligence Policy")
        assert referred >= {f"{cdd}#5.4", "gdpr#6(1)", "edd-02#1", "edd-02#2", "edd-02#3"}
        place = next(p for p in graph.places if p.entity.key == f"{cdd}#5.4")
        assert place.name == "Clause 5.4 of the Customer Due Diligence Policy"
        assert parsed.text[place.start : place.end] == place.name

    def test_a_chunk_does_not_refer_to_what_it_defines_itself(self):
        """4.1 speaks of 4.2; both stand in one chunk."""
        graph, _, _ = graph_of(POLICY)
        defined = {(p.chunk, p.entity) for p in graph.places if p.defines}
        assert not [p for p in graph.places if not p.defines and (p.chunk, p.entity) in defined]

    def test_documents_go_by_title_number_and_file(self):
        graph, _, _ = graph_of(POLICY, "rules/gifts.md")
        assert keys(graph, "document", defines=True) == {
            title_key("gifts hospitality policy"),
            "gif-07",
        }
        assert keys(graph, "file", defines=True) == {"rules/gifts.md", "rules/gifts", "gifts.md"}
        referred = keys(graph, "document", defines=False)
        assert {"edd-02", title_key("Suspicious Activity Reporting Procedure")} <= referred
        assert "gif-07" not in referred

    def test_terms_regulations_people(self):
        graph, _, _ = graph_of(POLICY)
        assert {"gift", "pep"} <= keys(graph, "term", defines=True)
        assert "gdpr" in keys(graph, "regulation", defines=False)
        said = {(s.subject.key, s.predicate, s.object.key) for s in graph.statements}
        assert ("lotte maarsen", "holds", "relationship manager") in said
        assert ("jane miller", "holds", "data protection officer") in said
        own = title_key("gifts hospitality policy")
        assert ("head of conduct compliance", "responsible_for", own) in said

    def test_a_summary_of_a_law_tells_what_its_articles_say(self):
        text = "# Crime Proceeds Act 2024: Internal Summary\n\n1.1 Reports are due (Article 31).\n"
        graph, _, _ = graph_of(text)
        assert "act crime proceed#31" in keys(graph, "section", defines=True)
        assert "act crime proceed" in keys(graph, "regulation", defines=True)

    def test_what_a_table_numbers_is_defined_there(self):
        text = "# Alerts\n\n| No | What |\n| --- | --- |\n| TM-02 | Cash |\n\nSee TM-09 first.\n"
        graph, _, _ = graph_of(text)
        assert "tm-02" in keys(graph, "document", defines=True)
        assert "tm-09" in keys(graph, "document", defines=False)

    @pytest.mark.parametrize(
        ("written", "numbers"),
        [
            ("3 to 5", ["3", "5", "4"]),
            ("2, 4.1 and 7", ["2", "4.1", "7"]),
            ("6(1)(a)", ["6(1)(a)"]),
            ("3 to 400", ["3", "400"]),
        ],
    )
    def test_ranges_and_lists(self, written, numbers):
        assert counted(written) == numbers

    @pytest.mark.parametrize(
        ("heading", "number"),
        [
            ("4.2 Gifts", "4.2"),
            ("4. Gifts", "4"),
            ("Section 7: Records", "7"),
            ("Appendix B: Forms", "appendix b"),
            ("§ 12 Duties", "12"),
            ("A week later", ""),
            ("2025 in figures", ""),
        ],
    )
    def test_numbers_of_headings(self, heading, number):
        assert heading_number(heading) == number

    def test_from_a_number_to_what_holds_it(self):
        assert list(section_numbers("6(1)(a)")) == ["6(1)(a)", "6(1)", "6"]
        assert list(section_numbers("4.2.1")) == ["4.2.1", "4.2", "4"]

    def test_numbers_that_are_no_sections(self):
        graph, _, _ = graph_of("# Notes\n\nIn section 3 INR rose. Articles 20% cheaper. Part 5.\n")
        assert keys(graph, "section", defines=False) == {"own#3"}


class TestCode:
    def test_definitions_and_uses(self):
        graph, _, _ = graph_of(CODE, "tidewater/retry.py")
        defined = keys(graph, "symbol", defines=True)
        assert defined == {
            *("Policy", "Policy.ceiling", "Policy.longest_span", "longest_span"),
            *("next_step", "classify", "MAX_AGE"),
        }
        assert "get" not in keys(graph, "symbol", defines=False)

    def test_calls_and_imports(self):
        graph, _, _ = graph_of(CODE, "tidewater/retry.py")
        said = {(s.subject.key, s.predicate, s.object.key) for s in graph.statements}
        assert said == {
            ("Policy.ceiling", "calls", "now"),
            ("Policy.longest_span", "calls", "Policy.ceiling"),
            ("next_step", "calls", "Policy.longest_span"),
            ("next_step", "calls", "now"),
            ("next_step", "calls", "classify"),
            ("classify", "calls", "Policy"),
            ("tidewater/retry.py", "imports", "tidewater/clock"),
        }

    def test_a_module_names_its_design_note_and_the_note_its_code(self):
        graph, _, _ = graph_of(CODE, "tidewater/retry.py")
        assert "docs/design-retries.md" in keys(graph, "file", defines=False)
        note, _, _ = graph_of(
            "# Retries\n\nCode: `tidewater/retry.py`, above all `next_step` and `Policy.ceiling`.\n"
        )
        assert keys(note, "file", defines=False) == {"tidewater/retry.py"}
        assert keys(note, "symbol", defines=False) == {"next_step", "Policy.ceiling"}

    def test_scripts(self):
        text = 'import { parse, show } from "./money.js";\nimport os from "os";\n\n'
        text += "export function pay(text) {\n  return show(parse(text));\n}\n"
        graph, _, _ = graph_of(text, "src/pay.ts")
        said = {(s.subject.key, s.predicate, s.object.key) for s in graph.statements}
        assert said == {
            ("src/pay.ts", "imports", "money"),
            ("pay", "calls", "show"),
            ("pay", "calls", "parse"),
        }

    def test_logs_name_modules(self):
        text = "2025-03-14T09:00:00Z INFO tidewater.scheduler lease lost\n"
        text += "2025-03-14T09:00:01Z ERROR tidewater.retry failed\n"
        text += '  File "tidewater/retry.py", line 3, in next_step\n'
        graph, _, _ = graph_of(text, "app.log")
        assert keys(graph, "file", defines=False) == {
            *("tidewater/scheduler", "tidewater/retry", "tidewater/retry.py")
        }
        assert keys(graph, "symbol", defines=False) == {"next_step"}

    def test_ends_of_paths(self):
        assert list(file_keys("a/b/src/app/retry.py")) == [
            *("src/app/retry.py", "src/app/retry", "app/retry.py", "app/retry", "retry.py")
        ]
        assert "__init__.py" not in list(file_keys("app/__init__.py"))


class TestAnyText:
    @settings(max_examples=60, deadline=None)
    @given(
        st.text(
            st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co", "Cn"]), max_size=300
        ),
        st.sampled_from(["a.md", "a.txt", "a.py", "a.ts", "a.log"]),
    )
    def test_every_place_is_in_its_chunk(self, text, name):
        text = f"# A\n\nx {text} section 2"
        graph, parsed, chunks = graph_of(text, name)
        for place in graph.places:
            assert chunks[place.chunk].start <= place.start <= place.end <= len(parsed.text)
        mentioned = {(place.chunk, place.entity) for place in graph.places}
        for said in graph.statements:
            assert {(said.chunk, said.subject), (said.chunk, said.object)} <= mentioned

    @pytest.mark.parametrize(
        "hostile",
        [
            "Section 1 and 1 and 1 and " * 4_000,
            "A and " * 20_000,
            "The Policy Policy " * 6_000,
            "a/" * 50_000 + ".py",
            "Aa " * 30_000 + "(x",
            "(" * 100_000,
            "`a." * 30_000,
            "A-1-" * 25_000,
            "“" * 100_000 + " means",
        ],
    )
    def test_time_grows_with_the_length_only(self, hostile):
        """Each is some 100,000 characters; what is quadratic would take minutes."""
        parsed = data.ParsedDocument("A", hostile, "text/plain", ())
        started = time.process_time()
        extract_graph("own", "a.txt", parsed, [Piece(0, 0, len(hostile))])
        assert time.process_time() - started < 3

    def test_one_chunk_names_so_many_things_at_most(self):
        text = "# A\n\n" + " ".join(f"AB-{number}" for number in range(100, 190)) + "\n"
        graph, _, chunks = graph_of(text)
        for number in range(len(chunks)):
            named = [p for p in graph.places if p.chunk == number and not p.defines]
            assert len(named) <= 40


def stored(zone, text: str, origin: str = "a.md") -> Document:
    """A document as ingestion stores it, without vectors."""
    parsed = data.parse_document(origin, text.encode(), 10**6)
    with data.rights_of_system():
        document = Document.objects.create(zone=zone, title=parsed.title, origin=origin)
        version = DocumentVersion.objects.create(
            document=document,
            zone=zone,
            number=1,
            sha256="0" * 64,
            media_type=parsed.media_type,
            size=len(text),
            text=parsed.text,
            status=DocumentVersion.Status.INDEXED,
            current=True,
        )
        chunks = [
            Chunk(
                version=version,
                zone=zone,
                position=draft.position,
                section=draft.section,
                text=draft.text,
                start=draft.start,
                end=draft.end,
                search=data.get_search_vector(parsed.title, draft.section, draft.text),
            )
            for draft in data.chunk_document(parsed)
        ]
        for chunk in chunks:
            chunk.save()
        places = [(chunk.pk, chunk.start, chunk.end) for chunk in chunks]
        store.record_links([store.IndexedText(zone.pk, document.pk, origin, parsed, places)])
    return document


def snapshot(document: Document) -> set[tuple[object, ...]]:
    with data.rights_of_system():
        mentions = Mention.objects.filter(chunk__version__document=document)
        relations = Relation.objects.filter(chunk__version__document=document)
        return {
            *mentions.values_list("zone", "chunk", "entity__kind", "entity__key", "defines"),
            *relations.values_list("zone", "subject__key", "predicate", "object__key"),
        }


@pytest.mark.django_db
class TestStore:
    def test_what_is_named_is_kept_in_the_documents_zone(self, cast):
        document = stored(cast.zones.compliance, POLICY)
        kept = snapshot(document)
        assert {row[0] for row in kept} == {cast.zones.compliance.pk}
        assert ("section", f"{document.pk}#4.2", True) in {row[2:] for row in kept if len(row) == 5}
        with data.rights_of(data.get_scope(cast.alice)):
            assert Entity.objects.filter(kind="document", key="gif-07").exists()
        with data.rights_of(data.get_scope(cast.dave)):
            assert not Entity.objects.exists()
            assert not Mention.objects.exists()
            assert not Relation.objects.exists()

    def test_two_documents_share_an_entity_of_a_zone_and_never_across_zones(self, cast):
        stored(cast.zones.compliance, POLICY, "a.md")
        stored(cast.zones.compliance, POLICY, "b.md")
        stored(cast.zones.code, POLICY, "a.md")
        with data.rights_of_system():
            zones = Entity.objects.filter(kind="document", key="edd-02").values_list("zone_id")
            assert sorted(zones) == sorted([(cast.zones.compliance.pk,), (cast.zones.code.pk,)])

    def test_rebuilding_finds_the_same(self, cast):
        document = stored(cast.zones.compliance, POLICY)
        before = snapshot(document)
        store.rebuild_links(document.pk)
        assert snapshot(document) == before

    def test_after_a_move_nothing_stays_behind_not_even_a_name(self, cast):
        document = stored(cast.zones.general, POLICY)
        before = snapshot(document)
        with data.rights_of_system():
            Chunk.objects.filter(version__document=document).update(zone=cast.zones.clinical)
            DocumentVersion.objects.filter(document=document).update(zone=cast.zones.clinical)
            assert not Entity.objects.filter(zone=cast.zones.general).exists()
            Document.objects.filter(pk=document.pk).update(zone=cast.zones.clinical)
        store.rebuild_links(document.pk)
        after = snapshot(document)
        assert {row[1:] for row in after} == {row[1:] for row in before}
        assert {row[0] for row in after} == {cast.zones.clinical.pk}

    def test_an_entity_stays_while_another_document_names_it(self, cast):
        one = stored(cast.zones.compliance, POLICY, "a.md")
        stored(cast.zones.compliance, "# Notes\n\nSee EDD-02.\n", "b.md")
        with data.rights_of_system():
            Chunk.objects.filter(version__document=one).delete()
            kept = set(Entity.objects.values_list("key", flat=True))
        assert "edd-02" in kept
        assert "gif-07" not in kept

    def test_rebuilding_what_is_gone_does_nothing(self, cast):
        store.rebuild_links(uuid.uuid4())
        with data.rights_of_system():
            assert not Entity.objects.exists()

    def test_keys_of_one_kind_and_zone_are_one_entity(self, cast):
        stored(cast.zones.compliance, "# A\n\nSee edd policy 1. EDD-02. EDD-02.\n")
        with data.rights_of_system():
            named = Mention.objects.filter(entity__key="edd-02")
            assert named.count() == 1
            assert named.get().entity.name == "EDD-02"
