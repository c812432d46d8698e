"""What kind of work a message asks for, and how hard it is: plain rules, the same every time.

They were written with `tests/control/tasks.jsonl` at hand, whose held-out third says how good
they are (docs/adr/0016).
"""

from __future__ import annotations

import re

from assistants.types import Capability, Difficulty

_GREETING = re.compile(
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening)|thanks?|thank you|ok(?:ay)?|bye|goodbye|"
    r"how are you|who are you|what can you do|what are you)\b[\w\s,'’]{0,30}[!.?\s]*",
    re.IGNORECASE,
)
_POLITE = (
    r"(?:(?:please|kindly|now|then|ok(?:ay)?|hi|hello|hey)[\s,]+|"
    r"(?:can|could|would|will) you\s+(?:please\s+)?|help me\s+(?:to\s+)?|"
    r"i(?: would|['’]d) like (?:you )?to\s+|i (?:need|want) (?:you )?to\s+)*"
)
_A = r"(?:(?:me|us)\s+)?(?:(?:a|an|the|some|this|that|these|my|our|your)\s+)?(?:[\w’'-]+\s+){0,4}?"
_PROGRAM = (
    r"(?:functions?|class(?:es)?|methods?|scripts?|programs?|unit tests?|tests?|regex(?:es)?|"
    r"regular expressions?|sql|quer(?:y|ies)|code|snippets?|decorators?|endpoints?|dockerfiles?|"
    r"makefiles?|migrations?|loops?|parsers?|helm charts?|pipelines?)\b"
)
_CODE = re.compile(
    _POLITE
    + r"(?:(?:write|implement|create|generate|add|build|make|give)\s+" + _A + _PROGRAM + r"|"
    r"(?:refactor|debug|optimi[sz]e|vectori[sz]e|port|type-?hint|fix)\s+" + _A + r"(?:"
    + _PROGRAM + r"|bugs?\b|errors?\b|traceback\b|stack ?trace\b|imports?\b)|"
    r"implement\b|refactor\b|debug\b)",
    re.IGNORECASE,
)  # fmt: skip
_FENCE = re.compile(r"```|^(?:def|class|import|from|#include|public|func|SELECT|fn) ?\b", re.M)
_SUMMARY = re.compile(
    _POLITE + r"(?:summar(?:i[sz]e|y)\b|sum up\b|tl;?dr\b|recap\b|condense\b|boil\b.{0,40}\bdown\b|"
    r"(?:give|write|prepare|make|provide|draft)\s+(?:me|us)?\s*(?:a|an|the)?\s*"
    r"(?:[\w-]+\s+){0,2}(?:summary|overview|recap|digest|abstract|synopsis|outline)\b)",
    re.IGNORECASE,
)
_DRAFT = re.compile(
    _POLITE + r"(?:write|draft|compose|rewrite|rephrase|reword|proofread|shorten|translate|polish|"
    r"make up|invent|brainstorm)\b(?!-)",
    re.IGNORECASE,
)
# Questions that no single place in a text answers.
_REASONING = re.compile(
    r"\b(?:compare|contrast|versus|vs\.?|difference between|differ from|trade-?offs?|"
    r"pros and cons|advantages? and disadvantages?|analy[sz]e|analysis|assess|evaluate|weigh|"
    r"justify|prove|derive|deduce|infer|estimate|calculate|prioriti[sz]e|argue|critique|"
    r"recommend|advise|implications?|consequences?|root cause|step[- ]by[- ]step|"
    r"explain (?:why|how|the)|how (?:would|should|could|might) (?:we|i|you|one|a|an|the)|"
    r"why (?:do|does|did|is|are|was|were|would|should|can|not|has|have)|"
    r"what (?:if|would happen|should we|should i|would you)|"
    r"should (?:we|i|the|a|an)|which .{1,60}(?:better|best|safer|safest|worse|worst)|"
    r"best (?:way|approach)|strateg(?:y|ies)|design (?:a|an|the)|plan (?:a|the|for)|"
    r"and (?:why|by when)|in common|reconcile|interplay|relate to each other|"
    r"under what circumstances)\b",
    re.IGNORECASE,
)
_LONG = 45  # words of a question; so much to say is seldom simple


def decide_task(text: str, *, has_documents: bool) -> Capability:
    """The capability a deployment must declare to take this message.

    Where an assistant has documents, a message is a question to them unless its first words say
    otherwise: a wrong guess in this direction quotes a source instead of inventing one. Where it
    has none, a question is conversation, or reasoning if it plainly takes some.
    """
    text = text.strip()
    if _GREETING.fullmatch(text):
        return Capability.CHAT
    if _SUMMARY.match(text):
        return Capability.SUMMARY
    if _CODE.match(text) or (not has_documents and _FENCE.search(text)):
        return Capability.CODE
    if _DRAFT.match(text):
        return Capability.DRAFT
    if has_documents:
        return Capability.GROUNDED_ANSWER
    return Capability.REASONING if _REASONING.search(text) else Capability.CHAT


def decide_difficulty(text: str, task: Capability) -> Difficulty:
    """Whether a small model, or a quotation, will do for this message.

    A draft is for others to read, however short: it is worth the best model that may see it. A
    wrong guess costs money or quality, and never changes what is permitted.
    """
    text = text.strip()
    words = len(text.split())
    hard: object
    if task is Capability.CHAT:
        hard = not _GREETING.fullmatch(text)
    elif task in (Capability.DRAFT, Capability.REASONING):
        hard = True
    else:
        hard = (
            words > _LONG or text.count("?") > 1 or _REASONING.search(text) or _FENCE.search(text)
        )
    return Difficulty.HARD if hard else Difficulty.EASY
