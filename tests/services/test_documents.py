from __future__ import annotations

import io
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.utils import timezone

from assistants import compute, data
from assistants.exceptions import NotFound, ProviderError
from assistants.models import AuditEvent, Chunk, DocumentVersion
from assistants.services import document_pages, documents, ingestion
from assistants.services.documents import FileOutcome
from assistants.types import Sensitivity
from tests import factories, pictures
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
    monkeypatch.setattr(ingestion, "SHOWN_AFTER", 0.0)
    return texts


def file(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def chunk_texts() -> list[str]:
    with data.rights_of_system():
        return list(
            Chunk.objects.filter(current=True).order_by("position").values_list("text", flat=True)
        )


def wake() -> None:
    """Nobody is there; tests look into the table themselves."""


def ingest() -> int:
    return ingestion.ingest_waiting(wake)


def make_due() -> None:
    """The pause before the next attempt is over; a dead worker's lease has lapsed."""
    with data.rights_of_system():
        DocumentVersion.objects.update(due=timezone.now() - timedelta(hours=1))


def versions(**fields) -> list[DocumentVersion]:
    with data.rights_of_system():
        return list(DocumentVersion.objects.filter(**fields).order_by("pk"))


# -- upload ---------------------------------------------------------------------------------------


def test_one_bad_file_does_not_stop_the_rest(cast, django_capture_on_commit_callbacks):
    woken: list[str] = []
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
            lambda: woken.append("once"),
        )
        assert woken == []  # not before the commit
    assert [(result.name, result.outcome) for result in results] == [
        ("gifts.md", "received"),
        ("empty.txt", "rejected"),
        ("photo.png", "rejected"),
        ("secret.pdf", "received"),
    ]
    assert results[1].message == "“empty.txt” is empty."
    assert woken == ["once"]
    assert ingest() == 2
    assert ingest() == 0
    assert chunk_texts() == ["EUR 50."]
    (refused,) = versions(status="rejected")
    assert refused.error == (
        "“secret.pdf” is protected with a password. Please remove the protection first."
    )
    assert bytes(refused.content) == b""


def test_a_picture_is_kept_without_what_its_camera_wrote_and_found_by_its_text(cast):
    taken = pictures.photograph(pictures.draw("The vault costs EUR 42 a year."))
    (result,) = documents.upload(cast.alice, "compliance", [file("vault.jpg", taken)], wake)
    assert result.outcome == "received"
    (kept,) = versions()
    assert (kept.media_type, b"Secret" in bytes(kept.content)) == ("image/jpeg", False)
    assert ingest() == 1
    assert chunk_texts() == ["The vault costs EUR 42 a year."]
    (indexed,) = versions()
    assert bytes(indexed.content) == b""
    assert indexed.recognised > 0.9
    (again,) = documents.upload(cast.alice, "compliance", [file("vault.jpg", taken)], wake)
    assert again.outcome == "unchanged"


def test_the_same_file_again_is_unchanged(cast):
    for outcome in ("received", "unchanged"):
        (result,) = documents.upload(cast.alice, "compliance", [file("a.md", b"Words.")], wake)
        assert result.outcome == outcome
        ingest()
    assert chunk_texts() == ["Words."]


@pytest.mark.parametrize("zone", ["clinical", "code", "nowhere", ""])
def test_nobody_uploads_where_they_may_not_read(cast, zone):
    with pytest.raises(NotFound):
        documents.upload(cast.alice, zone, [file("a.md", b"Words.")], wake)
    assert versions() == []
    zones = document_pages.get_page(cast.alice).zones
    assert [zone.slug for zone in zones] == ["general", "compliance"]


def test_a_file_over_the_limit_is_refused_and_not_read_whole(cast, settings):
    settings.MAX_UPLOAD_BYTES = 1000
    big = file("big.txt", b"word " * 1000)
    (result,) = documents.upload(cast.alice, "compliance", [big], wake)
    assert result.outcome == "rejected"
    assert "is larger than" in result.message
    assert big.tell() == 1001


def test_a_broker_that_is_away_loses_no_file(cast, django_capture_on_commit_callbacks):
    def away() -> None:
        raise ConnectionError("no broker")

    woken: list[str] = []
    assert not ingestion.wake_if_due(lambda: woken.append("nothing waits"))
    with django_capture_on_commit_callbacks(execute=True):
        (result,) = documents.upload(cast.alice, "compliance", [file("a.md", b"Words.")], away)
    assert result.outcome == "received"
    assert ingestion.wake_if_due(lambda: woken.append("by the clock"))
    assert woken == ["by the clock"]
    ingest()
    assert chunk_texts() == ["Words."]
    assert not ingestion.wake_if_due(lambda: woken.append("done"))


