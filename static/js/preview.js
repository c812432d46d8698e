// What of a message would be replaced before it left the premises, told while it is written. The
// server finds it; nothing here decides what is sent. It may be wrong: a value can be marked as no
// secret, with a reason, which goes out with the message.

import { cloneTemplate } from "./html.js";
import { gettext, ngettext } from "./words.js";

const PAUSE = 500; // milliseconds without a key before we ask
const TYPES = {
  API_KEY: gettext("key or password"),
  IBAN_CODE: "IBAN",
  PROTECTED_TERM: gettext("protected name"),
  US_SSN: gettext("social security number"),
  PERSON: gettext("person"),
  ADDRESS: gettext("address"),
  DATE: gettext("date"),
  LOCATION: gettext("location"),
  PHONE_NUMBER: gettext("phone number"),
  EMAIL_ADDRESS: gettext("email address"),
  CREDIT_CARD: gettext("credit card"),
  ZIP_CODE: gettext("zip code"),
  MEDICAL_RECORD_NUMBER: gettext("medical record number"),
};

export class MessagePreview extends HTMLElement {
  #text = "";
  #timer = 0;
  #asking = null; // aborts the question that is on its way
  #found = null; // what the server says of the text
  #marks = new Map(); // value, in plain letters and digits → { text, reason }

