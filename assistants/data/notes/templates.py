"""What a note is made of: its sections, and how what belongs in each is known. Configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# Who says what belongs in a section: whoever leads (asks, examines, decides), or the other.
LEAD, OTHER = "lead", "other"


@dataclass(frozen=True, slots=True)
class NoteSection:
    """`examples` are sentences of the kind that belongs here; `cues` words that tell it; `said_by`
    is `lead`, `other` or "" for anybody.
    """

    key: str
    title: str
    examples: tuple[str, ...]
    cues: tuple[str, ...] = ()
    said_by: str = ""


@dataclass(frozen=True, slots=True)
class NoteTemplate:
    """The sections of one kind of note, in order. `clinical` asks for the checks of medicines and
    allergies as well.
    """

    slug: str
    name: str
    sections: tuple[NoteSection, ...]
    clinical: bool = False


SOAP = NoteTemplate(
    "soap",
    "Visit note (SOAP)",
    (
        NoteSection(
            "subjective",
            "Subjective",
            (
                "I have had this pain for three weeks now.",
                "It started after I fell.",
                "It hurts when I walk up the stairs.",
                "Any fever, chills or nausea? No.",
                "Do you smoke? About a pack a day.",
                "My mother had diabetes.",
                "I had my gallbladder taken out.",
                "I am taking metformin every day.",
                "Are you allergic to anything? Penicillin.",
                "I work in an office and live with my wife.",
                "What brings you in today?",
            ),
            (
                "allergic",
                "allergies",
                "started",
                "since",
                "ago",
                "hurts",
                "pain",
                "symptoms",
                "taking",
                "surgery",
                "smoke",
                "drink",
                "family",
                "history",
                "worse",
                "better",
            ),
            OTHER,
        ),
        NoteSection(
            "objective",
            "Objective",
            (
                "Your blood pressure is one forty over ninety.",
                "On your exam I hear a heart murmur.",
                "Your lungs are clear.",
                "There is some swelling and tenderness over the knee.",
                "I looked at your x-ray and there is no fracture.",
                "Your lab results show a hemoglobin of ten.",
                "Does it hurt when I press here? Yes.",
            ),
            (
                "exam",
                "x-ray",
                "results",
                "tenderness",
                "edema",
                "murmur",
                "lungs clear",
                "vitals",
                "blood pressure is",
                "temperature",
                "mri",
                "ct",
                "echocardiogram",
                "labs",
                "appreciate",
            ),
            LEAD,
        ),
        NoteSection(
            "assessment",
            "Assessment",
            (
                "I think you have bronchitis.",
                "My impression is a strain of the lower back.",
                "This is consistent with a torn ligament.",
                "Your diabetes is not well controlled.",
                "For your first problem, the high blood pressure.",
            ),
            (
                "diagnosis",
                "impression",
                "consistent with",
                "assessment",
                "i think you have",
                "controlled",
                "looks like you have",
                "suggests",
                "because of your",
            ),
            LEAD,
        ),
        NoteSection(
            "plan",
            "Plan",
            (
                "I want to start you on twenty milligrams a day.",
                "We will order an x-ray and repeat the blood test.",
                "I am going to refer you to physical therapy.",
                "Come back and see me in two weeks.",
                "Continue your current medication.",
                "Call me if your symptoms get worse.",
                "I want you to take ibuprofen and rest the leg.",
            ),
            (
                "prescribe",
                "order",
                "refer",
                "follow up",
                "start you on",
                "increase",
                "continue",
                "come back",
                "schedule",
                "recommend",
                "plan",
                "repeat",
                "i want you to",
                "stop taking",
            ),
            LEAD,
        ),
    ),
    clinical=True,
)

MINUTES = NoteTemplate(
    "call-minutes",
    "Call minutes",
    (
        NoteSection(
            "facts",
            "What was said",
            (
                "The transfer was made on the third of May to an account in Cyprus.",
                "The client owns the company together with his brother.",
                "We received the invoice for two hundred thousand euros.",
                "What is the purpose of the account? Payments to suppliers.",
                "The funds come from the sale of a house.",
            ),
            ("account", "transfer", "client", "amount", "invoice", "owner", "funds", "contract"),
        ),
        NoteSection(
            "concerns",
            "Concerns",
            (
                "We cannot explain where the money comes from.",
                "This payment does not fit the client's usual business.",
                "The name appears on a sanctions list.",
                "That gift is above the limit.",
                "There may be a conflict of interest.",
            ),
            (
                "suspicious",
                "sanctions",
                "unusual",
                "concern",
                "risk",
                "breach",
                "conflict",
                "limit",
            ),
        ),
        NoteSection(
            "decisions",
            "Decisions",
            (
                "We agreed to block the payment.",
                "Then we will not open the account.",
                "The committee approved the exception.",
                "We have decided to keep the client.",
            ),
            ("agreed", "decided", "decision", "approve", "approved", "reject", "accept", "block"),
        ),
        NoteSection(
            "actions",
            "Actions",
            (
                "I will send you the documents by Friday.",
                "Please call the client and ask for proof.",
                "We need to file a report within three days.",
                "Let us meet again next week.",
            ),
            (
                "will send",
                "follow up",
                "by friday",
                "deadline",
                "file a report",
                "next week",
                "ask for",
                "to do",
                "please",
                "check",
            ),
        ),
    ),
)

BUILT_IN = (SOAP, MINUTES)


def write_sections(template: NoteTemplate) -> list[dict[str, Any]]:
    """The sections as JSON holds them."""
    return [asdict(section) for section in template.sections]


def read_sections(stored: object) -> tuple[NoteSection, ...]:
    """The sections that JSON describes. Raises ValueError with what is wrong, for people."""
    if not isinstance(stored, list) or not stored:
        raise ValueError("Give a list of at least one section.")
    sections = []
    for number, each in enumerate(stored, start=1):
        if not isinstance(each, Mapping) or not each.get("key") or not each.get("title"):
            raise ValueError(f"Section {number} needs a “key” and a “title”.")
        examples, cues = each.get("examples") or [], each.get("cues") or []
        for name, value in (("examples", examples), ("cues", cues)):
            if isinstance(value, str) or not all(isinstance(one, str) for one in value):
                raise ValueError(f"“{name}” of section {number} must be a list of texts.")
        if not examples:
            raise ValueError(f"Section {number} needs at least one of “examples”.")
        said_by = str(each.get("said_by") or "")
        if said_by not in ("", LEAD, OTHER):
            raise ValueError(f"“said_by” of section {number} is “lead”, “other” or nothing.")
        sections.append(
            NoteSection(str(each["key"]), str(each["title"]), tuple(examples), tuple(cues), said_by)
        )
    if len({section.key for section in sections}) < len(sections):
        raise ValueError("Each section needs a key of its own.")
    return tuple(sections)
