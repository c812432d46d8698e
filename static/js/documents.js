// The documents pages follow what may be read: when rights change or a document is moved, the list
// is fetched again, and an open document that is out of reach is taken off the page.

import { setServerHtml } from "./html.js";
import { ChatSocket } from "./socket.js";
import { showTimes } from "./times.js";

export const NOT_OPEN = "This document is no longer open to you.";
const SOME_NOT_OPEN = "Some documents are no longer open to you.";

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
  const before = links(list);
  setServerHtml(list, await response.text());
  showTimes(list);
  const after = new Set(links(list));
  const gone = before.filter((link) => !after.has(link)).length;
  if (gone) tell(list, gone === 1 ? NOT_OPEN : SOME_NOT_OPEN);
}

async function refreshDocument(page) {
  const response = await get(new URL(location.href));
  if (response?.status !== 404) return;
  page.replaceChildren();
  document.querySelector(".topbar-title").textContent = "Documents";
  document.title = "Documents";
  tell(page, NOT_OPEN);
}

/** Undefined while offline or signed out: the page stays as it is, and looks again later. */
async function get(url) {
  try {
    return await fetch(url, { redirect: "error", cache: "no-store" });
  } catch {
    return undefined;
  }
}

function links(list) {
  return [...list.querySelectorAll("a[href^='/documents/']")].map((link) => link.pathname);
}

function tell(place, text) {
  const notice = document.createElement("p");
  notice.className = "notice warn";
  notice.setAttribute("role", "alert");
  notice.textContent = text;
  place.prepend(notice);
}
