// What can be done with a conversation: the menu behind its three dots, and the forms it opens.

import { setServerHtml } from "../html.js";
import { showTimes } from "../times.js";
import { gettext } from "../words.js";

const menu = document.getElementById("conversation-menu");
const dialog = document.getElementById("conversation-dialog");
const announcer = document.getElementById("announcer");
const EDGE = 8; // pixels kept free at the edge of the window

let subject = null; // {id, opener}: the conversation, and the button that has the focus again

menu.addEventListener("click", (event) => {
  const item = event.target.closest("[role=menuitem]");
  if (!item) return;
  menu.hidePopover();
  if (item.dataset.act) act(item.dataset.act, item.hasAttribute("data-is-on"));
  else if (item.dataset.form) openForm(`/chat/${subject.id}/${item.dataset.form}/`);
});
menu.addEventListener("keydown", (event) => {
  const items = shown();
  const at = items.indexOf(document.activeElement);
  if (event.key === "ArrowDown") items[(at + 1) % items.length].focus();
  else if (event.key === "ArrowUp") items.at(at - 1).focus();
  else if (event.key === "Home") items[0].focus();
  else if (event.key === "End") items.at(-1).focus();
  else if (event.key === "Tab") menu.hidePopover();
  else return;
  event.preventDefault();
});
menu.addEventListener("toggle", (event) => {
  subject?.opener.setAttribute("aria-expanded", String(event.newState === "open"));
  if (event.newState === "closed" && menu.contains(document.activeElement)) subject.opener.focus();
});

dialog.addEventListener("click", (event) => {
  if (event.target === dialog || event.target.closest("[data-dialog-close]")) dialog.close();
});
dialog.addEventListener("input", (event) => {
  if (event.target.matches("[data-choose-new]")) dialog.querySelector("[value=new]").checked = true;
});
dialog.addEventListener("close", () => again(subject)?.focus());
dialog.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const body = new FormData(form, event.submitter);
  event.submitter.disabled = true;
  const response = await post(form.action, body);
  event.submitter.disabled = false;
  if (response?.status === 204) await done(form);
  else if (response?.status === 404) fail(gettext("This conversation is not there any more."));
  else if (response) show(await response.text());
  else fail(gettext("It could not be sent. Check your connection, then try again."));
});

/** Open the menu at its button, which stands in or is an element with `data-conversation`. */
export function openMenu(button) {
  const { conversation, pinned, archived, temporary } = button.closest("[data-conversation]").dataset;
  subject = { id: conversation, opener: button };
  toggle("pin", pinned !== undefined);
  toggle("archive", archived !== undefined);
  for (const item of menu.children) {
    if (item.dataset.export) item.href = `/chat/${conversation}/export/${item.dataset.export}/`;
    item.hidden = temporary !== undefined && !item.dataset.export && item.dataset.form !== "delete";
  }
  menu.showPopover();
  place(button);
  shown()[0].focus();
}

/** The form of a folder: rename it, or delete it. */
export function editFolder(button) {
  const folder = button.closest("[data-folder-row]").dataset.folderRow;
  subject = { folder, opener: button };
  openForm(`/chat/folders/${folder}/`);
}

function toggle(name, isOn) {
  const item = menu.querySelector(`[data-act="${name}"]`);
  const label = item.querySelector("[data-label]");
  label.dataset.off ??= label.textContent;
  label.textContent = isOn ? label.dataset.on : label.dataset.off;
  item.toggleAttribute("data-is-on", isOn);
}

function shown() {
  return [...menu.children].filter((item) => !item.hidden);
}

function place(button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = Math.min(at.left, innerWidth - width - EDGE);
  const top = at.bottom + height + EDGE > innerHeight ? at.top - height : at.bottom;
  menu.style.left = `${Math.max(EDGE, left)}px`;
  menu.style.top = `${Math.max(EDGE, top)}px`;
}

async function act(name, isOn) {
  const response = await post(`/chat/${subject.id}/${name}/`, new URLSearchParams({ on: isOn ? "0" : "1" }));
  if (!response?.ok) {
    announcer.textContent = gettext("It could not be changed. Try again.");
    return;
  }
  const said = { pin: [gettext("Pinned"), gettext("Unpinned")], archive: [gettext("Archived"), gettext("Taken out of the archive")] };
  announcer.textContent = said[name][isOn ? 1 : 0];
  const top = document.querySelector(".topbar [data-conversation-menu]");
  if (top?.dataset.conversation === subject.id) {
    top.toggleAttribute("data-pinned", name === "pin" && !isOn);
    top.toggleAttribute("data-archived", name === "archive" && !isOn);
  }
  await settle();
  again(subject)?.focus();
}

async function openForm(url) {
  try {
    const response = await fetch(url, { redirect: "error", cache: "no-store" });
    if (!response.ok) throw new Error(response.statusText);
    show(await response.text());
    dialog.showModal();
    dialog.querySelector("[autofocus]")?.focus();
  } catch {
    announcer.textContent = gettext("It could not be opened. Try again.");
  }
}

function show(html) {
  setServerHtml(dialog, html);
  showTimes(dialog);
}

function fail(message) {
  dialog.querySelector("[data-form-error]")?.remove();
  const line = document.createElement("p");
  line.className = "notice error";
  line.dataset.formError = "";
  line.setAttribute("role", "alert");
  line.textContent = message;
  dialog.querySelector("form").before(line);
}

async function done(form) {
  const session = document.querySelector("chat-session");
  const isHere = subject.id && session?.conversation === subject.id;
  if (isHere && form.action.endsWith("/delete/")) {
    location.assign("/chat/");
    return;
  }
  const title = new FormData(form).get("title")?.trim().replace(/\s+/g, " ");
  if (isHere && title) {
    session.querySelector("[data-title]").textContent = title;
    document.title = `${title} · hybridapp`;
  }
  await settle();
  dialog.close();
}

/** What is listed on this page, after a change. */
async function settle() {
  if (document.querySelector(".rows [data-conversation]")) {
    location.reload(); // the archive
    return;
  }
  await document.querySelector("side-bar").refresh();
}

/** The button in the list as it is now, the one that was there, or the list's first. */
function again(what) {
  if (what?.opener.isConnected) return what.opener;
  const where = what?.folder
    ? `[data-folder-row="${what.folder}"]`
    : `side-bar li[data-conversation="${what?.id}"]`;
  return document.querySelector(`${where} button`) ?? document.querySelector("[data-search-open]");
}

async function post(url, body) {
  const token = document.querySelector("input[name=csrfmiddlewaretoken]").value;
  try {
    return await fetch(url, { method: "POST", headers: { "X-CSRFToken": token }, body, redirect: "error" });
  } catch {
    return null;
  }
}
