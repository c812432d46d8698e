"""Notes of recordings: drafted here, changed and approved by their author, with a receipt.

A draft counts for nothing. Whoever asked for it reads it against the recording, changes it, and
approves it: only then others see it (docs/adr/0021).
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from difflib import SequenceMatcher
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils import timezone

from assistants import control, data
from assistants.exceptions import InvalidRequest, NotFound
from assistants.models import Assistant, Note, NoteTemplate, NoteVersion, Recording, Segment
from assistants.services import recordings, transcripts
from assistants.services.messages import clean_text

Enqueue = Callable[[str], object]
State = Note.State

# A worker that was killed leaves its draft behind; whoever looks after so long has it begun again.
PATIENCE = timedelta(minutes=2)
LONGEST_STATEMENT = 2_000  # characters
MOST_STATEMENTS = 500


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section of a note with its statements, each as it is stored with its place (`index`)."""

    key: str
    title: str
    statements: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version with what it changed of the one before: pairs of what stood and what stands."""

    version: NoteVersion
    changes: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note as its page shows it. `marked` counts the statements that have to be looked at."""

    note: Note
    recording: Recording
    sections: Sequence[SectionView]
    omissions: Sequence[Mapping[str, str]]
    versions: Sequence[VersionView]
    marked: int
    is_author: bool
    verified: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One statement as a person left it; `index` is its place in the version before (None: new)."""

    section: str
    text: str
    index: int | None = None


# -- templates ------------------------------------------------------------------------------------


def list_templates(user: AbstractUser) -> list[NoteTemplate]:
    """What the user's departments make notes by."""
    scope = data.get_scope(user)
    return list(
        NoteTemplate.objects.filter(
            enabled=True, assistant__enabled=True, assistant__department__in=scope.group_ids
        ).select_related("assistant")
    )


def seed_templates() -> None:
    """The built-in ones, for the departments that there are; what is there already stays."""
    for slug, template in (
        ("clinical", data.notes.BUILT_IN[0]),
        ("compliance", data.notes.BUILT_IN[1]),
    ):
        if assistant := Assistant.objects.filter(slug=slug).first():
            NoteTemplate.objects.get_or_create(
                slug=template.slug,
                defaults={
                    "name": template.name,
                    "assistant": assistant,
                    "sections": data.notes.write_sections(template),
                    "clinical": template.clinical,
                },
            )


def check_sections(sections: object) -> None:
    """Raises ValueError with what is wrong, for people."""
    data.notes.read_sections(sections)


def read_template(stored: Mapping[str, Any]) -> data.notes.NoteTemplate:
    return data.notes.NoteTemplate(
        stored["slug"],
        stored["name"],
        data.notes.read_sections(stored["sections"]),
        bool(stored["clinical"]),
    )


# -- drafting -------------------------------------------------------------------------------------


def create_note(
    user: AbstractUser, recording_id: uuid.UUID, template: str, enqueue: Enqueue
) -> Note:
    """Ask for a draft; `enqueue` gets the note's id once committed.

    For whoever may read the recording. Raises NotFound, and InvalidRequest while the transcript is
    not ready or is empty.
    """
    chosen = next((each for each in list_templates(user) if each.slug == template), None)
    if chosen is None:
        raise NotFound(f"note template {template!r} for user {user.pk}")
    with data.rights_of_user(user):
        recording = recordings.reach(recording_id)
        if recording.state != Recording.State.READY:
            raise InvalidRequest(
                f"{recording_id} is {recording.state}",
                code="recording_open",
                user_message="Wait until the transcript is ready: a note is made from all of it.",
            )
        if not Segment.objects.filter(transcript=recording_id).exists():
            raise InvalidRequest(
                f"{recording_id} has no text",
                code="transcript_empty",
                user_message="Nothing was heard in this recording, so there is nothing to note.",
            )
        note = Note.objects.create(
            recording=recording,
            author_id=user.pk,
            name=chosen.name,
            template={
                "slug": chosen.slug,
                "name": chosen.name,
                "sections": chosen.sections,
                "clinical": chosen.clinical,
            },
            due=timezone.now() + PATIENCE,
        )
        transaction.on_commit(lambda: enqueue(str(note.pk)))
        _record("note.asked", user, note, recording=str(recording_id), template=chosen.slug)
    return note


def get_author(note_id: uuid.UUID) -> AbstractUser | None:
    """On whose behalf a worker drafts it; None where it is gone or done."""
    with data.rights_of_system():
        note = (
            Note.objects.filter(pk=note_id, state=State.DRAFTING).select_related("author").first()
        )
    return note.author if note else None


