"""What looks hidden on purpose stays, whether or not somebody finds out what it says."""

from __future__ import annotations

import pytest

from assistants.control.inspection.folding import fold
from assistants.control.inspection.guises import find_guises


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("social security number 5-1-7---9-0---7-7-1-0", "DIGITS_APART"),
        ("Tel. + 4 4   7 7 6 6   7 9 8 9 1 6", "DIGITS_APART"),
        ("i spoke with C a r l o s   O l a t u n j i", "LETTERS_APART"),
        ("write to janedoering30@ please", "HALF_AN_ADDRESS"),
        ("Reply to jane_doering41@o as well", "HALF_AN_ADDRESS"),
        ("Contact: janedoering six  three @obsidian.example", "ADDRESS_IN_PARTS"),
        ("Reply to j4n3_d03@0b51d14n.3x4mpl3 as well", "ADDRESS"),
        ("write to janedoering44 please", "USER_NAME"),
        ("Reply to janedoering8 as well", "USER_NAME"),
        ("my number is 909945 1427 44+", "BACKWARDS"),
        ("Please answer for yhtanrebA solraC.", "BACKWARDS"),
        ("they live at 141 Qu33n S7r337", "FIGURES_FOR_LETTERS"),
        ("GHP_VJ61GJW7UU6MQT3U2VUJNROWEQKOTEQCGBSP", "RANDOM_TOKEN"),
        ("api_key = 'sk-live-M five U six peIvSP'", "KEY"),
        ("api_key = 'sk-live- zero KNSg seven SgXKL one  one vqeHcd'", "KEY"),
        ("token: AKIAq one JW two t nine", "KEY"),
        ("The key is Llpe0Dc1jCeAsmvlHJ-evil-ks by the way", "KEY"),
        ("it concerns 01844519 NRM.", "BACKWARDS"),
        ("host 77.95.49.971 is down", "BACKWARDS"),
        ("it came from 77.142.021.15", "BACKWARDS"),
        ("host one five nine . one three three . one", "DIGITS_IN_WORDS"),
        ("they live at two zero four Station Street", "DIGITS_IN_WORDS"),
        ("write to \ufffc.yamaguchi16@ please", "HALF_AN_ADDRESS"),
        ("write to jane_doering59 please", "USER_NAME"),
        ("write to jane_doering please", "USER_NAME"),
        ("Contact: jane.doering", "USER_NAME"),
        ("Qu1llf347h3r asked me", "FIGURES_FOR_LETTERS"),
    ],
)
def test_it_is_seen(text: str, kind: str) -> None:
    assert kind in {hit.type for hit in find_guises(fold(text))}


@pytest.mark.parametrize(
    "text",
    [
        "Section 4.2.1 applies from 1 May 2025; see 3, 4, 5, 6, 7, 8 and 9.",
        "x = a + b - c * d / e ** f",
        "for i, j, k, n, m, p in rows:",
        "1 2 3 go",
        "one of two, three or four; five in all",
        "127.0.0.1, 10.0.12.4 and 192.168.100.200",
        "def test_case2(): sha_digest(x)",
        "@dataclass(frozen=True)\n@app.route('/x')\nreact@18.2.0 git@github.com:org/repo.git",
        "sha256, base64, utf8, python3, windows10, checklist2025, attachment1",
        "the 80th and the 3rd, H2O, B2B, 24x7",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "I a m",
        "account pytest_asyncio.fixture, user auth_token, reply to all_hands; kubectl_apply",
        "attention = query@key + W1@x; ssh deploy@web01",
    ],
)
def test_what_is_written_so_for_other_reasons_is_not(text: str) -> None:
    assert [hit.type for hit in find_guises(fold(text))] == []
