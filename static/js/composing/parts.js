// What goes with the next message, as chips: documents to answer from, and files that are sent to be
// read as soon as they are dropped, pasted or picked.

import { cloneTemplate } from "../html.js";
import { gettext } from "../words.js";

const FILES_AT_ONCE = 5;
const DOCUMENTS_AT_ONCE = 10;
const LOST = gettext("The connection was lost. Remove it and attach it again.");

export class Parts {
  #items = [];

  constructor(composer) {
    this.composer = composer;
    this.list = composer.querySelector("[data-parts]");
  }

  /** Why the message cannot be sent yet; "" where it can. */
  get problem() {
    if (this.#items.some((item) => item.request)) return gettext("A file is still being read. Send again in a moment.");
    const failed = this.#items.find((item) => item.failed);
    return failed ? gettext("Remove “{name}”, which was not taken, then send again.", failed) : "";
  }

  /** The slugs of the zones that attached files are put into. */
  get zones() {
    return [...new Set(this.#items.map((item) => item.zone).filter(Boolean))];
  }

  addDocument({ id, name }) {
    const named = this.#items.filter((item) => item.kind === "document");
    if (named.some((item) => item.id === id)) return;
    if (named.length >= DOCUMENTS_AT_ONCE) {
      this.composer.error = gettext("At most {limit} documents can be named.", { limit: DOCUMENTS_AT_ONCE });
      return;
    }
    this.#add({ kind: "document", id, name });
  }

  addFiles(files) {
    for (const file of files) {
      if (this.#items.filter((item) => item.kind === "file").length >= FILES_AT_ONCE) {
        this.composer.error = gettext("At most {limit} files go with one message.", { limit: FILES_AT_ONCE });
        return;
      }
      const isPicture = file.type.startsWith("image/");
      const item = { kind: "file", id: "", name: file.name || gettext("pasted file"), isPicture, zones: [], zone: "" };
      this.#add(item);
      const limit = Number(this.composer.dataset.fileLimit);
      if (file.size > limit) this.#fail(item, gettext("is larger than {size} MB.", { size: Math.round(limit / 1024 ** 2) }));
      else this.#send(item, file);
    }
  }

  /** All of it, which is no more here; null for nothing. `giveBack` takes it again. */
  take() {
    if (!this.#items.length) return null;
    const items = this.#items.splice(0);
    this.#show();
    const of = (kind) => items.filter((item) => item.kind === kind);
    return {
      items,
      attachments: of("file").map(({ id, zone }) => ({ file: id, zone })),
      documents: of("document").map(({ id }) => id),
    };
  }

  giveBack({ items }) {
    this.#items.push(...items);
    this.#show();
  }

  #add(item) {
    item.chip = cloneTemplate(this.composer.closest("chat-session"), "part");
    item.chip.classList.add(item.kind);
    item.chip.querySelector("[data-part-name]").textContent = item.name;
    const remove = item.chip.querySelector("[data-part-remove]");
    remove.setAttribute("aria-label", gettext("Remove {name}", { name: item.name }));
    remove.addEventListener("click", () => this.#remove(item));
    this.#items.push(item);
    this.#show();
  }

  #show() {
    this.list.replaceChildren(...this.#items.map((item) => item.chip));
    this.list.hidden = !this.#items.length;
  }

  #remove(item) {
    item.request?.abort();
    if (item.kind === "file" && item.id) {
      const body = new FormData();
      body.set("csrfmiddlewaretoken", this.#token);
      fetch(`${this.composer.dataset.filesUrl}${item.id}/remove/`, { method: "POST", body }).catch(() => {});
    }
    this.#items = this.#items.filter((other) => other !== item);
    this.#show();
    this.composer.preview?.refresh();
    if (!this.#items.some((other) => other.failed)) this.composer.error = "";
    this.composer.focus();
  }

  get #token() {
    return this.composer.querySelector("[name=csrfmiddlewaretoken]").value;
  }

  // ---- files ------------------------------------------------------------------------------

  #send(item, file) {
    const { assistant, conversation } = this.composer.closest("chat-session").dataset;
    const body = new FormData();
    body.set("csrfmiddlewaretoken", this.#token);
    body.set("assistant", assistant);
    body.set("conversation", conversation);
    body.set("file", file, item.name);
    const progress = item.chip.querySelector("progress");
    const request = new XMLHttpRequest(); // fetch does not tell how far it is
    item.request = request;
    progress.hidden = false;
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) progress.value = event.loaded / event.total;
    });
    request.upload.addEventListener("load", () => {
      progress.removeAttribute("value"); // for as long as it takes to read
      const doing = item.isPicture ? gettext("Recognising its text") : gettext("Reading");
      item.chip.querySelector("[data-part-state]").textContent = doing;
    });
    request.addEventListener("error", () => this.#fail(item, LOST));
    request.addEventListener("load", () => this.#received(item, request));
    request.responseType = "json";
    request.open("POST", this.composer.dataset.filesUrl);
    request.send(body);
  }

  #received(item, request) {
    const told = request.response;
    if (request.status !== 200 || !told?.id) {
      this.#fail(item, told?.message ?? gettext("It was not taken. Remove it and attach it again."));
      return;
    }
    item.request = null;
    item.id = told.id;
    item.zone = told.zones[0]?.slug ?? "";
    item.chip.querySelector("progress").hidden = true;
    item.chip.querySelector("[data-part-state]").textContent = "";
    if (told.recognised) this.#showRecognised(item, told);
    if (told.zones.length > 1) this.#offerZones(item, told.zones);
    this.composer.preview?.refresh();
    document.getElementById("announcer").textContent = gettext("{name} is attached.", { name: item.name });
  }

  #showRecognised(item, { recognised, sure }) {
    item.recognised = item.chip.querySelector("[data-part-recognised]");
    item.recognised.querySelector("summary").textContent = gettext("Text recognised in {name}, {sure}", { name: item.name, sure });
    item.recognised.querySelector("pre").textContent = recognised;
    item.recognised.hidden = false;
  }

  #offerZones(item, zones) {
    const select = item.chip.querySelector("select");
    select.setAttribute("aria-label", gettext("Data zone of {name}", { name: item.name }));
    select.replaceChildren(...zones.map(({ slug, name }) => new Option(name, slug)));
    select.addEventListener("change", () => {
      item.zone = select.value;
      this.composer.preview?.refresh();
    });
    select.hidden = false;
  }

  #fail(item, message) {
    item.request = null;
    item.failed = true;
    item.chip.classList.add("failed");
    item.chip.querySelector("progress").hidden = true;
    item.chip.querySelector("[data-part-name]").textContent = message.includes(item.name) ? "" : item.name;
    item.chip.querySelector("[data-part-state]").textContent = message;
  }
}
