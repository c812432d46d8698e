"""Sensitive spans out of what leaves the premises, and back into what returns."""

from assistants.data.sealing.restoring import Restorer
from assistants.data.sealing.seal import INSTRUCTION, Seal, SealConflict, SealFailed
from assistants.data.sealing.store import SealUnreadable, get_seal, save_seal
from assistants.data.sealing.writing import SealedSpan

__all__ = [
    "INSTRUCTION",
    "Restorer",
    "Seal",
    "SealConflict",
    "SealFailed",
    "SealUnreadable",
    "SealedSpan",
    "get_seal",
    "save_seal",
]