def complete_draft(
    user: AbstractUser,
    note_id: uuid.UUID,
    draft: data.notes.NoteDraft,
    *,
    drafter: str,
    model: str = "",
    version: str = "",
    notice: str = "",
) -> bool:
    """Keep what was drafted as version 1; False where somebody else did it meanwhile."""
    with data.rights_of_user(user):
        note = Note.objects.select_for_update().filter(pk=note_id, state=State.DRAFTING).first()
        if note is None:
            return False
        _append(note, [each.as_json() for each in draft.statements], draft.omissions, None)
        note.state, note.drafter, note.notice = State.WAITING, drafter, notice
        note.model, note.version = model[:200], version[:100]
        note.save()
        _record("note.drafted", user, note, drafter=drafter, statements=len(draft.statements))
    return True


def fail_draft(user: AbstractUser, note_id: uuid.UUID, message: str) -> None:
    with data.rights_of_user(user):
        Note.objects.filter(pk=note_id, state=State.DRAFTING).update(
            state=State.FAILED, notice=message
        )


def retry_draft(user: AbstractUser, note_id: uuid.UUID, enqueue: Enqueue) -> None:
    """Have a failed draft made again. Raises NotFound."""
    with _own(user, note_id) as note:
        if note.state == State.FAILED:
            note.state, note.notice, note.due = State.DRAFTING, "", timezone.now() + PATIENCE
            note.save()
            transaction.on_commit(lambda: enqueue(str(note.pk)))


def read_dialogue(user: AbstractUser, recording_id: uuid.UUID) -> list[data.notes.Utterance]:
    """Who said what when, as the transcript stands now. Raises NotFound."""
    view = transcripts.get_transcript(user, recording_id)
    return [
        data.notes.Utterance(
            speaker=view.speaker_of(segment),
            text=segment.text,
            start=segment.start,
            end=segment.end,
            words=tuple(
                data.notes.Word(word["text"], word["start"], word["end"], word["probability"])
                for word in (segment.words if segment.version == 1 else [])
            ),
        )
        for segment in view.segments
    ]


# -- seeing them ----------------------------------------------------------------------------------


def list_notes(user: AbstractUser, recording_id: uuid.UUID) -> list[Note]:
    """Of a recording: the user's own, and others' that are approved."""
    with data.rights_of_user(user):
        return list(
            Note.objects.filter(recording=recording_id).select_related("author").order_by("-id")
        )


def list_waiting(user: AbstractUser) -> list[Note]:
    """The user's notes that wait for their approval, over all recordings."""
    with data.rights_of_user(user):
        waiting = Note.objects.filter(author_id=user.pk, state__in=[State.WAITING, State.DRAFTING])
        return list(waiting.select_related("recording"))


def get_note(user: AbstractUser, note_id: uuid.UUID, enqueue: Enqueue | None = None) -> NoteView:
    """Raises NotFound. A draft whose worker seems lost is begun again by `enqueue`."""
    with data.rights_of_user(user):
        note = _get(note_id)
        if enqueue and note.state == State.DRAFTING and note.due < timezone.now():
            Note.objects.filter(pk=note_id).update(due=timezone.now() + PATIENCE)
            transaction.on_commit(lambda: enqueue(str(note_id)))
        versions = list(note.versions.select_related("editor").order_by("number"))
    current = versions[-1] if versions else None
    statements = current.statements if current else []
    placed = [{**each, "index": index} for index, each in enumerate(statements)]
    sections = [
        SectionView(
            section["key"],
            section["title"],
            [each for each in placed if each["section"] == section["key"]],
        )
        for section in note.template["sections"]
    ]
    return NoteView(
        note=note,
        recording=note.recording,
        sections=sections,
        omissions=current.omissions if current else [],
        versions=_list_changes(versions),
        marked=sum(bool(each["marks"]) for each in statements),
        is_author=note.author_id == user.pk,
        verified=_is_verified(note, current),
    )


# -- what the author does -------------------------------------------------------------------------


def edit_note(
    user: AbstractUser, note_id: uuid.UUID, changes: Sequence[Change], *, number: int
) -> NoteView:
    """A new version with these statements; what was changed is checked against the recording.

    `number` is the version that was read. Raises NotFound, and InvalidRequest with the code
    `note_changed` where another version came meanwhile.
    """
    _check_changes(changes)
    with _own(user, note_id) as note:
        _check_open(note, number)
        template = read_template(note.template)
        keys = {section.key for section in template.sections}
        before = note.versions.get(number=number).statements
        utterances = read_dialogue(user, note.recording_id)
        after = []
        for change in changes:
            if change.section not in keys:
                raise InvalidRequest(f"section {change.section!r}")
            known = change.index is not None and 0 <= change.index < len(before)
            earlier = before[change.index] if known else None
            after.append(_changed(template, utterances, change, earlier))
        if after != before:
            omissions = _omissions(template, utterances, after)
            _append(note, after, omissions, user)
            note.save()
            _record("note.edited", user, note, version=note.number)
    return get_note(user, note_id)


