"""What a person finds against what they may read, worked out anew in Python, in 100,000 cases.

A case is the result of one question, asked by one person after another random change: of their
groups, of a zone's readers, of an account, of a document's place or version. The database is
asked as the app's role. In most cases nothing but row-level security stands between the person
and all chunks there are; the rest go through the product's own search, with its filter and with
that filter opened to every zone.
"""

from __future__ import annotations

import importlib
import itertools
import random
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.postgres.search import SearchVector
from django.db import connection
from django.db.models import Value
from django.utils import timezone

from assistants import data
from assistants.models import (
    EMBEDDING_DIMENSIONS,
    Answer,
    Assistant,
    Chunk,
    Citation,
    Conversation,
    Document,
    DocumentVersion,
    Embedding,
    EmbeddingModel,
    Message,
    Zone,
)
from assistants.types import Scope
from tests import factories

searching = importlib.import_module("assistants.data.search")  # the name is the function's

CASES = 100_000
GROUPS, ZONES, PEOPLE, DOCUMENTS = 10, 14, 24, 90
QUESTIONS = 400  # they are drawn from
STEPS, ASKING, AT_ONCE = 400, 5, 50  # changes; people who ask after each; questions of each
SEARCH_EVERY = 2  # changes: then one of them asks the product's search as well
NEAREST = 5
VOCABULARY = [f"k{number}" for number in range(60)]


@dataclass
class Paper:
    """A document as the test knows it: where it is, and what its current version says."""

    zone: int
    chunk: int
    words: frozenset[str]
    removed: bool = False
    older: list[int] = field(default_factory=list)  # chunks of superseded versions


class Shelf:
    """What is current in some zones: its chunks, and those that hold a word."""

    def __init__(self, papers: Iterable[Paper]) -> None:
        self.chunks: set[int] = set()
        self.holding: dict[str, set[int]] = defaultdict(set)
        for paper in papers:
            self.chunks.add(paper.chunk)
            for word in paper.words:
                self.holding[word].add(paper.chunk)

    def found_by(self, words: Iterable[str]) -> set[int]:
        return set().union(*(self.holding[word] for word in words))


