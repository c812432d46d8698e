// Thumbs on an answer: one press is stored at once, reasons and a comment may follow.

import { setServerHtml } from "../html.js";
import { gettext } from "../words.js";

/** A thumb was pressed: store it and show its form; pressed again, show the form to change it. */
export async function judge(answer, button) {
  const place = answer.querySelector("[data-feedback]");
  const verdict = button.dataset.thumb;
  const url = `/answers/${answer.answerId}/feedback/`;
  const pressed = button.getAttribute("aria-pressed") === "true";
  if (pressed && place.querySelector("form")) {
    place.replaceChildren();
    return;
  }
  const options = pressed ? {} : { method: "POST", body: new URLSearchParams({ verdict }) };
  if (!(await send(place, url, options)).ok) return;
  mark(answer, verdict);
  listen(place);
  place.querySelector("form input[type=checkbox]")?.focus({ preventScroll: true });
  place.scrollIntoView({ block: "nearest" });
}

function listen(place) {
  if (place.dataset.listening) return;
  place.dataset.listening = "yes";
  place.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = place.closest("chat-answer");
    const body = new FormData(event.target, event.submitter);
    const { ok, form } = await send(place, event.target.action, { method: "POST", body });
    if (ok && event.submitter?.name === "withdraw") mark(answer, "");
    if (!ok && form) place.append(form); // what was typed stays
    const thumb = answer.querySelector("[data-thumb][aria-pressed=true]") ?? answer.querySelector("[data-thumb]");
    if (ok) thumb.focus({ preventScroll: true });
  });
}

function mark(answer, verdict) {
  for (const thumb of answer.querySelectorAll("[data-thumb]")) {
    thumb.setAttribute("aria-pressed", String(thumb.dataset.thumb === verdict));
  }
}

async function send(place, url, options) {
  const form = place.querySelector("form");
  const token = document.querySelector("input[name=csrfmiddlewaretoken]").value;
  try {
    const response = await fetch(url, { ...options, headers: { "X-CSRFToken": token }, redirect: "error", cache: "no-store" });
    if (!response.ok && response.status !== 400) throw new Error(response.statusText);
    setServerHtml(place, await response.text());
    return { ok: response.ok, form };
  } catch {
    const line = document.createElement("p");
    line.className = "notice error";
    line.setAttribute("role", "alert");
    line.textContent = gettext("Your feedback could not be sent. Check your connection, then try again.");
    place.replaceChildren(line);
    return { ok: false, form };
  }
}
