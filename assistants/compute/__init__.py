from assistants.compute.liveness import announce, get_alive
from assistants.compute.loop import run
from assistants.compute.streams import (
    END_TYPES,
    AnswerWriter,
    claim_abandoned,
    open_writer,
    read_frames,
    request_stop,
)

__all__ = [
    "END_TYPES",
    "AnswerWriter",
    "announce",
    "claim_abandoned",
    "get_alive",
    "open_writer",
    "read_frames",
    "request_stop",
    "run",
]
