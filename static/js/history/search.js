// The search over one's own conversations: a dialog, worked by keyboard from the first key on.

import { setServerHtml } from "../html.js";
import { showTimes } from "../times.js";
import { gettext } from "../words.js";

const PAUSE = 160; // milliseconds without a key before the server is asked

const dialog = document.getElementById("history-search");
const input = dialog.querySelector("input");
const results = dialog.querySelector("[data-search-results]");
let timer = 0;
let request = null;

input.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(look, PAUSE);
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog || event.target.closest("[data-search-close]")) dialog.close();
  // A hit in the conversation that is shown changes only what stands behind #: close for it.
  if (event.target.closest("[data-found]") && !event.ctrlKey && !event.metaKey) dialog.close();
});
dialog.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const links = [...results.querySelectorAll("[data-found]")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "ArrowDown" && at + 1 < links.length) links[at + 1].focus();
  else if (event.key === "ArrowUp" && at === 0) input.focus();
  else if (event.key === "ArrowUp" && at > 0) links[at - 1].focus();
  else if (event.key === "Escape") dialog.close(); // at once: a search field would be emptied first
  else if (event.key === "Home" && at >= 0) links[0].focus();
  else if (event.key === "End" && at >= 0) links.at(-1).focus();
  else if (at >= 0 && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
    input.focus(); // typing goes on where it is shown
    return;
  } else return;
  event.preventDefault();
});
dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  clearTimeout(timer);
  await look();
  results.querySelector("[data-found]")?.click();
});

export function openSearch() {
  if (dialog.open) return;
  dialog.showModal();
  input.focus();
  input.select();
  look();
}

async function look() {
  request?.abort();
  request = new AbortController();
  results.setAttribute("aria-busy", "true");
  const url = `/chat/search/?q=${encodeURIComponent(input.value)}`;
  try {
    const response = await fetch(url, { signal: request.signal, redirect: "error", cache: "no-store" });
    setServerHtml(results, await response.text());
    showTimes(results);
  } catch (error) {
    if (error.name === "AbortError") return;
    results.textContent = gettext("The search could not be asked. Check your connection, then try again.");
  }
  results.setAttribute("aria-busy", "false");
}
