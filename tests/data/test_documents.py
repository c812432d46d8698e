from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from assistants import data
from assistants.exceptions import NotFound
from assistants.models import Chunk, Citation, Document, DocumentVersion
from assistants.types import Scope
from tests.factories import unit_vector

FIRST = b"# Gifts\n\n## 3. Limits\n\nEUR 50.\n\n## 4. Register\n\nEvery gift is registered."
SECOND = b"# Gifts 2025\n\n## 3. Limits\n\nEUR 75."


def receive(zone, content=FIRST, origin="policies/gifts.md", pipeline="1") -> DocumentVersion:
    return data.receive_version(
        zone, origin, content, media_type="text/markdown", pipeline=pipeline
    )


def index(version, content=FIRST, pipeline="1") -> None:
    parsed = data.parse_document("gifts.md", content, 10**6)
    chunks = data.chunk_document(parsed)
    vectors = [unit_vector(chunk.position) for chunk in chunks]
    data.index_version(version.pk, parsed, chunks, vectors, pipeline=pipeline)


def waiting() -> list[str]:
    with data.rights_of_system():
        open_ = DocumentVersion.objects.filter(status__in=data.OPEN)
        return list(open_.order_by("created").values_list("document__origin", flat=True))


def store(zone, content=FIRST, origin="policies/gifts.md") -> DocumentVersion:
    version = receive(zone, content, origin)
    index(version, content)
    return version


def scope(user) -> Scope:
    return data.get_scope(user)


def chunk_texts(zone) -> list[str]:
    with data.rights_of_system():
        return list(
            Chunk.objects.filter(zone=zone, current=True)
            .order_by("position")
            .values_list("text", flat=True)
        )


# -- versions -------------------------------------------------------------------------------------


def test_a_version_is_searchable_once_it_is_indexed(cast):
    version = receive(cast.zones.compliance)
    assert (version.status, version.number, version.current) == ("received", 1, False)
    assert chunk_texts(cast.zones.compliance) == []
    assert waiting() == ["policies/gifts.md"]

    index(version)
    assert chunk_texts(cast.zones.compliance) == ["EUR 50.", "Every gift is registered."]
    assert waiting() == []
    kept = data.get_version(scope(cast.alice), version.document_id)
    assert (kept.status, kept.current, kept.pipeline) == ("indexed", True, "1")
    assert kept.document.title == "Gifts"
    with data.rights_of_system():
        chunk = Chunk.objects.select_related("version").get(version=kept, position=1)
        stored = DocumentVersion.objects.get(pk=version.pk)
    assert bytes(stored.content) == b""
    assert kept.text[chunk.start : chunk.end] == chunk.text
    assert chunk.section == "4. Register"
    assert chunk.zone_id == cast.zones.compliance.pk


def test_the_same_content_again_changes_nothing(cast):
    first = store(cast.zones.compliance)
    again = receive(cast.zones.compliance)
    assert again.pk == first.pk
    assert again.status == "indexed"


def test_content_that_still_waits_is_not_received_twice(cast):
    first = receive(cast.zones.compliance)
    assert receive(cast.zones.compliance).pk == first.pk


def test_changed_content_replaces_what_is_searched_and_keeps_what_was_said(cast):
    first = store(cast.zones.compliance)
    second = receive(cast.zones.compliance, SECOND)
    assert (second.number, second.document_id) == (2, first.document_id)
    # until the new one is indexed, the old one is found
    assert chunk_texts(cast.zones.compliance) == ["EUR 50.", "Every gift is registered."]

    index(second, SECOND)
    assert chunk_texts(cast.zones.compliance) == ["EUR 75."]
    current = data.get_version(scope(cast.alice), first.document_id)
    assert (current.pk, current.document.title) == (second.pk, "Gifts 2025")
    old = data.get_version(scope(cast.alice), first.document_id, first.pk)
    assert not old.current
    assert "EUR 50." in old.text


def test_a_newer_pipeline_makes_a_new_version(cast):
    first = store(cast.zones.compliance)
    second = receive(cast.zones.compliance, pipeline="2")
    assert (second.number, second.status) == (2, "received")
    index(second, pipeline="2")
    assert receive(cast.zones.compliance, pipeline="2").pk == second.pk
    assert first.pk != second.pk


