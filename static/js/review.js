// What becomes of an answer that people look at, and the bell that tells of it.

import { setServerHtml } from "./html.js";
import { showTimes } from "./times.js";
import { gettext } from "./words.js";

/** Show what is said of an answer's review; false where nothing could be fetched. */
export async function showReview(target, answer) {
  try {
    const response = await fetch(`/reviews/${answer}/`, { redirect: "error", cache: "no-store" });
    if (!response.ok) return false;
    setServerHtml(target, await response.text());
    return true;
  } catch {
    return false; // offline: the note that is there stays
  }
}

/** The forms of a review note: a reply to a reviewer, an appeal. What was typed is never lost. */
export function listenForReviewForms() {
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("[data-review-form]");
    const answer = form?.closest("chat-answer");
    if (!answer) return;
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const body = new FormData(form);
      const response = await fetch(form.action, { method: "POST", body, redirect: "error" });
      if (!response.ok && response.status !== 400) throw new Error(response.statusText);
      setServerHtml(form.closest("[data-review]"), await response.text());
      if (response.ok) answer.hold();
    } catch {
      button.disabled = false;
      button.textContent = gettext("It could not be sent. Try again");
    }
  });
}

export class NotificationBell extends HTMLElement {
  connectedCallback() {
    this.list = this.querySelector("[data-bell-list]");
    this.querySelector("[popover]").addEventListener("toggle", (event) => {
      if (event.newState === "open") this.#open();
    });
  }

  /** Fetch the list and its number again. */
  async refresh() {
    try {
      const response = await fetch("/notifications/", { redirect: "error", cache: "no-store" });
      if (!response.ok) return;
      setServerHtml(this.list, await response.text());
      showTimes(this.list);
      this.#count(Number(response.headers.get("X-Unread")));
    } catch {
      // offline: the next look tells
    }
  }

  /** What was decided about this answer is on the screen. */
  seen(answer) {
    return this.#read({ answer });
  }

  async #open() {
    await this.refresh();
    await this.#read({});
  }

  async #read(fields) {
    const token = document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
    const body = new URLSearchParams(fields);
    try {
      const headers = { "X-CSRFToken": token };
      const response = await fetch("/notifications/read/", { method: "POST", headers, body });
      if (response.ok) this.#count((await response.json()).unread);
    } catch {
      // it stays unread
    }
  }

  #count(unread) {
    const badge = this.querySelector("[data-bell-count]");
    badge.textContent = unread;
    badge.hidden = !unread;
  }
}
