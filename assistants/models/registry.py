"""What is registered: deployments, assistants and their prompts."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from assistants.models.zones import Zone
from assistants.types import CLOUD, ON_PREM, Capability, DeploymentSpec, ReleaseMode


class Deployment(models.Model):
    """A model that runs somewhere. Keys are never stored: `key_variable` names where one is."""

    slug = models.SlugField(unique=True)
    provider = models.SlugField(help_text="local, quotes, openai_compatible, …")
    environment = models.CharField(
        max_length=20, choices=[(ON_PREM, "On the premises"), (CLOUD, "Cloud")], default=ON_PREM
    )
    region = models.CharField(
        max_length=40, blank=True, help_text="where a cloud processes, as zones name it: eu, us, …"
    )
    model = models.CharField(max_length=200, blank=True)
    version = models.CharField(max_length=100, blank=True)
    base_url = models.URLField(blank=True)
    key_variable = models.CharField(
        max_length=100,
        blank=True,
        help_text="the environment variable that holds its key, never the key; of a cloud it ends "
        "in _API_KEY, which only the cloud worker is given",
    )
    context_tokens = models.PositiveIntegerField(default=4096)
    max_tokens = models.PositiveIntegerField(default=1024)
    capabilities = ArrayField(
        models.CharField(max_length=30, choices=[(c.value, c.value) for c in Capability]),
        default=list,
        blank=True,
    )
    input_price = models.FloatField(
        default=0,
        validators=[MinValueValidator(0.0)],
        help_text="euro for a million tokens of a prompt",
    )
    output_price = models.FloatField(
        default=0,
        validators=[MinValueValidator(0.0)],
        help_text="euro for a million tokens of an answer",
    )
    rank = models.PositiveSmallIntegerField(default=100, help_text="lower is preferred")
    latency_budget_ms = models.PositiveIntegerField(
        "latency budget",
        default=0,
        help_text="milliseconds to the first word; while it takes longer, others that are as "
        "good go first (0: however long it takes)",
    )
    capacity = models.PositiveSmallIntegerField(
        default=0,
        help_text="answers at once that do not wait for each other; equal deployments share "
        "requests in this proportion (0: not limited)",
    )
    hedge_after_ms = models.PositiveIntegerField(
        "hedge after",
        default=0,
        help_text="milliseconds without a word, after which the next permitted deployment is "
        "started beside it and the first to speak answers (0: never)",
    )
    first_token_seconds = models.PositiveSmallIntegerField(
        "patience",
        default=0,
        help_text="seconds without a first word after which another deployment takes over "
        "(0: 20 for a cloud, 60 for a server on the premises)",
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["rank", "slug"]

    def __str__(self) -> str:
        return self.slug

    @property
    def spec(self) -> DeploymentSpec:
        return DeploymentSpec(
            slug=self.slug,
            provider=self.provider,
            environment=self.environment,
            region=self.region,
            model=self.model,
            version=self.version,
            base_url=self.base_url,
            key_variable=self.key_variable,
            context_tokens=self.context_tokens,
            max_tokens=self.max_tokens,
            capabilities=frozenset(Capability(c) for c in self.capabilities),
            input_price=self.input_price,
            output_price=self.output_price,
            rank=self.rank,
            latency_budget_ms=self.latency_budget_ms,
            capacity=self.capacity,
            hedge_after_ms=self.hedge_after_ms,
            first_token_seconds=self.first_token_seconds,
        )


class PromptVersion(models.Model):
    """One version of a system prompt. Never edited: a change is a new number."""

    name = models.SlugField()
    number = models.PositiveIntegerField()
    text = models.TextField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "-number"]
        constraints = [models.UniqueConstraint(fields=["name", "number"], name="prompt_number")]

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"


class Assistant(models.Model):
    """A department's assistant. Members of the department's group may ask it."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    department = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="assistants")
    prompt = models.ForeignKey(PromptVersion, on_delete=models.PROTECT, related_name="+")
    zones = models.ManyToManyField(
        Zone, related_name="assistants", blank=True, help_text="where it looks for passages"
    )
    question_zone = models.ForeignKey(
        Zone, on_delete=models.PROTECT, related_name="+", help_text="where a question starts"
    )
    keyword_weight = models.FloatField(
        default=0.2,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="share of the keyword side in the hybrid score; the rest is the vector side",
    )
    crowding_weight = models.FloatField(
        default=0.1,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.5)],
        help_text="how much less a passage is worth that lies near many of the others",
    )
    widen_by_links = models.BooleanField(
        default=False,
        help_text="also look at passages that the found ones refer to, or that define what they "
        "name; keep it where it measurably helps",
    )
    rewrite_questions = models.BooleanField(
        default=True,
        help_text="complete a follow-up question from the conversation before searching",
    )
    release_mode = models.CharField(
        max_length=10,
        choices=[(mode.value, mode.value) for mode in ReleaseMode],
        default=ReleaseMode.TOKEN.value,
    )
    permitted_deployments = ArrayField(
        models.SlugField(),
        default=list,
        blank=True,
        help_text="the only ones that may answer (none named: all that the zones permit)",
    )
    polish = models.BooleanField(
        default=False,
        help_text="draft on the premises and polish in a cloud: of the whole prompt only the "
        "draft leaves, sealed",
    )
    blind_share = models.FloatField(
        "blind samples",
        default=0.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="share of its shown answers that two reviewers judge all the same, to see what "
        "guardrails miss",
    )
    starters = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    enabled = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField(default=0)

    # The primary keys of the zones that a version being tried would search; None for what holds.
    tried_zones: tuple[int, ...] | None = None

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name
