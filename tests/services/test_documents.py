from __future__ import annotations

import io
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.utils import timezone

from assistants import compute, data
from assistants.exceptions import NotFound, ProviderError
from assistants.models import Chunk, DocumentVersion
from assistants.services import documents
from assistants.services.documents import FileOutcome
from tests.data.files import make_docx, make_encrypted_pdf, make_pdf, make_zip_bomb
from tests.factories import unit_vector


@pytest.fixture(autouse=True)
def embedded(monkeypatch) -> list[str]:
    """Texts that were embedded, with a fake in place of the model."""
    texts: list[str] = []

    def embed_texts(batch):
        texts.extend(batch)
        return [unit_vector(len(text)) for text in batch]

    monkeypatch.setattr(compute, "embed_texts", embed_texts)
    monkeypatch.setattr(compute, "count_tokens", lambda text: len(text.split()))
    return texts


def file(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def chunk_texts() -> list[str]:
    with data.rights_of_system():
        return list(
            Chunk.objects.filter(current=True).order_by("position").values_list("text", flat=True)
        )


def versions(**fields) -> list[DocumentVersion]:
    with data.rights_of_system():
        return list(DocumentVersion.objects.filter(**fields).order_by("pk"))


# -- upload ---------------------------------------------------------------------------------------


def test_one_bad_file_does_not_stop_the_rest(cast, django_capture_on_commit_callbacks):
    queued: list[str] = []
    with django_capture_on_commit_callbacks(execute=True):
        results = documents.upload(
            cast.alice,
            "compliance",
            [
                file("gifts.md", b"# Gifts\n\nEUR 50."),
                file("empty.txt", b""),
                file("photo.png", b"\x89PNG\r\n\x1a\n"),
                file("secret.pdf", make_encrypted_pdf("pw")),
            ],
            queued.append,
        )
        assert queued == []  # not before the commit
    assert [(result.name, result.outcome) for result in results] == [
        ("gifts.md", "received"),
        ("empty.txt", "rejected"),
        ("photo.png", "rejected"),
        ("secret.pdf", "received"),
    ]
    assert results[1].message == "“empty.txt” is empty."
    assert len(queued) == 2
    for version_id in queued:
        documents.ingest_version(version_id)
    assert chunk_texts() == ["EUR 50."]
    (refused,) = versions(status="rejected")
    assert refused.error == (
        "“secret.pdf” is protected with a password. Please remove the protection first."
    )
    assert bytes(refused.content) == b""


def test_the_same_file_again_is_unchanged(cast, django_capture_on_commit_callbacks):
    for outcome in ("received", "unchanged"):
        queued: list[str] = []
        with django_capture_on_commit_callbacks(execute=True):
            (result,) = documents.upload(
                cast.alice, "compliance", [file("a.md", b"Words.")], queued.append
            )
        assert result.outcome == outcome
        for version_id in queued:
            documents.ingest_version(version_id)
    assert chunk_texts() == ["Words."]


@pytest.mark.parametrize("zone", ["clinical", "code", "nowhere", ""])
def test_nobody_uploads_where_they_may_not_read(cast, zone):
    with pytest.raises(NotFound):
        documents.upload(cast.alice, zone, [file("a.md", b"Words.")], print)
    assert versions() == []
    assert "clinical" not in [zone.slug for zone in documents.list_zones(cast.alice)]


def test_a_file_over_the_limit_is_refused_and_not_read_whole(cast, settings):
    settings.MAX_UPLOAD_BYTES = 1000
    big = file("big.txt", b"word " * 1000)
    (result,) = documents.upload(cast.alice, "compliance", [big], print)
    assert result.outcome == "rejected"
    assert "is larger than" in result.message
    assert big.tell() == 1001


def test_a_broker_that_is_away_loses_no_file(cast, django_capture_on_commit_callbacks):
    def away(version_id):
        raise ConnectionError("no broker")

    with django_capture_on_commit_callbacks(execute=True):
        (result,) = documents.upload(cast.alice, "compliance", [file("a.md", b"Words.")], away)
    assert result.outcome == "received"
    queued: list[str] = []
    assert documents.resume_waiting(queued.append) == 0  # still young
    with data.rights_of_system():
        DocumentVersion.objects.update(created=timezone.now() - timedelta(minutes=11))
    assert documents.resume_waiting(queued.append) == 1
    documents.ingest_version(queued[0])
    assert chunk_texts() == ["Words."]


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("a\x00b\n.md", "ab.md"),
        ("\u202egpj.md", "gpj.md"),
        ("a" * 600 + ".md", "a" * 497 + ".md"),
        ("", "unnamed"),
        ("La\u0308nge.md", "Länge.md"),
    ],
)
def test_names_of_files(name, origin):
    assert documents.clean_origin(name) == origin


# -- ingestion of one version ---------------------------------------------------------------------


def receive(cast, name: str, content: bytes) -> str:
    version = data.receive_version(
        cast.zones.compliance,
        name,
        content,
        media_type="text/plain",
        pipeline=documents.PIPELINE,
    )
    return str(version.pk)


def test_ingesting_twice_is_ingesting_once(cast, embedded):
    version_id = receive(cast, "a.md", b"# T\n\n## 1. Scope\n\nAll.")
    documents.ingest_version(version_id)
    documents.ingest_version(version_id)
    assert embedded == ["T. 1. Scope. All."]
    assert chunk_texts() == ["All."]


def test_an_unknown_version_is_left_alone(cast):
    documents.ingest_version(uuid.uuid4())