def test_many_uploads_wake_one_worker(cast, django_capture_on_commit_callbacks):
    woken: list[int] = []
    for number in range(5):
        with django_capture_on_commit_callbacks(execute=True):
            documents.upload(
                cast.alice,
                "compliance",
                [file(f"{number}.md", b"Words %d." % number)],
                lambda: woken.append(1),
            )
    assert woken == [1]
    assert ingest() == 5
    # a worker that has looked is woken by the next file
    with django_capture_on_commit_callbacks(execute=True):
        documents.upload(
            cast.alice, "compliance", [file("9.md", b"Words.")], lambda: woken.append(2)
        )
    assert woken == [1, 2]


def test_an_upload_is_on_record(cast):
    documents.upload(cast.alice, "compliance", [file("a.md", b"Words.")], wake)
    (version,) = versions()
    event = AuditEvent.objects.get(action="document.uploaded")
    assert (event.actor, event.subject) == ("alice", "compliance")
    assert event.data == {"versions": [{"version": str(version.pk), "sha256": version.sha256}]}
    assert version.created_by_id == cast.alice.pk


@pytest.mark.parametrize("setting", ["MAX_WAITING_PER_ZONE", "MAX_WAITING_PER_USER"])
def test_what_is_too_much_is_refused_with_a_message(cast, settings, setting):
    setattr(settings, setting, 2)
    files = [file(f"{number}.md", b"Words %d." % number) for number in range(3)]
    results = documents.upload(cast.alice, "compliance", files, wake)
    assert [result.outcome for result in results] == ["received", "received", "refused"]
    assert "Please add it again when some of them are searchable." in results[2].message
    ingest()
    (again,) = documents.upload(cast.alice, "compliance", [file("2.md", b"Words 2.")], wake)
    assert again.outcome == "received"


def test_the_same_file_in_two_zones_is_two_documents_and_said_so(cast):
    documents.upload(cast.alice, "compliance", [file("a.md", b"Words.")], wake)
    (twin,) = documents.upload(cast.alice, "general", [file("b.md", b"Words.")], wake)
    assert twin.message.startswith("The same file is in Compliance already.")
    # dave may read one of the two only
    (own,) = documents.upload(cast.dave, "code", [file("a.md", b"Words.")], wake)
    assert own.message.startswith("The same file is in General already.")
    ingest()
    assert chunk_texts() == ["Words."] * 3


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
        pipeline=ingestion.PIPELINE,
    )
    return str(version.pk)


def test_ingesting_twice_is_ingesting_once(cast, embedded):
    receive(cast, "a.md", b"# T\n\n## 1. Scope\n\nAll.")
    assert [ingest(), ingest()] == [1, 0]
    assert embedded == ["T. 1. Scope. All."]
    assert chunk_texts() == ["All."]


def test_the_stages_are_seen_in_order(cast, monkeypatch):
    seen: list[str] = []
    advance = data.advance_versions

    def watch(claimed, status):
        advance(claimed, status)
        seen.append(versions()[0].status)

    monkeypatch.setattr(data, "advance_versions", watch)
    receive(cast, "a.md", b"Words.")
    ingest()
    seen.append(versions()[0].status)
    assert seen == ["validated", "parsed", "classified", "chunked", "embedded", "indexed"]


def test_what_waits_is_taken_in_batches_and_embedded_together(cast, monkeypatch):
    sizes: list[int] = []

    def embed_texts(batch):
        sizes.append(len(batch))
        return [unit_vector(0) for _ in batch]

    monkeypatch.setattr(compute, "embed_texts", embed_texts)
    monkeypatch.setattr(ingestion, "AT_ONCE", 4)
    for number in range(10):
        receive(cast, f"{number}.md", b"Words %d." % number)
    woken: list[int] = []
    assert ingestion.ingest_waiting(lambda: woken.append(1)) == 10
    assert sizes == [4, 4, 2]
    assert woken == [1]  # another worker, if there is one, helps


