from __future__ import annotations

import re
from dataclasses import replace

import pytest
from django.core.management import call_command

from assistants import data
from assistants.models import Assistant, Chunk, Document, Mention
from assistants.services import linking
from assistants.types import Evidence, Passage
from tests.factories import unit_vector

GIFTS = """# Gifts Policy

Document GIF-07. Owner: Head of Conduct.

## 3. Limits

3.1 A gift may be worth 50 euro.

## 7. Officials

7.1 Refreshments for officials are allowed within the limit in section 3.

7.2 Clause 5.4 of the Falls Protocol (CLN-P-09) does not apply.
"""
FALLS = """# Falls Protocol

Document CLN-P-09.

## 5. After a fall

5.4 Observe every half hour.
"""
RETRY = '''"""Rules of retries."""


def classify(status):
    """Sort an answer."""
    return status


def next_step(status):
    """Decide what follows."""
    return classify(status)
'''
ASKED = unit_vector(0)


def ingest(zone, origin: str, text: str) -> Document:
    """A document with a chunk a section; every vector is as near to the question as can be."""
    parsed = data.parse_document(origin, text.encode(), 10**6)
    chunks = data.chunk_document(parsed)
    version = data.receive_version(
        zone, origin, text.encode(), media_type=parsed.media_type, pipeline="t"
    )
    data.index_version(version.pk, parsed, chunks, [ASKED for _ in chunks], pipeline="t")
    with data.rights_of_system():
        return Document.objects.get(pk=version.document_id)


@pytest.fixture
def compliance(cast) -> Assistant:
    Assistant.objects.filter(slug="compliance").update(widen_by_links=True)
    return Assistant.objects.get(slug="compliance")


def found_in(user, document: Document, section: str) -> Passage:
    """The passage of a section, as the search finds it."""
    passages = data.search(data.get_scope(user), None, section, ASKED, keyword_weight=0.5, limit=50)
    (passage,) = [p for p in passages if p.document_id == str(document.pk) and section in p.section]
    return replace(passage, number=1)


def places(passages: list[Passage]) -> list[tuple[int, str, int | None]]:
    return [(p.number, p.section, p.linked_from) for p in passages]


@pytest.mark.django_db
class TestWidening:
    def test_a_passage_brings_the_section_that_it_refers_to(self, cast, compliance):
        document = ingest(cast.zones.compliance, "gifts.md", GIFTS)
        officials = found_in(cast.alice, document, "7. Officials")
        scope = data.get_scope(cast.alice)
        widened = linking.widen(compliance, scope, None, "May officials eat?", ASKED, [officials])
        assert places(widened) == [(1, "7. Officials", None), (2, "3. Limits", 1)]

    def test_switched_off_nothing_is_added(self, cast, compliance):
        document = ingest(cast.zones.compliance, "gifts.md", GIFTS)
        officials = found_in(cast.alice, document, "7. Officials")
        compliance.widen_by_links = False
        question = "What does section 3 of the Gifts Policy say?"
        scope = data.get_scope(cast.alice)
        assert linking.widen(compliance, scope, None, question, ASKED, [officials]) == [officials]

    @pytest.mark.parametrize(
        "question",
        [
            "What does section 3 of the gifts policy say?",
            "What does clause 3.1 of GIF-07 say?",
            "In gif-07, what is section 3?",
        ],
    )
    def test_the_section_that_the_question_names_comes_first(self, cast, compliance, question):
        document = ingest(cast.zones.compliance, "gifts.md", GIFTS)
        officials = found_in(cast.alice, document, "7. Officials")
        scope = data.get_scope(cast.alice)
        widened = linking.widen(compliance, scope, None, question, ASKED, [officials])
        assert places(widened) == [(1, "3. Limits", 0), (2, "7. Officials", None)]

    def test_what_the_search_found_already_is_not_given_twice(self, cast, compliance):
        document = ingest(cast.zones.compliance, "gifts.md", GIFTS)
        both = [
            found_in(cast.alice, document, "7. Officials"),
            replace(found_in(cast.alice, document, "3. Limits"), number=2),
        ]
        scope = data.get_scope(cast.alice)
        assert linking.widen(compliance, scope, None, "May officials eat?", ASKED, both) == both
        question = "Section 3 of the gifts policy?"
        widened = linking.widen(compliance, scope, None, question, ASKED, both)
        assert places(widened) == [(1, "3. Limits", 0), (2, "7. Officials", None)]

    def test_callers_and_what_is_called(self, cast):
        Assistant.objects.filter(slug="code").update(widen_by_links=True)
        code = Assistant.objects.get(slug="code")
        filler = "\n".join(f"    total += {number} * status + offset" for number in range(60))
        ingest(cast.zones.code, "retry.py", RETRY.replace("    return", f"{filler}\n    return"))
        scope = data.get_scope(cast.dave)
        asked = linking.widen(code, scope, None, "Who calls classify()?", ASKED, [])
        assert "next_step" in {p.section for p in asked if p.linked_from == 0}
        passages = data.search(scope, None, "classify", ASKED, keyword_weight=1, limit=50)
        definition = replace(next(p for p in passages if p.section == "classify"), number=1)
        around = linking.widen(code, scope, None, "How are answers sorted?", ASKED, [definition])
        assert ("next_step", 1) in {(p.section, p.linked_from) for p in around}

    def test_a_retired_version_is_linked_no_more(self, cast, compliance):
        document = ingest(cast.zones.compliance, "gifts.md", GIFTS)
        ingest(cast.zones.compliance, "gifts.md", GIFTS.replace("50 euro", "40 euro"))
        officials = found_in(cast.alice, document, "7. Officials")
        scope = data.get_scope(cast.alice)
        widened = linking.widen(compliance, scope, None, "May officials eat?", ASKED, [officials])
        assert [("40" in p.text, "50" in p.text) for p in widened[1:]] == [(True, False)]


