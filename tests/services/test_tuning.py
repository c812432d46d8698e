from __future__ import annotations

import json
import random
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from assistants import compute, data
from assistants.models import Answer, Assistant, AuditEvent, Citation, Conversation, Message
from assistants.services import tuning
from assistants.types import Evidence, Passage
from tests.factories import make_document, unit_vector

pytestmark = pytest.mark.django_db


def judged(cosine: float, keyword: float) -> tuning.Judged:
    """Two passages: the right one has these figures, the wrong one the opposite."""
    passages = [
        Passage(
            0, name, "d", "v", name, "", name, "general", 0, 1,
            Evidence(cosine=c, keyword=k, coverage=0, score=0),
        )
        for name, c, k in (("right", cosine, keyword), ("wrong", 1 - cosine, 1 - keyword))
    ]  # fmt: skip

    def judge(found):
        return 1.0 if found[0].chunk_id == "right" else 0.5

    return tuning.Judged(data.Measured(passages, (0.0, 0.0), 0.2), judge)


class TestTune:
    def test_what_the_questions_want_is_found(self):
        wanted = [judged(cosine=0.4, keyword=0.9) for _ in range(20)]  # words tell
        tuned = tuning.tune(wanted, (0.0, 0.1))
        assert (tuned.before, tuned.after) == (0.5, 1.0)
        assert tuned.better
        assert tuned.weights[0] >= 0.2

    def test_what_is_best_already_stays(self):
        tuned = tuning.tune([judged(cosine=0.9, keyword=0.4) for _ in range(20)], (0.15, 0.1))
        assert tuned.weights == (0.15, 0.1)
        assert (tuned.before, tuned.after, tuned.better) == (1.0, 1.0, False)

    def test_noise_is_not_followed(self):
        """Each question wants something else: what fits some of them fits no others."""
        better = 0
        for seed in range(20):
            chance = random.Random(seed)
            noise = [judged(chance.random(), chance.random()) for _ in range(30)]
            better += tuning.tune(noise, (0.5, 0.1)).better
        assert better <= 5

    def test_no_question_is_scored_with_weights_it_chose(self):
        """One question of its own kind cannot help itself."""
        common = [judged(cosine=0.9, keyword=0.4) for _ in range(9)]
        tuned = tuning.tune([judged(cosine=0.4, keyword=0.9), *common], (0.0, 0.1), folds=10)
        assert tuned.after <= tuned.before == pytest.approx(0.95)


@pytest.fixture
def documents(cast, monkeypatch):
    """For each question a text that holds its rare word, and one that lies nearer."""
    monkeypatch.setattr(compute, "embed_texts", lambda texts: [unit_vector(0) for _ in texts])
    zone = cast.zones.compliance
    near = [0.8, 0.6] + [0.0] * 382
    far = [0.7, 0.714] + [0.0] * 382
    found = []
    for number in range(24):
        make_document(zone, f"Nothing of it, {number}.", vector=near)
        found.append(make_document(zone, f"The rule on item{number} holds.", vector=far))
    Assistant.objects.filter(slug="compliance").update(keyword_weight=0.0)
    return found


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("tune_retrieval", "compliance", *arguments, stdout=out)
    return out.getvalue()


def weight() -> float:
    return Assistant.objects.get(slug="compliance").keyword_weight


def origin(chunk) -> str:
    return chunk.version.document.origin


class TestCommand:
    def test_questions_of_a_file(self, documents, tmp_path):
        path = tmp_path / "questions.jsonl"
        lines = [
            {"question": f"What of item{number}?", "document": origin(chunk), "contains": ["rule"]}
            for number, chunk in enumerate(documents)
        ]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        out = run("--queries", str(path), "--evaluate")
        assert "24 questions" in out
        assert "after: 1.000" in out
        assert weight() == 0.0
        out = run("--queries", str(path))
        assert "weights now" in out
        assert weight() > 0
        assert AuditEvent.objects.filter(action="assistant.tuned").count() == 1
        assert "item" not in out
        again = run("--queries", str(path))
        assert "the weights stay" in again

    def test_questions_of_a_folder(self, documents, tmp_path):
        queries = [{"id": f"q{n}", "text": f"What of item{n}?"} for n in range(len(documents))]
        (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
        rows = [f"q{n}\t{origin(chunk)}\t1" for n, chunk in enumerate(documents)]
        (tmp_path / "qrels.tsv").write_text("\n".join(["query\tdocument\tgrade", *rows]))
        assert "after: 1.000" in run("--queries", str(tmp_path))
        assert weight() > 0

    def test_what_answers_have_cited(self, cast, documents):
        for number, chunk in enumerate(documents):
            make_answer(cast, f"What of item{number}?", chunk)
        make_answer(cast, "What of item0?", documents[5], status=Answer.Status.FAILED)
        out = run()
        assert "24 questions" in out
        assert "after: 1.000" in out
        assert weight() > 0

    def test_too_little_to_judge_by(self, documents, tmp_path):
        with pytest.raises(CommandError, match="0 judged questions are too few"):
            run()
        path = tmp_path / "questions.jsonl"
        path.write_text('{"question": "What?", "document": "unknown.md"}\n')
        with pytest.raises(CommandError, match="0 judged questions are too few"):
            run("--queries", str(path))
        path.write_text('{"question": "What?"}\n')
        with pytest.raises(CommandError, match=r"questions.jsonl, line 1"):
            run("--queries", str(path))
        with pytest.raises(CommandError, match="There is no assistant"):
            call_command("tune_retrieval", "nobody")


def make_answer(cast, question: str, chunk, status=Answer.Status.COMPLETED) -> None:
    with data.rights_of_system():
        chat = Conversation.objects.create(
            owner=cast.alice, assistant=Assistant.objects.get(slug="compliance"), zones=["general"]
        )
        message = Message.objects.create(
            conversation=chat, author=cast.alice, client_id=str(chat.pk), text=question,
            zones=["general"],
        )  # fmt: skip
        answer = Answer.objects.create(message=message, status=status, zones=["compliance"])
        Citation.objects.create(
            answer=answer, number=1, chunk=chunk, version=chunk.version,
            document=chunk.version.document_id, title="T", start=chunk.start, end=chunk.end,
        )  # fmt: skip