@pytest.mark.parametrize("function", ["embed_texts", "count_tokens"])
def test_a_model_that_is_away_leaves_the_version_waiting(cast, monkeypatch, function):
    def away(texts):
        raise ProviderError("no weights")

    receive(cast, "a.md", b"Words.")
    for _ in range(6):  # an outage is no attempt, however long it lasts
        with monkeypatch.context() as patched:
            patched.setattr(compute, function, away)
            ingest()
        assert (versions()[0].status, versions()[0].attempts) == ("received", 0)
        assert ingest() == 0  # not at once
        make_due()
    assert ingest() == 1
    assert versions()[0].status == "indexed"


def test_a_fault_of_ours_is_tried_again_and_then_a_dead_letter(cast, monkeypatch):
    receive(cast, "a.md", b"Words.")
    receive(cast, "b.md", b"Others.")
    chunk = data.chunk_document

    def faulty(parsed, count):
        return 1 / 0 if parsed.text == "Words." else chunk(parsed, count)

    with monkeypatch.context() as patched:
        patched.setattr(data, "chunk_document", faulty)
        for attempt in range(1, 5):
            ingest()
            (version,) = versions(document__origin="a.md")
            assert version.attempts == attempt
            assert version.status == ("failed" if attempt == 4 else "received")
            assert ingest() == 0  # not before the pause is over
            make_due()
        assert ingest() == 0
    assert chunk_texts() == ["Others."]
    assert "because of a fault here" in version.error
    assert bytes(version.content) == b"Words."

    (entry,) = documents.list_dead_letters(data.get_scope(cast.alice))
    assert (entry.version, entry.status) == (version.pk, "failed")
    assert documents.list_dead_letters(data.get_scope(cast.carol)) == []
    with pytest.raises(NotFound):
        documents.retry_version(cast.carol, version.pk, wake)
    documents.retry_version(cast.alice, version.pk, wake)
    ingest()
    assert sorted(chunk_texts()) == ["Others.", "Words."]
    with pytest.raises(NotFound):
        documents.retry_version(cast.alice, version.pk, wake)
    assert AuditEvent.objects.filter(action="document.retried").count() == 1


def test_a_dead_letter_can_be_thrown_away(cast):
    receive(cast, "a.md", b"Words.")
    ingest()
    receive(cast, "a.md", b"%PDF-1.7 and no more")
    receive(cast, "b.pdf", b"%PDF-1.7 and no more")
    ingest()
    for entry in documents.list_dead_letters(data.get_scope(cast.alice)):
        with pytest.raises(NotFound):
            documents.discard_version(cast.carol, entry.version)
        documents.discard_version(cast.alice, entry.version)
    (left,) = data.list_documents(data.get_scope(cast.alice))
    assert (left.origin, left.number, left.status) == ("a.md", 1, "indexed")
    assert chunk_texts() == ["Words."]
    assert AuditEvent.objects.filter(action="document.discarded").count() == 2
    (version,) = versions()
    with pytest.raises(NotFound):  # what is searchable is no dead letter
        documents.discard_version(cast.alice, version.pk)


# -- workers that die -----------------------------------------------------------------------------


class Killed(BaseException):
    """The worker is gone: nothing of it runs any more."""


