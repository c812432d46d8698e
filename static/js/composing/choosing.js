// The list above the composer: `/` offers prompts, `@` assistants, `#` documents. Loaded with the
// first of these signs. The text field keeps the focus; the list is its combobox popup.

import { blankFirst } from "./filling.js";
import { gettext } from "../words.js";

const TRIGGERS = [
  { sign: "/", label: gettext("Prompts"), pattern: /^\/([^\n]{0,60})$/ },
  { sign: "@", label: gettext("Assistants"), pattern: /(?:^|\s)@([^\s@]{0,40})$/ },
  { sign: "#", label: gettext("Documents"), pattern: /(?:^|\s)#([^\s#][^\n#]{0,60}|)$/ },
];
const PAUSE = 120; // milliseconds without a key before documents are asked for
const FRESH = 60_000; // milliseconds for which the prompts that were read count

export class Choosing {
  #kind = null;
  #query = "";
  #options = [];
  #active = 0;
  #dismissed = ""; // the text up to the sign whose list was closed
  #prompts = null;
  #asking = null;
  #timer = 0;

  constructor(composer) {
    this.composer = composer;
    this.textarea = composer.textarea;
    this.list = composer.querySelector("[data-choices]");
    this.list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#choose(Number(option.dataset.index));
    });
    this.textarea.addEventListener("blur", () => this.close());
  }

  get isOpen() {
    return !this.list.hidden;
  }

  /** The text or the caret has changed. */
  look() {
    const { value, selectionStart, selectionEnd } = this.textarea;
    const before = selectionStart === selectionEnd ? value.slice(0, selectionStart) : "";
    const found = TRIGGERS.map((trigger) => [trigger, before.match(trigger.pattern)]).find(([, match]) => match);
    const alone = found?.[0].sign !== "/" || value.length === before.length;
    const start = found ? before.length - found[1][1].length - 1 : 0;
    if (!found || !alone || (this.#dismissed && this.#dismissed === before.slice(0, start + 1))) {
      if (!found) this.#dismissed = "";
      this.close();
      return;
    }
    [this.#kind, this.#query] = [found[0], found[1][1]];
    this.#dismissed = "";
    this.#offer();
  }

  close() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#kind = null;
    if (!this.isOpen) return;
    this.list.hidden = true;
    this.list.replaceChildren();
    for (const name of ["role", "aria-expanded", "aria-controls", "aria-activedescendant", "aria-autocomplete"]) {
      this.textarea.removeAttribute(name);
    }
  }

  /** Close it until another sign is typed; false where it was not open. */
  dismiss() {
    if (!this.isOpen) return false;
    const before = this.textarea.value.slice(0, this.textarea.selectionStart);
    this.#dismissed = before.slice(0, before.length - this.#query.length);
    this.close();
    return true;
  }

  /** Take a key if the list is open; whether it was taken. */
  key(event) {
    if (!this.isOpen || event.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#activate((this.#active + step + this.#options.length) % this.#options.length);
    else if ((event.key === "Enter" && !event.shiftKey) || (event.key === "Tab" && !event.shiftKey)) this.#choose(this.#active);
    else if (event.key === "Escape") this.dismiss();
    else return false;
    event.preventDefault();
    return true;
  }

  // ---- what is offered --------------------------------------------------------------------

  async #offer() {
    const [kind, query] = [this.#kind, this.#query];
    if (kind.sign === "@") this.#show(kind, query, this.#assistants());
    else if (kind.sign === "/") this.#show(kind, query, await this.#readPrompts());
    else {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(async () => this.#show(kind, query, await this.#findDocuments(query), true), PAUSE);
    }
  }

  #assistants() {
    if (this.composer.closest("chat-session").conversation) return []; // it keeps its assistant
    const cards = document.querySelectorAll(".assistant-card");
    return [...cards].map((card) => {
      const radio = card.querySelector("input");
      return { name: radio.dataset.name, description: card.querySelector(".assistant-text span")?.textContent ?? "", radio };
    });
  }

  async #readPrompts() {
    if (this.#prompts && performance.now() - this.#prompts.at < FRESH) return this.#prompts.choices;
    const choices = await this.#fetch(this.composer.dataset.promptsUrl);
    if (choices) this.#prompts = { choices, at: performance.now() };
    return choices ?? this.#prompts?.choices ?? [];
  }

  async #findDocuments(query) {
    const { assistant, conversation } = this.composer.closest("chat-session").dataset;
    const asked = new URLSearchParams({ assistant, conversation, q: query });
    return (await this.#fetch(`${this.composer.dataset.documentsUrl}?${asked}`)) ?? [];
  }

  async #fetch(url) {
    this.#asking?.abort();
    this.#asking = new AbortController();
    try {
      const response = await fetch(url, { redirect: "error", signal: this.#asking.signal });
      return response.ok ? (await response.json()).choices : null;
    } catch {
      return null; // offline, or another key meanwhile: what was typed is text
    }
  }

  // ---- showing ----------------------------------------------------------------------------

  #show(kind, query, choices, filtered = false) {
    if (kind !== this.#kind || query !== this.#query) return; // overtaken
    this.#options = filtered ? choices : matching(choices, query);
    if (!this.#options.length) {
      const [wanted] = [this.#kind];
      this.close();
      this.#kind = wanted; // more may be typed, or taken back
      return;
    }
    this.list.setAttribute("aria-label", kind.label);
    this.list.replaceChildren(...this.#options.map((option, index) => item(kind, option, index)));
    this.list.hidden = false;
    this.textarea.setAttribute("role", "combobox");
    this.textarea.setAttribute("aria-autocomplete", "list");
    this.textarea.setAttribute("aria-expanded", "true");
    this.textarea.setAttribute("aria-controls", this.list.id);
    this.#activate(0);
  }

  #activate(index) {
    this.#active = index;
    for (const [at, option] of [...this.list.children].entries()) {
      option.setAttribute("aria-selected", String(at === index));
      if (at !== index) continue;
      this.textarea.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    }
  }

  #choose(index) {
    const [kind, option] = [this.#kind, this.#options[index]];
    const end = this.textarea.selectionStart;
    this.close();
    this.textarea.setRangeText("", end - this.#query.length - 1, end, "end");
    if (kind.sign === "/") this.composer.insertPrompt(option.text);
    else this.textarea.dispatchEvent(new Event("input", { bubbles: true }));
    if (kind.sign === "@") option.radio.click();
    if (kind.sign === "#") this.composer.addDocument(option);
    this.textarea.focus();
  }
}

/** Those with all words of the query, in name or description; by the name's beginning first. */
function matching(choices, query) {
  const words = query.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const begins = (choice) => choice.name.toLocaleLowerCase().startsWith(words[0] ?? "");
  const found = choices.filter((choice) => {
    const text = `${choice.name} ${choice.description} ${choice.department ?? ""}`.toLocaleLowerCase();
    return words.every((word) => text.includes(word));
  });
  return [...found.filter(begins), ...found.filter((choice) => !begins(choice))];
}

function item(kind, option, index) {
  const row = document.createElement("li");
  row.id = `choice-${index}`;
  row.role = "option";
  row.className = "choice";
  row.dataset.index = index;
  const name = document.createElement("span");
  name.className = "choice-name";
  name.textContent = option.name;
  const description = document.createElement("span");
  description.className = "choice-description";
  description.textContent = option.description || (kind.sign === "/" ? blankFirst(option.text) : "");
  row.append(name, description);
  if (kind.sign === "/") {
    const whose = document.createElement("span");
    whose.className = "tag";
    whose.textContent = option.department || gettext("yours");
    row.append(whose);
  }
  return row;
}
