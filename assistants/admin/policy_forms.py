"""What an admin fills in for policies: a rule, an example case, a reason. Words, not keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import Group

from assistants import control
from assistants.admin.forms import offer
from assistants.models import Assistant, Deployment, Policy, Zone
from assistants.types import CLOUD, ON_PREM, Capability, Outcome, ReleaseMode, Sensitivity, Stage

KINDS = [(kind, said[0].upper() + said[1:]) for kind, said in control.policy.KINDS.items()]
STAGES = [(str(stage), said.capitalize()) for stage, said in control.policy.STAGES.items()]
OUTCOMES = [
    (str(outcome), f"It {control.policy.OUTCOME_WORDS[outcome]}")
    for outcome in control.policy.OUTCOMES
]
ANY = [("", "–")]
LEVELS = [(level.name.lower(), f"{level.name.lower()} or more") for level in Sensitivity]

WHEN = ("findings", "severity_from", "stages", "sensitivity_from")
MORE = (
    *("zones", "departments", "assistants", "groups", "except_groups", "users", "tasks"),
    *("environments", "deployments", "confidence_below", "risk_from"),
)
EXAMPLE = ("name", "stage", "text", "findings", "outcome", "rule", "release")
THEN = ("outcome", "release", "reviewers", "four_eyes", "disclaimers", "message")


def share_field(label: str, help_text: str) -> forms.FloatField:
    return forms.FloatField(
        label=label,
        required=False,
        min_value=0,
        max_value=1,
        help_text=help_text,
        widget=forms.NumberInput(attrs={"step": "0.05"}),
    )


def many(label: str, help_text: str = "", choices: Any = ()) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label=label,
        required=False,
        help_text=help_text,
        choices=choices,
        widget=forms.CheckboxSelectMultiple,
    )


class RuleForm(forms.Form):
    """One rule. `mapping` is what was filled in, once it is valid."""

    name = forms.CharField(max_length=80, help_text="people who are stopped by it read this")
    findings = many(
        "What is found",
        "one of these is enough; none ticked: the rule does not ask what is found",
        KINDS,
    )
    severity_from = share_field("From which severity", "0 to 1; empty: 0.5")
    stages = many("Where", "none ticked: everywhere", STAGES)
    sensitivity_from = forms.ChoiceField(
        label="The zone is", required=False, choices=[*ANY, *LEVELS]
    )
    zones = many("The zone is one of")
    departments = many("The department is one of")
    assistants = many("The assistant is one of")
    groups = many("The asker is in one of")
    except_groups = many("The asker is in none of")
    users = forms.CharField(
        label="The asker is one of", required=False, help_text="user names, with commas between"
    )
    tasks = many(
        "The work is one of", choices=[(str(c), str(c).replace("_", " ")) for c in Capability]
    )
    environments = many(
        "It is answered", choices=[(ON_PREM, "on the premises"), (CLOUD, "in a cloud")]
    )
    deployments = many("The model is one of")
    confidence_below = share_field(
        "The confidence is below", "0 to 1; of the whole answer; not known counts as below"
    )
    risk_from = share_field("The risk is at least", "0 to 1; not known counts as at least")
    outcome = forms.ChoiceField(label="What follows", choices=OUTCOMES)
    release = forms.ChoiceField(
        label="The answer is shown",
        required=False,
        choices=[
            *ANY,
            *((str(mode), control.policy.RELEASE_WORDS[mode]) for mode in control.policy.RELEASES),
        ],
        help_text="what waits for a reviewer is always held",
    )
    reviewers = forms.ChoiceField(
        label="Reviewers", required=False, help_text="empty: the department’s reviewers"
    )
    four_eyes = forms.BooleanField(label="Two reviewers must agree", required=False)
    disclaimers = forms.CharField(
        label="Shown with the answer",
        required=False,
        help_text="one sentence a line",
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
    )
    message = forms.CharField(
        label="What the person is told",
        required=False,
        max_length=500,
        help_text="empty: a sentence is made from what was found",
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
    )

    def __init__(self, *args: Any, rule: Mapping[str, Any], policy: Policy, **kwargs: Any):
        super().__init__(*args, **kwargs)
        when, then = rule.get("when", {}), rule.get("then", {})
        groups = list(Group.objects.order_by("name").values_list("name", flat=True))
        known: dict[str, Iterable[str]] = {
            "zones": Zone.objects.values_list("slug", flat=True),
            "departments": groups,
            "assistants": Assistant.objects.values_list("slug", flat=True),
            "groups": groups,
            "except_groups": groups,
            "deployments": Deployment.objects.values_list("slug", flat=True),
        }
        for field, names in known.items():
            # What a rule names stays on offer, also when it is gone.
            every = dict.fromkeys([*names, *when.get(field, [])])
            offer(self, field, [(name, name) for name in every])
        named = [then["reviewers"]] if then.get("reviewers") else []
        every = dict.fromkeys([*groups, *named])
        offer(self, "reviewers", [*ANY, *((name, name) for name in every)])
        if policy.level != Policy.Level.ORGANISATION:
            del self.fields["departments"]
        if policy.level == Policy.Level.ASSISTANT:
            del self.fields["assistants"]
        self.initial = {
            "name": rule.get("name", ""),
            **when,
            **then,
            "users": ", ".join(when.get("users", [])),
            "disclaimers": "\n".join(then.get("disclaimers", [])),
        }

    @property
    def when(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", *WHEN)]

    @property
    def more(self) -> list[forms.BoundField]:
        return [self[name] for name in MORE if name in self.fields]

    @property
    def more_is_set(self) -> bool:
        return any(field.value() or field.errors for field in self.more)

    @property
    def then(self) -> list[forms.BoundField]:
        return [self[name] for name in THEN]

    @property
    def mapping(self) -> dict[str, Any]:
        filled = self.cleaned_data
        when = {name: filled[name] for name in (*WHEN, *MORE) if _is_given(filled.get(name))}
        if when.get("users"):
            when["users"] = [name.strip() for name in filled["users"].split(",") if name.strip()]
        if not when.get("findings"):
            when.pop("severity_from", None)
        then = {name: filled[name] for name in THEN if _is_given(filled.get(name))}
        if then.get("disclaimers"):
            then["disclaimers"] = [
                line.strip() for line in filled["disclaimers"].splitlines() if line.strip()
            ]
        return {"name": filled["name"], "when": when, "then": then}

    def clean(self) -> dict[str, Any]:
        filled = super().clean() or {}
        if not self.errors:
            try:
                # By itself: how it stands to the others is told of the whole.
                control.parse_policy(
                    {"rules": [self.mapping]}, level=control.policy.Level.DEPARTMENT
                )
            except control.PolicyInvalid as invalid:
                tell(self, invalid)
        return filled


class CaseForm(forms.Form):
    """One example. `mapping` is what was filled in, once it is valid."""

    name = forms.CharField(max_length=200)
    stage = forms.ChoiceField(label="Where", choices=STAGES)
    text = forms.CharField(
        required=False,
        max_length=4_000,
        help_text="guardrails look at it; write an example, nothing of a real person",
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )
    findings = forms.CharField(
        label="Found besides",
        required=False,
        help_text="one a line: a kind and its severity, such as “secret 0.8”, or “failed” for a "
        "check that could not be carried out",
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
    )
    sensitivity = forms.ChoiceField(
        label="Zone", choices=[(level.name.lower(), level.name.lower()) for level in Sensitivity]
    )
    zones = forms.CharField(label="Zones", required=False, help_text="with commas between")
    department = forms.CharField(required=False, help_text="empty: the policy’s own")
    assistant = forms.CharField(required=False, help_text="its short name")
    groups = forms.CharField(label="The asker’s groups", required=False, help_text="with commas")
    user = forms.CharField(label="The asker", required=False)
    task = forms.ChoiceField(
        label="Work",
        required=False,
        choices=[*ANY, *((str(c), str(c).replace("_", " ")) for c in Capability)],
    )
    environment = forms.ChoiceField(
        label="Answered",
        required=False,
        choices=[*ANY, (ON_PREM, "on the premises"), (CLOUD, "in a cloud")],
    )
    deployment = forms.CharField(label="Model", required=False)
    confidence = share_field("Confidence", "0 to 1; empty: not known")
    risk = share_field("Risk", "0 to 1; empty: not known")
    outcome = forms.ChoiceField(label="Expected", choices=OUTCOMES)
    rule = forms.CharField(label="By the rule", required=False, help_text="empty: whichever")
    release = forms.ChoiceField(
        label="Shown",
        required=False,
        choices=[
            *ANY,
            *((str(mode), control.policy.RELEASE_WORDS[mode]) for mode in ReleaseMode),
        ],
    )

    def __init__(self, *args: Any, case: Mapping[str, Any], **kwargs: Any):
        super().__init__(*args, **kwargs)
        facts, expected = case.get("facts", {}), case.get("expect", {})
        self.initial = {
            "stage": str(Stage.INPUT),
            "sensitivity": "internal",
            "outcome": str(Outcome.BLOCK),
            **facts,
            **expected,
            "name": case.get("name", ""),
            "text": case.get("text", ""),
            "groups": ", ".join(facts.get("groups", [])),
            "zones": ", ".join(facts.get("zones", [])),
            "findings": "\n".join(
                "failed" if each.get("failed") else f"{each['kind']} {each.get('severity', 1)}"
                for each in case.get("findings", [])
            ),
        }

    @property
    def example(self) -> list[forms.BoundField]:
        return [self[name] for name in EXAMPLE]

    @property
    def more(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in EXAMPLE]

    @property
    def more_is_set(self) -> bool:
        return any(
            field.errors or field.value() for field in self.more if field.name != "sensitivity"
        )

    @property
    def mapping(self) -> dict[str, Any]:
        filled = self.cleaned_data
        expected = {n: filled[n] for n in ("outcome", "rule", "release") if filled[n]}
        facts = {
            name: value
            for name, value in filled.items()
            if _is_given(value) and name not in ("name", "text", "findings", *expected)
        }
        for name in ("groups", "zones"):
            if name in facts:
                facts[name] = [each.strip() for each in facts[name].split(",") if each.strip()]
        case = {"name": filled["name"], "facts": facts, "expect": expected}
        if filled["text"]:
            case["text"] = filled["text"]
        if filled["findings"]:
            case["findings"] = [
                _read_finding(line) for line in filled["findings"].splitlines() if line.strip()
            ]
        return case

    def clean(self) -> dict[str, Any]:
        filled = super().clean() or {}
        if not self.errors:
            try:
                control.parse_cases([self.mapping])
            except control.PolicyInvalid as invalid:
                tell(self, invalid)
        return filled


class FailureForm(forms.Form):
    """What holds for the policy as a whole."""

    on_failure = forms.ChoiceField(
        label="What could not be checked",
        choices=[
            (str(outcome), f"It {control.policy.OUTCOME_WORDS[outcome]}")
            for outcome in (Outcome.BLOCK, Outcome.REVIEW)
        ],
        help_text="also what was found and no rule speaks of; it is never let through",
    )
    appeal = forms.CharField(
        label="How to appeal",
        required=False,
        max_length=500,
        help_text="what a person can do who was stopped wrongly; empty: tell the reviewers",
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
    )


def tell(form: forms.Form, invalid: control.PolicyInvalid) -> None:
    """Each mistake at its field, or above the form where there is none for it."""
    for mistake in invalid.mistakes:
        form.add_error(mistake.field if mistake.field in form.fields else None, mistake.message)


def _is_given(value: Any) -> bool:
    return value is not None and value is not False and value not in ("", [])


def _read_finding(line: str) -> dict[str, Any]:
    words = line.split()
    if words == ["failed"]:
        return {"failed": True}
    kind, severity = (*words, "1")[:2] if words else ("", "1")
    try:
        return {"kind": kind, "severity": float(severity)}
    except ValueError:
        return {"kind": kind, "severity": severity}
