// A note's page: each statement is heard where it was said, changed where it stands, and approved.

import { setServerHtml } from "../html.js";
import { showTimes } from "../times.js";
import { Player } from "./player.js";
import { getFragment, post } from "./requests.js";
import { gettext } from "../words.js";

const LOOK_AGAIN = 1000; // milliseconds, while it is being drafted

class NotePage extends HTMLElement {
  connectedCallback() {
    this.body = this.querySelector("[data-note-body]");
    this.player = new Player(this, this.querySelector("[data-audio]"));
    this.addEventListener("click", (event) => this.#click(event));
    this.addEventListener("keydown", (event) => this.#key(event));
    this.#followServer();
  }

  get shown() {
    return this.querySelector(".note-part");
  }

  #followServer() {
    if (this.shown.dataset.state !== "drafting") return;
    setTimeout(async () => {
      const html = await getFragment();
      if (html !== undefined) this.#show(html);
      this.#followServer();
    }, LOOK_AGAIN);
  }

  #show(html) {
    setServerHtml(this.body, html);
    showTimes(this.body);
  }

  #click(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const statement = button.closest(".statement");
    if (button.matches("[data-edit]")) this.#edit(statement);
    else if (button.matches("[data-remove]")) this.#save({ without: statement });
    else if (button.matches("[data-add]")) this.#add(button.closest(".note-section"));
    else if (button.matches("[data-save]")) this.#save();
    else if (button.matches("[data-cancel]")) this.#cancel(statement);
  }

  #key(event) {
    const area = event.target.closest(".statement textarea");
    if (!area) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      this.#cancel(area.closest(".statement"));
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#save();
    }
  }

  #edit(statement) {
    if (statement.querySelector("textarea")) return;
    const text = statement.querySelector("[data-text]");
    text.hidden = true;
    statement.querySelector(".statement-line").after(this.#form(text.textContent.trim()));
    statement.querySelector("textarea").focus();
  }

  #add(section) {
    const item = document.createElement("li");
    item.className = "statement";
    item.append(this.#form(""));
    section.querySelector(".statements").append(item);
    item.querySelector("textarea").focus();
  }

  #form(value) {
    const form = document.createElement("div");
    form.className = "statement-edit";
    const area = document.createElement("textarea");
    area.rows = 2;
    area.maxLength = 2000;
    area.value = value;
    area.setAttribute("aria-label", gettext("Statement"));
    form.append(area, this.#button(gettext("Save"), "save", "primary"), this.#button(gettext("Cancel"), "cancel", ""));
    return form;
  }

  #button(text, name, kind) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `button small ${kind}`.trim();
    button.textContent = text;
    button.dataset[name] = "";
    return button;
  }

  #cancel(statement) {
    const text = statement.querySelector("[data-text]");
    if (!text) {
      statement.remove();
      return;
    }
    text.hidden = false;
    statement.querySelector(".statement-edit").remove();
    statement.querySelector("[data-edit]").focus();
  }

  /** The whole note goes as it stands, open edits with it; the server checks what has changed. */
  async #save({ without } = {}) {
    const statements = [...this.querySelectorAll(".statement")]
      .filter((each) => each !== without)
      .map((each) => ({
        section: each.closest("[data-section]").dataset.section,
        text: each.querySelector("textarea")?.value ?? each.querySelector("[data-text]").textContent.trim(),
        index: each.dataset.index === undefined ? null : Number(each.dataset.index),
      }));
    try {
      const number = Number(this.shown.dataset.number);
      const response = await post(`/notes/${this.dataset.note}/edit/`, { number, statements });
      this.#show(await response.text());
    } catch (error) {
      this.#tell(error.message);
    }
  }

  #tell(message) {
    this.querySelector("[data-problem]")?.remove();
    const notice = document.createElement("p");
    notice.className = "notice error";
    notice.dataset.problem = "";
    notice.setAttribute("role", "alert");
    notice.textContent = message;
    this.shown.prepend(notice);
  }
}

customElements.define("note-page", NotePage);
