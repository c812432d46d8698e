"""An assistant's weights, tuned on its own judged questions; kept only where they are better.

What it is judged by: a file or folder that somebody wrote, or the citations of the answers that
its users were given. Nothing of either is logged: only figures are.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from assistants import control, data
from assistants.exceptions import InvalidRequest
from assistants.models import Answer, Assistant, Citation, Document
from assistants.services.evaluation import measure, read_queries
from assistants.services.retrieval import embed_texts
from assistants.types import Passage, Scope

KEYWORD_WEIGHTS = tuple(step / 20 for step in range(13))  # 0 to 0.6
CROWDING_WEIGHTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3)
FOLDS = 5
MIN_QUESTIONS = 20
NEWEST_ANSWERS = 2_000

Weights = tuple[float, float]  # of the keyword side, and of crowding


@dataclass(frozen=True, slots=True)
class Judged:
    """A question's candidates, and how good an order of them is (0 to 1)."""

    measured: data.Measured
    judge: Callable[[Sequence[Passage]], float]

    def score(self, weights: Weights) -> float:
        return self.judge(data.weigh(self.measured, *weights))


@dataclass(frozen=True, slots=True)
class Tuned:
    """`before` and `after` are mean nDCG@10 of questions that the weights were not tuned on.

    `better` says that the gain is more than chance would bring (one standard error of it).
    """

    questions: int
    before: float
    after: float
    weights: Weights
    better: bool


def tune(judged: Sequence[Judged], present: Weights, folds: int = FOLDS) -> Tuned:
    """Cross-validated: each question is scored with weights that were chosen without it."""
    grid = list(dict.fromkeys([present, *product(KEYWORD_WEIGHTS, CROWDING_WEIGHTS)]))
    scores = [{weights: each.score(weights) for weights in grid} for each in judged]
    before = [score[present] for score in scores]
    after = [0.0] * len(scores)
    for fold in range(folds):
        chosen = _best([s for n, s in enumerate(scores) if n % folds != fold], grid)
        for number in range(fold, len(scores), folds):
            after[number] = scores[number][chosen]
    gains = [new - old for new, old in zip(after, before, strict=True)]
    error = statistics.stdev(gains) / math.sqrt(len(gains)) if len(gains) > 1 else math.inf
    return Tuned(
        questions=len(scores),
        before=statistics.mean(before),
        after=statistics.mean(after),
        weights=_best(scores, grid),
        better=statistics.mean(gains) > error,
    )


def _best(scores: Sequence[Mapping[Weights, float]], grid: Sequence[Weights]) -> Weights:
    """The best on average; of equal ones the first, which is the present."""
    return max(grid, key=lambda weights: sum(score[weights] for score in scores))


def tune_assistant(slug: str, queries: Path | None = None, *, write: bool = True) -> Tuned:
    """Raises InvalidRequest where there is no such assistant, or too little to judge by."""
    assistant = Assistant.objects.filter(slug=slug).first()
    if assistant is None:
        known = ", ".join(Assistant.objects.values_list("slug", flat=True)) or "none yet"
        raise InvalidRequest(user_message=f"There is no assistant “{slug}”. Assistants: {known}.")
    scope = Scope(tuple(assistant.zones.values_list("pk", flat=True)))
    found = _written(scope, queries) if queries else _cited(assistant)
    questions = list(found)
    if len(questions) < MIN_QUESTIONS:
        raise InvalidRequest(
            user_message=f"{len(questions)} judged questions are too few to tune on; at least "
            f"{MIN_QUESTIONS} are needed. Name a file of them with --queries."
        )
    model = data.get_embedding_spec()
    vectors = embed_texts([question for question, _ in questions], model)
    judged = [
        Judged(data.measure_passages(scope, None, question, vector, model_id=model.model_id), judge)
        for (question, judge), vector in zip(questions, vectors, strict=True)
    ]
    tuned = tune(judged, (assistant.keyword_weight, assistant.crowding_weight))
    if write and tuned.better:
        assistant.keyword_weight, assistant.crowding_weight = tuned.weights
        assistant.save(update_fields=["keyword_weight", "crowding_weight"])
        control.record_event(
            action="assistant.tuned",
            subject=assistant.slug,
            data={
                "questions": tuned.questions,
                "keyword_weight": str(tuned.weights[0]),
                "crowding_weight": str(tuned.weights[1]),
            },
        )
    return tuned


