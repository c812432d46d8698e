"""The indexes over a model's current vectors: one by zone at once, later a graph of all (HNSW).

The graph is asked only for scopes that are too large to be scanned, so there is none until there
are so many chunks altogether. Building it at once then takes a fraction of what inserting each
vector took: that is the most of what the database does for a document (docs/adr/0008).
"""

from __future__ import annotations

from django.db import connection

from assistants.data.roles import as_owner
from assistants.data.scope import rights_of_system
from assistants.models import EmbeddingModel

# A scope up to so many chunks is scanned whatever the rest holds. With no more than these
# altogether, nothing would ever ask a graph.
EXACT_UP_TO = 20_000

# As in the function of migration 0024, which builds it for whom no table belongs to.
GRAPH = """
create index concurrently if not exists embedding_model_{model} on assistants_embedding
    using hnsw ((vector::halfvec({dimensions})) halfvec_cosine_ops)
    with (m = 16, ef_construction = 128)
    where current and model_id = {model}
"""
# The vectors themselves, so that a scope is scanned page after page and not row by row.
BY_ZONE = """
create index concurrently if not exists embedding_zone_{model} on assistants_embedding
    (zone_id) include ({included})
    where current and model_id = {model}
"""
MOST_INCLUDED = 1_300  # dimensions; a longer row does not fit into such an index
IS_VALID = "select indisvalid from pg_index where indexrelid = to_regclass(%s)"

# Each zone's row of the empty word counts its current chunks (data.lexemes).
COUNT = """
select coalesce(sum(chunks), 0) from assistants_zone zone
join assistants_lexeme on zone_id = zone.id and lexeme = ''
"""
BUILD = "select assistants_build_graph(%s::smallint)"


def create_model_indexes(model: EmbeddingModel) -> None:
    """Its own indexes, built beside the traffic; as the owner of the tables, outside transactions.

    The graph only where there are chunks enough. One that an interrupted attempt left behind is
    built anew.
    """
    included = "chunk_id, vector" if model.dimensions <= MOST_INCLUDED else "chunk_id"
    statements = {"zone": BY_ZONE}
    if _count_current() > EXACT_UP_TO:
        statements["model"] = GRAPH
    with as_owner(), connection.cursor() as cursor:
        for kind, statement in statements.items():
            name = f"embedding_{kind}_{model.pk}"
            if _is_valid(name) is False:
                cursor.execute(f"drop index concurrently {name}")
            cursor.execute(
                statement.format(model=model.pk, dimensions=model.dimensions, included=included)
            )


def drop_model_indexes(model: EmbeddingModel) -> None:
    """As the owner of the tables, outside transactions."""
    with as_owner(), connection.cursor() as cursor:
        for kind in ("model", "zone"):
            cursor.execute(f"drop index concurrently if exists embedding_{kind}_{model.pk}")


def is_graph_due(model_id: int) -> bool:
    """Whether there are chunks enough for a graph of this model, and none is there yet."""
    return not _is_valid(f"embedding_model_{model_id}") and _count_current() > EXACT_UP_TO


def build_graph(model_id: int) -> bool:
    """Build it with the app's rights; searches go on, and whoever stores a vector waits.

    Half a minute for 50,000 chunks. False if another process is at it. To be called outside
    transactions.
    """
    with connection.cursor() as cursor:
        cursor.execute(BUILD, [model_id])
        return bool(cursor.fetchone()[0])


def _is_valid(name: str) -> bool | None:
    """None if there is no such index."""
    with connection.cursor() as cursor:
        cursor.execute(IS_VALID, [name])
        found = cursor.fetchone()
    return found and bool(found[0])


def _count_current() -> int:
    with rights_of_system(), connection.cursor() as cursor:
        cursor.execute(COUNT)
        return int(cursor.fetchone()[0])
