"""The language of the pages: by the browser, by choice, and never of what is stored."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest
from django.test import Client

from tests import factories
from tests.web.test_chat_pages import signed_in
from tests.web.test_receipts import TEXT, answered


def get(client: Client, path: str, language: str) -> str:
    return client.get(path, headers={"Accept-Language": language}).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepted", "lang", "direction", "heading"),
    [
        ("en-US,en;q=0.9", "en", "ltr", "Sign in"),
        ("de-CH,de;q=0.9", "de", "ltr", "Anmelden"),
        ("fr", "fr", "ltr", "Se connecter"),
        ("es-MX", "es", "ltr", "Iniciar sesión"),
        ("ar-EG", "ar", "rtl", "تسجيل الدخول"),
        ("it,ja", "en", "ltr", "Sign in"),
    ],
)
def test_before_the_sign_in_the_browser_decides(
    client: Client, accepted: str, lang: str, direction: str, heading: str
) -> None:
    page = get(client, "/accounts/login/", accepted)
    assert f'<html lang="{lang}" dir="{direction}">' in page
    assert f"<h1>{heading}</h1>" in page
    assert ('id="words"' in page) == (lang != "en")


@pytest.mark.django_db
def test_each_language_is_offered_by_its_own_name(client: Client) -> None:
    page = get(client, "/accounts/login/", "ar")
    for name in ("English", "Deutsch", "Français", "Español", "العربية"):
        assert f">{name}</button>" in page
    assert re.search(r'value="ar" lang="ar" aria-current="true"', page)


def test_a_choice_is_kept_before_what_the_browser_says(cast: SimpleNamespace) -> None:
    client = signed_in(cast.alice)
    response = client.post("/language/", {"language": "de", "next": "/documents/?q=a"})
    assert (response.status_code, response["Location"]) == (302, "/documents/?q=a")
    cookie = response.cookies["django_language"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("de", True, "Lax")
    assert ">Dokumente</h1>" in get(client, "/documents/", "fr")


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"],
)
def test_a_choice_leads_nowhere_else(cast: SimpleNamespace, elsewhere: str) -> None:
    response = signed_in(cast.alice).post("/language/", {"language": "de", "next": elsewhere})
    assert "evil" not in response["Location"]
    assert response["Location"].startswith("/")
    assert not response["Location"].startswith("//")


def test_a_choice_needs_a_form_of_ours_and_a_language_of_ours(cast: SimpleNamespace) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/language/", {"language": "de"}).status_code == 403
    assert strict.get("/language/?language=de").cookies.get("django_language") is None
    response = signed_in(cast.alice).post("/language/", {"language": "../../etc"})
    assert "django_language" not in response.cookies


def test_errors_come_in_the_readers_language(cast: SimpleNamespace) -> None:
    client = signed_in(cast.alice)
    assert "Hier ist nichts" in get(client, "/chat/nowhere/", "de")
    refused = client.post(
        "/chat/folders/00000000-0000-7000-8000-000000000000/",
        {"name": "x"},
        headers={"Accept-Language": "ar"},
    )
    assert "لا شيء هنا" in refused.content.decode()
    too_long = client.post(
        "/documents/", {}, headers={"Accept-Language": "de", "Accept": "application/json"}
    )
    assert too_long.json()["message"] == "Wählen Sie mindestens eine Datei."


def test_an_answer_is_told_in_german_and_stored_in_english(cast: SimpleNamespace) -> None:
    chunk = factories.make_document(cast.zones.compliance, TEXT, title="Gifts")
    answer = answered(cast, chunk)
    client = signed_in(cast.alice)
    page = get(client, f"/chat/{answer.message.conversation_id}/", "de-DE")
    assert "Warum hier?" in page
    assert "versiegelt, 3 Werte ersetzt" in page
    assert "What is the limit?" in page
    receipt = get(client, f"/receipts/{answer.pk}/", "de-DE")
    assert "Soeben verifiziert" in receipt
    assert "1 × IBAN" in receipt
    german = get(client, f"/receipts/{answer.pk}/?format=json", "de-DE")
    assert german == get(client, f"/receipts/{answer.pk}/?format=json", "en")
    assert json.loads(german)["asked_by"] == "alice"


def test_the_words_of_the_scripts_are_data_that_cannot_break_out(cast: SimpleNamespace) -> None:
    page = get(signed_in(cast.alice), "/chat/", "fr")
    found = re.search(r'<script type="application/json" id="words">(.*?)</script>', page)
    assert found
    assert "<" not in found[1]
    words = json.loads(found[1])
    assert words["Sealing what is sensitive"] == "Scellement de ce qui est sensible"
    assert words["sealed, {number} value replaced"] == [
        "scellé, {number} valeur remplacée",
        "scellé, {number} valeurs remplacées",
    ]
