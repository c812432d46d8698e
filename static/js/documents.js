// The documents pages follow what may be read: when rights change or a document is moved, the list
// is fetched again, and an open document that is out of reach is taken off the page.

import { setServerHtml } from "./html.js";
import { ChatSocket } from "./socket.js";
import { showTimes } from "./times.js";
import { gettext } from "./words.js";

export const NOT_OPEN = gettext("This document is no longer open to you.");
const SOME_NOT_OPEN = gettext("Some documents are no longer open to you.");

/** Listen on pages that show documents; elsewhere do nothing. */
export function followRights() {
  const list = document.querySelector("[data-documents-list]");
  const page = document.querySelector("[data-document]");
  if (!list && !page) return;
  const look = () => (list ? refreshList(list) : refreshDocument(page));
  const socket = new ChatSocket();
  let lost = false;
  socket.addEventListener("frame", (event) => {
    if (event.detail.type === "rights.changed") look();
  });
  socket.addEventListener("state", (event) => {
    if (event.detail !== "open") lost = true;
    else if (lost) look(); // what was told meanwhile was told to nobody
  });
  socket.connect();
}

async function refreshList(list) {
  const url = new URL(location.href);
  url.searchParams.set("fragment", "1");
  const response = await get(url);
  if (!response?.ok) return;
  const before = documents(list);
  setServerHtml(list, await response.text());
  showTimes(list);
  const after = documents(list);
  const gone = [...before].filter((document) => !after.has(document)).length;
  if (gone) list.before(notice(gone === 1 ? NOT_OPEN : SOME_NOT_OPEN));
}

async function refreshDocument(page) {
  const response = await get(new URL(location.href));
  if (response?.status !== 404) return;
  page.replaceChildren(notice(NOT_OPEN));
  document.querySelector(".topbar-title").textContent = gettext("Documents");
  document.title = gettext("Documents");
}

/** Undefined while offline or signed out: the page stays as it is, and looks again later. */
async function get(url) {
  try {
    return await fetch(url, { redirect: "error", cache: "no-store" });
  } catch {
    return undefined;
  }
}

/** The addresses of the documents in a list. */
function documents(list) {
  const links = [...list.querySelectorAll("a[href^='/documents/']")];
  return new Set(links.map((link) => link.pathname));
}

/** In place of the one that was there before. */
function notice(text) {
  document.querySelector("[data-not-open]")?.remove();
  const element = document.createElement("p");
  element.className = "notice warn";
  element.dataset.notOpen = "";
  element.setAttribute("role", "alert");
  element.textContent = text;
  return element;
}
