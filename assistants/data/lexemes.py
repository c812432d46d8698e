"""Words as PostgreSQL's full-text search sees them: the same rules for documents and questions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.contrib.postgres.search import SearchVector
from django.db import connection
from django.db.models import Value
from django.db.models.expressions import CombinedExpression

CONFIGURATION = "english"
MAX_CHARACTERS = 4_000  # of a question; what comes later hardly changes what it is about
MAX_LEXEMES = 32  # the rarest ones

# `to_tsvector` never fails on odd syntax, and drops the stop words. The empty lexeme's row
# counts the chunks.
STATISTICS = """
select word, coalesce(sum(chunks), 0)::bigint, bool_or(asked)
from (
    select unnest(tsvector_to_array(to_tsvector(%(configuration)s::regconfig, %(question)s))
        || ''::text) as word, true as asked
    union all
    select unnest(tsvector_to_array(to_tsvector(%(configuration)s::regconfig, %(context)s))), false
) words
left join assistants_lexeme on lexeme = word and zone_id = any (%(zones)s)
group by word
"""


def get_search_vector(title: str, section: str, text: str) -> CombinedExpression:
    """What `Chunk.search` holds: title (A), section (B) and text (D), weighted."""
    return (
        SearchVector(Value(searchable(title)), weight="A", config=CONFIGURATION)
        + SearchVector(Value(searchable(section)), weight="B", config=CONFIGURATION)
        + SearchVector(Value(searchable(text)), weight="D", config=CONFIGURATION)
    )


def searchable(text: str) -> str:
    """Without what a database text cannot hold, and with `a/b` as two words, not as a path."""
    return text.replace("\x00", " ").replace("/", " ")


@dataclass(frozen=True, slots=True)
class Statistics:
    """The words of a question and in how many of the searched chunks each stands (0: in none).

    `context` are those of them that come only from what the question follows on.
    """

    chunks: int
    frequencies: Mapping[str, int]
    context: frozenset[str] = frozenset()

    def weight(self, lexeme: str) -> float:
        """Inverse document frequency as in BM25 (Robertson, Zaragoza 2009), never negative.

        Half of it for a word of the context.
        """
        found = self.frequencies[lexeme]
        rarity = math.log(1 + (max(self.chunks, found) - found + 0.5) / (found + 0.5))
        return rarity / 2 if lexeme in self.context else rarity

    @property
    def rarest_first(self) -> list[str]:
        return sorted(self.frequencies, key=lambda word: (self.frequencies[word], word))


def get_statistics(zone_ids: Iterable[int], question: str, context: str = "") -> Statistics:
    """One query; within the rights of the transaction it runs in."""
    with connection.cursor() as cursor:
        cursor.execute(
            STATISTICS,
            {
                "configuration": CONFIGURATION,
                "question": searchable(question[:MAX_CHARACTERS]),
                "context": searchable(context[:MAX_CHARACTERS]),
                "zones": list(zone_ids),
            },
        )
        rows = sorted(cursor.fetchall(), key=lambda row: (row[1], row[0]))
    chunks = next((found for word, found, _ in rows if not word), 0)
    kept = [row for row in rows if row[0]][:MAX_LEXEMES]
    return Statistics(
        chunks,
        {word: found for word, found, _ in kept},
        frozenset(word for word, _, asked in kept if not asked),
    )


def any_of(lexemes: Iterable[str]) -> str:
    """A tsquery that matches any of them, whatever characters they hold."""
    return " | ".join(quoted(word) for word in lexemes)


def count_in(vector: str, lexemes: Iterable[str]) -> dict[str, int]:
    """How often each of them stands in a tsvector's text, such as `'day':3 'gift':1A,7`.

    Reading the text here costs a tenth of `unnest` in the database.
    """
    counts = {}
    spaced = f" {vector}"
    for lexeme in lexemes:
        mark = f" {quoted(lexeme)}:"
        start = spaced.find(mark)
        if start >= 0:
            start += len(mark)
            end = spaced.find(" ", start)
            counts[lexeme] = spaced.count(",", start, end if end >= 0 else None) + 1
    return counts


def quoted(lexeme: str) -> str:
    """As in the text of a tsvector or tsquery."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