@pytest.mark.django_db
class TestRights:
    def ask(self, cast, compliance, document, question="And after a fall, clause 5.4?"):
        passage = found_in(cast.alice, document, "7. Officials")
        scope = data.get_scope(cast.alice)
        return linking.widen(compliance, scope, None, question, ASKED, [passage])

    def test_no_link_leads_out_of_the_scope_and_none_is_hinted_at(self, cast, compliance):
        document = ingest(cast.zones.compliance, "gifts.md", GIFTS)
        named = "What does clause 5.4 of CLN-P-09 say?"
        before = [self.ask(cast, compliance, document), self.ask(cast, compliance, document, named)]
        ingest(cast.zones.clinical, "falls.md", FALLS)
        after = [self.ask(cast, compliance, document), self.ask(cast, compliance, document, named)]
        assert before == after
        cast.zones.clinical.readers.set(cast.alice.groups.all())
        sections = [p.section for p in self.ask(cast, compliance, document, named)]
        assert sections[0] == "5. After a fall"

    def test_the_assistants_zones_narrow_the_links_too(self, cast, compliance):
        cast.zones.clinical.readers.set(cast.alice.groups.all())
        document = ingest(cast.zones.compliance, "gifts.md", GIFTS)
        ingest(cast.zones.clinical, "falls.md", FALLS)
        passage = found_in(cast.alice, document, "7. Officials")
        own = [cast.zones.compliance.pk]
        scope = data.get_scope(cast.alice)
        question = "What does clause 5.4 of CLN-P-09 say?"
        widened = linking.widen(compliance, scope, own, question, ASKED, [passage])
        assert {p.zone for p in widened} == {"compliance"}

    def test_nobody_without_a_zone_is_led_anywhere(self, cast, compliance):
        ingest(cast.zones.compliance, "gifts.md", GIFTS)
        scope = data.get_scope(cast.outsider)
        question = "Section 3 of GIF-07?"
        assert linking.widen(compliance, scope, None, question, ASKED, []) == []

    def test_a_moved_document_is_linked_where_it_is_now(self, cast, compliance):
        document = ingest(cast.zones.compliance, "gifts.md", GIFTS)
        with data.rights_of_system():
            document.zone = cast.zones.compliance
            data.move_document(document, cast.zones.clinical)
            zones = set(Mention.objects.values_list("zone", flat=True))
        assert zones == {cast.zones.clinical.pk}
        scope = data.get_scope(cast.alice)
        question = "Section 3 of GIF-07?"
        assert linking.widen(compliance, scope, None, question, ASKED, []) == []


