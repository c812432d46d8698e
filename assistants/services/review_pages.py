"""What a reviewer reads of one item: question, answer, findings, sources, receipt and history.

Each opening is in the audit trail before anything is shown. Who may read all the zones that the
answer was made from sees it as it is; anybody else sees what identifies somebody as placeholders,
and may lift them with a permission and a reason.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractUser, User

from assistants import control, data
from assistants.exceptions import NotFound
from assistants.models import Answer, ReviewDecision, ReviewItem, ReviewReason
from assistants.services.differences import Difference, compare_words
from assistants.services.facts import AnswerFacts, get_facts
from assistants.services.review_decisions import get_proposal
from assistants.services.review_sources import OpenedPassage, open_passages, quote_passages
from assistants.services.reviews import list_colleagues, record, review_of, reviewing
from assistants.services.second_person import check_permission, check_reason
from assistants.types import Scope, Stage

UNSEAL = "assistants.unseal_reviewitem"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text. `found` says what a guardrail saw in it, "" where it saw nothing."""

    text: str
    placeholder: bool = False
    found: str = ""


@dataclass(frozen=True, slots=True)
class SourceView:
    number: int
    title: str
    section: str
    zone: str
    before: list[Piece]
    passage: list[Piece]
    after: list[Piece]
    cited: bool
    url: str


@dataclass(frozen=True, slots=True)
class AttachedView:
    """What went with the question: a file, or the transcript of a recording."""

    name: str
    text: list[Piece]


@dataclass(frozen=True, slots=True)
class ItemView:
    """`text` is what the editor begins with, `proposal` what the first of four eyes decided on,
    with the difference it makes; `changes` is what the decision changed. `why_not` says why this
    reviewer cannot take it, or is "".
    """

    item: ReviewItem
    asker: str
    sealed: bool
    may_unseal: bool
    question: list[Piece]
    answer: list[Piece]
    text: str
    sources: list[SourceView]
    quotes: list[Piece]
    history: list[ReviewDecision]
    receipt: dict[str, Any]
    sha256: str
    facts: AnswerFacts
    held: bool
    why_not: str
    colleagues: list[User]
    reasons: list[str]
    risk: str
    proposal: ReviewDecision | None = None
    proposed: Difference = field(default_factory=list)
    changes: Difference = field(default_factory=list)
    reply: str = ""
    appeal: str = ""
    general_findings: list[dict[str, Any]] = field(default_factory=list)
    has_case: bool = False
    attached: list[AttachedView] = field(default_factory=list)


@dataclass(slots=True)
class _View:
    """Texts as this reader may see them: as they are, or through a seal of this item alone."""

    seal: data.Seal | None
    terms: data.TermList

    @classmethod
    def through(cls, texts: Iterable[str]) -> _View:
        """The same texts in the same order give the same placeholders, at each look."""
        seal, terms = data.Seal(), data.get_term_list()
        for text in texts:
            seal.seal_text(text, terms=terms)
        return cls(seal, terms)

    def cut(self, text: str, findings: Sequence[dict[str, Any]] = ()) -> list[Piece]:
        spans = self.seal.preview(text, terms=self.terms) if self.seal else []
        edges = {0, len(text)}
        for finding in findings:
            edges |= {min(finding["start"], len(text)), min(finding["end"], len(text))}
        # a placeholder is one piece, however a finding lies across it
        edges = {e for e in edges if not any(span.start < e < span.end for span in spans)}
        edges |= {span.start for span in spans} | {span.end for span in spans}
        placeholders = {(span.start, span.end): span.placeholder for span in spans}
        ordered = sorted(edges)
        pieces = []
        for start, end in itertools.pairwise(ordered):
            found = "; ".join(
                dict.fromkeys(
                    f["reason"] for f in findings if f["start"] < end and start < f["end"]
                )
            )
            placeholder = placeholders.get((start, end))
            pieces.append(Piece(placeholder or text[start:end], placeholder is not None, found))
        return pieces

    def write(self, text: str) -> str:
        return "".join(piece.text for piece in self.cut(text))


def open_item_page(user: AbstractUser, item_id: uuid.UUID, *, reason: str = "") -> ItemView:
    """All of an item, for one of its reviewers; NotFound for anybody else, and for the asker.

    With a `reason`, and the permission, in clear: the trail holds the reason.
    """
    may_unseal = user.has_perm(UNSEAL)
    with reviewing(user, item_id) as item:
        answer, scope = _answer_of(user, item), data.get_scope(user)
        in_clear = _may_read(answer, scope)
        if reason and not in_clear:
            check_permission(user, UNSEAL)
            reason = check_reason(reason, "Seeing values in clear is recorded with its reason.")
            in_clear = True
        record(item, "opened", user, sealed=not in_clear, reason=reason)
    # The trail is written: appends to it wait for each other, so not while this is laid out.
    with reviewing(user, item_id) as item:
        answer = _answer_of(user, item)
        proposal = get_proposal(item)
        shown = _text_of(answer, item)
        opened = open_passages(answer, scope)
        sealing = _View.through(_texts(item, answer, shown, proposal))
        view = _View(None, sealing.terms) if in_clear else sealing
        quotes = quote_passages(answer.message.text, opened)
        review = review_of(item)
        return ItemView(
            item=item,
            asker=item.asker.get_username(),
            sealed=not in_clear,
            may_unseal=may_unseal and not in_clear,
            question=view.cut(answer.message.text, _placed(item, Stage.INPUT)),
            answer=view.cut(shown, _placed(item, Stage.ANSWER, Stage.BLOCK)),
            text=view.write(proposal.text if proposal else shown),
            sources=[_source(each, view, sealing, reason) for each in opened],
            quotes=view.cut(quotes) if quotes else [],
            history=_history(item, user),
            receipt=answer.receipt or {},
            sha256=answer.receipt_sha256,
            facts=get_facts(answer.receipt or {}),
            held=item.holder_id == user.pk and item.state == ReviewItem.State.CLAIMED,
            why_not=_why_not(review, user),
            colleagues=list_colleagues(item, user),
            reasons=list(ReviewReason.objects.values_list("text", flat=True)),
            risk=control.risk_of(item.severity),
            proposal=proposal,
            proposed=compare_words(view.write(shown), view.write(proposal.text))
            if proposal
            else [],
            changes=compare_words(view.write(shown), view.write(answer.text))
            if item.difference
            else [],
            reply=view.write(item.reply),
            appeal=view.write(item.appeal),
            general_findings=[f for f in item.findings if not f["end"]],
            has_case=hasattr(item, "case"),
            attached=[
                AttachedView(view.write(name), view.cut(text)) for name, text in _attached(answer)
            ],
        )