# -- what to judge by -----------------------------------------------------------------------------

Question = tuple[str, Callable[[Sequence[Passage]], float]]


def _written(scope: Scope, path: Path) -> Iterator[Question]:
    """From a folder with `queries.jsonl` and `qrels.tsv`, whose documents are named by their
    origin; or from a file of lines `{question, document, contains?}`, where a passage is right if
    it holds one of the given phrases.
    """
    with data.rights_of(scope):
        named = Document.objects.filter(zone_id__in=scope.zone_ids).values_list("pk", "origin")
        origins = {str(pk): origin for pk, origin in named}
    if path.is_dir():
        collection = read_queries(path, set(origins.values()))
        for query, judged in collection.judgements.items():
            yield collection.queries[query], _of_documents(judged, origins)
        return
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(user_message=f"{path} cannot be read: {error}.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            question, document = record.get("question") or record["text"], record["document"]
            phrases = [str(phrase).lower() for phrase in record.get("contains", ())]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InvalidRequest(
                user_message=f"{path.name}, line {number}: expected a JSON object with question "
                "and document."
            ) from None
        if document in origins.values():
            yield str(question), _of_phrases(str(document), phrases, origins)


def _of_documents(
    judged: Mapping[str, int], origins: Mapping[str, str]
) -> Callable[[Sequence[Passage]], float]:
    def judge(passages: Sequence[Passage]) -> float:
        found = dict.fromkeys(origins.get(passage.document_id, "") for passage in passages)
        return measure(list(found), judged)["ndcg@10"]

    return judge


def _of_phrases(
    document: str, phrases: Sequence[str], origins: Mapping[str, str]
) -> Callable[[Sequence[Passage]], float]:
    def right(passage: Passage) -> bool:
        text = passage.text.lower()
        fits = not phrases or any(phrase in text for phrase in phrases)
        return fits and origins.get(passage.document_id) == document

    return _of_passages(right)


def _cited(assistant: Assistant) -> Iterator[Question]:
    """From the newest answers that stood: completed, not asked for again, with citations."""
    with data.rights_of_system():
        answers = list(
            Answer.objects.filter(
                message__conversation__assistant=assistant,
                message__parent=None,  # a question that stands by itself
                message__as_of=None,
                status=Answer.Status.COMPLETED,
                citations__version__current=True,
            )
            .distinct()
            .select_related("message")
            .order_by("-pk")[:NEWEST_ANSWERS]
        )
        cited = list(Citation.objects.filter(answer__in=answers, version__current=True))
    by_message = {answer.message_id: answer for answer in reversed(answers)}  # the newest of each
    spans: dict[object, list[Citation]] = {}
    for citation in cited:
        spans.setdefault(citation.answer_id, []).append(citation)
    for answer in by_message.values():
        yield answer.message.text, _of_spans(spans[answer.pk])


def _of_spans(cited: Sequence[Citation]) -> Callable[[Sequence[Passage]], float]:
    def right(passage: Passage) -> bool:
        return any(
            str(each.version_id) == passage.version_id
            and passage.start < each.end
            and each.start < passage.end
            for each in cited
        )

    return _of_passages(right)


def _of_passages(right: Callable[[Passage], bool]) -> Callable[[Sequence[Passage]], float]:
    def judge(passages: Sequence[Passage]) -> float:
        grades = {passage.chunk_id: int(right(passage)) for passage in passages}
        return measure([passage.chunk_id for passage in passages], grades)["ndcg@10"]

    return judge