  connectedCallback() {
    this.panel = this.querySelector("[data-preview-panel]");
    this.opener = this.querySelector("[data-preview-open]");
    this.addEventListener("click", (event) => this.#click(event));
    this.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.target.matches("[data-other]")) return;
      event.preventDefault();
      this.#mark(event.target.closest("li"), event.target.value);
    });
    for (const kind of ["focusin", "pointerover"]) {
      this.addEventListener(kind, (event) => this.#point(event.target));
    }
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  /** The text has changed: what was found is not of it any more; ask once it rests. */
  look(text) {
    if (text === this.#text) return;
    this.#text = text;
    this.#askLater();
    if (!text.trim()) this.#show(null);
  }

  /** Ask anew: the zone of the conversation has changed. */
  refresh() {
    if (this.#text.trim()) this.#askLater();
  }

  /** The marked values that stand in this text, as a message names them. */
  harmlessIn(text) {
    return [...this.#marks.values()].filter((mark) => text.includes(mark.text));
  }

  /** Close what is open; false where nothing was. */
  dismiss() {
    if (!this.isOpen) return false;
    this.#open(false);
    this.opener.focus();
    return true;
  }

  // ---- asking -----------------------------------------------------------------------------

  #askLater() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    if (this.#text.trim()) this.#timer = setTimeout(() => this.#ask(), PAUSE);
  }

  async #ask() {
    const { conversation, assistant } = this.closest("chat-session").dataset;
    const text = this.#text;
    const zones = this.closest("chat-composer").parts?.zones ?? []; // of attached files
    this.#asking = new AbortController();
    try {
      const response = await fetch(this.dataset.url, {
        method: "POST",
        redirect: "error",
        signal: this.#asking.signal,
        headers: {
          "Content-Type": "application/json",
          "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value,
        },
        body: JSON.stringify({ conversation: conversation || null, assistant, text, zones }),
      });
      const found = response.ok ? await response.json() : null;
      if (text === this.#text) this.#show(found && { ...found, text });
    } catch (error) {
      if (error.name !== "AbortError") this.#show(null); // offline: it is sealed all the same
    }
  }

  // ---- showing ----------------------------------------------------------------------------

  #show(found) {
    this.#found = found;
    const stays = this.querySelector("[data-preview-stays]");
    stays.hidden = !found?.note || found.may_leave;
    stays.querySelector("span").textContent = stays.hidden ? "" : found.note;
    this.opener.hidden = !found?.may_leave;
    if (!found?.may_leave) {
      this.#open(false);
      this.#say(stays.textContent);
      return;
    }
    const summary = this.#summary();
    this.querySelector("[data-preview-summary]").textContent = summary;
    this.#say(summary);
    if (this.isOpen) this.#fill();
  }

  #summary() {
    const values = this.#values();
    const kept = values.filter(({ value }) => this.#marks.has(plain(value))).length;
    const replaced = values.length - kept;
    if (!replaced) return gettext("May leave as it is written");
    const words = ngettext("{number} value would be replaced", "{number} values would be replaced", replaced);
    return kept ? gettext("{replaced}, {kept} not", { replaced: words, kept }) : words;
  }

  #say(words) {
    const status = this.querySelector("[data-preview-status]");
    if (status.textContent !== words) status.textContent = words;
  }

  /** Each value once, in the order in which they stand in the text. */
  #values() {
    const characters = [...this.#found.text]; // as the server counts them
    const values = new Map();
    for (const span of this.#found.spans) {
      const value = characters.slice(span.start, span.end).join("");
      if (!values.has(value)) values.set(value, { ...span, value });
    }
    return [...values.values()];
  }

  #fill() {
    this.querySelector("[data-preview-note]").textContent = this.#found.note;
    this.querySelector("[data-preview-text]").replaceChildren(...this.#mirror());
    const rows = this.#values().map((value) => this.#row(value));
    this.querySelector("[data-preview-values]").replaceChildren(...rows);
  }

  /** The text as it would leave. */
  #mirror() {
    const characters = [...this.#found.text];
    const parts = [];
    let done = 0;
    for (const { start, end, placeholder } of this.#found.spans) {
      parts.push(characters.slice(done, start).join(""));
      const value = characters.slice(start, end).join("");
      const kept = this.#marks.has(plain(value));
      const part = document.createElement("button");
      part.type = "button";
      part.className = kept ? "placeholder kept" : "placeholder";
      part.dataset.value = value;
      part.textContent = kept ? value : placeholder;
      part.title = kept ? gettext("Marked as not sensitive") : value;
      part.setAttribute("aria-label", kept
        ? gettext("{value}, sent as it is", { value })
        : gettext("{placeholder}, in place of {value}", { placeholder, value }));
      parts.push(part);
      done = end;
    }
    return [...parts, characters.slice(done).join("")];
  }

  #row({ value, type, placeholder, sure }) {
    const row = cloneTemplate(this.closest("chat-session"), "preview-value");
    const reason = this.#marks.get(plain(value))?.reason;
    const words = TYPES[type] ?? type.toLowerCase().replaceAll("_", " ");
    row.dataset.value = value;
    row.querySelector("[data-placeholder]").textContent = placeholder;
    row.querySelector("[data-local]").textContent = value;
    row.querySelector("[data-type]").textContent = words;
    row.querySelector("[data-always]").hidden = !sure;
    row.querySelector("[data-mark]").hidden = sure || reason !== undefined;
    row.querySelector("[data-mark]").setAttribute("aria-label", gettext("{value} is not sensitive", { value }));
    row.querySelector("[data-undo]").setAttribute("aria-label", gettext("Replace {value} after all", { value }));
    row.querySelector("[data-marked]").hidden = reason === undefined;
    row.querySelector("[data-reason]").textContent = this.#reasonInWords(row, reason ?? "");
    row.classList.toggle("kept", reason !== undefined);
    return row;
  }

  #open(yes) {
    if (yes) this.#fill();
    this.panel.hidden = !yes;
    this.opener.setAttribute("aria-expanded", String(yes));
  }

  /** The value that is pointed at stands out in both places. */
  #point(target) {
    const value = target.closest("[data-value]")?.dataset.value;
    for (const element of this.querySelectorAll("[data-value]")) {
      element.classList.toggle("pointed", element.dataset.value === value);
    }
  }

  // ---- marking ----------------------------------------------------------------------------

  #click({ target }) {
    const button = target.closest("button");
    const row = target.closest("li");
    if (!button) return;
    if (button === this.opener) {
      this.#open(!this.isOpen);
      if (this.isOpen) this.querySelector("#preview-title").focus();
    } else if (button.matches("[data-preview-close]")) {
      this.dismiss();
    } else if (button.matches(".placeholder")) {
      this.#rowOf(button.dataset.value).querySelector("button:not([hidden])")?.focus();
    } else if (button.matches("[data-mark]")) {
      const open = button.getAttribute("aria-expanded") !== "true";
      button.setAttribute("aria-expanded", String(open));
      row.querySelector("[data-reasons]").hidden = !open;
      if (open) row.querySelector("[data-choose]").focus();
    } else if (button.matches("[data-choose]")) {
      this.#mark(row, button.dataset.choose);
    } else if (button.matches("[data-other-send]")) {
      this.#mark(row, row.querySelector("[data-other]").value);
    } else if (button.matches("[data-undo]")) {
      this.#marks.delete(plain(row.dataset.value));
      this.#marked(row.dataset.value, "[data-mark]");
    }
  }

  #mark(row, reason) {
    if (!reason.trim()) {
      row.querySelector("[data-other]").focus();
      return;
    }
    const text = row.dataset.value;
    this.#marks.set(plain(text), { text, reason: reason.trim() });
    this.#marked(text, "[data-undo]");
  }

  /** As it is offered here; what goes with the message is the same in every language. */
  #reasonInWords(row, reason) {
    const offered = [...row.querySelectorAll("[data-choose]")].find((each) => each.dataset.choose === reason);
    return offered?.textContent ?? reason;
  }

  #marked(value, focused) {
    this.#show(this.#found);
    this.#rowOf(value).querySelector(focused).focus();
  }

  #rowOf(value) {
    return [...this.querySelectorAll("li[data-value]")].find((row) => row.dataset.value === value);
  }
}

/** Spellings of one value are marked together, as the server does it. */
function plain(value) {
  const letters = value.toLowerCase().normalize("NFKD").replace(/[^\p{L}\p{N}]/gu, "");
  return letters || value;
}
