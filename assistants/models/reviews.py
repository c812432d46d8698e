"""What people decide about answers: items in queues, decisions, and what is told to whom."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from assistants.models.base import new_id
from assistants.models.conversations import Answer
from assistants.models.registry import Assistant

SCORE = [MinValueValidator(0.0), MaxValueValidator(1.0)]


class ReviewItem(models.Model):
    """Something that waits for people, or was judged by them: at present an answer.

    It holds nothing that its asker may not see; what reviewers write among themselves is in their
    decisions. `version` counts the steps: one is carried out only on the version that was read
    (control/reviews.py). `difference` is what an edit changed, as [[kind, text]].
    """

    class Kind(models.TextChoices):
        POLICY = "policy", "held by policy"
        BLIND = "blind", "blind sample"

    class State(models.TextChoices):
        WAITING = "waiting"
        CLAIMED = "claimed"
        ASKED = "asked", "asked the author"
        APPROVED = "approved"
        EDITED = "edited"
        QUOTED = "quoted", "answered with quotations"
        REJECTED = "rejected"
        JUDGED = "judged"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.POLICY)
    answer = models.ForeignKey(
        Answer, null=True, blank=True, on_delete=models.CASCADE, related_name="reviews"
    )
    asker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    assistant = models.ForeignKey(
        Assistant, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    department = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+")
    reviewers = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="+")
    escalated_to = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    policy = models.CharField(max_length=200, blank=True)
    rule = models.CharField(max_length=500)
    findings = models.JSONField(default=list, blank=True)
    severity = models.FloatField(default=0.5, validators=SCORE)
    four_eyes = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    version = models.PositiveIntegerField(default=0)
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    claim_expires = models.DateTimeField(null=True, blank=True)
    taken = models.DateTimeField(null=True, blank=True, help_text="when its holder took it")
    proposed = models.CharField(max_length=10, blank=True)
    proposer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    barred = ArrayField(models.BigIntegerField(), default=list, blank=True)
    votes = models.PositiveSmallIntegerField(default=0)
    due = models.DateTimeField()
    reminded = models.DateTimeField(null=True, blank=True)
    escalated = models.BooleanField(default=False)
    question = models.TextField(blank=True, help_text="what a reviewer asks the author")
    reply = models.TextField(blank=True)
    message = models.TextField(blank=True, help_text="the reason, as the asker is told it")
    difference = models.JSONField(default=list, blank=True)
    appeal_of = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="appealed"
    )
    appeal = models.TextField(blank=True, help_text="why the asker does not accept the decision")
    created = models.DateTimeField(auto_now_add=True)
    decided = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "review"
        ordering = ["due"]
        permissions = [("unseal_reviewitem", "Can lift placeholders in a review, with a reason")]
        indexes = [
            # the queues, and the sweeper: what is open, the most urgent first
            models.Index(
                fields=["due"],
                name="review_open",
                condition=Q(state__in=("waiting", "claimed", "asked")),
            ),
            # how long a queue usually takes
            models.Index(fields=["reviewers", "-decided"], name="review_decided"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["answer", "kind"],
                name="one_open_review",
                condition=Q(state__in=("waiting", "claimed", "asked")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.created:%Y-%m-%d %H:%M}"


class ReviewDecision(models.Model):
    """What one reviewer did, and the texts before and after; for reviewers only.

    `verdict` is a judge's, of a blind sample. `seconds` is how long they held the item.
    """

    class Verdict(models.TextChoices):
        FINE = "fine"
        PROBLEM = "problem"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="decisions")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    action = models.CharField(max_length=10)
    verdict = models.CharField(max_length=10, choices=Verdict.choices, blank=True)
    reason = models.TextField(blank=True)
    before = models.TextField(blank=True)
    text = models.TextField(blank=True)
    hides_removed = models.BooleanField(default=False)
    seconds = models.FloatField(default=0)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]


class ReviewReason(models.Model):
    """A reason that reviewers pick when they reject; an admin edits the list."""

    text = models.CharField(max_length=300, unique=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "text"]

    def __str__(self) -> str:
        return self.text


class ReviewCase(models.Model):
    """A decided text, de-identified, to measure and train guardrails with."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    item = models.OneToOneField(ReviewItem, on_delete=models.CASCADE, related_name="case")
    text = models.TextField()
    label = models.PositiveSmallIntegerField(help_text="1: rightly stopped, 0: harmless")
    kind = models.CharField(max_length=60)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    added = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]


class Notification(models.Model):
    """Something has happened in a review; it says what, and holds no content."""

    class Kind(models.TextChoices):
        APPROVED = "approved"
        EDITED = "edited"
        QUOTED = "quoted"
        REJECTED = "rejected"
        EXPIRED = "expired"
        ASKED = "asked"
        REPLIED = "replied"
        HANDED = "handed"
        DUE = "due"
        OVERDUE = "overdue"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    read = models.DateTimeField(null=True, blank=True)
    mailed = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_unread", condition=Q(read=None))
        ]