def test_an_older_version_that_comes_late_does_not_become_current(cast):
    first = receive(cast.zones.compliance)
    second = receive(cast.zones.compliance, SECOND)
    index(second, SECOND)
    index(first)
    assert chunk_texts(cast.zones.compliance) == ["EUR 75."]
    assert data.get_version(scope(cast.alice), first.document_id).pk == second.pk


def test_indexing_twice_is_indexing_once(cast):
    version = store(cast.zones.compliance)
    index(version, SECOND)
    assert chunk_texts(cast.zones.compliance) == ["EUR 50.", "Every gift is registered."]


def test_an_error_while_indexing_leaves_the_version_before(cast):
    store(cast.zones.compliance)
    second = receive(cast.zones.compliance, SECOND)
    parsed = data.parse_document("gifts.md", SECOND, 10**6)
    chunks = data.chunk_document(parsed)
    with pytest.raises(Exception, match="expected 384 dimensions"):
        data.index_version(second.pk, parsed, chunks, [[1.0]], pipeline="1")
    assert chunk_texts(cast.zones.compliance) == ["EUR 50.", "Every gift is registered."]
    with pytest.raises(ValueError, match="1 chunks and 0 vectors"):
        data.index_version(second.pk, parsed, chunks, [], pipeline="1")


def test_a_rejected_version_says_why_and_leaves_the_one_before(cast):
    first = store(cast.zones.compliance)
    receive(cast.zones.compliance, SECOND)
    (claimed,) = data.claim_versions(10)
    data.reject_claimed(claimed, "It is damaged.")
    assert chunk_texts(cast.zones.compliance) == ["EUR 50.", "Every gift is registered."]
    assert data.get_version(scope(cast.alice), first.document_id).pk == first.pk
    entry = data.list_documents(scope(cast.alice))[0]
    assert (entry.status, entry.error, entry.number) == ("rejected", "It is damaged.", 2)
    assert entry.searchable == 1
    # the same file again is tried again
    assert receive(cast.zones.compliance, SECOND).status == "received"


def test_the_same_origin_in_two_zones_is_two_documents(cast):
    one, other = store(cast.zones.compliance), store(cast.zones.code)
    assert one.document_id != other.document_id


def test_a_new_version_keeps_citations_of_the_old_one(cast):
    from assistants.models import Answer, Assistant, Conversation, Message

    first = store(cast.zones.compliance)
    assistant = Assistant.objects.get(slug="compliance")
    with data.rights_of_system():
        conversation = Conversation.objects.create(
            owner=cast.alice, assistant=assistant, title="t", zones=[]
        )
        message = Message.objects.create(
            conversation=conversation, author=cast.alice, client_id="1", text="?", zones=[]
        )
        answer = Answer.objects.create(message=message)
        chunk = Chunk.objects.get(version=first, position=0)
        Citation.objects.create(
            answer=answer, number=1, chunk=chunk, version=first, title="Gifts", start=1, end=2
        )
    store(cast.zones.compliance, SECOND)
    with data.rights_of_system():
        citation = Citation.objects.get(answer=answer)
    assert citation.chunk_id == chunk.pk
    assert citation.version_id == first.pk


def test_an_unknown_version_is_not_found(cast):
    parsed = data.parse_document("gifts.md", FIRST, 10**6)
    with pytest.raises(NotFound):
        data.index_version(uuid.uuid4(), parsed, [], [], pipeline="1")


def test_several_are_indexed_at_once(cast):
    first, second = receive(cast.zones.compliance), receive(cast.zones.compliance, SECOND)
    other = receive(cast.zones.code, b"# Other\n\nWords.", "other.md")
    ready = []
    for version, content in ((first, FIRST), (second, SECOND), (other, b"# Other\n\nWords.")):
        parsed = data.parse_document("a.md", content, 10**6)
        chunks = data.chunk_document(parsed)
        vectors = [unit_vector(chunk.position) for chunk in chunks]
        ready.append(data.ReadyVersion(version.pk, parsed, chunks, vectors))
    assert data.index_versions(ready, pipeline="1") == {first.pk, second.pk, other.pk}
    assert data.index_versions(ready, pipeline="1") == set()
    # of two versions of one document only the newer one is searched
    assert chunk_texts(cast.zones.compliance) == ["EUR 75."]
    assert chunk_texts(cast.zones.code) == ["Words."]
    entries = data.list_documents(scope(cast.alice))
    assert [(e.title, e.number, e.searchable) for e in entries] == [("Gifts 2025", 2, 2)]