class House:
    """The database's contents, and beside them the same in plain sets: the oracle.

    A chunk goes by its `position`, which is another for each.
    """

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.numbers = np.random.default_rng(chance.getrandbits(32))
        self.groups = [Group.objects.create(name=f"group-{n}") for n in range(GROUPS)]
        self.zones = [Zone.objects.create(slug=f"zone-{n}", name=f"Zone {n}") for n in range(ZONES)]
        self.positions = itertools.count(1)
        self.every_zone = {zone.pk for zone in self.zones}
        self.people = [User.objects.create(username=f"person-{n}") for n in range(PEOPLE)]
        self.model = EmbeddingModel.objects.get(state="active")
        self.members: set[tuple[int, int]] = set()  # person, group
        self.readers: set[tuple[int, int]] = set()  # zone, group
        self.active = {person.pk for person in self.people}
        self.papers: dict[uuid.UUID, Paper] = {}
        self.answers: dict[uuid.UUID, tuple[int, set[int]]] = {}  # the asker, made from zones
        for person in self.people:
            for group in chance.sample(self.groups, 2):
                self.join(person, group)
        for zone in self.zones:
            for group in chance.sample(self.groups, 2):
                self.open(zone, group)
        for _ in range(DOCUMENTS):
            self.write()
        self.talk()

    # ---- the oracle ----

    def zones_of(self, person: int) -> set[int]:
        if person not in self.active:
            return set()
        groups = {group for member, group in self.members if member == person}
        return {zone for zone, group in self.readers if group in groups}

    def shelf(self, zones: set[int]) -> Shelf:
        return Shelf(p for p in self.papers.values() if p.zone in zones and not p.removed)

    def count_chunks(self, zones: set[int]) -> int:
        """All that exist, older versions and removed documents too: they can be opened."""
        return sum(1 + len(paper.older) for paper in self.papers.values() if paper.zone in zones)

    def answers_of(self, person: int, zones: set[int]) -> set[uuid.UUID]:
        return {
            answer
            for answer, (asker, made_from) in self.answers.items()
            if asker == person and asker in self.active and made_from <= zones
        }

    # ---- changes ----

    def change(self) -> int:
        """One change; the primary key of somebody whom it may concern."""
        person, group = self.chance.choice(self.people), self.chance.choice(self.groups)
        zone = self.chance.choice(self.zones)
        paper = self.chance.choice(list(self.papers))
        kind = self.chance.choice(
            ["membership", "reader", "reader", "account", "move", "move", "version", "removal"]
        )
        if kind == "membership":
            known = (person.pk, group.pk) in self.members
            (self.leave if known else self.join)(person, group)
        elif kind == "reader":
            known = (zone.pk, group.pk) in self.readers
            (self.close if known else self.open)(zone, group)
            person = self.one_of(group, person)
        elif kind == "account":
            self.switch(person)
        elif kind == "move":
            self.move(paper, zone)
        elif kind == "version":
            self.supersede(paper)
        else:
            self.remove_or_restore(paper)
        return person.pk

    def one_of(self, group: Group, otherwise: User) -> User:
        members = [person for person in self.people if (person.pk, group.pk) in self.members]
        return self.chance.choice(members) if members else otherwise

    def join(self, person: User, group: Group) -> None:
        person.groups.add(group)
        self.members.add((person.pk, group.pk))

    def leave(self, person: User, group: Group) -> None:
        person.groups.remove(group)
        self.members.discard((person.pk, group.pk))

    def open(self, zone: Zone, group: Group) -> None:
        zone.readers.add(group)
        self.readers.add((zone.pk, group.pk))

    def close(self, zone: Zone, group: Group) -> None:
        zone.readers.remove(group)
        self.readers.discard((zone.pk, group.pk))

    def switch(self, person: User) -> None:
        self.active ^= {person.pk}
        User.objects.filter(pk=person.pk).update(is_active=person.pk in self.active)

    def move(self, document: uuid.UUID, zone: Zone) -> None:
        paper = self.papers[document]
        if paper.zone != zone.pk:
            data.move_document(data.lock_document(document), zone)
            paper.zone = zone.pk

    def remove_or_restore(self, document: uuid.UUID) -> None:
        paper = self.papers[document]
        (data.restore_document if paper.removed else data.remove_document)(document)
        paper.removed = not paper.removed

    def supersede(self, document: uuid.UUID) -> None:
        paper = self.papers[document]
        if paper.removed:
            return
        now = timezone.now()
        with data.rights_of_system():
            old = DocumentVersion.objects.filter(document=document, current=True)
            old.update(current=False, valid_until=now)
            Chunk.objects.filter(position=paper.chunk).update(current=False)
            paper.older.append(paper.chunk)
            paper.chunk, paper.words = self.version(
                Document.objects.get(pk=document), len(paper.older) + 1
            )

    def write(self) -> None:
        zone = self.chance.choice(self.zones)
        with data.rights_of_system():
            document = Document.objects.create(zone=zone, title="Paper", origin=str(uuid.uuid4()))
            self.papers[document.pk] = Paper(zone.pk, *self.version(document, 1))

    def version(self, document: Document, number: int) -> tuple[int, frozenset[str]]:
        words = frozenset(self.chance.sample(VOCABULARY, 4))
        text = " ".join(sorted(words))
        version = DocumentVersion.objects.create(
            document=document,
            zone_id=document.zone_id,
            number=number,
            sha256="0" * 64,
            media_type="text/plain",
            size=len(text),
            text=text,
            status=DocumentVersion.Status.INDEXED,
            current=True,
            valid_from=timezone.now(),
        )
        chunk = Chunk(
            version=version,
            zone_id=document.zone_id,
            position=next(self.positions),
            text=text,
            start=0,
            end=len(text),
        )
        chunk.search = SearchVector(Value(text), config="english")
        chunk.save(force_insert=True)
        Embedding.objects.create(
            chunk=chunk, model=self.model, zone_id=document.zone_id, vector=self.vector()
        )
        return chunk.position, words

    def talk(self) -> None:
        """A conversation each, with answers from some zones; none of it is anybody else's."""
        factories.make_assistant("talk")
        assistant = Assistant.objects.get()
        slugs = {zone.slug: zone.pk for zone in self.zones}
        with data.rights_of_system():
            for person in self.people:
                chat = Conversation.objects.create(
                    owner=person, assistant=assistant, title="t", zones=[]
                )
                for turn in range(4):
                    message = Message.objects.create(
                        conversation=chat, author=person, client_id=str(turn), text="?", zones=[]
                    )
                    made = self.chance.sample(list(slugs), turn)
                    answer = Answer.objects.create(message=message, text="!", made_from=made)
                    Citation.objects.create(answer=answer, number=1, title="Paper", start=0, end=1)
                    self.answers[answer.pk] = person.pk, {slugs[slug] for slug in made}

    def vector(self) -> list[float]:
        numbers = self.numbers.normal(size=EMBEDDING_DIMENSIONS)
        return [round(float(number), 4) for number in numbers / np.linalg.norm(numbers)]


