"""Who computes, streams and fails: the only names that the rest of the product may import.

Nothing here imports torch, transformers or aiohttp before they are used.
"""

from assistants.compute import speech
from assistants.compute.answerability import estimate_right
from assistants.compute.answerability import read_card as read_answer_card
from assistants.compute.broker import BROKER_DOWN
from assistants.compute.embedding_endpoint import embed_at_endpoint, measure_endpoint
from assistants.compute.embeddings import (
    EMBEDDING_MODEL,
    EMBEDDING_VERSION,
    count_tokens,
    embed_query,
    embed_texts,
    warm_up,
)
from assistants.compute.generate import close_clients, generate
from assistants.compute.health import check_deployment, is_healthy, record_outcome
from assistants.compute.lanes import QUEUE_KEYS
from assistants.compute.liveness import announce, get_alive
from assistants.compute.load import get_loads, measured
from assistants.compute.loop import run
from assistants.compute.providers.quotes import quote
from assistants.compute.reading import END_TYPES, list_frames, read_frames
from assistants.compute.remote import generate_sealed
from assistants.compute.reranking import rerank
from assistants.compute.reservations import get_reserved, reserve, settle
from assistants.compute.streams import AnswerWriter, claim_abandoned, open_writer, request_stop
from assistants.compute.wire import encode_sealed

__all__ = [
    "BROKER_DOWN",
    "EMBEDDING_MODEL",
    "EMBEDDING_VERSION",
    "END_TYPES",
    "QUEUE_KEYS",
    "AnswerWriter",
    "announce",
    "check_deployment",
    "claim_abandoned",
    "close_clients",
    "count_tokens",
    "embed_at_endpoint",
    "embed_query",
    "embed_texts",
    "encode_sealed",
    "estimate_right",
    "generate",
    "generate_sealed",
    "get_alive",
    "get_loads",
    "get_reserved",
    "is_healthy",
    "list_frames",
    "measure_endpoint",
    "measured",
    "open_writer",
    "quote",
    "read_answer_card",
    "read_frames",
    "record_outcome",
    "request_stop",
    "rerank",
    "reserve",
    "run",
    "settle",
    "speech",
    "warm_up",
]