# -- removal --------------------------------------------------------------------------------------


def test_a_removed_document_is_not_searched_and_still_opens(cast):
    version = store(cast.zones.compliance)
    at = timezone.now()
    assert data.remove_document(version.document_id, at)
    assert not data.remove_document(version.document_id, at)
    assert chunk_texts(cast.zones.compliance) == []
    kept = data.get_version(scope(cast.alice), version.document_id, version.pk)
    assert (kept.current, kept.valid_until, kept.document.removed) == (False, at, at)
    assert "EUR 50." in kept.text
    assert data.list_documents(scope(cast.alice)) == []
    assert [e.title for e in data.list_documents(scope(cast.alice), removed=True)] == ["Gifts"]


def test_a_restored_document_is_searched_again(cast):
    store(cast.zones.compliance)
    newest = store(cast.zones.compliance, SECOND)
    data.remove_document(newest.document_id)
    assert data.restore_document(newest.document_id)
    assert not data.restore_document(newest.document_id)
    assert chunk_texts(cast.zones.compliance) == ["EUR 75."]
    kept = data.get_version(scope(cast.alice), newest.document_id)
    assert (kept.pk, kept.current, kept.valid_until) == (newest.pk, True, None)


def test_a_removed_file_that_comes_again_is_there_again(cast):
    first = store(cast.zones.compliance)
    data.remove_document(first.document_id)
    assert receive(cast.zones.compliance).pk == first.pk
    assert chunk_texts(cast.zones.compliance) == ["EUR 50.", "Every gift is registered."]
    data.remove_document(first.document_id)
    second = store(cast.zones.compliance, SECOND)
    assert second.document_id == first.document_id
    assert chunk_texts(cast.zones.compliance) == ["EUR 75."]


def test_what_is_removed_while_it_is_read_is_not_searched(cast):
    store(cast.zones.compliance)
    second = receive(cast.zones.compliance, SECOND)
    data.remove_document(second.document_id)
    index(second, SECOND)
    assert chunk_texts(cast.zones.compliance) == []
    assert data.restore_document(second.document_id)
    assert chunk_texts(cast.zones.compliance) == ["EUR 75."]


def test_contents_that_come_back_are_searched_again(cast):
    """A, then B, then A: the third is a version of its own, and the one that counts."""
    store(cast.zones.compliance)
    store(cast.zones.compliance, SECOND)
    third = store(cast.zones.compliance)
    assert third.number == 3
    assert chunk_texts(cast.zones.compliance) == ["EUR 50.", "Every gift is registered."]


def test_twins_are_told_only_of_zones_in_scope(cast):
    one = store(cast.zones.compliance)
    store(cast.zones.general)
    for user, known in ((cast.alice, {one.sha256: ["Compliance"]}), (cast.dave, {})):
        with data.rights_of(scope(user)):
            twins = data.list_twins(scope(user), cast.zones.general.pk, [one.sha256])
        assert twins == known


# -- retention ------------------------------------------------------------------------------------


def test_versions_go_when_their_zones_retention_has_ended(cast):
    now = timezone.now()
    first, second = store(cast.zones.compliance), store(cast.zones.compliance, SECOND)
    removed = store(cast.zones.compliance, origin="removed.md")
    data.remove_document(removed.document_id, now)
    waits = receive(cast.zones.compliance, b"Waits.", "waits.md")
    rejected = receive(cast.zones.compliance, b"Bad.", "bad.md")
    claimed = data.claim_versions(10, {rejected.pk})
    data.reject_claimed(claimed[0], "bad")
    later = now + timedelta(days=31)
    assert data.delete_expired_versions(later) == []  # kept for ever

    cast.zones.compliance.retention_days = 30
    cast.zones.compliance.save()
    assert data.delete_expired_versions(now + timedelta(days=29)) == []
    deleted = {version.id for version in data.delete_expired_versions(later)}
    assert deleted == {first.pk, removed.pk, rejected.pk}
    assert data.delete_expired_versions(later) == []
    with data.rights_of_system():
        left = set(DocumentVersion.objects.values_list("pk", flat=True))
        documents = set(Document.objects.values_list("pk", flat=True))
        assert not Chunk.objects.filter(current=False).exists()
    assert left == {second.pk, waits.pk}
    assert documents == {second.document_id, waits.document_id}
    assert chunk_texts(cast.zones.compliance) == ["EUR 75."]


