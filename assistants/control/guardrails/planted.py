"""Instructions to the assistant that somebody planted in a document, and their removal.

A document gives orders to people all the time ("report each gift", "give 10 mg"), so a sentence
counts only when it speaks to the assistant: of its answer, its instructions, its tools; or when it
asks for something that has nothing to do with the rest of the document. The classifier of
sentences looks at those that a cheap pattern lets through.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistants.control.guardrails import learned
from assistants.control.guardrails.attacks import find_attacks
from assistants.control.guardrails.checked import Checked, Guardrail, Kind
from assistants.control.guardrails.sentences import Sentence, split_sentences
from assistants.control.guardrails.words import content_words
from assistants.types import Finding, Stage

NAME, VERSION = "planted instructions", "1"
LEFT_OUT = "[…]"
ASIDE = "asks for something that has nothing to do with the document"
_DEFINITE, _ASIDE = 0.9, 0.55
_ASIDE_OVERLAP = 0.3  # of its words, in the rest of the document or the question
_LONGEST = 600  # characters of a sentence that are looked at

# What a sentence needs to be looked at by the classifier at all.
_CUE = re.compile(
    r"(?i)\b(?:your|you|repl(?:y|ies)|respon[ds]\w*|answer\w*|output|assistant|AI|LLM|model|chatbot"
    r"|instructions?|prompt|user'?s?|reader|ignore|disregard|forget|encod\w+|base\s?\d\d|cipher|emojis?"
    r"|snippet|code|script|translate|summar\w+|insert|embed|append|include|incorporate|integrat\w+"
    r"|mention|say|print|begin|end|send|forward|visit|click|https?|www)\b"
)
_TO_ASSISTANT = re.compile(
    r"(?i)\b(?:in|into|to|of|at\sthe\s(?:end|start|beginning)\sof|with|within|for|throughout|modify|change|"
    r"adjust|enhance|alter|augment|render|encode|write|convert|display|provide|present|give|format|"
    r"encrypt|translate|rewrite|transform|shape|tailor|adapt)\s(?:\w+\s)?your\s(?:\w+\s)?"
    r"(?:response|reply|answer|output|message|summary|text)s?\b(?!\s(?:to|from)\s(?:the|our|a)\s(?:client|customer|patient|survey|question))"
    r"|\b(?:reply|respond|answer)\s(?:only\s|solely\s)?(?:in|using|with|by)\s(?:base|rot|morse|emoji|a\s\w+\scipher|hex|pig\slatin|reverse|code)"
    r"|\b(?:dear|attention|note\sto|hey|as)\s(?:the\s|an\s)?(?:AI|LLM|language\smodel|assistant|chatbot)\b"
    r"|\bif\syou\sare\s(?:an?\s)?(?:AI|LLM|language\smodel|assistant|chatbot)\b"
    r"|\bdo\snot\s(?:tell|inform|mention|reveal)\b.{0,20}\b(?:the\s)?user\b"
    r"|\b(?:send|forward|post|append|leak|upload|exfiltrate)\b.{0,60}\b(?:conversation|chat\shistory|user'?s?\s(?:question|data|message)|this\s(?:document|prompt)|system\sprompt|secrets?|passwords?)\b.{0,40}\bto\b"
    r"|!\[[^\]\n]*\]\(https?://[^)\s]*[?&=]"
)
_REQUEST = re.compile(
    r"(?i)^\W*(?:please\s)?(?:how\s(?:do|can|could|should|does|would)\b|what\s(?:is|are|was|were|would|causes)\b|who\s(?:is|are|was|won)\b|why\s(?:do|does|is|are)\b"
    r"|can\syou\b|could\syou\b|would\syou\b|will\syou\b|is\sthis\s|which\s(?:feeling|emotion|mood|of)\b|does\sthis\s|do\syou\sthink\b"
    r"|explain\b|suggest\b|recommend\b|help\sme\b|give\sme\b|show\sme\b|tell\sme\b|provide\s(?:me\b|a\b|an\b|some\b|insights?\b|tips\b|ideas\b)"
    r"|write\s(?:me\s)?(?:a|an|the|some)\b|summari[sz]e\b|translate\b|analy[sz]e\b|compare\b|classify\b|identify\b|detect\b|determine\b|describe\b|discuss\b|outline\b|create\s(?:a|an)\b|generate\b|compose\b|draft\sa\b|design\sa\b|solve\b|calculate\b|list\s(?:the|some|five|ten|three)\b|find\s(?:me\s)?(?:a|an|the|some)\b|what's\b|who's\b|evaluate\b|predict\b|interpret\b|play\b|recite\b|sing\b|plan\sa\b)"
)


def check_planted(checked: Checked) -> list[Finding]:
    """A finding for each sentence, with its place."""
    context = frozenset(content_words(checked.question))
    return [
        Finding(NAME, severity, reason, Kind.INDIRECT_INJECTION, checked.stage, start, end, VERSION)
        for start, end, severity, reason in find_planted(checked.text, context)
    ]


def find_planted(
    text: str, context: frozenset[str] = frozenset(), model: learned.Learned | None = None
) -> tuple[tuple[int, int, float, str], ...]:
    """(start, end, severity, reason) of each sentence that speaks to the assistant, or asks for
    something that neither the document nor `context`, the words of the question, is about.
    """
    return tuple(
        (each.start, each.end, each.severity, each.reason)
        for each in _find_all(text, model or learned.load())
        if not each.words or len(each.strange - context) / len(each.words) > 1 - _ASIDE_OVERLAP
    )


@dataclass(frozen=True, slots=True)
class _Planted:
    """`words` are those of an aside, and `strange` those of them that nothing around it has."""

    start: int
    end: int
    severity: float
    reason: str
    words: frozenset[str] = frozenset()
    strange: frozenset[str] = frozenset()


@functools.lru_cache(maxsize=4096)
def _find_all(text: str, model: learned.Learned) -> tuple[_Planted, ...]:
    """Remembered: the same passages come often, with ever other questions."""
    return tuple(_find(text, model))


def _find(text: str, model: learned.Learned) -> Iterator[_Planted]:
    sentences = split_sentences(text)
    attacked = bool(find_attacks(text))  # else no sentence of it is worth the rules
    covered = -1
    for number, sentence in enumerate(sentences):
        if sentence.start < covered or (sentence.code and not _is_comment(sentence.text)):
            continue
        severity, reason = _judge(sentence.text[:_LONGEST], model, attacked=attacked)
        if severity >= 0.5:
            covered = _with_code(sentences, number)
            yield _Planted(sentence.start, covered, round(severity, 3), reason)
        elif aside := _read_aside(sentences, number):
            yield _Planted(sentence.start, sentence.end, _ASIDE, ASIDE, *aside)


def _judge(sentence: str, model: learned.Learned, *, attacked: bool) -> tuple[float, str]:
    hits = find_attacks(sentence) if attacked else []
    if hits:
        worst = max(hits, key=lambda hit: hit.severity)
        return worst.severity, worst.reason
    if _TO_ASSISTANT.search(sentence):
        return _DEFINITE, "speaks to the assistant of its answer"
    if _CUE.search(sentence):
        return model.score_sentence(sentence), "reads like an instruction to the assistant"
    return 0.0, ""


def _read_aside(
    sentences: Sequence[Sentence], number: int
) -> tuple[frozenset[str], frozenset[str]] | None:
    """A request, alone in what it is about: its words, and those that nothing around it has. A
    list of questions and answers is about one thing.
    """
    sentence = sentences[number]
    if sentence.code or len(sentence.text) > 300 or not _REQUEST.match(sentence.text):
        return None
    words = frozenset(content_words(sentence.text))
    if len(words) < 2:
        return None
    rest: set[str] = set()
    for other, each in enumerate(sentences):
        if other != number:
            rest.update(content_words(each.text[:_LONGEST]))
    strange = words - rest
    return (words, strange) if len(strange) / len(words) > 1 - _ASIDE_OVERLAP else None


def _is_comment(line: str) -> bool:
    return bool(re.match(r"\s*(?:#|//|--|/\*|\*|<!--|\"\"\")", line))


def _with_code(sentences: Sequence[Sentence], number: int) -> int:
    """Where the instruction ends: code that stands right behind it belongs to it."""
    end = sentences[number].end
    for following in sentences[number + 1 :]:
        if not following.code:
            break
        end = following.end
    return end


def defuse(text: str, findings: Sequence[Finding]) -> str:
    """The text with the findings' places left out, each marked as such; other words stay as are."""
    kept, at = [], 0
    for finding in sorted(findings, key=lambda each: each.start):
        if finding.end <= at or finding.end <= finding.start:
            continue
        kept += [text[at : max(at, finding.start)], LEFT_OUT]
        at = finding.end
    return "".join([*kept, text[at:]])


planted_instructions = Guardrail(
    NAME,
    VERSION,
    frozenset({Kind.INDIRECT_INJECTION}),
    frozenset({Stage.PASSAGE}),
    2.0,
    0.5,
    check_planted,
)
