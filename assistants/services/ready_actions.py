"""Prompts that come with the product, by department: what its people ask for again and again.

Each says what to give, in which form, and what to do where the sources do not tell. Its first line
is the question: the search sees it first, and it decides which kind of model is asked
(`tests/services/test_ready_actions.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class ReadyAction(NamedTuple):
    name: str
    description: str
    text: str
    starter: bool = False


COMPLIANCE = (
    ReadyAction(
        "Regulatory summary",
        "What the rules say on a topic, by clause",
        """Summarise what our rules say about {{topic}}.

Begin with the one sentence a colleague has to know. Then one bullet for each requirement: who \
must do what, by when and above which amount, with its clause number and citation. Close with the \
exceptions. Where the rules are silent, say so; add nothing from memory.""",
        starter=True,
    ),
    ReadyAction(
        "Compare two versions",
        "What changed in a rule; name both documents with #",
        """Compare the two versions of {{rule}}.

Give a table with one row for each clause that differs: clause, what the earlier version says, \
what the later one says, what that means in practice. Quote the words that changed and cite both \
versions. Then name the clauses that are the same, and say which version holds today.""",
    ),
    ReadyAction(
        "Obligations as a table",
        "Who has to do what, by when, with clause numbers",
        """Which obligations follow for us from {{rule or topic}}?

Give a table with one row for each obligation: clause, who is obliged, what they have to do, \
deadline or amount, record to keep, citation. Take only what the sources say, and write “not \
stated” into a cell they leave open. Order by deadline, the shortest first.""",
        starter=True,
    ),
    ReadyAction(
        "Triage an inquiry",
        "Which rules, how urgent, who answers, what is missing",
        """Which of our rules apply to this inquiry, and how urgent is it?

{{inquiry}}

Give: what is asked, in one sentence; the rules concerned, by clause, cited; the deadline that \
follows and from when it runs; who should handle it, and whom to inform; what has to be known \
before it can be answered; a first reply of three sentences that promises nothing.""",
    ),
)

CLINICAL = (
    ReadyAction(
        "History summary",
        "Problems, medicines, allergies; name the record with #",
        """Summarise the history of {{patient}}.

Use this patient’s record and nobody else’s. In this order: active problems; medicines with dose, \
route and since when; allergies; results outside their reference range, with date and unit; \
procedures and admissions; what is open. Cite each statement, the newest first. Write “not \
documented” rather than “none” where nothing is written, and put contradictions side by side.""",
        starter=True,
    ),
    ReadyAction(
        "Explain results",
        "Values against their reference ranges, with sources",
        """What do these results mean: {{results}}?

Give a table: test, value with unit, reference range and for whom it holds, below, within or \
above, citation of the range. Put critical values first and say what our protocol requires then, \
and how quickly. Where no source gives a range, say so instead of supplying one. Close with what \
could explain the pattern, as possibilities to consider.""",
        starter=True,
    ),
    ReadyAction(
        "Visit note",
        "A note by subjective, objective, assessment, plan",
        """Draft a visit note from what follows.

{{what was said and found}}

Sections: Subjective, Objective, Assessment, Plan. Use only what is written above, \
with figures, units and times as they stand there; do not add findings. Put [to be completed] \
where a section has nothing, and list at the end what should be checked before it is signed.""",
    ),
)

CODE = (
    ReadyAction(
        "Explain a log",
        "What happened, why, and where in our code",
        """What went wrong in this log, and where in our code?

```
{{log}}
```

Give: what happened, in order of time; the likeliest cause, with the line that shows it; the file \
and function it comes from, cited; whether a runbook or an earlier incident covers it; what to \
check next, as commands. Say what the log cannot tell.""",
    ),
    ReadyAction(
        "Find a symbol",
        "Where it is defined, what it does, who uses it",
        """Where is {{symbol}} defined, and what uses it?

Quote the definition in a fenced block with its file. Then its parameters and what it returns or \
raises, in a sentence each; then who calls it, with file and function, as a list. Cite each. If \
there are several of that name, list all.""",
        starter=True,
    ),
    ReadyAction(
        "Draft a patch",
        "The smallest change, as a diff",
        """Write code as a patch that {{change}}.

Answer with one unified diff in a ```diff block, against the code in the sources and nothing \
else, with paths as they are there. Make the smallest change in the style of the file, and add or \
change the test that proves it. After the diff: what you assumed, and what you could not see.""",
        starter=True,
    ),
    ReadyAction(
        "Architecture question",
        "Options, trade-offs and a recommendation",
        """How should we {{decision}}, and what are the trade-offs?

Give: what our code and design notes settle already, cited; two or three options as a table \
(what changes, cost, risk, how to go back); the one you recommend and the strongest reason \
against it; what to measure or try first. Say where notes and code disagree.""",
    ),
)

MARKETING = (
    ReadyAction(
        "Variants of a text",
        "Five ways to say it, by the brand's rules",
        """Write five variants of a text for {{channel}} about {{product or text}}.

Take facts, prices and conditions from the product sheet and nowhere else; keep each condition \
beside its fact. Keep to the length and tone that the rules give for the channel. Number the \
variants, the boldest last, and say in a few words what each leans on. Below: the claims in them, \
each with its register number or “needs approval by …”.""",
        starter=True,
    ),
    ReadyAction(
        "Translation",
        "By our terms, names left as they are",
        """Translate this text into {{language}}, by our terms and form of address.

{{text}}

Names of products and the brand’s promise stay as they are. Use the terms of our table, and list \
below which of them you used. Legal sentences are not translated anew: mark them as [approved \
wording needed]. Name what has no good equivalent, and the two best choices.""",
        starter=True,
    ),
    ReadyAction(
        "Claim check",
        "What may be published, and what it still needs",
        """Which claims in this text may we publish, and why or why not?

{{text}}

Give a table with one row for each claim: the words, kind of claim, what our rules or the product \
sheet say, with citation, may be said / needs a change / may not be said, who approves it and \
within which time. Then the text with the smallest changes that make it right. Where no source \
covers a claim, say so.""",
        starter=True,
    ),
    ReadyAction(
        "Texts of a brief",
        "All that a campaign brief asks for",
        """Draft the texts that the campaign brief {{campaign}} asks for.

Follow what the brief needs, channel by channel, with its lengths; note the count of characters or \
words behind each. Facts from the product sheet, tone from the brand’s rules, nothing that the \
brief or the rules forbid. Close with what has to be approved by whom, and by when.""",
    ),
)

ACTIONS: Mapping[str, Sequence[ReadyAction]] = {
    "compliance": COMPLIANCE,
    "clinical": CLINICAL,
    "code": CODE,
    "marketing": MARKETING,
}
