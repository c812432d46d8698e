"""What an admin fills in to make or change an assistant, in the order in which they think of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField

from assistants.admin.forms import offer
from assistants.models import Deployment, Zone
from assistants.services.assistant_states import LONGEST_LINE, MOST_STARTERS, AssistantState
from assistants.services.assistant_versions import MOST_QUESTIONS
from assistants.services.zones import places_in_words
from assistants.types import CLOUD, ReleaseMode, Sensitivity

NEW_DEPARTMENT = "+"
RELEASES = [
    (ReleaseMode.TOKEN.value, "Word by word, as it is written"),
    (ReleaseMode.BLOCK.value, "Paragraph by paragraph, each checked first"),
    (ReleaseMode.HOLD.value, "Only after a reviewer has approved it"),
]
ARROW = "=>"


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    told: str
    fields: list[BoundField]
    folded: bool = False


def lines_field(label: str, help_text: str, rows: int = 4) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": rows, "cols": 80}),
    )


class StateForm(forms.Form):
    """What a version holds. `state` and `questions` are what was filled in, once it is valid."""

    name = forms.CharField(max_length=100)
    description = forms.CharField(
        max_length=300,
        required=False,
        help_text="one sentence; its people read it where they choose an assistant",
        widget=forms.TextInput(attrs={"size": 80}),
    )
    zones = forms.MultipleChoiceField(
        label="Searches these zones",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Whoever asks finds only what they may read themselves. Nothing ticked: it "
        "answers from what the model knows.",
    )
    question_zone = forms.ChoiceField(
        label="Questions start in",
        help_text="What is found makes a question stricter, never looser.",
    )
    prompt = forms.CharField(
        help_text="what it is, for whom, how it answers, and what it leaves to people",
        widget=forms.Textarea(attrs={"rows": 8, "cols": 80}),
    )
    questions_text = lines_field(
        "Test questions",
        f"One a line, at most {MOST_QUESTIONS}. A draft is published once it has answered each. "
        f"After {ARROW} may stand words that a good answer holds, separated by semicolons: "
        f"What is our tone of voice? {ARROW} plain; warm",
    )
    starters = lines_field(
        "Starters",
        f"Questions on its first page, one a line, at most {MOST_STARTERS}.",
    )
    deployments = forms.MultipleChoiceField(
        label="Permitted models",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Nothing ticked: every model that the zones permit. This can only take away.",
    )
    release_mode = forms.ChoiceField(label="Shows its answers", choices=RELEASES)
    keyword_weight = forms.FloatField(
        label="Share of the keyword side",
        min_value=0,
        max_value=1,
        help_text="of the search's score; the rest is by meaning. Exact terms and clause numbers "
        "want more.",
    )
    crowding_weight = forms.FloatField(
        label="Weight of crowding",
        min_value=0,
        max_value=0.5,
        help_text="how much less a passage counts that lies near many others",
    )
    widen_by_links = forms.BooleanField(label="Follow links between passages", required=False)
    rewrite_questions = forms.BooleanField(
        label="Complete follow-up questions from the conversation", required=False
    )
    polish = forms.BooleanField(
        label="Draft here and polish in a cloud",
        required=False,
        help_text="of the whole prompt only the draft leaves, sealed",
    )
    blind_share = forms.FloatField(
        label="Blind samples",
        min_value=0,
        max_value=1,
        help_text="share of shown answers that two reviewers judge all the same",
    )
    position = forms.IntegerField(
        label="Place in the list", min_value=0, max_value=30_000, help_text="lower comes first"
    )

    def __init__(
        self,
        *args: Any,
        state: AssistantState,
        questions: Sequence[dict[str, str]] = (),
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        zones = list(Zone.objects.all())
        offer(self, "zones", [(zone.slug, _zone_in_words(zone)) for zone in zones])
        offer(self, "question_zone", [(zone.slug, zone.name) for zone in zones])
        offer(
            self,
            "deployments",
            [(each.slug, _deployment_in_words(each)) for each in Deployment.objects.all()],
        )
        self.initial = {
            **{name: getattr(state, name) for name in AssistantState.__dataclass_fields__},
            "starters": "\n".join(state.starters),
            "questions_text": "\n".join(
                f"{each['text']} {ARROW} {each['expect']}" if each["expect"] else each["text"]
                for each in questions
            ),
        }

    def clean_starters(self) -> tuple[str, ...]:
        return _lines(self.cleaned_data["starters"])

    def clean_questions_text(self) -> list[dict[str, str]]:
        found = []
        for line in _lines(self.cleaned_data["questions_text"], LONGEST_LINE * 5):
            text, _, expect = (part.strip() for part in line.partition(ARROW))
            if not text:
                raise ValidationError(f"There is no question before {ARROW} in “{line[:60]}”.")
            found.append({"text": text, "expect": expect})
        return found

    @property
    def state(self) -> AssistantState:
        filled = self.cleaned_data
        names = set(AssistantState.__dataclass_fields__) - {"zones", "deployments"}
        return AssistantState(
            zones=tuple(sorted(filled["zones"])),
            deployments=tuple(sorted(filled["deployments"])),
            **{name: filled[name] for name in names},
        )

    @property
    def questions(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.cleaned_data["questions_text"]
        return found

    def sections(self) -> Iterator[Section]:
        yield self._section("Who it is", "", "name", "description")
        yield from self._inner()

    def _inner(self) -> Iterator[Section]:
        yield self._section("What it knows", "", *self._known())
        yield self._section("What it says", "", "prompt", "questions_text", "starters")
        yield self._section("Where it runs, and what is shown", "", *self._running())
        yield self._section(
            "Finer settings",
            "Measured defaults; change them where a measurement says so.",
            *("keyword_weight", "crowding_weight", "widen_by_links", "rewrite_questions"),
            *("polish", "blind_share", "position"),
            folded=True,
        )

    def _known(self) -> tuple[str, ...]:
        return ("zones", "question_zone")

    def _running(self) -> tuple[str, ...]:
        return ("deployments", "release_mode")

    def _section(self, title: str, told: str, *names: str, folded: bool = False) -> Section:
        found = [self[name] for name in names if name in self.fields]
        folded = folded and not any(field.errors for field in found)
        return Section(title, told, found, folded)


class NewAssistantForm(StateForm):
    """Besides, whose it is: a department with its people, a zone of its own, a policy of its own.

    What this person may not make is not offered.
    """

    slug = forms.SlugField(
        label="Short name",
        max_length=50,
        help_text="small letters, digits and hyphens; it cannot be changed later",
    )
    department = forms.ChoiceField(help_text="its people are the ones who may ask it")
    new_department = forms.CharField(label="Name of the new department", required=False)
    people = forms.CharField(
        label="Add people",
        required=False,
        help_text="user names, separated by commas or blanks; who is in the department stays in it",
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
    )
    new_zone = forms.CharField(
        label="A new zone for its documents",
        required=False,
        max_length=100,
        help_text="its name, or nothing. It begins as strict as a zone can be: restricted, on the "
        "premises only, read by the department. Loosen it on its own page.",
    )
    policy = forms.ChoiceField(
        choices=[
            ("inherit", "That of the organisation and its department"),
            ("own", "One of its own on top, which I write next"),
        ],
        initial="inherit",
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any):
        super().__init__(*args, state=_new_state(), **kwargs)
        self.initial["policy"] = "inherit"
        groups = [(group.name, group.name) for group in Group.objects.order_by("name")]
        if user.has_perm("auth.add_group"):
            groups.append((NEW_DEPARTMENT, "A new department"))
        offer(self, "department", [("", "Choose a department"), *groups])
        for field, permission in (
            ("new_department", "auth.add_group"),
            ("people", "auth.change_user"),
            ("new_zone", "assistants.add_zone"),
            ("policy", "assistants.change_policyversion"),
        ):
            if not user.has_perm(permission):
                del self.fields[field]

    def clean_people(self) -> list[User]:
        names = self.cleaned_data["people"].replace(",", " ").split()
        found = {user.username: user for user in User.objects.filter(username__in=names)}
        unknown = [name for name in names if name not in found]
        if unknown:
            raise ValidationError(f"There is nobody called {', '.join(unknown)}.")
        return list(found.values())

    def clean(self) -> dict[str, Any]:
        filled = super().clean() or {}
        if filled.get("department") == NEW_DEPARTMENT:
            name = str(filled.get("new_department") or "").strip()
            if not name:
                self.add_error("new_department", "Name the new department.")
            elif Group.objects.filter(name=name).exists():
                self.add_error("new_department", f"There is a department {name} already.")
        return filled

    def sections(self) -> Iterator[Section]:
        yield self._section(
            "Who it is for",
            "",
            *("name", "slug", "description", "department", "new_department", "people"),
        )
        yield from self._inner()

    def _known(self) -> tuple[str, ...]:
        return ("zones", "new_zone", "question_zone")

    def _running(self) -> tuple[str, ...]:
        return ("deployments", "release_mode", "policy")


class TrialForm(forms.Form):
    question = forms.CharField(
        label="Another question",
        max_length=4000,
        widget=forms.TextInput(attrs={"size": 60, "autocomplete": "off"}),
    )


def _new_state() -> AssistantState:
    first = Zone.objects.order_by("sensitivity", "pk").first()
    return AssistantState(
        name="", description="", prompt="", zones=(), question_zone=first.slug if first else ""
    )


def _zone_in_words(zone: Zone) -> str:
    level = Sensitivity(zone.sensitivity).name.lower()
    return f"{zone.name} ({level}; {places_in_words(zone.residency)})"


def _deployment_in_words(deployment: Deployment) -> str:
    place = f"cloud, {deployment.region}" if deployment.environment == CLOUD else "on the premises"
    off = "" if deployment.enabled else "; switched off"
    return f"{deployment.slug} ({place}{off})"


def _lines(text: str, longest: int = LONGEST_LINE) -> tuple[str, ...]:
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())
    for line in lines:
        if len(line) > longest:
            raise ValidationError(f"“{line[:60]}…” is too long; keep a line below {longest}.")
    return lines
