"""Plain, frozen values that cross the walls between the planes. No behaviour, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum, StrEnum


class Sensitivity(IntEnum):
    """How much harm a disclosure would do; ordered, so that `max` is the join."""

    PUBLIC = 0
    INTERNAL = 1
    CONFIDENTIAL = 2
    RESTRICTED = 3


class Treatment(StrEnum):
    """What happens to text of a zone before it leaves the premises."""

    ALLOW = "allow"
    REDACT = "redact"
    DENY = "deny"


ON_PREM = "on_prem"
CLOUD = "cloud"


@dataclass(frozen=True, slots=True)
class ZoneRules:
    """Where text may be processed. Zones form a lattice; `data.join_zones` is its join.

    `residency` holds places, each an environment (`on_prem`, `cloud`) or an environment with a
    region (`cloud:eu`). `retention_days` of None keeps for ever. `names` are the slugs of the
    zones that were joined, for people to read.
    """

    sensitivity: Sensitivity
    residency: frozenset[str]
    treatment: Treatment
    retention_days: int | None = None
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scope:
    """What one user may read: the primary keys of the zones open to their groups.

    `slugs` are the same zones', in the same order. `user_id` is whose conversations they are
    (None: nobody's), `group_ids` the user's groups, which are the departments.
    """

    zone_ids: tuple[int, ...]
    slugs: tuple[str, ...] = ()
    user_id: int | None = None
    group_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """How well one passage fits one question; every figure is 0 to 1 unless said otherwise.

    `cosine` compares the embeddings (-1 to 1); `keyword` is BM25 relative to a passage of usual
    length that holds each of the question's words once; `coverage` is the share of the
    question's words, weighted by how rare each is in the searched documents, that stand in the
    passage; `score` is the weighted hybrid.
    """

    cosine: float
    keyword: float
    coverage: float
    score: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document, found for a question. `number` is its citation number, from 1.

    `start` and `end` are offsets, in characters, into the version's normalised text.
    `linked_from` is None for what the search found; else it was found by a link: from the passage
    of that number, or from the question itself (0). `valid_from` and `valid_until` are the days on
    which its version took and lost its place (None: unknown, and not yet).
    """

    number: int
    chunk_id: str
    document_id: str
    version_id: str
    title: str
    section: str
    text: str
    zone: str
    start: int
    end: int
    evidence: Evidence
    linked_from: int | None = None
    valid_from: date | None = None
    valid_until: date | None = None


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class PromptMessage:
    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that a model is given. Built by `services.prompts`, pure, before any deployment runs.

    `messages` is what a generative model sees, the question last. `question` and `passages`
    repeat the parts for providers that do not read prose (`quotes`). `max_tokens` bounds the
    answer, which ends before the first of the sequences in `stop`.
    """

    messages: tuple[PromptMessage, ...]
    question: str
    passages: tuple[Passage, ...] = ()
    max_tokens: int = 1024
    temperature: float = 0.0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampling:
    """What a client asks of a model; the deployment's own bounds stand."""

    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SealedPrompt:
    """A prompt as it may leave: placeholders for every sensitive span; no passages, no question
    beside the messages.
    """

    messages: tuple[PromptMessage, ...]
    max_tokens: int = 1024
    temperature: float = 0.0


class Capability(StrEnum):
    """What a deployment declares itself good for; routing matches it to the task."""

    CHAT = "chat"
    DRAFT = "draft"
    GROUNDED_ANSWER = "grounded_answer"
    CODE = "code"
    SUMMARY = "summary"
    REASONING = "reasoning"
    RERANK = "rerank"  # orders passages; it never answers


class Difficulty(StrEnum):
    """How much a message asks of a model: `hard` wants one that reasons well."""

    EASY = "easy"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class DeploymentSpec:
    """A model that runs somewhere. `context_tokens` bounds prompt and answer together.

    Prices are in euro for a million tokens. `key_variable` names the environment variable that
    holds the key; the key itself is never part of a value or a row.

    `latency_budget_ms` is how soon its first word is expected, `capacity` how many answers it
    takes at once without making them wait, `hedge_after_ms` after how long without a word the
    next deployment of the route is started beside it, `first_token_seconds` how long it may be
    silent before its first word. 0 says nothing of any of them.
    """

    slug: str
    provider: str
    environment: str
    region: str
    model: str
    version: str = ""
    base_url: str = ""
    key_variable: str = ""
    context_tokens: int = 4096
    max_tokens: int = 1024
    capabilities: frozenset[Capability] = frozenset()
    input_price: float = 0.0
    output_price: float = 0.0
    rank: int = 100
    latency_budget_ms: int = 0
    capacity: int = 0
    hedge_after_ms: int = 0
    first_token_seconds: int = 0

    @property
    def place(self) -> str:
        """The place a zone's residency is compared with: `on_prem`, `cloud:eu`, …"""
        return f"{self.environment}:{self.region}" if self.region else self.environment


@dataclass(frozen=True, slots=True)
class EmbeddingSpec:
    """A model that texts are embedded with. `model_id` is its primary key.

    `base_url` of an endpoint on the premises that speaks OpenAI's embeddings protocol (it
    includes `/v1`), or empty for the model in this process. The key is only named, as for a
    deployment.
    """

    model_id: int
    name: str
    version: str
    dimensions: int
    base_url: str = ""
    key_variable: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one deployment may not, or cannot, take a request."""

    deployment: str
    reason: str


@dataclass(frozen=True, slots=True)
class Route:
    """Deployments in order of preference, all of them permitted; the rule is for people to read.

    `notice` is what the asker should know beside it, such as a budget that is nearly used up.
    """

    deployments: tuple[DeploymentSpec, ...]
    rule: str
    task: Capability
    refusals: tuple[Refusal, ...] = ()
    notice: str = ""


class Outcome(StrEnum):
    ALLOW = "allow"
    REDACT = "redact"
    BLOCK = "block"
    REVIEW = "review"
    FALLBACK = "fallback"  # answered by quoting the documents instead


class Stage(StrEnum):
    """Where on its way a text is checked."""

    INPUT = "input"  # a person's message
    GATEWAY = "gateway"  # what is about to leave for another environment
    PASSAGE = "passage"  # what was retrieved
    BLOCK = "block"  # a settled block of an answer, before it is shown
    ANSWER = "answer"  # the whole answer


@dataclass(frozen=True, slots=True)
class Finding:
    """What a guardrail saw. `severity` runs from 0 to 1.

    `kind` is what was found (`prompt_injection`, `dosage`, …), `start` and `end` are offsets, in
    characters, into the text that was checked (both 0: all of it). `failed` says that the
    guardrail itself could not decide: policy then takes it for a finding, never for a pass.
    """

    guardrail: str
    severity: float
    reason: str
    kind: str = ""
    stage: Stage = Stage.INPUT
    start: int = 0
    end: int = 0
    version: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy says of a text. `message` is for the person, `rule` for the record.

    `policy` names the versions that decided. `release`, where a rule asks for it, is how the
    answer may be shown; `disclaimers` are sentences to show with it. For a review: the group of
    people who may decide (empty: the department's reviewers), how grave it is (0 to 1), and
    whether two must agree.
    """

    outcome: Outcome
    rule: str
    message: str = ""
    code: str = ""
    findings: tuple[Finding, ...] = ()
    policy: str = ""
    release: ReleaseMode | None = None
    disclaimers: tuple[str, ...] = ()
    reviewers: str = ""
    severity: float = 0.0
    four_eyes: bool = False


ALLOW = Decision(Outcome.ALLOW, rule="nothing objects")


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """All that policy looks at when a text is checked at one stage; the text itself is not of it.

    `findings` are those of this stage. `deployment` is a slug and `environment` where it runs;
    both are empty while no route is chosen. `confidence` says how likely the answer is right and
    `risk` how likely the text does harm, 0 to 1 and calibrated; None where that is not known,
    which policy takes for the worst.
    """

    stage: Stage
    zone: ZoneRules
    assistant: str = ""  # slug
    department: str = ""  # the group's name
    user: str = ""  # user name
    groups: frozenset[str] = frozenset()
    task: Capability | None = None
    findings: tuple[Finding, ...] = ()
    deployment: str = ""
    environment: str = ""
    confidence: float | None = None
    risk: float | None = None


@dataclass(frozen=True, slots=True)
class EgressTicket:
    """The gate's permission for one payload to reach one deployment; see `assistants.tickets`.

    `record` is the id of the ledger's EgressRecord, `payload_sha256` the hex digest of the
    payload's UTF-8, `expires` in Unix seconds. `signature` (Ed25519, base64url) covers the
    canonical JSON of the other fields.
    """

    record: str
    payload_sha256: str
    deployment: str
    place: str
    expires: int
    signature: str


class ReleaseMode(StrEnum):
    """When generated text is shown: at once, block by block after its check, or after review."""

    TOKEN = "token"
    BLOCK = "block"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Started:
    """The deployment took the request; `model` and `version` as it names itself."""

    model: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    text: str


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    STOP_SEQUENCE = "stop_sequence"
    STOPPED_BY_USER = "stopped_by_user"
    ABSTAINED = "abstained"


@dataclass(frozen=True, slots=True)
class Finished:
    reason: FinishReason
    usage: Usage = field(default_factory=Usage)


GenerationEvent = Started | Delta | Finished


@dataclass(frozen=True, slots=True)
class StreamFrame:
    """One entry of an answer's stream: `number` counts from 1 without a gap."""

    number: int
    type: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Load:
    """How a deployment is doing, as all workers together know it.

    `latency_ms` is what its first word took lately (None: not known), `in_flight` how many
    answers it makes at present.
    """

    healthy: bool = True
    latency_ms: float | None = None
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Health:
    """A part's state as `/healthz` tells it."""

    ready: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """`text` has the space before it; `start`, `end` in seconds; `probability` 0 to 1."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True, slots=True)
class SpokenSegment:
    """A stretch of speech as a recogniser heard it, in seconds of what it was given.

    `probability` is that of its words on average, `no_speech` that nobody speaks there, both 0 to
    1. `voice` is what the voice sounds like (unit length; None: too short to tell).
    """

    start: float
    end: float
    text: str
    words: tuple[SpokenWord, ...]
    probability: float
    no_speech: float
    language: str
    voice: tuple[float, ...] | None = None
