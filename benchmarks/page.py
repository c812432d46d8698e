"""What the page itself costs, beside what it aims at: `python -m benchmarks.page`.

Chromium on this machine, against the product with a scripted model. Weights are bytes as they are
sent, compressed, for a first visit. The page is ready when its elements are defined, the composer
takes a key and the browser is idle, on a processor four times slower than this one. Switching goes
from one open conversation to another of 2,000 messages, and ends with its last answer painted.
While 20,000 tokens stream in, in frames of 30 ms as the server sends them, a frame's work is all
that the page's main thread does between two frames: script, style, layout and paint, as Chromium's
trace has it. Queries are the database's, per page, without the frames of transactions.
"""

from __future__ import annotations

import itertools
import json
import shutil
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, WebSocketRoute, sync_playwright

from benchmarks import product as running

MESSAGES = 2_000
CONVERSATIONS = 10_000
TOKENS = 20_000
TOKENS_A_FRAME = 20
BLOCK_EVERY = 4  # frames: then a block has settled
FRAME_MS = 30
SLOWER = 4
REPEAT = 5
TRACED = ["toplevel", "disabled-by-default-devtools.timeline.frame"]
QUERY_FRAMES = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")

READY = """async () => {
  await Promise.all(["chat-session", "chat-composer", "side-bar"].map((each) =>
    customElements.whenDefined(each)));
  await new Promise((done) => requestIdleCallback(done, { timeout: 20000 }));
  const field = document.querySelector("#composer-text");
  field.focus();
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return document.activeElement === field ? performance.now() : NaN;
}"""
PAINTED = """addEventListener("DOMContentLoaded", () =>
  requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); })))"""
FILL = """
import json, uuid
from assistants import data
from assistants.models import Answer, Assistant, Conversation, Message
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

alice = get_user_model().objects.get(username="alice")
assistant = Assistant.objects.get(slug="compliance")
text = "The limit for a **gift** is EUR 50 a year, unless the desk agrees. " * 8
with data.rights_of_system():
    for begin in range(0, {conversations}, 1000):
        Conversation.objects.bulk_create([
            Conversation(owner=alice, assistant=assistant, title=f"Conversation {{n}}",
                zones=["general"]) for n in range(begin, min(begin + 1000, {conversations}))])
    made = []
    for turns in ({messages} // 2, 10):
        chat = Conversation.objects.create(
            owner=alice, assistant=assistant, title=f"{{turns}} turns", zones=["general"])
        made.append(str(chat.pk))
        parent, messages, answers = None, [], []
        for number in range(turns):
            message = Message(conversation=chat, author=alice, client_id=uuid.uuid4().hex,
                text=f"Question {{number}}: what is the limit?", zones=["general"])
            answer = Answer(message=message, status="completed", text=text, zones=["general"],
                made_from=["general"])
            message.parent_id = parent
            parent = answer.pk
            messages.append(message)
            answers.append(answer)
        for message, answer in zip(messages, answers):
            message.save()
            answer.save()
client = Client(SERVER_NAME="localhost")
client.force_login(alice)
queries = dict()
long, short = (f"/chat/{{each}}/" for each in made)
for path in ["/chat/", short, long, "/chat/list/", "/chat/archive/", "/shared/", "/documents/",
        "/prompts/", "/recordings/"]:
    client.get(path)
    with CaptureQueriesContext(connection) as asked:
        reply = client.get(path)
    assert reply.status_code == 200, path
    name = path.replace(made[0], "of many messages").replace(made[1], "of 20 messages")
    queries[name] = sum(not each["sql"].startswith({frames!r}) for each in asked.captured_queries)
print(json.dumps([made, queries]))
"""


def main(argv: list[str] | None = None) -> None:
    with demo() as product, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
        )
        print(f"{'':52}{'here':>12}{'aim':>12}")
        measure_weight(browser, product)
        measure_ready(browser, product, "a new chat, no conversations", "/chat/")
        filled = FILL.format(conversations=CONVERSATIONS, messages=MESSAGES, frames=QUERY_FRAMES)
        told = product.manage("shell", "-c", filled)
        (long, short), queries = json.loads(told.splitlines()[-1])
        measure_ready(browser, product, f"a new chat, {CONVERSATIONS} conversations", "/chat/")
        measure_switch(browser, product, f"/chat/{short}/", f"/chat/{long}/")
        measure_stream(browser, product)
        for path, count in queries.items():
            say(f"queries of {path}", f"{count}", "25")
        browser.close()


def say(what: str, value: str, aim: str) -> None:
    print(f"{what:52}{value:>12}{aim:>12}", flush=True)


@contextmanager
def demo() -> Iterator[running.Product]:
    folder = running.make_folder("page")
    product = running.start(folder / "state")
    try:
        product.wait_until_healthy()
        yield product
    finally:
        product.stop()
        shutil.rmtree(folder, ignore_errors=True)


