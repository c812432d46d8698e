"""Words that tell what a text is about, cut to their stems."""

from __future__ import annotations

import functools
import re

_WORD = re.compile(r"[^\W\d_]+(?:'[a-z]+)?|\d[\d.,]*\d|\d", re.UNICODE)
STOP = frozenset(
    """
    a about above after again all also am an and any are as at be because been before being
    below between both but by can could did do does doing done down during each either for from
    further get give given had has have having he her here hers him his how i if in into is it
    its itself just know let like make many may me might more most much must my need no nor not
    now of off on once one only or other our out over own per please same shall she should show
    so some such take tell than that the their them then there these they this those through to
    too under until up upon us use used using very was way we were what when where whether which
    while who whom whose why will with within without would you your yours explain describe
    write help suggest provide want good best new also however therefore thus according based
    passage passages source sources document documents states stated says said mentioned answer
    question
    """.split()  # noqa: SIM905  # a list of words is read in lines
)
_ENDINGS = re.compile(
    r"(?:ations?|itions?|ments?|ingly|edly|ively|ities|ness|ing|ied|ies|ed|ers?|est|ly|ity|ions?|al|s|e|y)$"
)


@functools.lru_cache(maxsize=1 << 15)
def stem(word: str) -> str:
    """A rough stem: a usual ending goes while four letters stay."""
    if len(word) <= 4 or not word.isalpha():
        return word
    cut = _ENDINGS.sub("", word)
    return cut if len(cut) >= 4 else word[: max(4, len(cut))]


def content_words(text: str) -> list[str]:
    """The stems of the words that carry meaning, in their order; numbers as they are."""
    return [
        stem(word)
        for word in _WORD.findall(text.lower())
        if word not in STOP and (len(word) > 1 or word.isdigit())
    ]
