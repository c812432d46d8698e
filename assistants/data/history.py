"""Finding words in a person's own conversations: titles, messages, and answers that are shown.

Within the rights of the transaction it runs in: an answer made from what the reader may not read
any more is no row for them. What is held, rejected, blocked or failed is not searched, and neither
is what is temporary or came by the API.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from assistants.data.lexemes import quoted, searchable
from assistants.types import Scope

MAX_WORDS = 12
NEWEST = 400  # hits of each kind that are looked at
HEADLINE_CHARACTERS = 20_000  # of a text; a hit behind them is listed with the text's beginning
START, STOP = "\ue000", "\ue001"  # of private use: no keyboard types them

# How a word is looked for: as the dictionary cuts it, or as the beginning of what stands there.
WORDS = """
select numnode(stem), stem::text, tsvector_to_array(to_tsvector('simple', word))
from unnest(%s::text[]) with ordinality as words (word, place),
    lateral (select plainto_tsquery('english', word) as stem) stems
order by place
"""
# An excerpt is marked by the dictionary's words; where those mark nothing, by the plain ones.
HITS = """
with hits as (
    (select conversation_id, id as message_id, null::uuid as answer_id, created as at
        from assistants_message
        where author_id = %(user)s::int and search @@ %(query)s::tsquery
        order by id desc limit %(newest)s)
    union all
    (select null, message_id, id, created from assistants_answer
        where asker_id = %(user)s::int and search @@ %(query)s::tsquery
            and status in ('completed', 'stopped', 'interrupted')
        order by id desc limit %(newest)s)
    union all
    (select id, null, null, updated from assistants_conversation
        where owner_id = %(user)s and search @@ %(query)s::tsquery
        order by updated desc limit %(newest)s)
), placed as (
    select coalesce(hits.conversation_id, message.conversation_id) as conversation_id,
        hits.message_id, hits.answer_id, hits.at
    from hits left join assistants_message message on message.id = hits.message_id
), best as (
    select distinct on (conversation_id) *, count(*) over (partition by conversation_id) as hits
    from placed order by conversation_id, message_id is null, at desc
)
select chat.id, chat.archived is not null, assistant.slug, assistant.name,
    best.message_id, best.answer_id, best.at, best.hits,
    case when stemmed.title ~ %(start)s then stemmed.title
        else ts_headline('simple', chat.title, %(query)s::tsquery, %(whole)s) end,
    case when stemmed.excerpt ~ %(start)s then stemmed.excerpt
        else ts_headline('simple', found.text, %(query)s::tsquery, %(excerpt)s) end
from (
    select best.* from best
    join assistants_conversation chat on chat.id = best.conversation_id
    where chat.owner_id = %(user)s and chat.origin = 'page' and chat.expires is null
    order by at desc limit %(limit)s
) best
join assistants_conversation chat on chat.id = best.conversation_id
join assistants_assistant assistant on assistant.id = chat.assistant_id
left join lateral (
    select left(text, %(long)s) as text from assistants_answer where id = best.answer_id
    union all
    select left(text, %(long)s) from assistants_message
        where id = best.message_id and best.answer_id is null
) found on true
cross join lateral (
    select ts_headline('english', chat.title, %(query)s::tsquery, %(whole)s) as title,
        ts_headline('english', found.text, %(query)s::tsquery, %(excerpt)s) as excerpt
    offset 0
) stemmed
order by best.at desc
"""
MARKS = f"StartSel={START}, StopSel={STOP}"
EXCERPT = f"{MARKS}, MaxWords=26, MinWords=14, ShortWord=0, MaxFragments=1"
WHOLE = f"{MARKS}, HighlightAll=true"

Excerpt = list[tuple[str, bool]]  # stretches of text, and whether each is what was looked for


@dataclass(frozen=True, slots=True)
class Hit:
    """One conversation and where in it the words stand: its newest answer or message that holds
    them, else (both None) its title. `count` is how many of them hold the words.
    """

    conversation: uuid.UUID
    title: Excerpt
    archived: bool
    assistant: str
    assistant_name: str
    message: uuid.UUID | None
    answer: uuid.UUID | None
    at: datetime
    count: int
    excerpt: Excerpt


def search_history(scope: Scope, text: str, *, limit: int) -> list[Hit]:
    """The conversations that hold all of these words in one text, that of the newest hit first.

    The last letters of a word may be missing. Two queries.
    """
    words = searchable(text).split()[:MAX_WORDS]
    if not words or scope.user_id is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(WORDS, [words])
        query = _query_of(cursor.fetchall())
        if not query:
            return []
        cursor.execute(
            HITS,
            {
                "user": scope.user_id,
                "query": query,
                "newest": NEWEST,
                "limit": limit,
                "long": HEADLINE_CHARACTERS,
                "start": START,
                "whole": WHOLE,
                "excerpt": EXCERPT,
            },
        )
        return [_hit(row) for row in cursor.fetchall()]


def _hit(row: Sequence[Any]) -> Hit:
    chat, archived, slug, name, message, answer, at, count, title, excerpt = row
    return Hit(
        chat, _split(title), archived, slug, name, message, answer, at, count, _split(excerpt)
    )


def _query_of(words: Sequence[tuple[int, str, list[str]]]) -> str:
    """The text of a tsquery; "" where there is no word among what was typed."""
    wanted = []
    for nodes, stem, lexemes in words:
        begins = " & ".join(f"{quoted(lexeme)}:*" for lexeme in lexemes)
        ways = [f"({way})" for way in (stem if nodes else "", begins) if way]
        if ways:
            wanted.append(f"({' | '.join(ways)})")
    return " & ".join(wanted)


def _split(marked: str | None) -> Excerpt:
    stretches: Excerpt = []
    for part in (marked or "").split(START):
        hit, stop, rest = part.partition(STOP)
        if stop:
            stretches.append((hit, True))
        stretches.append((rest if stop else hit, False))
    return [(text, is_hit) for text, is_hit in stretches if text]
