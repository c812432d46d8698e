"""What an admin fills in for zones and documents. No jargon: places, people and days."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.db.models import Count, Q

from assistants.models import Deployment, Zone
from assistants.models.zones import SENSITIVITIES
from assistants.services.second_person import LONGEST_REASON
from assistants.services.zones import TREATMENTS, ZoneState
from assistants.types import CLOUD, ON_PREM, Treatment

# What each step means, for whoever has to choose one.
EXAMPLES = {
    0: "Public: anybody outside may know it",
    1: "Internal: for all who work here",
    2: "Confidential: for some; a disclosure would do harm",
    3: "Restricted: patients, secrets; a disclosure would do grave harm",
}


def reason_field(*, required: bool = True, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label="Reason",
        required=required,
        max_length=LONGEST_REASON,
        help_text=help_text or "Kept for ever in the audit trail, with your name.",
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
    )


class ZoneForm(forms.Form):
    """All of a zone. `state` is what was filled in, once it is valid."""

    name = forms.CharField(max_length=100)
    slug = forms.SlugField(
        label="Short name",
        max_length=50,
        help_text="small letters, digits and hyphens; it cannot be changed later",
    )
    description = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 2, "cols": 60})
    )
    sensitivity = forms.TypedChoiceField(
        coerce=int,
        choices=[(value, EXAMPLES[value]) for value, _ in SENSITIVITIES],
        widget=forms.RadioSelect,
    )
    places = forms.MultipleChoiceField(
        label="May be processed in",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="It may always be processed on the premises. Nothing ticked: only there.",
    )
    treatment = forms.ChoiceField(
        label="Leaves the premises",
        choices=[(str(value), words.capitalize()) for value, words in TREATMENTS.items()],
        widget=forms.RadioSelect,
        help_text="“Never” counts even where a cloud is ticked above.",
    )
    retention_days = forms.IntegerField(
        label="Is kept for",
        required=False,
        min_value=1,
        max_value=36_500,
        help_text="days; empty: for ever",
    )
    readers = forms.MultipleChoiceField(
        label="May be read by",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="groups of people; nobody else finds or opens anything in this zone",
    )
    on_detection = forms.ChoiceField(
        label="A document that proves more sensitive",
        choices=[
            (Zone.OnDetection.HOLD, "Waits until a person decides"),
            (Zone.OnDetection.RAISE, "Moves to the zone named below by itself"),
        ],
        widget=forms.RadioSelect,
    )
    raise_to = forms.ChoiceField(label="It moves to", required=False)
    reason = reason_field(
        required=False,
        help_text="Needed where something gets looser: less sensitive, more places or people, "
        "kept longer.",
    )

    def __init__(self, *args: Any, zone: Zone | None = None, state: ZoneState, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._before = state
        if zone is not None:
            del self.fields["slug"]
        offer(self, "places", _places(state))
        groups = Group.objects.order_by("name").annotate(
            people=Count("user", filter=Q(user__is_active=True))
        )
        offer(
            self,
            "readers",
            [(group.name, f"{group.name} ({_people(group.people)})") for group in groups],
        )
        stricter = Zone.objects.exclude(pk=zone.pk) if zone else Zone.objects.all()
        offer(
            self,
            "raise_to",
            [
                ("", "–"),
                *[(other.slug, other.name) for other in stricter],
            ],
        )
        self.initial = {
            "name": state.name,
            "description": state.description,
            "sensitivity": state.sensitivity,
            "places": [place for place in state.residency if _is_outside(place)],
            "treatment": state.treatment,
            "retention_days": state.retention_days,
            "readers": list(state.readers),
            "on_detection": state.on_detection,
            "raise_to": state.raise_to,
        }

    @property
    def state(self) -> ZoneState:
        filled = self.cleaned_data
        # The premises are permitted whatever is written; what is written there stays.
        inside = [place for place in self._before.residency if not _is_outside(place)]
        return self._before.with_changes(
            {
                "residency": [*inside, *filled["places"]],
                **{
                    name: filled[name]
                    for name in (
                        *("name", "description", "sensitivity", "treatment", "retention_days"),
                        *("readers", "on_detection", "raise_to"),
                    )
                },
            }
        )


NEW_ZONE = ZoneState(
    name="",
    description="",
    sensitivity=3,
    residency=(ON_PREM,),
    treatment=str(Treatment.DENY),
    retention_days=None,
    readers=(),
    on_detection=str(Zone.OnDetection.HOLD),
    raise_to="",
)


class MoveForm(forms.Form):
    target = forms.ChoiceField(label="Move to")
    reason = reason_field(required=False)

    def __init__(self, *args: Any, source: Zone, **kwargs: Any):
        super().__init__(*args, **kwargs)
        offer(
            self,
            "target",
            [
                ("", "Choose a zone"),
                *[(zone.slug, zone.name) for zone in Zone.objects.exclude(pk=source.pk)],
            ],
        )


class ReasonForm(forms.Form):
    reason = reason_field()


def offer(form: forms.Form, name: str, choices: list[tuple[str, str]]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101  # as declared
    field.choices = choices


def _is_outside(place: str) -> bool:
    return place.split(":")[0] != ON_PREM


def _places(state: ZoneState) -> list[tuple[str, str]]:
    """Any cloud, and the regions that deployments or the zone name."""
    regions = set(
        Deployment.objects.filter(environment=CLOUD)
        .exclude(region="")
        .values_list("region", flat=True)
    ) | {place.partition(":")[2] for place in state.residency if place.startswith(f"{CLOUD}:")}
    return [
        (CLOUD, "Any cloud"),
        *[(f"{CLOUD}:{region}", f"A cloud in {region}") for region in sorted(regions)],
    ]


def _people(number: int) -> str:
    return "nobody" if not number else "1 person" if number == 1 else f"{number} people"
