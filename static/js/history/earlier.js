// The turns before the first one on the page, when they are asked for.

import { setServerHtml } from "../html.js";
import { showTimes } from "../times.js";
import { gettext } from "../words.js";

/** Put them in place of the button; true if that was possible. */
export async function addEarlier(button, scroll) {
  let html = null;
  try {
    const address = `${location.pathname}?before=${button.dataset.earlier}`;
    const response = await fetch(address, { redirect: "error", cache: "no-store" });
    if (response.ok) html = await response.text();
  } catch {
    // offline or signed out
  }
  if (html === null) {
    button.querySelector("span").textContent = gettext("Could not be loaded. Try again");
    return false;
  }
  const place = button.parentElement;
  const next = place.nextElementSibling;
  const added = document.createElement("div");
  setServerHtml(added, html);
  showTimes(added);
  place.replaceWith(...added.childNodes);
  scroll.show(next);
  const before = next.previousElementSibling;
  before?.querySelector("a, button")?.focus({ preventScroll: true });
  return true;
}