def sign_in(browser: Browser, product: running.Product) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(60_000)
    page.goto(product.url + "/accounts/login/")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill(product.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/chat/**")
    return page


def measure_weight(browser: Browser, product: running.Product) -> None:
    """A first visit: nothing is in the cache."""
    page = sign_in(browser, product)
    cdp = page.context.new_cdp_session(page)
    cdp.send("Network.enable")
    cdp.send("Network.setCacheDisabled", {"cacheDisabled": True})
    kinds: dict[str, str] = {}
    weights: dict[str, float] = defaultdict(float)

    def received(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event["type"]

    def finished(event: dict[str, Any]) -> None:
        weights[kinds.get(event["requestId"], "Other")] += event["encodedDataLength"]

    cdp.on("Network.responseReceived", received)
    cdp.on("Network.loadingFinished", finished)
    page.goto(product.url + "/chat/")
    page.evaluate(READY)
    both = weights["Script"] + weights["Stylesheet"]
    say("script and style of the chat, first visit", f"{both / 1000:.0f} kB", "150 kB")
    say("  its HTML", f"{weights['Document'] / 1000:.0f} kB", "")
    page.context.close()


def measure_ready(browser: Browser, product: running.Product, name: str, path: str) -> None:
    page = sign_in(browser, product)
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    times = []
    for _ in range(REPEAT):
        page.goto(product.url + path, wait_until="commit")
        times.append(float(page.evaluate(READY)))
    say(f"{name}: ready, {SLOWER}x slower", f"{statistics.median(times):.0f} ms", "1000 ms")
    page.context.close()


def measure_switch(browser: Browser, product: running.Product, short: str, long: str) -> None:
    page = sign_in(browser, product)
    page.add_init_script(PAINTED)
    times, server = [], []
    for _ in range(REPEAT):
        page.goto(product.url + short)
        page.evaluate(READY)
        page.evaluate("address => { location.assign(address) }", product.url + long)
        page.wait_for_url(f"**{long}")
        times.append(float(page.wait_for_function("window.painted").json_value()))
        entry = "performance.getEntriesByType('navigation')[0].responseStart"
        server.append(float(page.evaluate(entry)))
    say(f"to a conversation of {MESSAGES} messages", f"{statistics.median(times):.0f} ms", "200 ms")
    say("  of that, the server", f"{statistics.median(server):.0f} ms", "")
    page.context.close()


def measure_stream(browser: Browser, product: running.Product) -> None:
    page = sign_in(browser, product)
    ids = dict.fromkeys(("conversation", "message"), "01900000-0000-7000-8000-000000000000")
    ids["answer"] = "01900000-0000-7000-8000-000000000001"
    sockets: list[WebSocketRoute] = []

    def serve(socket: WebSocketRoute) -> None:
        sockets.append(socket)

        def receive(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["type"] == "message.send":
                accepted = {"client_id": frame["client_id"], "title": "Long", "duplicate": False}
                socket.send(json.dumps({"type": "message.accepted", **ids, **accepted}))

        socket.on_message(receive)

    page.route_web_socket("**/ws/chat/", serve)
    page.reload()
    page.evaluate(READY)
    page.locator("#composer-text").fill("Write a long letter")
    page.locator("#composer-text").press("Enter")
    page.locator("chat-answer").last.wait_for()
    words = "word " * TOKENS_A_FRAME
    browser.start_tracing(page=page, categories=TRACED)
    for number in range(1, TOKENS // TOKENS_A_FRAME + 1):
        due = time.monotonic() + FRAME_MS / 1000
        frame: dict[str, Any] = {"answer": ids["answer"], "id": number}
        if number % BLOCK_EVERY:
            frame |= {"type": "answer.delta", "text": words}
        else:
            frame |= {"type": "answer.block", "tail": "", "html": f"<p>{words * BLOCK_EVERY}</p>"}
        sockets[-1].send(json.dumps(frame))
        page.wait_for_timeout(max(1, (due - time.monotonic()) * 1000))
    work = work_of_frames(json.loads(browser.stop_tracing())["traceEvents"])
    p95 = statistics.quantiles(work, n=20)[-1]
    say(f"{TOKENS} tokens stream in: a frame's work, p95", f"{p95:.1f} ms", "16 ms")
    say(f"  median, and the longest of {len(work)}", f"{statistics.median(work):.1f} ms", "")
    say("", f"{max(work):.1f} ms", "")
    page.context.close()


def work_of_frames(events: list[dict[str, Any]]) -> list[float]:
    """Milliseconds that the page's main thread was busy, from each frame's begin to the next's."""
    frames = Counter(
        (each["pid"], each["tid"]) for each in events if each["name"] == "BeginMainThreadFrame"
    )
    main = frames.most_common(1)[0][0]
    ours = [each for each in events if (each["pid"], each["tid"]) == main]
    begins = sorted(each["ts"] for each in ours if each["name"] == "BeginMainThreadFrame")
    tasks = sorted(
        (each["ts"], each.get("dur", 0))
        for each in ours
        if each["name"] == "ThreadControllerImpl::RunTask"
    )
    work, at = [], 0
    for begin, end in itertools.pairwise(begins):
        while at < len(tasks) and tasks[at][0] < begin:
            at += 1
        busy = 0
        for started, lasted in tasks[at:]:
            if started >= end:
                break
            busy += lasted
        work.append(busy / 1000)
    return work


if __name__ == "__main__":
    main()