def get_restorer(user: AbstractUser, item_id: uuid.UUID) -> data.Restorer | None:
    """What puts the values back into a text that was edited in a sealed view of this item."""
    with reviewing(user, item_id) as item:
        answer, scope = _answer_of(user, item), data.get_scope(user)
        if _may_read(answer, scope):
            return None
        shown, proposal = _text_of(answer, item), get_proposal(item)
        seal = _View.through(_texts(item, answer, shown, proposal)).seal
        return seal.restorer() if seal else None


def preview_edit(user: AbstractUser, item_id: uuid.UUID, text: str) -> Difference:
    """What an edit would change, in the view that this reviewer has of it."""
    with reviewing(user, item_id) as item:
        answer, scope = _answer_of(user, item), data.get_scope(user)
        shown = _text_of(answer, item)
        if not _may_read(answer, scope):
            proposal = get_proposal(item)
            shown = _View.through(_texts(item, answer, shown, proposal)).write(shown)
    return compare_words(shown, text.strip().replace("\r\n", "\n"))


def _answer_of(user: AbstractUser, item: ReviewItem) -> Answer:
    answers = Answer.objects.select_related("message")
    answer = answers.filter(pk=item.answer_id).first() if item.answer_id else None
    if answer is None:
        raise NotFound(f"{user} may not open the answer of review {item.pk}")
    return answer


def _text_of(answer: Answer, item: ReviewItem) -> str:
    """What is or was under review: of a decided item, the text before the decision."""
    if item.state in control.OPEN:
        return answer.text
    last = item.decisions.exclude(before="").order_by("-id").first()
    return last.before if last else answer.text


def _texts(
    item: ReviewItem, answer: Answer, shown: str, proposal: ReviewDecision | None
) -> list[str]:
    """All that a sealed view of an item shows, always in this order."""
    written = [item.reply, item.appeal, proposal.text if proposal else "", answer.text]
    attached = itertools.chain.from_iterable(_attached(answer))
    return [answer.message.text, shown, *(text for text in written if text), *attached]


def _attached(answer: Answer) -> list[tuple[str, str]]:
    """Name and text of each file and transcript that went with the question."""
    given = (turn for turn in answer.message.given if turn.get("file") or turn.get("recording"))
    found = [(str(turn.get("file") or "transcript of a recording"), turn["text"]) for turn in given]
    # out of the marks around it, a line each
    return [(name, text[text.index("\n") + 1 : text.rindex("\n</")]) for name, text in found]


def _may_read(answer: Answer, scope: Scope) -> bool:
    zones = set(answer.zones) | set(answer.made_from or ())
    return zones <= set(scope.slugs)


def _placed(item: ReviewItem, *stages: Stage) -> list[dict[str, Any]]:
    return [f for f in item.findings if f["end"] and f["stage"] in stages]


def _source(opened: OpenedPassage, view: _View, sealing: _View, reason: str) -> SourceView:
    """In clear only where the reader may read the document, or gave a reason for it."""
    passage = opened.passage
    shown = view if opened.readable or reason else sealing
    return SourceView(
        number=passage.number,
        title=shown.write(passage.title),
        section=shown.write(passage.section),
        zone=passage.zone,
        before=shown.cut(opened.before),
        passage=shown.cut(passage.text),
        after=shown.cut(opened.after),
        cited=opened.cited,
        url=opened.url,
    )


def _history(item: ReviewItem, user: AbstractUser) -> list[ReviewDecision]:
    """A judge does not see the other's judgement before both are given."""
    made = item.decisions.select_related("reviewer").order_by("id")
    if item.kind == ReviewItem.Kind.BLIND and item.state in control.OPEN:
        made = made.filter(reviewer=user.pk)
    return list(made)


def _why_not(review: control.Review, user: AbstractUser) -> str:
    """Why this reviewer cannot take the item now; "" where they can, or have it."""
    if not review.is_open or review.holder == user.pk:
        return ""
    try:
        control.check_reviewer(review, user.pk, permitted=True)
    except control.ReviewRefused as refused:
        return refused.user_message
    return ""
