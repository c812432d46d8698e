// The side panel: a cited passage in its document. On a phone it is a sheet.

import { NOT_OPEN } from "./documents.js";
import { setServerHtml } from "./html.js";
import { showTimes } from "./times.js";
import { gettext } from "./words.js";

// Where it lies on top of the page, what is below it is out of reach, for Tab as well.
const ON_TOP = matchMedia("(max-width: 68rem)");

export class CitationPanel extends HTMLElement {
  #opener = null;
  #request = null;
  #url = "";

  connectedCallback() {
    this.panel = this.querySelector(".panel");
    this.body = this.querySelector("[data-panel-body]");
    this.addEventListener("click", (event) => {
      if (event.target.closest("[data-panel-close]")) this.close();
    });
    ON_TOP.addEventListener("change", () => this.#cover());
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  async open(url, number, opener) {
    this.#mark(opener);
    this.#request?.abort();
    this.#request = new AbortController();
    this.#url = url;
    this.querySelector("[data-panel-number]").textContent = number;
    this.#show(true);
    this.body.replaceChildren(this.#copy("[data-panel-loading]"));
    this.querySelector("#panel-title").focus({ preventScroll: true });
    try {
      const response = await this.#fetch();
      if (response.status === 404) {
        this.#fail(gettext("You may not read this document any more, or it has been removed."));
      } else if (!response.ok) {
        this.#fail(gettext("The source could not be opened. Please try again."));
      } else {
        setServerHtml(this.body, await response.text());
        showTimes(this.body);
        this.#toPassage();
      }
    } catch (error) {
      if (error.name !== "AbortError") {
        this.#fail(gettext("The source could not be opened. Check your connection, then try again."));
      }
    }
  }

  /** Rights have changed: what may not be read any more does not stay open. */
  async refresh() {
    if (!this.isOpen) return;
    const url = this.#url;
    try {
      const response = await this.#fetch();
      if (response.status === 404 && url === this.#url) this.#fail(NOT_OPEN);
    } catch {
      // offline or replaced by another source: opening it again will tell
    }
  }

  close() {
    if (!this.isOpen) return;
    this.#request?.abort();
    this.#show(false);
    const opener = this.#opener;
    this.#mark(null);
    opener?.focus();
  }

  #fetch() {
    return fetch(`${this.#url}?fragment=1`, {
      signal: this.#request.signal,
      redirect: "error", // to the sign-in page
      cache: "no-store",
    });
  }

  #toPassage() {
    const mark = this.body.querySelector("mark");
    if (!mark) return;
    const above = mark.getBoundingClientRect().top - this.body.getBoundingClientRect().top;
    this.body.scrollTop += above - this.body.clientHeight / 4;
  }

  #show(visible) {
    this.panel.hidden = !visible;
    this.querySelector(".panel-shade").hidden = !visible;
    this.#cover();
  }

  #cover() {
    for (const below of document.querySelectorAll("main, side-bar")) {
      below.inert = this.isOpen && ON_TOP.matches;
    }
  }

  #mark(opener) {
    this.#opener?.removeAttribute("aria-expanded");
    this.#opener = opener;
    opener?.setAttribute("aria-expanded", "true");
  }

  #fail(message) {
    const error = this.#copy("[data-panel-error]");
    error.querySelector("span").textContent = message;
    this.body.replaceChildren(error);
  }

  #copy(selector) {
    const template = this.querySelector(`template${selector}`);
    return template.content.firstElementChild.cloneNode(true);
  }
}
