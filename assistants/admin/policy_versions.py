"""The page of one version of a policy: its rules, examples, what changes, and what holds."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from assistants import control
from assistants.admin.forms import ReasonForm
from assistants.admin.people import person
from assistants.admin.policy_forms import CaseForm, FailureForm, RuleForm
from assistants.exceptions import AssistantsError, NotFound
from assistants.models import Policy, PolicyVersion
from assistants.services import policy_cases, policy_drafts, policy_files, policy_stages
from assistants.services.policy_drafts import CHANGE_POLICIES, VIEW_POLICIES
from assistants.services.policy_stages import ACTIVATE_POLICIES

DIFFERENCES_ON_A_PAGE = 50
Stage = PolicyVersion.Stage


def get_urls(policies: ModelAdmin) -> list[URLPattern]:
    def at(route: str, view: Any, name: str) -> URLPattern:
        pattern: URLPattern = path(
            f"version/<uuid:version_id>/{route}",
            policies.admin_site.admin_view(view),
            {"policies": policies},
            name=f"assistants_policy_{name}",
        )
        return pattern

    return [
        at("", version_view, "version"),
        at("rule/<int:place>/", rule_view, "rule"),
        at("case/<int:place>/", case_view, "case"),
        at("differences/", differences_view, "differences"),
        at("file/", file_view, "file"),
    ]


def version_view(request: HttpRequest, policies: ModelAdmin, version_id: uuid.UUID) -> HttpResponse:
    version = _find(request, version_id)
    form, failure = ReasonForm(), FailureForm(initial=_failure_of(version))
    results: list[control.policy.CaseResult] | None = None
    if request.method == "POST":
        try:
            if "_failure" in request.POST:
                failure = FailureForm(request.POST)
                if failure.is_valid():
                    rules = {**version.rules, **failure.cleaned_data}
                    _save(request, version, rules=rules)
                    return HttpResponseRedirect(request.path)
            elif "_run" in request.POST:
                results = policy_cases.run_cases(version)
            elif "_draft" in request.POST:
                return to_version(
                    policy_drafts.create_draft(
                        person(request), version.policy, version.rules, version.cases
                    )
                )
            elif "_delete" in request.POST:
                policy_drafts.delete_draft(person(request), version.pk)
                messages.success(request, f"The draft {version.number} is deleted.")
                return HttpResponseRedirect(_policy_url(version.policy))
            elif "_remove_rule" in request.POST or "_remove_case" in request.POST:
                _remove(request, version)
                return HttpResponseRedirect(request.path)
            else:
                form = ReasonForm(request.POST)
                if form.is_valid():
                    told = _stage(request, version, form.cleaned_data["reason"])
                    messages.success(request, told)
                    return HttpResponseRedirect(request.path)
        except AssistantsError as error:
            mistakes = form.errors.setdefault(NON_FIELD_ERRORS, form.error_class())
            mistakes.extend(error.user_message.splitlines())
    return _show(request, policies, version, form, failure, results)


def _show(
    request: HttpRequest,
    policies: ModelAdmin,
    version: PolicyVersion,
    form: ReasonForm,
    failure: FailureForm,
    results: list[control.policy.CaseResult] | None,
) -> HttpResponse:
    user = person(request)
    active = policy_drafts.get_active(version.policy)
    mistakes = policy_cases.find_mistakes(version)
    notices: list[str] = []
    if not mistakes:
        notices = [*policy_stages.find_unknown(version), *policy_cases.find_idle(version)]
    compared = active if active and active.pk != version.pk else version.before
    cases = version.cases if isinstance(version.cases, list) else []
    by_name = {result.case.name: result for result in results or ()}
    return _page(
        request,
        policies,
        "version",
        title=f"{version.policy.name}, version {version.number}",
        version=version,
        active=active,
        rules=_describe_rules(version),
        mistakes=mistakes,
        notices=notices,
        compared=compared,
        differences=[] if mistakes else policy_files.compare(compared, version),
        cases=[(case, by_name.get(case["name"])) for case in cases],
        ran=results is not None,
        failed=sum(not result.passed for result in results or ()),
        form=form,
        failure=failure,
        may_edit=version.stage == Stage.DRAFT and user.has_perm(CHANGE_POLICIES),
        may_draft=user.has_perm(CHANGE_POLICIES),
        may_stage=user.has_perm(ACTIVATE_POLICIES),
    )


def _stage(request: HttpRequest, version: PolicyVersion, reason: str) -> str:
    user = person(request)
    if "_activate" in request.POST:
        seen = to_uuid(request.POST.get("instead_of"))
        policy_stages.activate(user, version.pk, reason, instead_of=seen)
        return f"Version {version.number} holds now, everywhere within a second."
    if "_shadow" in request.POST:
        policy_stages.put_in_shadow(user, version.pk, reason)
        return "It decides in shadow now: what holds is as before."
    policy_stages.retire(user, version.pk, reason)
    return f"Version {version.number} is retired."


def rule_view(
    request: HttpRequest, policies: ModelAdmin, version_id: uuid.UUID, place: int
) -> HttpResponse:
    """`place` counts from 1; one beyond the last adds a rule."""
    version = _find(request, version_id, change=True)
    rules = list(version.rules.get("rules", []))
    rule = _at(rules, place)
    form = RuleForm(request.POST or None, rule=rule, policy=version.policy)
    if request.method == "POST" and form.is_valid():
        rules[place - 1 : place] = [form.mapping]
        try:
            _save(request, version, rules={**version.rules, "rules": rules})
            return to_version(version)
        except AssistantsError as error:
            form.add_error(None, error.user_message)
    title = f"Rule “{rule['name']}”" if rule else "Add a rule"
    return _page(request, policies, "rule", title=title, version=version, form=form)


def case_view(
    request: HttpRequest, policies: ModelAdmin, version_id: uuid.UUID, place: int
) -> HttpResponse:
    """`place` counts from 1; one beyond the last adds a case."""
    version = _find(request, version_id, change=True)
    cases = list(version.cases)
    case = _at(cases, place)
    form = CaseForm(request.POST or None, case=case)
    if request.method == "POST" and form.is_valid():
        cases[place - 1 : place] = [form.mapping]
        try:
            _save(request, version, cases=cases)
            return to_version(version)
        except AssistantsError as error:
            form.add_error(None, error.user_message)
    title = f"Example “{case['name']}”" if case else "Add an example"
    return _page(request, policies, "case", title=title, version=version, form=form)


def differences_view(
    request: HttpRequest, policies: ModelAdmin, version_id: uuid.UUID
) -> HttpResponse:
    version = _find(request, version_id)
    pages = Paginator(version.differences.all(), DIFFERENCES_ON_A_PAGE)
    return _page(
        request,
        policies,
        "differences",
        title=f"{version} in shadow",
        version=version,
        page=pages.get_page(request.GET.get("page")),
    )


def file_view(request: HttpRequest, policies: ModelAdmin, version_id: uuid.UUID) -> HttpResponse:
    version = _find(request, version_id)
    name = f"{version.policy.target or 'organisation'}-v{version.number}.json"
    reply = HttpResponse(policy_files.write_file(version), content_type="application/json")
    reply["Content-Disposition"] = f'attachment; filename="{name}"'
    return reply


def _remove(request: HttpRequest, version: PolicyVersion) -> None:
    what = "rule" if "_remove_rule" in request.POST else "case"
    every = list(version.rules.get("rules", []) if what == "rule" else version.cases)
    place = _number(request.POST.get(f"_remove_{what}"))
    if not _at(every, place):
        raise NotFound(f"{what} {place}")
    del every[place - 1]
    if what == "rule":
        _save(request, version, rules={**version.rules, "rules": every})
    else:
        _save(request, version, cases=every)


def _save(request: HttpRequest, version: PolicyVersion, **changes: Any) -> None:
    """Of the draft as the person saw it."""
    edits = _number(request.POST.get("edits"), version.edits)
    policy_drafts.save_draft(person(request), version.pk, edits=edits, **changes)


def _find(request: HttpRequest, version_id: uuid.UUID, *, change: bool = False) -> PolicyVersion:
    user = person(request)
    if not user.has_perm(CHANGE_POLICIES if change else VIEW_POLICIES):
        raise PermissionDenied
    try:
        version = policy_drafts.get_version(version_id)
    except NotFound as error:
        raise Http404 from error
    if change and version.stage != Stage.DRAFT:
        raise PermissionDenied
    return version


def _page(
    request: HttpRequest, policies: ModelAdmin, template: str, *, title: str, **context: Any
) -> HttpResponse:
    return TemplateResponse(
        request,
        f"admin/assistants/policy/{template}.html",
        {
            **policies.admin_site.each_context(request),
            "opts": policies.opts,
            "title": title,
            **context,
        },
    )


def _describe_rules(version: PolicyVersion) -> list[dict[str, str]]:
    """Each rule in words; one that cannot be read as it is written."""
    found = []
    for rule in version.rules.get("rules", []):
        try:
            (parsed,) = control.parse_policy({"rules": [rule]}, stored=True).rules
        except control.PolicyInvalid:
            found.append({"name": str(rule), "when": "it cannot be read", "then": ""})
            continue
        found.append(
            {
                "name": parsed.name,
                "when": control.policy.say_condition(parsed.when),
                "then": control.policy.say_consequence(parsed.then),
                "outcome": str(parsed.then.outcome),
            }
        )
    return found


def _failure_of(version: PolicyVersion) -> dict[str, str]:
    return {
        "on_failure": version.rules.get("on_failure", "block"),
        "appeal": version.rules.get("appeal", ""),
    }


def _at(every: list[dict[str, Any]], place: int) -> dict[str, Any]:
    """The one at this place, or an empty one right after the last."""
    if not 1 <= place <= len(every) + 1:
        raise Http404
    return every[place - 1] if place <= len(every) else {}


def to_version(version: PolicyVersion) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:assistants_policy_version", args=[version.pk]))


def _policy_url(policy: Policy) -> str:
    return reverse("admin:assistants_policy_change", args=[policy.pk])


def _number(given: str | None, default: int = 0) -> int:
    return int(given) if given and given.isdecimal() and len(given) < 9 else default


def to_uuid(given: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(given or "")
    except ValueError:
        return None
