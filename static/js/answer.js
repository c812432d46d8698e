// One answer: shows its frames in order, each once. The text node at the end grows; a settled
// block replaces it; the end replaces everything.

import { showBadge } from "./badge.js";
import { copyText, flashDone } from "./copy.js";
import { cloneTemplate, setServerHtml } from "./html.js";
import { showNumbers } from "./numbers.js";
import { showReview } from "./review.js";
import { inWords } from "./times.js";
import { LOCALE, gettext } from "./words.js";

const OPEN = new Set(["pending", "running"]);
const STEPS = {
  searching: gettext("Searching the documents"),
  drafting: gettext("Drafting on the premises"),
  sealing: gettext("Sealing what is sensitive"),
  waiting: gettext("Waiting for a model"),
  writing: gettext("Writing"),
};
// `templatetags/page.py` says the same on reload.
const NOTES = {
  stopped: gettext("You stopped this answer. What came so far is kept."),
  interrupted: gettext("This answer was interrupted. What came so far is kept."),
  failed: gettext("This answer could not be finished."),
  blocked: gettext("This answer is not shown: policy does not permit it."),
  held: gettext("This answer waits for a reviewer. It will appear here once it is approved."),
};

/**
 * Events, all bubbling: `answer-gap` (frames are missing: resume), `answer-end`,
 * `answer-regenerate`, `answer-text` (more is shown; detail: the text of a settled block or "").
 */
export class ChatAnswer extends HTMLElement {
  #lastId = 0;
  #text = "";
  #tail = null;
  #asked = []; // the deployments that were asked so far

  connectedCallback() {
    this.#text ||= this.querySelector("template[data-source]").content.textContent;
    this.addEventListener("click", this);
  }

  disconnectedCallback() {
    this.removeEventListener("click", this);
  }

  get answerId() {
    return this.dataset.answer;
  }

  get isOpen() {
    return OPEN.has(this.dataset.status);
  }

  get lastId() {
    return this.#lastId;
  }

  get text() {
    return this.#text;
  }

  handleEvent(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("[data-copy-answer]")) {
      copyText(this.#text || this.#part("body").innerText).then(() => flashDone(button));
    } else if (button.matches("[data-read-aloud]")) {
      this.#readAloud(button);
    } else if (button.matches("[data-thumb]")) {
      import("./history/feedback.js").then(({ judge }) => judge(this, button));
    } else if (button.matches("[data-regenerate], [data-retry]")) {
      this.#emit("answer-regenerate");
    }
  }

  async #readAloud(button) {
    const { readAloud } = await import("./speech/aloud.js");
    const problem = await readAloud(button, this.#part("body").innerText);
    if (problem) this.closest("chat-session").composer.error = problem;
  }

  /** What is shown may not be read any more. */
  withhold(message) {
    this.#text = "";
    this.#part("body").replaceChildren();
    this.#part("tail").replaceChildren();
    this.#tail = null;
    this.#citations([]);
    this.#part("draft-body").replaceChildren();
    for (const part of ["why", "badge", "draft", "fallback", "unrestored", "cost-shown", "receipt-link"]) {
      this.#part(part).hidden = true;
    }
    this.querySelector("template[data-source]").content.replaceChildren();
    this.#part("review").replaceChildren();
    this.#finish("failed", message);
  }

  /** It waits for a reviewer, again. */
  hold() {
    this.#finish("held", "");
    this.#part("note").hidden = true;
  }

