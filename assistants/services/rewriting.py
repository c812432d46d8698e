"""A follow-up question, completed from the conversation before it is searched. Pure.

"And for the board?" names neither what is asked nor of what; the question before it does, and so
do the sections that its answer cited. No model is asked: a question that stands by itself must
never be changed, so only what plainly leans on something earlier is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assistants.types import PromptMessage, Role

LOOKED_BACK = 3  # questions, until one that stands by itself
LONGEST = 14  # words of a follow-up; who writes more says what they mean
CONTENT_WORDS = 4  # of a follow-up that leans on a pronoun

# It begins in the middle of a thought.
_OPENING = re.compile(
    r"(and|but|or|also|so|then|what about|how about|what if|same|likewise|in that case"
    r"|for(?! (?:how|what|which|whom|whose)\b)"
    r"|why not|why so|why is that|since when|until when|how so|says who|by whom)\b",
    re.I,
)
# It points at something that it does not name.
_POINTING = re.compile(
    r"\b(it|its|they|them|their|theirs|he|him|his|she|her|these|those|then"
    r"|(?:this|that)(?! (?:day|week|month|quarter|year|morning|evening)\b)"
    r"|(?<!is )(?<!are )there(?! (?:is|are)\b)"
    r"|one|ones|former|latter|same|else|instead|otherwise|above)\b",
    re.I,
)
_EMPTY_WORDS = (
    "a an the and or but of to in on at by for from with as is are was were be been do does did "
    "has have had can could may might must shall should will would not no yes any all some if "
    "what which who whom whose when where why how much many long often it its they them their he "
    "him his she her this that these those there then one ones same else instead otherwise above "
    "i me my we us our you your also so just only please tell about happens mean means"
)
_EMPTY = frozenset(_EMPTY_WORDS.split())


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """`text` is what is searched for; `context` what it follows on, whose words count half."""

    text: str
    context: str = ""

    @property
    def whole(self) -> str:
        return f"{self.context} {self.text}".strip()


def complete_question(
    question: str, history: Sequence[PromptMessage], cited: Sequence[str] = ()
) -> AskedQuestion:
    """The question as asked, or with the question that it follows on as its context.

    `history` is the branch before it, oldest first; `cited` are the titles and sections that the
    last answer cited.
    """
    earlier = [message.text for message in history if message.role is Role.USER]
    if not earlier or not is_follow_up(question):
        return AskedQuestion(question)
    context: list[str] = []
    for before in earlier[: -LOOKED_BACK - 1 : -1]:
        context.insert(0, before)
        if not is_follow_up(before):
            break
    return AskedQuestion(question, " ".join([*context, *dict.fromkeys(cited)]))


def is_follow_up(question: str) -> bool:
    words = re.findall(r"[\w’'-]+", question)
    if not words or len(words) > LONGEST:
        return False
    content = [word for word in words if word.lower() not in _EMPTY]
    if _OPENING.match(question.strip()):
        return len(content) <= CONTENT_WORDS + 1
    if not content:  # "Why?", "Until when?", "How much?"
        return True
    return len(content) < CONTENT_WORDS and bool(_POINTING.search(question))
