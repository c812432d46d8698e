"""What kind of work a message asks for: plain rules over its first words, the same every time."""

from __future__ import annotations

import re

from assistants.types import Capability

_GREETING = re.compile(
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening)|thanks?|thank you|ok(?:ay)?|bye|goodbye|"
    r"how are you|who are you|what can you do|what are you)\b[\w\s,'’]{0,30}[!.?\s]*",
    re.IGNORECASE,
)
_POLITE = r"(?:please\s+|(?:can|could|would) you\s+(?:please\s+)?|help me\s+(?:to\s+)?)*"
_DRAFT = re.compile(
    _POLITE + r"(?:write|draft|compose|rewrite|rephrase|reword|proofread|shorten|translate|polish|"
    r"make up|invent|brainstorm)\b(?!-)",
    re.IGNORECASE,
)


def decide_task(text: str, *, has_documents: bool) -> Capability:
    """The capability a deployment must declare to take this message.

    Where an assistant has documents, a message is a question to them unless its first words say
    otherwise: a wrong guess in this direction quotes a source instead of inventing one.
    """
    text = text.strip()
    if _GREETING.fullmatch(text):
        return Capability.CHAT
    if _DRAFT.match(text):
        return Capability.DRAFT
    return Capability.GROUNDED_ANSWER if has_documents else Capability.CHAT