STAGES = ["validated", "parsed", "classified", "chunked", "embedded"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_that_dies_at_any_stage_loses_and_doubles_nothing(cast, monkeypatch, stage):
    advance = data.advance_versions

    def die(claimed, status):
        advance(claimed, status)
        if status == stage:
            raise Killed

    for number in range(3):
        receive(cast, f"{number}.md", b"Words %d." % number)
    with monkeypatch.context() as patched:
        patched.setattr(data, "advance_versions", die)
        with pytest.raises(Killed):
            ingest()
    assert {version.status for version in versions()} == {stage}
    assert chunk_texts() == []
    assert ingest() == 0  # while the lease lasts nobody takes them
    make_due()
    assert ingest() == 3
    assert sorted(chunk_texts()) == ["Words 0.", "Words 1.", "Words 2."]
    assert {(version.status, version.attempts) for version in versions()} == {("indexed", 2)}


def test_a_file_that_ends_its_worker_takes_no_other_with_it(cast, monkeypatch):
    def parse(origin, content, most):
        if origin == "bad.md":
            raise Killed
        return real(origin, content, most)

    real = data.parse_document
    monkeypatch.setattr(data, "parse_document", parse)
    for name in ("a.md", "bad.md", "c.md"):
        receive(cast, name, f"Words of {name}".encode())
    died = 0
    while any(version.status in data.OPEN for version in versions()):
        try:
            ingest()
        except Killed:
            died += 1
        make_due()
    assert died == 4
    assert sorted(chunk_texts()) == ["Words of a.md", "Words of c.md"]
    (bad,) = versions(status="failed")
    assert "ended the process" in bad.error


def test_a_slow_worker_that_was_taken_for_dead_changes_nothing(cast):
    receive(cast, "a.md", b"Words.")
    slow = data.claim_versions(10)
    make_due()
    (quick,) = data.claim_versions(10)
    assert quick.attempt == 2
    assert [o.message for o in ingestion.ingest_claimed(slow).values()] == [
        "It was taken over by another worker."
    ]
    data.reject_claimed(slow[0], "no")
    data.renew_claim(slow)
    assert [(v.status, v.attempts) for v in versions()] == [("received", 2)]
    assert chunk_texts() == []
    ingestion.ingest_claimed([quick])
    assert chunk_texts() == ["Words."]


def test_a_claim_is_renewed_while_its_worker_lives(cast, monkeypatch):
    renewed = threading.Event()
    monkeypatch.setattr(ingestion, "RENEW_SECONDS", 0.01)
    monkeypatch.setattr(data, "renew_claim", lambda batch: renewed.set())
    monkeypatch.setattr(
        compute,
        "embed_texts",
        lambda texts: [unit_vector(0) for _ in texts] if renewed.wait(20) else 1 / 0,
    )
    receive(cast, "a.md", b"Words.")
    ingest()
    assert chunk_texts() == ["Words."]


def test_one_that_cannot_be_stored_is_found_out_alone(cast, monkeypatch):
    def embed_texts(batch):
        return [[1.0] if "Bad" in text else unit_vector(0) for text in batch]

    monkeypatch.setattr(compute, "embed_texts", embed_texts)
    for name, content in (("a.md", b"Good."), ("b.md", b"Bad."), ("c.md", b"Fine.")):
        receive(cast, name, content)
    for _ in range(6):
        ingest()
        make_due()
    assert sorted(chunk_texts()) == ["Fine.", "Good."]
    (entry,) = documents.list_dead_letters(data.get_scope(cast.alice))
    assert (entry.origin, entry.status) == ("b.md", "failed")


# -- what is more sensitive than its zone ---------------------------------------------------------

IBAN = b"# Payment\n\nPlease pay to DE02 1203 0000 0000 2020 51 until Friday."


def general(cast, **changes) -> None:
    for name, value in changes.items():
        setattr(cast.zones.general, name, value)
    cast.zones.general.save()


def receive_general(cast, content: bytes, name: str = "pay.md") -> DocumentVersion:
    return data.receive_version(
        cast.zones.general, name, content, media_type="text/markdown", pipeline=ingestion.PIPELINE
    )


def test_what_is_too_sensitive_for_its_zone_is_held(cast):
    receive_general(cast, IBAN)
    receive_general(cast, b"Harmless.", "harmless.md")
    ingest()
    assert chunk_texts() == ["Harmless."]
    (version,) = versions(status="held")
    assert version.detected == {"IBAN_CODE": 1}
    assert version.detected_sensitivity == Sensitivity.CONFIDENTIAL
    assert "1 × iban code, too sensitive for General." in version.error
    assert bytes(version.content) == IBAN
    assert ingest() == 0
    # the same file again is no way around
    assert receive_general(cast, IBAN).status == "held"


def test_what_fits_its_zone_is_not_held(cast):
    receive(cast, "pay.md", IBAN)  # compliance is confidential
    ingest()
    (version,) = versions()
    assert (version.status, version.detected) == ("indexed", {"IBAN_CODE": 1})


def test_what_a_person_let_stay_is_not_held_again(cast):
    version = receive_general(cast, IBAN)
    ingest()
    data.confirm_version(version.pk, cast.adam.pk)
    make_due()
    ingest()
    (version,) = versions()
    assert (version.status, version.confirmed_by_id) == ("indexed", cast.adam.pk)
    assert version.detected == {"IBAN_CODE": 1}
    assert len(chunk_texts()) == 1


def test_policy_raises_it_by_itself(cast):
    general(cast, on_detection="raise", raise_to=cast.zones.compliance)
    receive_general(cast, b"Harmless at first.")
    ingest()
    receive_general(cast, IBAN)
    ingest()
    assert data.list_documents(data.get_scope(cast.dave)) == []
    (entry,) = data.list_documents(data.get_scope(cast.alice))
    assert (entry.zone, entry.number, entry.searchable) == ("compliance", 2, 2)
    with data.rights_of_system():
        assert set(Chunk.objects.values_list("zone__slug", flat=True)) == {"compliance"}
    event = AuditEvent.objects.get(action="document.raised")
    assert (event.subject, event.data["detected"]) == (str(entry.id), {"IBAN_CODE": 1})


@pytest.mark.parametrize("target", [None, "low", "taken"])
def test_what_cannot_be_raised_is_held(cast, target):
    if target == "taken":
        receive(cast, "pay.md", b"Another of this name.")
        ingest()
    low = factories.make_zone("low", "compliance", sensitivity=1)
    zones = {"low": low, "taken": cast.zones.compliance, None: None}
    general(cast, on_detection="raise", raise_to=zones[target])
    receive_general(cast, IBAN)
    ingest()
    assert [version.zone_id for version in versions(status="held")] == [cast.zones.general.pk]


@pytest.mark.parametrize("function", ["find_structured_spans", "classify_sensitivity"])
def test_a_detector_that_fails_holds_the_document(cast, monkeypatch, function):
    def broken(*arguments):
        raise RuntimeError("detector")

    monkeypatch.setattr(data, function, broken)
    receive(cast, "a.md", b"Words.")
    ingest()
    (version,) = versions()
    assert version.status == "held"
    assert "could not be checked for sensitive content" in version.error
    assert chunk_texts() == []


def test_the_demo_is_not_held(cast):
    """Nor anything in it called more sensitive than the zone it is seeded into."""
    folder = Path(documents.__file__).parents[1] / "demo" / "documents"
    zones = {"general": 1, "compliance": 2, "clinical": 3, "code": 2}
    looked_at = 0
    for slug, sensitivity in zones.items():
        for path, origin in documents.list_files(folder / slug):
            parsed = data.parse_document(origin, path.read_bytes(), 10**7)
            spans = data.find_structured_spans(parsed.text)
            found, evidence = data.classify_sensitivity(spans, parsed.text)
            assert (found or 0) <= sensitivity, (origin, evidence)
            looked_at += 1
    assert looked_at > 20


# -- hostile files --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("bomb.docx", make_zip_bomb(), "unpacks to far more"),
        ("broken.pdf", b"%PDF-1.7 and no more", "is damaged"),
        ("scan.pdf", make_pdf([]), "no text that could be recognised"),
    ],
)
def test_a_hostile_file_is_rejected_with_its_reason(cast, name, content, says):
    receive(cast, name, content)
    ingest()
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
    monkeypatch.setattr(ingestion, "EMBED_AT_ONCE", 10)
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


