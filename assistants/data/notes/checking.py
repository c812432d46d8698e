"""Does what a note says stand in what was said? Figures, medicines, allergies, and who denied what.

Rules, not a model: a check that can be read, and that never passes what it did not understand.
Negation follows NegEx (Chapman et al., J Biomed Inform 34, 2001): a cue, and what stands within its
reach; a question's matter is denied where the answer to it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from assistants.data.notes.dialogue import Point
from assistants.data.notes.reading import (
    DOSES,
    EMPTY,
    Measure,
    content_of,
    find_measures,
    split_words,
    stem,
)

REACH = 7  # words that a cue of negation governs
SUPPORTED = 0.5  # of a statement's words that have to be heard where it points to
_CUES_WORDS = """
no not denies denied deny without never none negative nothing cannot nor neither absent don't
doesn't didn't isn't aren't wasn't weren't haven't hasn't hadn't can't won't n't nope nah
"""
_CUES = frozenset(_CUES_WORDS.split())
# Where a cue's reach ends. "or" does not: "no fever or chills".
_ENDS_WORDS = """
but however except although though besides because
"""
_ENDS = frozenset(_ENDS_WORDS.split())
_BREAK = re.compile(r"[.;!?]|\bbut\b|,\s*(?:he|she|it|i|we|there|the patient)\b", re.I)
_YES = re.compile(
    r"^\W*(?:um |uh |oh |well |okay )*(?:yes|yeah|yep|correct|right|sure|i do\b|i have\b|i did\b)",
    re.I,
)
_NO = re.compile(
    r"^\W*(?:um |uh |oh |well |okay )*(?:no\b|nope|nah|none|never|not\b|nothing|"
    r"i don|i haven|i have not|i did ?n)",
    re.I,
)
_ALLERGY = re.compile(r"\ballerg\w*|\bintoleran\w*|\banaphyla\w*", re.I)
# The endings that the stems of international names of medicines share (WHO, The use of stems in the
# selection of International Nonproprietary Names), and common ones without.
_STEMS = re.compile(
    r"^\w{2,}(?:pril|prilat|sartan|olol|alol|statin|cillin|mycin|micin|cycline|oxacin|azole|prazole|"
    r"tidine|gliptin|gliflozin|glutide|formin|dipine|thiazide|semide|zepam|zolam|pam|oxetine|"
    r"azepine|triptan|setron|parin|xaban|gatran|mab|tinib|vir|caine|profen|coxib|sone|solone|"
    r"terol|tropium|phylline|lukast|barbital|codone|morphone|tadine|rizine)$"
)
_NAMED_WORDS = """
aspirin acetaminophen paracetamol tylenol ibuprofen advil motrin aleve naproxen insulin lantus
warfarin coumadin heparin eliquis xarelto plavix clopidogrel digoxin lasix lipitor crestor
norvasc zoloft prozac lexapro cymbalta wellbutrin xanax ativan valium lithium morphine oxycodone
percocet vicodin tramadol codeine fentanyl gabapentin lyrica prednisone medrol albuterol advair
singulair flonase zyrtec claritin benadryl sudafed amoxicillin augmentin penicillin keflex
bactrim cipro levaquin zithromax doxycycline metronidazole flagyl vancomycin synthroid
levothyroxine metformin glipizide januvia ozempic humira methotrexate plaquenil colchicine
allopurinol flomax proscar viagra nexium prilosec omeprazole pepcid protonix zofran sulfa
meloxicam mobic ultram imitrex topamax keppra dilantin depakote lamictal seroquel abilify
risperdal melatonin miralax iron vitamin potassium magnesium lisinopril hydrochlorothiazide
amlodipine losartan metoprolol
"""
_NAMED = frozenset(_NAMED_WORDS.split())
_NO_MEDICINE_WORDS = """
april person reason season lesson mason jason upper spam exam epam
"""
_NO_MEDICINE = frozenset(_NO_MEDICINE_WORDS.split())


class MarkKind(StrEnum):
    UNSUPPORTED = "unsupported"  # not heard where it points to
    UNCLEAR = "unclear"  # heard, but the recogniser was guessing
    FIGURE = "figure"
    DOSE = "dose"
    MEDICINE = "medicine"
    ALLERGY = "allergy"
    NEGATION = "negation"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a clinician has to look at; `words` are those of the statement or of the recording."""

    kind: MarkKind
    reason: str
    words: str = ""


def find_medicines(text: str) -> list[str]:
    """Words that name a medicine, by their ending or by a short list, in order, each once."""
    found = [
        word
        for word in split_words(text)
        if word in _NAMED or (_STEMS.match(word) and word not in _NO_MEDICINE and len(word) > 5)
    ]
    return list(dict.fromkeys(found))


def check_statement(text: str, sources: Sequence[Point], *, clinical: bool = True) -> list[Mark]:
    """What in a statement its sources do not bear out; [] where all of it is heard there.

    `sources` are the points of the recording that it is linked to.
    """
    heard = " . ".join(source.text for source in sources)
    marks = [*_check_words(text, heard), *_check_figures(text, heard)]
    if clinical:
        marks += _check_medicines(text, heard)
    marks += _check_polarity(text, sources)
    if clinical and _ALLERGY.search(text) and not _ALLERGY.search(heard):
        marks.append(Mark(MarkKind.ALLERGY, "An allergy that is not spoken of there."))
    unclear = list(dict.fromkeys(word for source in sources for word in source.unclear if word))
    shown = [word for word in unclear if stem(word.lower()) in set(content_of(text))]
    if shown:
        said = ", ".join(f"“{word}”" for word in shown[:4])
        marks.append(Mark(MarkKind.UNCLEAR, f"Not heard clearly: {said}.", shown[0]))
    return marks


