"""The words that policies are written in, and the order from lax to strict."""

from __future__ import annotations

from assistants.types import Outcome, ReleaseMode, Stage

# From lax to strict. A level below may only go to the right.
OUTCOMES = (Outcome.ALLOW, Outcome.REDACT, Outcome.FALLBACK, Outcome.REVIEW, Outcome.BLOCK)
RELEASES = (ReleaseMode.TOKEN, ReleaseMode.BLOCK, ReleaseMode.HOLD)
# What may become of a text that could not be checked: never that it is allowed.
FAILURES = (Outcome.REVIEW, Outcome.BLOCK)

# What guardrails report, in words.
KINDS = {
    "prompt_injection": "an attempt to override the assistant’s instructions",
    "jailbreak": "an attempt to talk the assistant out of its rules",
    "prompt_extraction": "an attempt to read the assistant’s own instructions",
    "indirect_injection": "instructions planted in a document",
    "secret": "a password, key or other secret",
    "personal_data": "personal data",
    "off_topic": "a topic outside the department’s scope",
    "medical_advice": "medical advice, such as a dosage",
    "legal_advice": "legal advice",
    "toxicity": "insults, threats or hate",
    "code_hazard": "dangerous code or a dangerous command",
    "brand": "words that the house does not use",
    "ungrounded": "a statement that the sources do not support",
}
STAGES = {
    Stage.INPUT: "the message",
    Stage.GATEWAY: "what is about to leave",
    Stage.PASSAGE: "a passage that was found",
    Stage.BLOCK: "a part of the answer",
    Stage.ANSWER: "the answer",
}
OUTCOME_WORDS = {
    Outcome.ALLOW: "is allowed",
    Outcome.REDACT: "is replaced where it was found",
    Outcome.FALLBACK: "is answered by quoting the documents instead",
    Outcome.REVIEW: "waits for a reviewer",
    Outcome.BLOCK: "is stopped",
}
RELEASE_WORDS = {
    ReleaseMode.TOKEN: "word by word",
    ReleaseMode.BLOCK: "part by part, each after its check",
    ReleaseMode.HOLD: "after a reviewer’s decision",
}


def in_words(kind: str) -> str:
    return KINDS.get(kind, kind.replace("_", " ") or "something unnamed")


def join_words(words: list[str], last: str = "or") -> str:
    """“a”, “a or b”, “a, b or c”."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
