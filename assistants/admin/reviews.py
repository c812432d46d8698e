"""The reviewers' console: queues, one item, what reviews teach, and the reasons to choose from."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from assistants import control
from assistants.admin.people import person
from assistants.exceptions import AssistantsError, NotFound
from assistants.models import ReviewItem, ReviewReason
from assistants.services import review_cases, review_decisions, review_pages, reviews

STATES = {
    "open": "everything open",
    "waiting": "waiting",
    "claimed": "somebody works on it",
    "asked": "author asked",
    "approved": "approved",
    "edited": "edited",
    "quoted": "answered with quotations",
    "rejected": "rejected",
    "judged": "judged",
    "expired": "expired",
    "all": "all",
}
RISKS = ("high", "medium", "low")


@admin.register(ReviewItem)
class ReviewItemAdmin(admin.ModelAdmin):
    """The list tells no content. An item is opened by its reviewers alone, and each opening is
    recorded; every action goes through the services.
    """

    actions = None

    def get_urls(self) -> list[URLPattern]:
        def view(function: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
            return self.admin_site.admin_view(never_cache(function))

        item = "<uuid:item_id>"
        return [
            path(
                "figures/", view(require_safe(self.figures_view)), name="assistants_review_figures"
            ),
            path("cases/", view(require_safe(self.cases_view)), name="assistants_review_cases"),
            path("bulk/", view(require_POST(self.bulk_view)), name="assistants_review_bulk"),
            path(
                f"{item}/keep/", view(require_POST(self.keep_view)), name="assistants_review_keep"
            ),
            *super().get_urls(),
        ]

    # ---- who ----

    def has_module_permission(self, request: HttpRequest) -> bool:
        return reviews.may_see_queues(person(request))

    def has_view_permission(self, request: HttpRequest, obj: ReviewItem | None = None) -> bool:
        return reviews.may_see_queues(person(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ReviewItem | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ReviewItem | None = None) -> bool:
        return False

    # ---- pages ----

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        user = self._reviewer(request)
        chosen = {
            "department": request.GET.get("department", ""),
            "risk": request.GET.get("risk", ""),
            "state": request.GET.get("state", "open"),
            "kind": request.GET.get("kind", ""),
        }
        if chosen["state"] not in STATES:
            chosen["state"] = "open"
        mine = request.GET.get("mine") == "1"
        items = reviews.list_queue(user, **chosen, mine=mine)
        rows = [
            {
                "item": item,
                "risk": control.risk_of(item.severity),
                "late": item.state in control.OPEN and item.due < timezone.now(),
                "bulk": item.state == ReviewItem.State.WAITING
                and control.is_safe_in_bulk(reviews.review_of(item), item.severity),
            }
            for item in items
        ]
        return self._page(
            request,
            "admin/assistants/reviewitem/list.html",
            title="Reviews",
            rows=rows,
            chosen={**chosen, "mine": mine},
            states=STATES,
            risks=RISKS,
            kinds=ReviewItem.Kind.choices,
            departments=Group.objects.filter(assistants__isnull=False).distinct().order_by("name"),
            any_bulk=any(row["bulk"] for row in rows),
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        user = self._reviewer(request)
        try:
            item_id = uuid.UUID(object_id)
        except ValueError as error:
            raise Http404 from error
        context: dict[str, Any] = {"typed": {}}
        try:
            if request.method == "POST":
                context, done = self._act(request, item_id)
                if done:
                    return HttpResponseRedirect(self._next(request))
            reason = request.POST.get("unseal_reason", "") if "_unseal" in request.POST else ""
            view = review_pages.open_item_page(user, item_id, reason=reason)
        except NotFound as error:
            raise Http404(error.user_message) from error
        except AssistantsError as error:  # of lifting placeholders without a reason
            context["error"] = error.user_message
            view = review_pages.open_item_page(user, item_id)
        return self._page(
            request,
            "admin/assistants/reviewitem/page.html",
            title="Review",
            view=view,
            open=view.item.state in control.OPEN,
            blind=view.item.kind == ReviewItem.Kind.BLIND,
            **context,
        )

    def figures_view(self, request: HttpRequest) -> HttpResponse:
        user = self._reviewer(request)
        return self._page(
            request,
            "admin/assistants/reviewitem/figures.html",
            title="What reviews show",
            figures=review_cases.get_figures(user),
        )

    def cases_view(self, request: HttpRequest) -> HttpResponse:
        lines = "".join(review_cases.export_cases(self._reviewer(request)))
        reply = HttpResponse(lines, content_type="application/jsonl; charset=utf-8")
        reply["Content-Disposition"] = 'attachment; filename="review-cases.jsonl"'
        return reply

    def keep_view(self, request: HttpRequest, item_id: uuid.UUID) -> HttpResponse:
        """The page is still open: its claim goes on, unless the item or the right is gone."""
        try:
            reviews.claim(person(request), item_id)
        except AssistantsError as error:
            return JsonResponse({"message": error.user_message}, status=409)
        return JsonResponse({})

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        user = self._reviewer(request)
        try:
            keys = [uuid.UUID(key) for key in request.POST.getlist("item")]
        except ValueError as error:
            raise Http404 from error
        done, left = review_decisions.approve_in_bulk(user, keys)
        messages.success(request, f"{done} approved.")
        if left:
            messages.warning(request, f"{left} were left: they need a look, or somebody has them.")
        return HttpResponseRedirect(reverse("admin:assistants_reviewitem_changelist"))

    # ---- inside ----

    def _act(self, request: HttpRequest, item_id: uuid.UUID) -> tuple[dict[str, Any], bool]:
        """What was asked for; what to show with the page, and whether it is done."""
        user, sent = person(request), request.POST
        typed = {
            name: sent.get(name, "") for name in ("text", "reason", "question", "to", "verdict")
        }
        typed["hides_removed"] = sent.get("hides_removed", "")
        try:
            if "_preview" in sent:
                difference = review_pages.preview_edit(user, item_id, typed["text"])
                return {"typed": typed, "difference": difference}, False
            for button, (act, said) in _ACTIONS.items():
                if button in sent:
                    act(user, item_id, sent)
                    messages.success(request, said)
                    return {}, True
        except review_decisions.PersonalDataAdded as error:
            return {"typed": typed, "error": error.user_message, "confirm": True}, False
        except NotFound:
            raise
        except AssistantsError as error:
            return {"typed": typed, "error": error.user_message}, False
        return {"typed": {}}, False

    def _next(self, request: HttpRequest) -> str:
        """Stay where there is more to do; else on to the queue."""
        if any(button in request.POST for button in _STAYS):
            return request.path
        return reverse("admin:assistants_reviewitem_changelist")

    def _reviewer(self, request: HttpRequest) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return person(request)

    def _page(
        self, request: HttpRequest, template: str, *, title: str, **context: Any
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            template,
            {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **context},
        )


def _edit(user: Any, item_id: uuid.UUID, sent: Any) -> None:
    review_decisions.edit(
        user,
        item_id,
        sent.get("text", ""),
        hides_removed=bool(sent.get("hides_removed")),
        confirmed=bool(sent.get("confirmed")),
        restore=review_pages.get_restorer(user, item_id),
    )


def _reject(user: Any, item_id: uuid.UUID, sent: Any) -> None:
    review_decisions.reject(user, item_id, sent.get("reason", "") or sent.get("canned", ""))


_ACTIONS: dict[str, tuple[Callable[[Any, uuid.UUID, Any], object], str]] = {
    "_claim": (lambda u, i, s: reviews.claim(u, i), "It is yours for a quarter of an hour."),
    "_release": (lambda u, i, s: reviews.release(u, i), "It is back in the queue."),
    "_approve": (lambda u, i, s: review_decisions.approve(u, i), "Approved."),
    "_edit": (_edit, "Approved as edited."),
    "_quote": (
        lambda u, i, s: review_decisions.answer_with_quotes(u, i),
        "Answered with quotations.",
    ),
    "_reject": (_reject, "Rejected. Whoever asked reads the reason."),
    "_ask": (
        lambda u, i, s: reviews.ask_author(u, i, s.get("question", "")),
        "The author is asked. Their reply arrives here.",
    ),
    "_hand_over": (lambda u, i, s: reviews.hand_over(u, i, s.get("to", "")), "It is handed over."),
    "_escalate": (
        lambda u, i, s: reviews.escalate(u, i, s.get("reason", "").strip()),
        "Somebody else decides it.",
    ),
    "_judge": (
        lambda u, i, s: review_decisions.judge(u, i, s.get("verdict", ""), s.get("reason", "")),
        "Your judgement is kept.",
    ),
    "_case": (
        lambda u, i, s: review_cases.add_case(u, i),
        "It is among the cases, with placeholders for names and numbers.",
    ),
}
_STAYS = ("_claim", "_case")


@admin.register(ReviewReason)
class ReviewReasonAdmin(admin.ModelAdmin):
    list_display = ["text", "position"]

    def save_model(self, request: HttpRequest, obj: ReviewReason, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self._record(request, obj, "review_reason.changed" if change else "review_reason.added")

    def delete_model(self, request: HttpRequest, obj: ReviewReason) -> None:
        self._record(request, obj, "review_reason.deleted")
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for reason in queryset:
            self.delete_model(request, reason)

    def _record(self, request: HttpRequest, reason: ReviewReason, action: str) -> None:
        control.record_event(
            action=action,
            actor=request.user.get_username(),
            subject=str(reason.pk or ""),
            data={"text": reason.text},
        )
