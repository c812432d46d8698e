"""What found chunks are worth for a question: words and meaning weighed together. Pure.

Beside the two sides themselves, three things are taken into account; what each brings stands in
docs/adr/0007:

- a chunk that lies near many of the others is near to every question, and so is worth less for
  this one (hubness: https://jmlr.org/papers/v11/radovanovic10a.html);
- in a long question most words are not what is asked: those count that the nearest chunks use;
- of program text the words tell less than its meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from assistants.data.lexemes import Statistics
from assistants.types import Evidence, Passage

K1, B = 1.2, 0.4  # BM25; chunks are of like length, which b = 0.75 would take too seriously
KEYWORD_WEIGHT = 0.25  # where nobody has tuned it, and for prose
CROWDING_WEIGHT = 0.1
NEAREST = 32  # the chunks that say what a question is about
NEIGHBOURS = 10  # of a chunk among the candidates, for how crowded its place is
LONG_QUESTION = 10  # words; what is shorter says what it asks
CODE_SIGNS = frozenset("(){}[]=;_<>")
CODE_SHARE = 0.03  # of the characters; prose has one in a hundred


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that may become a passage; `counts` says how often each word stands in it.

    `length` is in characters. `vector` is its embedding as the database sends it (a halfvec's
    dimensions in four bytes, then 16-bit floats, most significant byte first), or empty.
    """

    passage: Passage
    cosine: float
    length: int
    counts: dict[str, int]
    vector: bytes = b""


@dataclass(frozen=True, slots=True)
class Measured:
    """Candidates with all that can be said of them before anything is weighed.

    `crowds` says how crowded each one's place is; `keyword_weight` is the one to take where
    nobody has tuned it.
    """

    passages: Sequence[Passage]
    crowds: Sequence[float]
    keyword_weight: float


def measure(candidates: Sequence[Candidate], statistics: Statistics) -> Measured:
    """Each passage has its evidence, but for the score."""
    nearest = sorted(candidates, key=lambda candidate: -candidate.cosine)[:NEAREST]
    rarity = {word: statistics.weight(word) for word in statistics.frequencies}
    weights = _agreed(rarity, nearest)
    total, all_rarity = sum(weights.values()) or 1.0, sum(rarity.values()) or 1.0
    usual = sum(candidate.length for candidate in candidates) / max(len(candidates), 1) or 1.0
    passages = [
        replace(
            candidate.passage,
            evidence=Evidence(
                cosine=candidate.cosine,
                keyword=min(1.0, _bm25(candidate, weights, usual) / total),
                coverage=sum(rarity[word] for word in candidate.counts) / all_rarity,
                score=0.0,
            ),
        )
        for candidate in candidates
    ]
    return Measured(passages, crowding(candidates), _default_weight(nearest))


def weigh(
    measured: Measured, keyword_weight: float | None, crowding_weight: float
) -> list[Passage]:
    """Best first, each with its score. A weight of None is chosen by what was found."""
    share = measured.keyword_weight if keyword_weight is None else keyword_weight
    passages = []
    for passage, crowd in zip(measured.passages, measured.crowds, strict=True):
        evidence = passage.evidence
        meaning = evidence.cosine - crowding_weight * crowd
        score = share * evidence.keyword + (1 - share) * meaning
        passages.append(replace(passage, evidence=replace(evidence, score=score)))
    return sorted(passages, key=lambda p: (-p.evidence.score, p.title, p.start, p.chunk_id))


def rank(
    candidates: Sequence[Candidate],
    statistics: Statistics,
    keyword_weight: float | None,
    crowding_weight: float = CROWDING_WEIGHT,
) -> list[Passage]:
    """Best first, with the evidence for each."""
    return weigh(measure(candidates, statistics), keyword_weight, crowding_weight)


def _default_weight(nearest: Sequence[Candidate]) -> float:
    code = sum(looks_like_code(each.passage.text) for each in nearest) / max(len(nearest), 1)
    return KEYWORD_WEIGHT * (1 - 0.8 * code)


def looks_like_code(text: str) -> bool:
    return sum(map(CODE_SIGNS.__contains__, text)) > CODE_SHARE * len(text)


def _agreed(rarity: Mapping[str, float], nearest: Sequence[Candidate]) -> Mapping[str, float]:
    """Of a long question's words, those count more that stand in the nearest chunks."""
    if len(rarity) < LONG_QUESTION or not nearest:
        return rarity
    return {
        word: weight
        * ((sum(word in each.counts for each in nearest) + 0.5) / (len(nearest) + 1)) ** 0.5
        for word, weight in rarity.items()
    }


def _bm25(candidate: Candidate, weights: Mapping[str, float], usual: float) -> float:
    """`usual` stands for the mean length: here that of the candidates."""
    norm = K1 * (1 - B + B * candidate.length / usual)
    return sum(
        weights[word] * count * (K1 + 1) / (count + norm)
        for word, count in candidate.counts.items()
    )


def crowding(candidates: Sequence[Candidate]) -> list[float]:
    """How near each lies to its ten nearest among the others (a mean cosine); 0 for all where
    they are too few to tell, or come without vectors.
    """
    if len(candidates) <= 2 * NEIGHBOURS or not all(each.vector for each in candidates):
        return [0.0] * len(candidates)
    import numpy as np  # not with a web process

    vectors = np.array(
        [np.frombuffer(each.vector, ">f2", offset=4) for each in candidates], dtype=np.float32
    )
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    near = vectors @ vectors.T
    np.fill_diagonal(near, -1.0)
    near.sort(axis=1)
    crowd: list[float] = near[:, -NEIGHBOURS:].mean(axis=1).tolist()
    return crowd


# -- what says the same again ---------------------------------------------------------------------

# Without them a sentence says the same. "Not", "no", "may" and "must" are none of them.
_FILLERS = frozenset(("a", "an", "the", "this", "that", "these", "those", "of", "s"))


def without_duplicates(passages: Iterable[Passage], limit: int) -> list[Passage]:
    """The first so many that do not repeat a better one.

    A text repeats another if its words are the same but for articles, or if it is a piece of
    the other in the same document. Nothing less will do: two editions of a policy may differ in
    one number, or in one "not".
    """
    kept: list[Passage] = []
    said: set[str] = set()
    by_document: dict[str, list[str]] = {}
    for passage in passages:
        words = _said(passage.text)
        own = by_document.setdefault(passage.document_id, [])
        if words in said or any(words in better for better in own):
            continue
        kept.append(passage)
        said.add(words)
        own.append(words)
        if len(kept) == limit:
            break
    return kept


def _said(text: str) -> str:
    """Its words with blanks around each, so that one text is in another by whole words only."""
    words = [word for word in re.findall(r"\w+", text.lower()) if word not in _FILLERS]
    return f" {' '.join(words)} "
