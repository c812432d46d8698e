"""How much of a visit a drafted note tells, on public dialogues with notes that people wrote.

    python -m benchmarks.notes [--visits N] [--written N]

For each drafter: statements that point to what was said (and, of quoted ones, whether they are
verbatim), statements that are marked, the share of the gold note's sentences that are covered, and
how long the draft is beside the dialogue. A gold sentence is covered where at least COVERED of its
words that say something stand in one to three statements of the draft. What the whole dialogue
covers in the same way is the ceiling: people note in other words than those that were said.
`--written` drafts so many of the short dialogues with the small model on the premises, beside the
quoted ones: it declares no `summary`, and this is why.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hybridapp.settings")
django.setup()

from assistants.data import notes as pure  # noqa: E402
from assistants.data.notes.reading import content_of  # noqa: E402
from assistants.types import ON_PREM, Delta, DeploymentSpec  # noqa: E402
from benchmarks.retrieval import EVALS_DIR  # noqa: E402

COVERED = 0.6
AT_MOST = 3  # statements that together may cover one sentence
SECONDS_A_WORD = 0.4  # the dialogues have no times
# What the sections of the short dialogues are in a SOAP note.
SOAP = {
    "GENHX": "subjective", "ROS": "subjective", "CC": "subjective", "ALLERGY": "subjective",
    "FAM/SOCHX": "subjective", "PASTMEDICALHX": "subjective", "PASTSURGICAL": "subjective",
    "MEDICATIONS": "subjective", "GYNHX": "subjective", "OTHER_HISTORY": "subjective",
    "IMMUNIZATIONS": "subjective", "EXAM": "objective", "IMAGING": "objective",
    "LABS": "objective", "ASSESSMENT": "assessment", "DIAGNOSIS": "assessment",
    "PLAN": "plan", "DISPOSITION": "plan",
}  # fmt: skip

Drafter = Callable[[Sequence[pure.Utterance]], pure.NoteDraft]


def main(argv: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.notes")
    parser.add_argument("--visits", type=int, default=40, help="of the long dialogues")
    parser.add_argument("--written", type=int, default=6, help="short dialogues, by `local`")
    options = parser.parse_args(argv)
    folder = EVALS_DIR / "clinical"
    if not folder.is_dir():
        print(f"not measured: there is no {folder} (set EVALS_DIR)")
        return
    from assistants import compute

    soap = pure.BUILT_IN[0]

    def quote(utterances: Sequence[pure.Utterance]) -> pure.NoteDraft:
        return pure.draft_by_quoting(soap, utterances, compute.embed_texts)

    visits = [json.loads(line) for line in (folder / "aci_bench.jsonl").open()]
    report("quotes", visits[: options.visits], quote)
    snippets = [json.loads(line) for line in (folder / "mts_dialog.jsonl").open()]
    report_sections(snippets[:: max(1, len(snippets) // 200)], quote)
    if options.written:
        fitting = [each for each in snippets if 800 < len(each["dialogue"]) < 2_500]
        few = [
            {"dialogue": each["dialogue"], "note": each["section_text"]}
            for each in fitting[:: max(1, len(fitting) // options.written)][: options.written]
        ]
        report("quotes, short", few, quote)
        report("local, short", few, write_locally)


def write_locally(utterances: Sequence[pure.Utterance]) -> pure.NoteDraft:
    """As services/note_drafting.py would, were the small model declared to write notes."""
    from assistants import compute
    from assistants.compute.providers import provider_class
    from assistants.services.note_drafting import build_prompt

    soap = pure.BUILT_IN[0]
    local = DeploymentSpec("local", "local", ON_PREM, "", "", context_tokens=2_048, max_tokens=400)
    prompt = build_prompt(soap, utterances, local)
    if prompt is None:
        return pure.NoteDraft(())

    async def generate() -> str:
        events = provider_class("local")(local).generate(prompt)
        return "".join([each.text async for each in events if isinstance(each, Delta)])

    written = pure.parse_written(soap, asyncio.run(generate()))
    return pure.trace_statements(soap, utterances, written, compute.embed_texts)


def report(name: str, visits: Sequence[dict[str, str]], draft: Drafter) -> None:
    covered, ceiling, sentences, statements, linked, verbatim, marked = 0, 0, 0, 0, 0, 0, 0
    shares, seconds = [], []
    marks: Counter[str] = Counter()
    for visit in visits:
        utterances = read_dialogue(visit["dialogue"])
        started = time.perf_counter()
        made = draft(utterances)
        seconds.append(time.perf_counter() - started)
        gold = list_facts(visit["note"])
        told = [set(content_of(each.text)) for each in made.statements]
        said = [set(content_of(each.text)) for each in utterances]
        sentences += len(gold)
        covered += sum(is_covered(fact, told) for fact in gold)
        ceiling += sum(is_covered(fact, said) for fact in gold)
        statements += len(made.statements)
        linked += sum(bool(each.utterances) for each in made.statements)
        verbatim += sum(is_verbatim(each, utterances) for each in made.statements)
        marked += sum(bool(each.marks) for each in made.statements)
        marks.update(mark.kind for each in made.statements for mark in each.marks)
        marks.update(f"omitted {mark.kind}" for mark in made.omissions)
        length = sum(len(each.text.split()) for each in made.statements)
        shares.append(length / len(visit["dialogue"].split()))
    count = max(statements, 1)
    print(f"{name}: {len(visits)} visits, {statements / len(visits):.0f} statements each")
    print(f"  with its source turn    {linked / count:.3f}, verbatim {verbatim / count:.3f}")
    print(
        f"  gold sentences covered  {covered / sentences:.3f} "
        f"(by the whole dialogue {ceiling / sentences:.3f})"
    )
    print(f"  length beside dialogue  {statistics.mean(shares):.2f}")
    print(f"  statements marked       {marked / count:.3f} {dict(marks)}")
    print(f"  seconds a note          {statistics.median(seconds):.2f}")


def report_sections(snippets: Sequence[dict[str, str]], draft: Drafter) -> None:
    """Short dialogues of one section each: do their points land there?"""
    right, total, empty = 0, 0, 0
    by_section: Counter[str] = Counter()
    wrong: Counter[tuple[str, str]] = Counter()
    for snippet in snippets:
        expected = SOAP.get(snippet["section_header"])
        if expected is None:
            continue
        statements = draft(read_dialogue(snippet["dialogue"])).statements
        empty += not statements
        for statement in statements:
            total += 1
            right += statement.section == expected
            by_section[expected] += 1
            if statement.section != expected:
                wrong[expected, statement.section] += 1
    print(
        f"sections: {right / max(total, 1):.3f} of {total} statements where the gold note has them"
    )
    print(
        f"  {dict(by_section)}; wrong {dict(wrong.most_common(6))}; {empty} dialogues without any"
    )


def read_dialogue(text: str) -> list[pure.Utterance]:
    found = []
    at = 0.0
    for line in text.splitlines():
        match = re.match(r"\s*\[?([A-Za-z_ ]+?)\]?:?\s+(?<=[\]:]\s)(.*)", line)
        speaker, said = (match[1], match[2].strip()) if match else ("", line.strip())
        if not said:
            continue
        end = at + SECONDS_A_WORD * len(said.split())
        found.append(pure.Utterance(speaker.lower(), said, at, end))
        at = end
    return found


def list_facts(note: str) -> list[set[str]]:
    """The sentences of a note that say something, as their words' stems; headings are none."""
    found = []
    for line in note.splitlines():
        if line.isupper():
            continue
        for sentence in re.split(r"(?<=[.!?])\s+", line):
            words = set(content_of(sentence))
            if len(words) >= 2:
                found.append(words)
    return found


def is_covered(fact: set[str], told: Sequence[set[str]]) -> bool:
    heard: set[str] = set()
    for _ in range(AT_MOST):
        best = max(told, key=lambda each: len(fact & (heard | each)), default=set())
        heard |= fact & best
    return len(heard) / len(fact) >= COVERED


def is_verbatim(statement: pure.Statement, utterances: Sequence[pure.Utterance]) -> bool:
    said = " ".join(utterances[number].text for number in statement.utterances)
    return all(part in said for part in statement.text.split(" – "))


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