  /** Take a frame of this answer. */
  receive(frame) {
    const held = this.dataset.status === "held";
    if (!this.isOpen && !held && frame.type !== "answer.completed") return;
    if (held && !["answer.completed", "answer.blocked", "answer.failed"].includes(frame.type)) return;
    const ends = ["answer.completed", "answer.held", "answer.blocked", "answer.failed"];
    const isEnd = ends.includes(frame.type);
    if (frame.id !== undefined && !isEnd) {
      if (frame.id <= this.#lastId) return;
      if (frame.id > this.#lastId + 1) {
        this.#emit("answer-gap");
        return;
      }
    }
    if (frame.id !== undefined) this.#lastId = Math.max(this.#lastId, frame.id);
    this.#show(frame);
    if (frame.reviewed || frame.type === "answer.held") this.showReview();
    if (isEnd) this.#emit("answer-end", frame.type);
  }

  /** What is said of its review; in the place of the note. */
  async showReview() {
    if (await showReview(this.#part("review"), this.answerId)) this.#part("note").hidden = true;
  }

  #show(frame) {
    switch (frame.type) {
      case "answer.status":
        this.dataset.status = "running";
        this.#step(frame);
        break;
      case "conversation.zone":
        this.#say("ratchet", frame.note);
        break;
      case "answer.route":
        showBadge(this.#part("badge"), frame.badge);
        this.#rule(frame.rule);
        this.#fallback(frame);
        break;
      case "answer.delta":
        this.dataset.status = "running";
        this.dataset.writing = "";
        this.#text += frame.text;
        this.#grow(frame.text);
        this.#emit("answer-text", "");
        break;
      case "answer.block": {
        const added = setServerHtml(this.#part("body"), frame.html, { append: true });
        this.#tailNode().data = "";
        this.#grow(frame.tail);
        this.#emit("answer-text", added.map((node) => node.textContent).join("\n"));
        break;
      }
      case "answer.withdrawn":
        this.#takeBack(frame.message);
        break;
      case "answer.completed":
        this.#complete(frame);
        break;
      case "answer.failed":
        if (frame.code === "access_withdrawn") {
          this.withhold(frame.message);
          break;
        }
        this.#finish(frame.code === "interrupted" ? "interrupted" : "failed", frame.message);
        this.#part("retry").hidden = !frame.retry;
        break;
      case "answer.held":
        this.#finish("held", frame.message);
        break;
      case "answer.blocked":
        this.#finish("blocked", frame.message);
        this.#rule(frame.rule);
        break;
    }
  }

  /** What was shown did not pass its check: it goes, and the text begins anew. */
  #takeBack(message) {
    this.#text = "";
    this.#part("body").replaceChildren();
    this.#part("tail").replaceChildren();
    this.#tail = null;
    this.querySelector("template[data-source]").content.replaceChildren();
    this.#say("withdrawn", message);
    this.#emit("answer-text", message);
  }

  #step({ step, detail }) {
    this.#part("step-text").textContent = detail || STEPS[step] || step;
  }

  #complete(frame) {
    this.#text = frame.text;
    setServerHtml(this.#part("body"), frame.html);
    this.#part("tail").replaceChildren();
    this.#tail = null;
    if (frame.badge) showBadge(this.#part("badge"), frame.badge);
    this.#rule(frame.rule);
    this.#citations(frame.citations ?? []);
    this.#facts(frame);
    setServerHtml(this.#part("draft-body"), frame.draft ?? "");
    this.#part("draft-body").classList.toggle("prose", Boolean(frame.draft));
    this.#part("draft").hidden = !frame.draft;
    this.#receipt(frame.receipt);
    this.#finish(frame.status ?? "completed", "");
  }

  #finish(status, message) {
    this.dataset.status = status;
    delete this.dataset.writing;
    const note = message || NOTES[status] || "";
    this.#part("note-text").textContent = note;
    this.#part("note").hidden = !note;
    this.#part("retry").hidden = true;
  }

  /** Before the first text another deployment has taken over; the end says it once more. */
  #fallback({ badge, fallback }) {
    const before = this.#asked.filter((slug) => slug !== badge.deployment);
    this.#asked = [...before, badge.deployment];
    if (!fallback || !before.length) return;
    this.#say("fallback", gettext("{others} did not answer; {deployment} took over.", {
      others: new Intl.ListFormat(LOCALE).format(before),
      deployment: badge.deployment,
    }));
  }

  /** What the receipt tells of the answer. A server of before does not send all of it. */
  #facts({ cost, fallback, left = [], refusals = [], unrestored = [], ...facts }) {
    this.#say("fallback", fallback);
    this.#part("unsupported").hidden = !facts.unsupported?.length;
    this.#say("disclaimers", (facts.disclaimers ?? []).join(" "));
    this.#say("withdrawn", facts.withdrawn);
    this.#part("unrestored-list").textContent = unrestored.join(", ");
    this.#part("unrestored").hidden = !unrestored.length;
    this.#part("left").replaceChildren(...left.map((sentence) => make("li", sentence)));
    this.#part("left").hidden = !left.length;
    const lines = refusals.map(({ deployment, reason }) =>
      make("div", make("dt", deployment), make("dd", reason)),
    );
    this.#part("refusals-list").replaceChildren(...lines);
    this.#part("refusals").hidden = !lines.length;
    for (const money of this.querySelectorAll("data[data-money]")) money.value = cost ?? "";
    this.#part("cost").hidden = !cost;
    this.#part("cost-shown").hidden = !Number(cost);
    showNumbers(this);
  }

  #receipt(receipt) {
    if (!receipt) return;
    this.#part("receipt-sha").textContent = receipt.sha256;
    this.#part("receipt-short").textContent = receipt.sha256.slice(0, 8);
    this.#part("receipt-link").href = `/receipts/${receipt.id}/`;
    this.#part("receipt").hidden = this.#part("receipt-link").hidden = false;
  }

  #say(part, sentence) {
    if (!sentence) return;
    this.#part(`${part}-text`).textContent = sentence;
    this.#part(part).hidden = false;
  }

  #rule(rule) {
    if (!rule) return;
    this.#part("rule").textContent = rule;
    this.#part("why").hidden = false;
  }

  #citations(citations) {
    const list = this.#part("citations");
    list.replaceChildren(
      ...citations.map((citation) => {
        const item = cloneTemplate(this.closest("chat-session"), "citation");
        const link = item.querySelector("a");
        link.href = citation.url;
        link.dataset.citation = citation.number;
        item.querySelector(".citation-number").textContent = citation.number;
        item.querySelector(".citation-title").textContent = citation.title;
        item.querySelector(".citation-section").textContent = citation.section ?? "";
        const superseded = item.querySelector("[data-superseded]");
        superseded.hidden = !citation.superseded;
        superseded.textContent = citation.superseded
          ? gettext("superseded {day}", { day: inWords(citation.superseded) })
          : "";
        return item;
      }),
    );
    list.hidden = citations.length === 0;
  }

  /** Blank lines before a block take no room in the end, so they take none now. */
  #grow(text) {
    const tail = this.#tailNode();
    tail.appendData(tail.length ? text : text.replace(/^\s*\n/, ""));
  }

  #tailNode() {
    if (!this.#tail) {
      this.#tail = document.createTextNode("");
      this.#part("tail").replaceChildren(this.#tail);
    }
    return this.#tail;
  }

  #part(name) {
    return this.querySelector(`[data-${name}]`);
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }
}

function make(name, ...content) {
  const element = document.createElement(name);
  element.append(...content);
  return element;
}
