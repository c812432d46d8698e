from assistants.models.api_keys import ApiKey
from assistants.models.assistant_versions import AssistantTrial, AssistantVersion, Dismissal
from assistants.models.audit import AuditEvent
from assistants.models.base import first_id_at, new_id
from assistants.models.budgets import Budget, Charge
from assistants.models.conversations import Answer, Citation, Conversation, Generation, Message
from assistants.models.documents import (
    EMBEDDING_DIMENSIONS,
    Chunk,
    Document,
    DocumentVersion,
    Embedding,
    EmbeddingModel,
    Lexeme,
    Source,
)
from assistants.models.egress import EgressRecord
from assistants.models.graph import Entity, Mention, Relation
from assistants.models.guardrails import GuardrailFinding, Incident
from assistants.models.history import Feedback, Folder, KeptReceipt, Share
from assistants.models.library import Attachment, SavedPrompt, SavedPromptVersion
from assistants.models.notes import Note, NoteTemplate, NoteVersion
from assistants.models.policies import Policy, PolicyVersion, ShadowDifference
from assistants.models.recordings import (
    Recording,
    RecordingChunk,
    RecordingPart,
    Segment,
    SegmentEdit,
    Transcript,
)
from assistants.models.registry import Assistant, Deployment, PromptVersion
from assistants.models.reviews import (
    Notification,
    ReviewCase,
    ReviewDecision,
    ReviewItem,
    ReviewReason,
)
from assistants.models.sealing import RedactionMap
from assistants.models.terms import Term
from assistants.models.zones import Organisation, Zone, ZoneChange

__all__ = [
    "EMBEDDING_DIMENSIONS",
    "Answer",
    "ApiKey",
    "Assistant",
    "AssistantTrial",
    "AssistantVersion",
    "Attachment",
    "AuditEvent",
    "Budget",
    "Charge",
    "Chunk",
    "Citation",
    "Conversation",
    "Deployment",
    "Dismissal",
    "Document",
    "DocumentVersion",
    "EgressRecord",
    "Embedding",
    "EmbeddingModel",
    "Entity",
    "Feedback",
    "Folder",
    "Generation",
    "GuardrailFinding",
    "Incident",
    "KeptReceipt",
    "Lexeme",
    "Mention",
    "Message",
    "Note",
    "NoteTemplate",
    "NoteVersion",
    "Notification",
    "Organisation",
    "Policy",
    "PolicyVersion",
    "PromptVersion",
    "Recording",
    "RecordingChunk",
    "RecordingPart",
    "RedactionMap",
    "Relation",
    "ReviewCase",
    "ReviewDecision",
    "ReviewItem",
    "ReviewReason",
    "SavedPrompt",
    "SavedPromptVersion",
    "Segment",
    "SegmentEdit",
    "ShadowDifference",
    "Share",
    "Source",
    "Term",
    "Transcript",
    "Zone",
    "ZoneChange",
    "first_id_at",
    "new_id",
]