@pytest.mark.parametrize("function", ["embed_texts", "count_tokens"])
def test_a_model_that_is_away_leaves_the_version_waiting(cast, monkeypatch, function):
    def away(texts):
        raise ProviderError("no weights")

    version_id = receive(cast, "a.md", b"Words.")
    with monkeypatch.context() as patched:
        patched.setattr(compute, function, away)
        with pytest.raises(ProviderError):
            documents.ingest_version(version_id)
    assert versions()[0].status == "received"
    documents.ingest_version(version_id)
    assert versions()[0].status == "indexed"


def test_a_fault_of_ours_is_said_and_does_not_repeat(cast, monkeypatch):
    version_id = receive(cast, "a.md", b"Words.")
    monkeypatch.setattr(data, "chunk_document", lambda *arguments: 1 / 0)
    documents.ingest_version(version_id)
    (version,) = versions()
    assert version.status == "rejected"
    assert "because of a fault here" in version.error


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("bomb.docx", make_zip_bomb(), "unpacks to far more"),
        ("broken.pdf", b"%PDF-1.7 and no more", "is damaged"),
        ("scan.pdf", make_pdf([]), "scanned images"),
    ],
)
def test_a_hostile_file_is_rejected_with_its_reason(cast, name, content, says):
    documents.ingest_version(receive(cast, name, content))
    (version,) = versions()
    assert version.status == "rejected"
    assert name in version.error
    assert says in version.error


# -- folders --------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {
        "policy.md": b"# Policy\n\nEUR 50.",
        "docs/design.txt": b"Retry design\n\nRetries wait.",
        "docs/visit.docx": make_docx(lambda document: document.add_paragraph("Fever.")),
        "docs/rules.pdf": make_pdf(["Rules apply."]),
        "src/page.html": b"<html><body><p>A page.</p></body></html>",
        "src/retry.py": b"def retry():\n    return 1\n",
        ".git/config": b"[core]",
        ".hidden": b"hidden",
        "src/__pycache__/retry.pyc": b"\x00\x01",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def test_a_folder_is_searchable_when_it_ends(cast, folder, embedded):
    told: list[str] = []
    results = documents.ingest_path(folder, "code", lambda result: told.append(result.name))
    names = [
        "policy.md",
        "docs/design.txt",
        "docs/rules.pdf",
        "docs/visit.docx",
        "src/page.html",
        "src/retry.py",
    ]
    assert [result.name for result in results] == told == names
    assert {result.outcome for result in results} == {FileOutcome.INDEXED}
    entries = {e.origin: e for e in data.list_documents(data.get_scope(cast.dave))}
    assert sorted(entries) == sorted(names)
    assert entries["docs/design.txt"].title == "Retry design"
    assert entries["src/retry.py"].title == "retry.py"
    assert len(embedded) == len(chunk_texts()) == 6
    assert data.list_documents(data.get_scope(cast.alice)) == []


def test_a_folder_again_costs_nothing(cast, folder, embedded):
    documents.ingest_path(folder, "code")
    del embedded[:]
    (folder / "policy.md").write_bytes(b"# Policy\n\nEUR 75.")
    results = documents.ingest_path(folder, "code")
    assert [result.outcome for result in results] == ["indexed"] * 0 + [
        "indexed" if result.name == "policy.md" else "unchanged" for result in results
    ]
    assert embedded == ["Policy. EUR 75."]
    assert "EUR 50." not in chunk_texts()


def test_documents_are_embedded_in_batches_and_long_ones_in_parts(cast, tmp_path, monkeypatch):
    sizes: list[int] = []

    def embed_texts(batch):
        sizes.append(len(batch))
        return [unit_vector(0) for _ in batch]

    monkeypatch.setattr(compute, "embed_texts", embed_texts)
    monkeypatch.setattr(documents, "EMBED_AT_ONCE", 10)
    for number in range(6):
        sections = "\n\n".join(f"## {n}. Section\n\nText {n}." for n in range(4))
        (tmp_path / f"{number}.md").write_text(f"# T\n\n{sections}")
    long = "\n\n".join(f"## {n}. Section\n\nText {n}." for n in range(25))
    (tmp_path / "long.md").write_text(f"# T\n\n{long}")
    documents.ingest_path(tmp_path, "code")
    assert max(sizes) == 10
    assert sum(sizes) == 49 == len(chunk_texts())


def run(*args: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("ingest", *args, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_the_command_tells_each_file_and_sums_up(cast, folder):
    code, out = run(str(folder), "--zone", "code")
    assert code == 0
    assert out.splitlines()[0] == "ok policy.md"
    assert out.splitlines()[-1] == "6 files: 6 indexed, 0 unchanged, 0 rejected"

    (folder / "bad.pdf").write_bytes(make_encrypted_pdf("pw"))
    code, out = run(str(folder), "--zone", "code")
    assert code == 1
    assert (
        "rejected bad.pdf: “bad.pdf” is protected with a password. "
        "Please remove the protection first." in out.splitlines()
    )
    assert "unchanged policy.md" in out.splitlines()
    assert out.splitlines()[-1] == "7 files: 0 indexed, 6 unchanged, 1 rejected"


def test_the_command_takes_one_file(cast, folder):
    code, out = run(str(folder / "docs" / "rules.pdf"), "--zone", "code")
    assert (code, out.splitlines()[0]) == (0, "ok rules.pdf")


@pytest.mark.parametrize(
    ("path", "zone", "says"),
    [
        ("/nowhere/at/all", "code", "There is no file or folder /nowhere/at/all."),
        ("/", "nozone", "There is no zone “nozone”. Zones: general, code, compliance, clinical."),
    ],
)
def test_the_command_refuses_unknown_places(cast, path, zone, says):
    with pytest.raises(CommandError, match=says.replace(".", r"\.")):
        run(path, "--zone", zone)