def approve_note(
    user: AbstractUser, note_id: uuid.UUID, *, number: int, looked_at_marks: bool
) -> NoteView:
    """Sign the version that was read: from now on it counts, and is never changed again.

    Raises NotFound, and InvalidRequest where another version came meanwhile, the note is empty, or
    marked statements were not confirmed.
    """
    with _own(user, note_id) as note:
        _check_open(note, number)
        current = note.versions.get(number=number)
        if not current.statements:
            raise InvalidRequest(
                "empty note",
                code="note_empty",
                user_message="This note says nothing yet. Write a statement, or delete the note.",
            )
        marked = any(each["marks"] for each in current.statements) or current.omissions
        if marked and not looked_at_marks:
            raise InvalidRequest(
                "marks",
                code="marks_open",
                user_message="Statements are marked. Look at each, then confirm that you have.",
            )
        note.state, note.approved = State.APPROVED, timezone.now()
        note.receipt = _receipt(note, user)
        note.receipt_sha256 = control.sha256_of(note.receipt)
        note.save()
        _record("note.approved", user, note, version=number, receipt=note.receipt_sha256)
    return get_note(user, note_id)


def delete_note(user: AbstractUser, note_id: uuid.UUID) -> uuid.UUID:
    """Throw a draft away; what is approved stays with its recording. Returns the recording's id."""
    with _own(user, note_id) as note:
        if note.state == State.APPROVED:
            raise InvalidRequest(
                "approved",
                code="note_approved",
                user_message="An approved note stays as long as its recording. Draft another one "
                "to correct it.",
            )
        recording_id: uuid.UUID = note.recording_id
        _record("note.deleted", user, note, state=note.state, version=note.number)
        note.delete()
    return recording_id


def export_note(user: AbstractUser, note_id: uuid.UUID) -> tuple[str, str]:
    """(file name, Markdown) of an approved note. Raises NotFound, InvalidRequest before that."""
    view = get_note(user, note_id)
    note = view.note
    if note.state != State.APPROVED or note.approved is None:
        raise InvalidRequest(
            "not approved",
            code="note_waiting",
            user_message="A note is exported once its author has approved it.",
        )
    lines = [f"# {note.name}", "", f"{view.recording.name}"]
    for section in view.sections:
        lines += ["", f"## {section.title}", ""]
        lines += [_exported(each) for each in section.statements] or ["Nothing noted."]
    signed = f"Approved by {_name(note.author)} on {note.approved:%Y-%m-%d %H:%M} UTC."
    lines += ["", f"{signed} Receipt {note.receipt_sha256}.", ""]
    return f"{note.name}.md", "\n".join(lines)


# -- inside ---------------------------------------------------------------------------------------


@contextmanager
def _own(user: AbstractUser, note_id: uuid.UUID) -> Iterator[Note]:
    """The user's own note, locked, in a transaction with their rights. Raises NotFound."""
    with data.rights_of_user(user):
        yield _get(note_id, author=user)


def _get(note_id: uuid.UUID, *, author: AbstractUser | None = None) -> Note:
    notes = Note.objects.select_related("recording__zone", "author").filter(pk=note_id)
    if author:
        notes = notes.filter(author_id=author.pk).select_for_update(of=("self",), no_key=True)
    if (note := notes.first()) is None:
        raise NotFound(f"note {note_id}")
    return note


def _list_changes(versions: Sequence[NoteVersion]) -> list[VersionView]:
    told, before = [], None
    for version in versions:
        after = [each["text"] for each in version.statements]
        told.append(VersionView(version, _changes(before, after) if before is not None else []))
        before = after
    return told


def _changes(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, str]]:
    """Statement by statement; a changed one stands beside what it was."""
    found: list[tuple[str, str]] = []
    for kind, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            found += itertools.zip_longest(before[i:j], after[k:m], fillvalue="")
    return found


def _check_open(note: Note, number: int) -> None:
    if note.state != State.WAITING:
        raise InvalidRequest(
            f"{note.pk} is {note.state}",
            code="note_not_waiting",
            user_message="This note is not open for changes. Load the page again.",
        )
    if note.number != number:
        raise InvalidRequest(
            f"{note.pk} is at {note.number}, not {number}",
            code="note_changed",
            user_message="The note was changed meanwhile, perhaps in another tab. Load the page "
            "again, then repeat your change.",
        )