# Everything that the words or the vector of a question match, with no word of zones.
UNFILTERED = """
select question.number, chunk.position
from question
cross join lateral (
    (
        select chunk_id as id from assistants_embedding
        where current order by vector <=> question.vector limit %s
    )
    union
    (select id from assistants_chunk where current and search @@ question.words)
) hit
join assistants_chunk chunk on chunk.id = hit.id
join assistants_documentversion version on version.id = chunk.version_id
join assistants_document document on document.id = version.document_id
where question.number = any (%s)
"""


@pytest.fixture
def house(db: None) -> House:
    return House(random.Random(2026))


@pytest.fixture
def questions(house: House) -> list[frozenset[str]]:
    """The words of each; their vectors stand beside them in a table of this connection."""
    asked = [frozenset(house.chance.sample(VOCABULARY, 2)) for _ in range(QUESTIONS)]
    with connection.cursor() as cursor:
        cursor.execute(
            "create temporary table question "
            "(number int primary key, words tsquery, vector halfvec) on commit drop"
        )
        cursor.executemany(
            "insert into question values (%s, to_tsquery('english', %s), %s::halfvec)",
            [
                (number, " | ".join(words), str(house.vector()))
                for number, words in enumerate(asked)
            ],
        )
        # Else each of a thousand queries may get a plan for tables that were empty once.
        cursor.execute(
            "analyze question, assistants_chunk, assistants_embedding, "
            "assistants_documentversion, assistants_document, assistants_lexeme"
        )
    return asked


@pytest.mark.timeout(1200)  # forty seconds alone; a busy machine takes many times that
def test_nothing_outside_the_scope_is_ever_found(house, questions, monkeypatch):
    cases, hits, refused = 0, 0, 0
    with connection.cursor() as cursor:
        cursor.execute("select current_user")
        assert cursor.fetchone() == (settings.APP_DATABASE["USER"],)
        cursor.execute(TABLES_OF_ZONES)
        rows_by_zone = " union all ".join(
            f"select '{table}', zone_id, count(*) from {table} group by zone_id"
            for (table,) in cursor.fetchall()
        )
        for step in range(STEPS):
            concerned = house.change()
            everything = house.shelf(house.every_zone)
            others = house.chance.sample([person.pk for person in house.people], ASKING - 1)
            for person in (concerned, *others):
                zones = house.zones_of(person)
                shelf = house.shelf(zones)
                numbers = house.chance.sample(range(QUESTIONS), AT_ONCE)
                with data.rights_of_user(User(pk=person)) as scope:
                    assert set(scope.zone_ids) == zones
                    cursor.execute(UNFILTERED, [NEAREST, numbers])
                    found = cursor.fetchall()
                    check_tables(house, cursor, rows_by_zone, person, zones)
                hits += len(found)
                cases += check_batch(shelf, questions, numbers, found)
                refused += sum(
                    not everything.found_by(questions[number]) <= shelf.chunks for number in numbers
                )
            if step % SEARCH_EVERY == 0:
                cases += check_search(house, monkeypatch, concerned, as_of=step % 8 == 0)
    assert cases >= CASES
    # It was not for want of something to find, or to refuse.
    assert hits > 5 * CASES
    assert refused > CASES / 2


