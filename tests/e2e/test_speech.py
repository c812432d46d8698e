"""From a microphone to an approved note, and a question that is spoken."""

from __future__ import annotations

import re
import secrets
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from benchmarks.product import Product
from tests.e2e.driver import ChatPage
from tests.sounds import CLIPS

CLIP = CLIPS / "jfk.flac"  # eleven seconds, public domain
PATIENCE = 240_000  # milliseconds: a model is loaded on a busy machine

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),  # models are loaded, once each
    pytest.mark.skipif(not CLIP.exists(), reason=f"no speech to play: {CLIP} (set EVALS_DIR)"),
]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As Chromium's microphone plays it, again and again: 48 kHz, and two seconds of quiet."""
    import av

    path = tmp_path_factory.mktemp("clip") / "speech.wav"
    resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
    with av.open(str(CLIP)) as source, wave.open(str(path), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(48_000)
        for frame in source.decode(audio=0):
            for each in resampler.resample(frame):
                target.writeframes(bytes(each.planes[0])[: each.samples * 2])
        target.writeframes(bytes(2 * 48_000 * 2))
    return path


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Models hear and think in between."""
    expect.set_options(timeout=PATIENCE)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def speaking(clip: Path, launch: Callable[..., Browser]) -> Iterator[Browser]:
    """A browser whose microphone hears the clip."""
    browser = launch(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={clip}",
        "--autoplay-policy=no-user-gesture-required",
    )
    yield browser
    browser.close()


def test_a_visit_is_recorded_transcribed_noted_and_approved(speaking: Browser, product: Product):
    context = speaking.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    chat = ChatPage(page, product.url)
    chat.sign_in("carol", product.password)

    # Recorded, through a lost network and a closed tab.
    chat.open("/recordings/")
    page.get_by_label("Name", exact=True).fill(name := f"Visit {secrets.token_hex(3)}")
    page.get_by_role("button", name="Record").click()
    clock = page.get_by_role("timer")
    expect(clock).to_have_text(re.compile("0:(0[4-9]|[1-9].)"))
    expect(page.locator("[data-send-text]")).to_have_text("all of it has arrived")
    context.set_offline(True)
    expect(page.locator("[data-send-text]")).to_contain_text("Not sent yet")
    expect(clock).to_have_text(re.compile("0:(1[3-9]|[2-9].)"))
    page.get_by_role("button", name="Finish").click()
    page.wait_for_function(TAKES, arg=True)
    page.close()
    context.set_offline(False)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    chat = ChatPage(page, product.url)
    chat.open("/recordings/")
    page.wait_for_function(TAKES, arg=False)

    # Transcribed: the text comes by itself, and is heard where it is clicked.
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_have_count(1)
    expect(row).to_contain_text("ready")
    row.get_by_role("link").click()
    text = page.locator("[data-transcript-body]")
    expect(text).to_contain_text(re.compile("country|americans", re.I), timeout=30_000)
    word = text.locator("[data-word]").nth(3)
    begins = float(word.get_attribute("data-word") or 0)
    word.click()
    page.wait_for_function(
        "begins => document.querySelector('audio').currentTime >= begins", arg=begins
    )
    page.wait_for_selector(".segment-text .heard")
    page.get_by_role("searchbox", name="Search in the transcript").fill("americans")
    expect(page.locator("[data-search-count]")).to_contain_text("found")

    # Noted: held until carol approves.
    page.get_by_role("button", name="Draft Visit note (SOAP)").click()
    expect(page.get_by_text("waits for approval")).to_be_visible()
    page.locator("[data-section=plan]").get_by_role("button", name="Add a statement").click()
    page.get_by_role("textbox", name="Statement").fill("Take 20 mg of lisinopril for your country.")
    page.get_by_role("textbox", name="Statement").press("Enter")
    expect(page.locator(".mark").first).to_be_visible()  # nobody said so
    added = page.locator("[data-section=plan] .statement").filter(has_text="lisinopril")
    added.get_by_role("button", name="Change this statement").click()
    page.get_by_role("textbox", name="Statement").fill("Ask what you can do for your country.")
    page.get_by_role("textbox", name="Statement").press("Enter")
    expect(page.get_by_text("3 versions")).to_be_visible()
    looked = page.get_by_label("I have looked at everything that is marked.")
    if looked.count():
        looked.check()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("carol answers for it")).to_be_visible()
    context.close()


def test_a_question_is_spoken(speaking: Browser, product: Product):
    context = speaking.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    chat = ChatPage(page, product.url)
    chat.sign_in("alice", product.password)
    page.evaluate(WATCH)
    microphone = page.get_by_role("button", name="Dictate")
    microphone.click()
    expect(microphone).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("() => document.querySelector('#composer-text').value.length > 3")
    assert chat.composer.evaluate("text => text.readOnly")
    microphone.click()
    expect(microphone).to_have_attribute("aria-pressed", "false")
    expect(chat.composer).to_have_value(re.compile(r"\w{3}"))
    # What was fixed stayed as it was, each time.
    assert page.evaluate("window.broken") == []
    chat.composer.press("End")
    chat.composer.type(" Thank you.")
    expect(chat.composer).to_have_value(re.compile(r"Thank you\.$"))
    context.close()


# Whether anything recorded waits in the browser.
TAKES = """
wanted => new Promise(done => {
  const request = indexedDB.open('hybridapp-recordings', 1);
  request.onerror = () => done(false);
  request.onupgradeneeded = event => event.target.transaction.abort();
  request.onsuccess = () => {
    const all = request.result.transaction('takes').objectStore('takes').getAll();
    all.onsuccess = () => {
      request.result.close();
      done(all.result.some(take => take.finished) === wanted && (wanted || !all.result.length));
    };
  };
})
"""
# The selection marks what may still change; what stands before it must not.
WATCH = """
() => {
  window.broken = [];
  let fixed = '';
  document.querySelector('#composer-text').addEventListener('input', ({target}) => {
    if (!target.readOnly) return;
    const now = target.value.slice(0, target.selectionStart);
    if (!target.value.startsWith(fixed)) window.broken.push([fixed, target.value]);
    fixed = now;
  });
}
"""