def passage(number: int, linked_from: int | None = None, cosine: float = 0.9) -> Passage:
    evidence = Evidence(cosine, cosine, cosine, cosine)
    return Passage(
        number, f"c{number}", "d", "v", "T", f"s{number}", "x", "z", 0, 1, evidence, linked_from
    )


class TestOrder:
    def test_numbers_are_given_anew_and_links_follow_them(self):
        found = [passage(1), passage(2)]
        linked = [passage(10, 0), passage(11, 2), passage(12, 1)]
        ordered = linking.add_linked(found, linked)
        assert [(p.number, p.chunk_id, p.linked_from) for p in ordered] == [
            (1, "c10", 0),
            (2, "c1", None),
            (3, "c2", None),
            (4, "c11", 3),
            (5, "c12", 2),
        ]

    def test_so_many_and_no_more(self):
        linked = [passage(n, 0) for n in range(10, 16)] + [passage(n, 1) for n in range(20, 26)]
        ordered = linking.add_linked([passage(1)], linked)
        assert len(ordered) == linking.NAMED + 1 + linking.LINKED

    def test_what_is_referred_to_must_be_relevant_and_what_is_asked_for_is(self):
        far = 0.05
        ordered = linking.add_linked([passage(1)], [passage(10, 0, far), passage(11, 1, far)])
        assert [p.chunk_id for p in ordered] == ["c10", "c1"]


@pytest.mark.django_db
class TestPage:
    def page(self, client, user, document) -> str:
        client.force_login(user)
        response = client.get(f"/documents/{document.pk}/")
        assert response.status_code == 200
        html = response.content.decode()
        return re.sub(r"\s+", " ", html[html.index('class="document-links"') :])

    def test_both_directions_with_links_to_the_passages(self, cast, client):
        cast.zones.clinical.readers.set(cast.alice.groups.all())
        gifts = ingest(cast.zones.compliance, "gifts.md", GIFTS)
        falls = ingest(cast.zones.clinical, "falls.md", FALLS)
        page = self.page(client, cast.alice, gifts)
        start = FALLS.index("5.4 Observe")
        assert f'href="/documents/{falls.pk}/?start={start}&amp;end=' in page
        assert "Clause 5.4 of the Falls Protocol" in page
        assert "section 3" in page
        assert "Responsible: Head of Conduct" in page
        back = self.page(client, cast.alice, falls)
        referred = back[back.index("Referred to by") :]
        assert f'href="/documents/{gifts.pk}/?start=' in referred
        assert "Gifts Policy" in referred
        assert "“Clause 5.4 of the Falls Protocol”" in referred

    def test_what_the_reader_may_not_read_is_not_there(self, cast, client):
        ingest(cast.zones.compliance, "gifts.md", GIFTS)
        falls = ingest(cast.zones.clinical, "falls.md", FALLS)
        page = self.page(client, cast.carol, falls)
        assert "Gifts" not in page
        assert "No links found" in page

    def test_a_right_taken_away_takes_the_link_away(self, cast, client):
        cast.zones.clinical.readers.set(cast.alice.groups.all())
        gifts = ingest(cast.zones.compliance, "gifts.md", GIFTS)
        falls = ingest(cast.zones.clinical, "falls.md", FALLS)
        assert str(falls.pk) in self.page(client, cast.alice, gifts)
        cast.zones.clinical.readers.clear()
        assert str(falls.pk) not in self.page(client, cast.alice, gifts)

    def test_words_of_a_document_are_shown_as_text(self, cast, client):
        hostile = "# A\n\n## 2. <b>Two</b>\n\nText.\n\n## 3. Three\n\nSee section 2.\n"
        document = ingest(cast.zones.compliance, "a.md", hostile)
        page = self.page(client, cast.alice, document)
        assert "<b>" not in page
        assert "&lt;b&gt;Two" in page


@pytest.mark.django_db
def test_the_command_finds_links_of_documents_that_have_none(cast, capsys):
    document = ingest(cast.zones.compliance, "gifts.md", GIFTS)
    with data.rights_of_system():
        before = Mention.objects.count()
        Mention.objects.all().delete()
        assert Chunk.objects.filter(version__document=document).exists()
    call_command("rebuild_links")
    assert "1 documents" in capsys.readouterr().out
    with data.rights_of_system():
        assert Mention.objects.count() == before > 0