TABLES_OF_ZONES = """
select relname from pg_class
join pg_attribute on attrelid = pg_class.oid and attname = 'zone_id' and not attisdropped
where relforcerowsecurity and relkind = 'r'
"""


def check_batch(shelf, questions, numbers, found) -> int:
    """Each question's result: nothing but what the person may read; of it all that holds a word of
    the question, and enough that is near.

    Returns how many results were compared.
    """
    results: dict[int, set[int]] = {number: set() for number in numbers}
    for number, chunk in found:
        results[number].add(chunk)
    for number, result in results.items():
        assert result <= shelf.chunks, f"question {number}: {result - shelf.chunks} leaked"
        assert result >= shelf.found_by(questions[number])
        assert len(result) >= min(NEAREST, len(shelf.chunks))
    return len(results)


def check_tables(house, cursor, rows_by_zone, person, zones) -> None:
    """A plain look at every content table shows the scope's rows, all of them and no other."""
    cursor.execute(rows_by_zone)
    counts = {(table, zone): rows for table, zone, rows in cursor.fetchall()}
    assert {zone for _, zone in counts} <= zones
    chunks = sum(rows for (table, _), rows in counts.items() if table == "assistants_chunk")
    assert chunks == house.count_chunks(zones)
    answers = house.answers_of(person, zones)
    cursor.execute("select id from assistants_answer")
    assert {row[0] for row in cursor.fetchall()} == answers
    cursor.execute(
        "select (select count(*) from assistants_citation), "
        "(select count(*) from assistants_message), (select count(*) from assistants_conversation)"
    )
    own = person in house.active
    assert cursor.fetchone() == (len(answers), 4 * own, own)


def check_search(house, monkeypatch, person: int, *, as_of: bool) -> int:
    """The product's search: as it is, and with its own filter opened to every zone."""
    zones = house.zones_of(person)
    words = " ".join(house.chance.sample(VOCABULARY, 3))
    vector = house.vector()
    moment = timezone.now() if as_of else None

    def search(scope: Scope) -> set[str]:
        found = data.search(scope, None, words, vector, keyword_weight=0.5, as_of=moment)
        return {passage.document_id for passage in found}

    @contextmanager
    def rights_of_person(scope: Scope) -> Iterator[None]:
        with data.rights_of_user(User(pk=person)):
            yield

    readable = {
        str(document)
        for document, paper in house.papers.items()
        if paper.zone in zones and not paper.removed
    }
    assert search(data.get_scope(User(pk=person))) <= readable
    with monkeypatch.context() as opened:
        opened.setattr(searching, "rights_of", rights_of_person)
        everything = search(Scope(tuple(house.every_zone)))
    assert everything <= readable
    assert bool(everything) == bool(readable)
    return 2


def test_the_oracle_would_notice_a_leak(house, questions):
    """The same comparison under rights that are too wide fails."""
    shelves = [house.shelf(house.zones_of(person.pk)) for person in house.people]
    shelf = next(shelf for shelf in shelves if shelf.chunks)
    numbers = list(range(AT_ONCE))
    with data.rights_of_system(), connection.cursor() as cursor:
        cursor.execute(UNFILTERED, [NEAREST, numbers])
        found = cursor.fetchall()
    with pytest.raises(AssertionError, match="leaked"):
        check_batch(shelf, questions, numbers, found)
