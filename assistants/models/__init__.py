from assistants.models.audit import AuditEvent
from assistants.models.base import new_id
from assistants.models.conversations import Answer, Citation, Conversation, Generation, Message
from assistants.models.documents import (
    EMBEDDING_DIMENSIONS,
    Chunk,
    Document,
    DocumentVersion,
    Lexeme,
)
from assistants.models.registry import Assistant, Deployment, PromptVersion
from assistants.models.zones import Zone

__all__ = [
    "EMBEDDING_DIMENSIONS",
    "Answer",
    "Assistant",
    "AuditEvent",
    "Chunk",
    "Citation",
    "Conversation",
    "Deployment",
    "Document",
    "DocumentVersion",
    "Generation",
    "Lexeme",
    "Message",
    "PromptVersion",
    "Zone",
    "new_id",
]
