// Where one writes. Keeps the draft, counts against the limit, queues while an answer streams.

import { cloneTemplate } from "./html.js";
import { recall, remember } from "./store.js";
import { LOCALE, gettext } from "./words.js";

const SHOW_COUNTER_FROM = 0.8; // of the limit
const SIGN = /^\/|(?:^|\s)[@#]/; // what offers a list: `composing/choosing.js` looks closer

/** Events, bubbling: `composer-send` (detail: the text), `composer-stop`. */
export class ChatComposer extends HTMLElement {
  #queue = [];
  #draftKey = "";
  #partsOf = new Map(); // a text that was sent or queued → what goes with it

  connectedCallback() {
    this.textarea = this.querySelector("textarea");
    this.form = this.querySelector("form");
    this.preview = this.querySelector("message-preview"); // none where nothing can leave
    this.limit = Number(this.dataset.limit) || Infinity;
    this.textarea.addEventListener("input", () => {
      this.#changed();
      this.#offer();
    });
    this.textarea.addEventListener("keydown", (event) => this.#key(event));
    this.#takeFiles();
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.querySelector("[data-stop]").addEventListener("click", () => this.#emit("composer-stop"));
    this.querySelector("[data-voice]").addEventListener("click", () => this.#dictate());
    this.querySelector("[data-attached-drop]")?.addEventListener("click", () => this.takeAttached());
    this.day = this.querySelector("[data-as-of-choice]");
    this.day.addEventListener("change", () => this.#dayChanged());
    this.querySelector("[data-as-of-clear]").addEventListener("click", () => {
      this.day.value = "";
      this.#dayChanged();
      this.focus();
    });
    this.#dayChanged(); // a browser may bring a value back
    this.#changed();
  }

  /** Keep the draft under this key from now on, and bring back the one that is there. */
  keepDraftAs(key) {
    const moved = this.#draftKey && this.textarea.value;
    if (moved) remember(this.#draftKey, "");
    this.#draftKey = `draft:${key}`;
    if (!moved) this.textarea.value = recall(this.#draftKey);
    this.#changed();
  }

  /** The day whose documents to answer from, such as 2026-01-31; "" for what holds now. */
  get asOf() {
    return this.day.value;
  }

  set placeholder(text) {
    this.textarea.placeholder = text;
  }

  set answering(yes) {
    this.querySelector("[data-stop]").hidden = !yes;
  }

  set error(message) {
    this.querySelector("[data-composer-error-text]").textContent = message;
    this.querySelector("[data-composer-error]").hidden = !message;
  }

  get isEmpty() {
    return !this.textarea.value.trim();
  }

  focus() {
    this.textarea.focus();
  }

  /** The recording whose transcript goes with the next message, once; "" for none. */
  takeAttached() {
    const chip = this.querySelector("[data-attached]");
    chip?.remove();
    return chip?.dataset.attached ?? "";
  }

  async #dictate() {
    const { VoiceInput } = await import("./speech/dictation.js"); // not with the page: few need it
    const assistant = () => this.closest("chat-session").dataset.assistant;
    this.voice ??= new VoiceInput(this.querySelector("[data-voice]"), this.textarea, assistant);
    await this.voice.toggle();
  }

  submit() {
    if (this.textarea.readOnly) {
      this.#dictate(); // still being dictated: first the last words
      return;
    }
    const text = this.textarea.value;
    if (this.isEmpty || this.#length() > this.limit) return;
    const missing = this.filling?.missing();
    this.error = missing ? gettext("Fill in “{name}”, or send again as it is.", { name: missing }) : (this.parts?.problem ?? "");
    if (missing || this.parts?.problem) return;
    const parts = this.parts?.take();
    if (parts) this.#partsOf.set(text, parts);
    else this.#partsOf.delete(text); // of an earlier message that said the same
    this.textarea.value = "";
    this.#changed();
    this.#emit("composer-send", text);
  }

  /** The documents and files that go with a text; null for none. */
  partsOf(text) {
    return this.#partsOf.get(text) ?? null;
  }

  /** Begin with a prompt; what is there already stays below it. */
  async insertPrompt(text) {
    const now = this.textarea.value.trim();
    this.textarea.value = now ? `${text}\n\n${now}` : text;
    this.#changed();
    const { Filling } = await import("./composing/filling.js");
    this.filling ??= new Filling(this.textarea);
    this.focus();
    this.filling.begin();
  }

  /** Have the next message answered from this document: {id, name}. */
  async addDocument(document) {
    (await this.#loadParts()).addDocument(document);
  }

  /** Close the list of choices; false where none was open. */
  dismiss() {
    return this.choosing?.dismiss() ?? false;
  }

  async #offer() {
    if (!this.choosing && SIGN.test(this.textarea.value)) {
      const { Choosing } = await import("./composing/choosing.js");
      this.choosing ??= new Choosing(this);
    }
    this.choosing?.look();
  }

  async #loadParts() {
    const { Parts } = await import("./composing/parts.js");
    this.parts ??= new Parts(this);
    return this.parts;
  }

  /** Files come by the button, by paste, or dropped anywhere on the conversation. */
  #takeFiles() {
    const add = async (files) => (await this.#loadParts()).addFiles(files);
    const picker = this.querySelector("[data-file-picker]");
    this.querySelector("[data-attach]").addEventListener("click", () => picker.click());
    picker.addEventListener("change", () => {
      add([...picker.files]);
      picker.value = "";
    });
    this.textarea.addEventListener("paste", (event) => {
      if (!event.clipboardData.files.length) return;
      event.preventDefault();
      add([...event.clipboardData.files]);
    });
    if (picker.disabled) return;
    const page = this.closest("chat-session");
    const over = (event) => {
      const files = event.dataTransfer?.types.includes("Files");
      if (files) event.preventDefault();
      page.classList.toggle("dropping", Boolean(files));
    };
    page.addEventListener("dragover", over);
    page.addEventListener("dragleave", (event) => {
      if (!page.contains(event.relatedTarget)) page.classList.remove("dropping");
    });
    page.addEventListener("drop", (event) => {
      page.classList.remove("dropping");
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      add([...event.dataTransfer.files]);
      this.focus();
    });
  }

  /** Put a text that was not sent back where it can be mended; what is there already stays. */
  giveBack(text) {
    const parts = this.#partsOf.get(text);
    this.#partsOf.delete(text);
    if (parts) this.parts.giveBack(parts);
    const now = this.textarea.value.trim();
    this.textarea.value = now && now !== text.trim() ? `${text}\n\n${now}` : text;
    this.#changed();
  }

  /** Keep a text until `next` is asked for. */
  enqueue(text) {
    this.#queue.push(text);
    this.#showQueue();
  }

  /** The next text in the queue, or undefined. */
  next() {
    const text = this.#queue.shift();
    this.#showQueue();
    return text;
  }

  giveBackQueue() {
    const texts = this.#queue.splice(0);
    this.#showQueue();
    for (const text of texts.reverse()) this.giveBack(text);
  }

  #dayChanged() {
    this.classList.toggle("as-of-chosen", Boolean(this.asOf));
    this.querySelector("[data-as-of-clear]").hidden = !this.asOf;
  }

  #key(event) {
    if (this.choosing?.key(event) || this.filling?.key(event)) return;
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.submit();
  }

  #length() {
    return [...this.textarea.value].length; // characters as the server counts them
  }

  #changed() {
    const length = this.#length();
    const counter = this.querySelector("[data-counter]");
    counter.hidden = length < this.limit * SHOW_COUNTER_FROM;
    counter.textContent = `${length.toLocaleString(LOCALE)} / ${this.limit.toLocaleString(LOCALE)}`;
    counter.classList.toggle("over", length > this.limit);
    this.querySelector("[data-send]").disabled = this.isEmpty || length > this.limit;
    if (!CSS.supports("field-sizing", "content")) {
      this.textarea.rows = Math.min(10, this.textarea.value.split("\n").length);
    }
    if (this.#draftKey) remember(this.#draftKey, this.textarea.value);
    this.preview?.look(this.textarea.value);
  }

  #showQueue() {
    const list = this.querySelector("[data-queue]");
    list.replaceChildren(
      ...this.#queue.map((text, index) => {
        const item = cloneTemplate(this.closest("chat-session"), "queued");
        item.querySelector(".queued-text").textContent = text;
        item.querySelector("button").addEventListener("click", () => {
          this.giveBack(this.#queue.splice(index, 1)[0]);
          this.#showQueue();
          this.focus();
        });
        return item;
      }),
    );
    list.hidden = this.#queue.length === 0;
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }
}
