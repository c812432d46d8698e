"""A conversation's first title, taken from its first message alone: no model is asked.

What the documents or the answer say never stands in it, so a title tells nothing that a right can
be lost to, and it is there at once. Pure.
"""

from __future__ import annotations

import re
from typing import NamedTuple

TITLE_CHARACTERS = 60
READ_CHARACTERS = 4_000  # what a message begins with says what it is about

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n\s*\n|\n(?=\s*[-*#>])")
_MARKS = re.compile(r"^[\s>#*\-•–—,;:.!]+")

_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|thanks|thank you"
    r"|hallo|guten (?:morgen|tag|abend)|liebe[rs]?|sehr geehrte[rs]?|danke|vielen dank"
    r"|bonjour|bonsoir|salut|merci|hola|buen[oa]s (?:d[ií]as|tardes|noches)|gracias)\b[^,.!?\n]*"
    r"(?:[,.!\n]\s*|\Z)",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(
    r"(?:(?:can|could|would|will) you (?:please |kindly )?(?:tell me|explain(?: to me)?|show me"
    r"|help me (?:with|to)|let me know|give me)"
    r"|(?:please|kindly)(?: (?:tell me|explain(?: to me)?|show me|help me (?:with|to)|give me))?"
    r"|i(?: would|['’]d) like to (?:know|ask)|i (?:want|need) to know|do you know"
    r"|(?:kannst du|k[öo]nnen sie|k[öo]nnten sie) mir (?:bitte )?(?:sagen|erkl[äa]ren|zeigen)"
    r"|bitte|ich (?:m[öo]chte|w[üu]rde gern(?:e)?) wissen"
    r"|(?:peux-tu|pouvez-vous|pourriez-vous) (?:me |m['’])(?:dire|expliquer|montrer)"
    r"|s['’]il (?:te|vous) pla[îi]t"
    r"|(?:puedes|puede|podr[íi]as?) (?:decirme|explicarme|mostrarme)|por favor)\b[,:]?\s+",
    re.IGNORECASE,
)


def title_of(text: str) -> str:
    """At most 60 characters: the first question in the message, or else its first sentence, without
    greeting and courtesies. A message of code alone is named by its beginning.
    """
    text = text[:READ_CHARACTERS]
    prose = _CODE.sub("\n\n", text)
    sentences = [_bare(sentence) for sentence in _SENTENCE_END.split(prose)]
    sentences = [each for each in sentences if each.words]
    asked = [each for each in sentences if each.is_question]
    chosen = (asked or sentences or [_Sentence(text)])[0].words
    line = " ".join(chosen.split())
    return _shortened(line[:1].upper() + line[1:])


class _Sentence(NamedTuple):
    words: str
    is_question: bool = False


def _bare(sentence: str) -> _Sentence:
    """Without courtesies; "Can you tell me what …?" becomes "what …", which is no question."""
    bare = _MARKS.sub("", sentence)
    if found := _GREETING.match(bare):
        bare = _MARKS.sub("", bare[found.end() :])
    bare = bare.strip()
    is_question = bare.endswith("?") and len(bare.split()) > 1
    for _ in range(2):  # "Could you please tell me, please, …"
        if found := _LEAD_IN.match(bare):
            bare = _MARKS.sub("", bare[found.end() :]).rstrip("? ")
    return _Sentence(bare, is_question)


def _shortened(line: str) -> str:
    if len(line) <= TITLE_CHARACTERS:
        return line
    return line[: TITLE_CHARACTERS - 1].rsplit(" ", 1)[0] + "…"