# -- the keyword side -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("gift", True),  # title
        ("limits", True),  # section
        ("parse & minor", True),  # inside parseMinor
        ("http & error", True),  # inside HTTPError
        ("retry & jitter", True),  # inside RETRY_JITTER
        ("parseminor", True),
        ("whistle", False),
    ],
)
def test_title_section_text_and_parts_of_names_are_found(cast, query, found):
    store(
        cast.zones.code,
        b"# Gifts\n\n## Limits\n\nThe call `parseMinor` raises HTTPError when RETRY_JITTER is on.",
    )
    with data.rights_of_system():
        hits = Chunk.objects.extra(where=["search @@ to_tsquery('english', %s)"], params=[query])
        assert hits.exists() is found


def test_search_vectors_are_those_of_the_search(cast):
    text = b"# A/B tests\n\n## 1. The why/how\n\nRunning parseMinor on/off, twice."
    store(cast.zones.code, text)
    with data.rights_of_system():
        chunk = Chunk.objects.get()
        stored = chunk.search
        Chunk.objects.update(
            search=data.get_search_vector("A/B tests", chunk.section, chunk.text + "\nparse Minor")
        )
        assert Chunk.objects.get().search == stored


# -- rights ---------------------------------------------------------------------------------------


def test_nobody_reads_another_departments_documents_by_any_function(cast):
    version = store(cast.zones.clinical, b"# Patient\n\nSecret finding.")
    document_id = version.document_id
    assert [entry.title for entry in data.list_documents(scope(cast.carol))] == ["Patient"]
    for user in (cast.alice, cast.dave, cast.outsider):
        mine = scope(user)
        assert data.list_documents(mine) == []
        for wanted in (None, version.pk):
            with pytest.raises(NotFound):
                data.get_version(mine, document_id, wanted)
        assert data.get_section(mine, version.pk, 0) == ""
        with data.rights_of(mine):
            assert not Chunk.objects.exists()
            assert not DocumentVersion.objects.exists()
            assert not Document.objects.exists()


def test_without_stated_rights_there_is_nothing(cast):
    store(cast.zones.compliance)
    assert not Chunk.objects.exists()
    assert not DocumentVersion.objects.exists()
    assert not Document.objects.exists()


def test_a_user_cannot_write_into_a_zone_they_may_not_read(cast):
    from django.db import Error

    with pytest.raises(Error, match="row-level security"), data.rights_of(scope(cast.alice)):
        Document.objects.create(zone=cast.zones.clinical, title="t", origin="o")


def test_a_version_of_another_document_is_not_found(cast):
    one = store(cast.zones.compliance)
    other = store(cast.zones.compliance, SECOND, "other.md")
    with pytest.raises(NotFound):
        data.get_version(scope(cast.alice), one.document_id, other.pk)


def test_the_list_is_by_zone_and_title(cast):
    store(cast.zones.compliance, b"# B\n\nText.", "b.md")
    store(cast.zones.compliance, b"# A\n\nText.", "a.md")
    store(cast.zones.general, b"# Z\n\nText.", "z.md")
    receive(cast.zones.compliance, b"waits", "waits.txt")
    entries = data.list_documents(scope(cast.alice))
    assert [(entry.zone, entry.title, entry.status) for entry in entries] == [
        ("general", "Z", "indexed"),
        ("compliance", "A", "indexed"),
        ("compliance", "B", "indexed"),
        ("compliance", "waits.txt", "received"),
    ]
    assert entries[3].searchable is None


def test_the_section_of_a_place(cast):
    version = store(cast.zones.compliance)
    mine = scope(cast.alice)
    text = data.get_version(mine, version.document_id).text
    assert data.get_section(mine, version.pk, text.index("EUR 50")) == "3. Limits"
    assert data.get_section(mine, version.pk, text.index("gift is")) == "4. Register"