def test_the_command_says_what_is_held(cast, tmp_path):
    (tmp_path / "pay.md").write_bytes(IBAN)
    (tmp_path / "rest.md").write_bytes(b"Harmless.")
    for _ in range(2):  # the second time as well
        code, out = run(str(tmp_path), "--zone", "general")
        assert code == 1
        assert "held pay.md: It seems to hold 1 × iban code, too sensitive for General." in out
    assert out.splitlines()[-1] == "2 files: 0 indexed, 1 unchanged, 0 rejected, 1 held"


def test_the_command_reports_what_a_fault_of_ours_leaves_waiting(cast, tmp_path, monkeypatch):
    (tmp_path / "a.md").write_bytes(b"Words.")
    with monkeypatch.context() as patched:
        patched.setattr(data, "chunk_document", lambda *arguments: 1 / 0)
        code, out = run(str(tmp_path), "--zone", "general")
    assert code == 1
    assert "waiting a.md: This file could not be read because of a fault here." in out
    assert "It will be tried again." in out


def test_the_command_waits_for_what_another_worker_has(cast, tmp_path, monkeypatch):
    (tmp_path / "a.md").write_bytes(b"Words.")
    receive_general(cast, b"Words.", "a.md")
    others = data.claim_versions(10)
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            ingestion.ingest_claimed(others)

    monkeypatch.setattr(documents.time, "sleep", sleep)
    code, out = run(str(tmp_path), "--zone", "general")
    assert (code, out.splitlines()[0]) == (0, "ok a.md")
    assert len(looks) == 2


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