def _check_changes(changes: Sequence[Change]) -> None:
    if len(changes) > MOST_STATEMENTS:
        raise InvalidRequest(
            "statements", user_message=f"A note holds at most {MOST_STATEMENTS} statements."
        )
    if any(len(change.text) > LONGEST_STATEMENT for change in changes):
        raise InvalidRequest(
            "long statement",
            user_message=f"Keep a statement below {LONGEST_STATEMENT:,} characters.",
        )


def _changed(
    template: data.notes.NoteTemplate,
    utterances: Sequence[data.notes.Utterance],
    change: Change,
    earlier: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """As it was where its words are the same, also in another section; else checked afresh."""
    text = " ".join(clean_text(change.text).split())
    if earlier and earlier["text"] == text:
        return {**earlier, "section": change.section}
    linked = earlier["utterances"] if earlier else ()
    statement = data.notes.check_by_hand(template, utterances, change.section, text, linked)
    return statement.as_json()


def _omissions(
    template: data.notes.NoteTemplate,
    utterances: Sequence[data.notes.Utterance],
    statements: Sequence[Mapping[str, Any]],
) -> list[data.notes.Mark]:
    if not template.clinical:
        return []
    texts = [each["text"] for each in statements]
    return data.notes.find_omissions(data.notes.list_spoken(utterances), texts)


def _append(
    note: Note,
    statements: Sequence[Mapping[str, Any]],
    omissions: Sequence[data.notes.Mark],
    editor: AbstractUser | None,
) -> None:
    """The next version; the note itself is saved by the caller."""
    kept = _plain(statements)
    missing = [{"kind": str(m.kind), "reason": m.reason, "words": m.words} for m in omissions]
    note.number += 1
    NoteVersion.objects.create(
        note=note,
        number=note.number,
        statements=kept,
        omissions=missing,
        sha256=_digest(kept, missing),
        editor_id=editor.pk if editor else None,
    )


def _plain(statements: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As JSON gives it back: lists for tuples, texts for kinds."""
    plain: list[dict[str, Any]] = json.loads(json.dumps([dict(each) for each in statements]))
    return plain


def _digest(statements: Sequence[Mapping[str, Any]], omissions: Sequence[Mapping[str, str]]) -> str:
    """Of a version; seconds are in thousandths, since a receipt holds no fractions."""
    whole = [
        {
            **each,
            "start": None if each["start"] is None else round(each["start"] * 1000),
            "end": None if each["end"] is None else round(each["end"] * 1000),
        }
        for each in statements
    ]
    return control.sha256_of({"statements": whole, "omissions": list(omissions)})


def _receipt(note: Note, user: AbstractUser) -> dict[str, Any]:
    """What the note was made of, and who answers for it; no text."""
    recording = note.recording
    transcript = recording.transcript
    versions = list(note.versions.select_related("editor").order_by("number"))
    current = versions[-1]
    marks = Counter(mark["kind"] for each in current.statements for mark in each["marks"])
    return {
        "kind": "note",
        "note": str(note.pk),
        "zone": recording.zone.slug,
        "recording": {"id": str(recording.pk), "sha256": recording.sha256},
        "transcript": {
            "engine": transcript.engine,
            "model": transcript.model,
            "version": transcript.version,
        },
        "template": {"slug": note.template["slug"], "sha256": control.sha256_of(note.template)},
        "drafter": {"deployment": note.drafter, "model": note.model, "version": note.version},
        "versions": [
            {
                "number": each.number,
                "sha256": each.sha256,
                "editor": each.editor.get_username() if each.editor else "",
                "created": each.created.isoformat(),
            }
            for each in versions
        ],
        "statements": len(current.statements),
        "by_hand": sum(each["by_hand"] for each in current.statements),
        "marks": dict(marks),
        "omissions": len(current.omissions),
        "approved_by": user.get_username(),
        "approved": note.approved.isoformat() if note.approved else "",
    }


def _is_verified(note: Note, current: NoteVersion | None) -> bool:
    """The receipt is whole, and what stands there is what was signed."""
    if note.receipt is None or current is None:
        return False
    signed = note.receipt["versions"][-1]["sha256"]
    return control.verify_receipt(
        note.receipt, note.receipt_sha256
    ) and signed == current.sha256 == _digest(current.statements, current.omissions)


def _exported(statement: Mapping[str, Any]) -> str:
    text = " ".join(statement["text"].split())
    at = "" if statement["start"] is None else f" [{data.recordings.clock(statement['start'])}]"
    return f"- {text}{at}"


def _name(user: Any) -> str:
    return str(user.get_full_name() or user.get_username())


def _record(action: str, user: AbstractUser, note: Note, **more: str | int) -> None:
    control.record_event(action=action, actor=user.get_username(), subject=str(note.pk), data=more)