def find_omissions(spoken: Iterable[Point], statements: Sequence[str]) -> list[Mark]:
    """Doses and allergies that were spoken of and that the note does not tell."""
    noted = " . ".join(statements)
    figures = set(find_measures(noted))
    medicines = set(find_medicines(noted))
    marks: dict[str, Mark] = {}
    for point in spoken:
        at = _clock(point.start)
        doses = [each for each in find_measures(point.text) if each.unit in DOSES]
        for dose in doses:
            if dose.unit != "per day" and dose not in figures:
                marks[f"{dose}"] = Mark(MarkKind.DOSE, f"{dose} is said at {at}.", str(dose))
        for medicine in find_medicines(point.text):
            if medicine not in medicines:
                marks.setdefault(
                    medicine, Mark(MarkKind.MEDICINE, f"“{medicine}” is named at {at}.", medicine)
                )
        if _ALLERGY.search(point.text) and not _ALLERGY.search(noted):
            marks.setdefault("allergy", Mark(MarkKind.ALLERGY, f"An allergy is spoken of at {at}."))
    return list(marks.values())


def overlap(text: str, heard: str) -> float:
    """The share of a text's words, those that say something, that are heard; 1 for one of none."""
    words = content_of(text)
    there = set(content_of(heard))
    return sum(word in there for word in words) / len(words) if words else 1.0


def negated_words(text: str) -> dict[str, bool]:
    """The stems of a text, each with whether it is denied; one said both ways is left out."""
    denied: dict[str, set[bool]] = {}
    for clause in _BREAK.split(text):
        reach = 0
        for word in split_words(clause or ""):
            if word in _CUES or word.endswith("n't"):
                reach = REACH
            elif word in _ENDS:
                reach = 0
            elif word not in EMPTY:
                denied.setdefault(stem(word), set()).add(reach > 0)
            reach = max(0, reach - 1) if word not in _CUES else reach
    return {word: said.pop() for word, said in denied.items() if len(said) == 1}


def _check_words(text: str, heard: str) -> list[Mark]:
    if not heard:
        return [Mark(MarkKind.UNSUPPORTED, "Nothing in the recording stands behind this.")]
    if overlap(text, heard) < SUPPORTED:
        return [Mark(MarkKind.UNSUPPORTED, "Most of its words are not heard there.")]
    return []


def _check_figures(text: str, heard: str) -> list[Mark]:
    there = find_measures(heard)
    figures = {measure.figure for measure in there}
    marks = []
    for measure in dict.fromkeys(find_measures(text)):
        if measure in there or (not measure.unit and measure.figure in figures):
            continue
        kind = MarkKind.DOSE if measure.unit in DOSES else MarkKind.FIGURE
        marks.append(Mark(kind, _say_figure(measure, there), str(measure)))
    return marks


def _say_figure(measure: Measure, there: Sequence[Measure]) -> str:
    like = [str(each) for each in there if each.unit == measure.unit]
    if like:
        return f"{measure} is not heard there, but {', '.join(dict.fromkeys(like))}."
    return f"{measure} is not heard there."


def _check_medicines(text: str, heard: str) -> list[Mark]:
    there = set(split_words(heard))
    return [
        Mark(MarkKind.MEDICINE, f"“{name}” is not heard there.", name)
        for name in find_medicines(text)
        if name not in there
    ]


def _check_polarity(text: str, sources: Sequence[Point]) -> list[Mark]:
    """Something denied in the note and affirmed in the recording, or the other way round."""
    said: dict[str, set[bool]] = {}
    for source in sources:
        for word, denied in _polarity_of(source).items():
            said.setdefault(word, set()).add(denied)
    noted = _noted_polarity(text)
    wrong = [word for word, denied in noted.items() if said.get(word) == {not denied}]
    if not wrong:
        return []
    heard = "denied" if not noted[wrong[0]] else "affirmed"
    named = _as_written(text, wrong[0])
    return [Mark(MarkKind.NEGATION, f"“{named}” is {heard} in the recording.", named)]


def _noted_polarity(text: str) -> dict[str, bool]:
    """As in a recording, where the statement quotes a question with its answer."""
    question, dash, answer = text.partition(" – ")
    return _pair(question, answer) if dash else negated_words(text)


def _polarity_of(source: Point) -> dict[str, bool]:
    if len(source.parts) > 1:
        return _pair(source.parts[0], source.parts[1])
    return {} if source.asks else negated_words(source.text)


def _pair(question: str, answer: str) -> dict[str, bool]:
    found = negated_words(answer)
    if _NO.match(answer) or _YES.match(answer):
        denied = bool(_NO.match(answer))
        for word in negated_words(question):
            found.setdefault(word, denied)
    return found


def _as_written(text: str, stemmed: str) -> str:
    return next((word for word in split_words(text) if stem(word) == stemmed), stemmed)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
