// The documents page: files may be dropped on the form, each is sent by itself and tells how far
// it is, and the list follows what becomes of them.

import { setServerHtml } from "./html.js";
import { showTimes } from "./times.js";
import { LOCALE, gettext } from "./words.js";

const LOOK_AGAIN = 1500; // milliseconds, while a document is being read
const AT_ONCE = 3; // files on their way; the rest waits here
const TRY_AGAIN = [1000, 3000, 10000]; // milliseconds, while the server is away or takes no more
const UNITS = ["B", "kB", "MB", "GB"];
const OUTCOMES = {
  received: [gettext("received"), "ok"],
  indexed: [gettext("searchable"), "ok"],
  unchanged: [gettext("unchanged"), ""],
  held: [gettext("held"), "warn"],
  rejected: [gettext("not read"), "error"],
  refused: [gettext("not taken"), "error"],
};

function sizeInWords(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes || 1) / 3));
  const figure = bytes / 1000 ** power;
  return `${figure.toLocaleString(LOCALE, { maximumFractionDigits: power ? 1 : 0 })} ${UNITS[power]}`;
}

export function listenForUploads() {
  for (const form of document.querySelectorAll("form[data-upload]")) {
    const input = form.querySelector("input[type=file]");
    const drop = form.querySelector("[data-drop]") ?? form;
    const list = form.querySelector("[data-files]");
    const limit = Number(form.dataset.limit) || Infinity;

    const show = () => {
      const files = [...input.files];
      if (!list) return;
      list.hidden = files.length === 0;
      list.replaceChildren(
        ...files.map((file) => {
          const item = document.createElement("li");
          const tooBig = file.size > limit;
          item.classList.toggle("too-big", tooBig);
          item.textContent = `${file.name}, ${sizeInWords(file.size)}`;
          if (tooBig) item.textContent += `: ${gettext("larger than {size}", { size: sizeInWords(limit) })}`;
          return item;
        }),
      );
    };

    input.addEventListener("change", show);
    let depth = 0; // dragenter and dragleave also come from the elements inside
    drop.addEventListener("dragenter", (event) => {
      event.preventDefault();
      depth += 1;
      drop.classList.add("over");
    });
    drop.addEventListener("dragover", (event) => event.preventDefault());
    drop.addEventListener("dragleave", () => {
      depth -= 1;
      if (depth === 0) drop.classList.remove("over");
    });
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      depth = 0;
      drop.classList.remove("over");
      if (!event.dataTransfer.files.length) return;
      input.files = event.dataTransfer.files;
      show();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const files = [...input.files];
      const common = new FormData(form);
      common.delete("files");
      form.reset();
      form.elements.zone.value = common.get("zone");
      show();
      sendAll(form, files, common);
    });
  }
}

/** Each file in a request of its own: one that fails stops no other. */
async function sendAll(form, files, common) {
  const places = form.parentElement.querySelector("[data-upload-progress]");
  places.hidden = false;
  const waiting = files.map((file) => ({ file, place: addPlace(places, file) }));
  form.setAttribute("aria-busy", "true");
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      await sendOne(next.file, common, next.place);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  form.removeAttribute("aria-busy");
  await refreshDocuments();
  followDocuments();
}

function addPlace(places, file) {
  const item = document.createElement("li");
  item.className = "documents-result";
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", gettext("Upload of {name}", { name: file.name }));
  const text = document.createElement("span");
  text.textContent = file.name;
  item.append(bar, text);
  places.append(item);
  return item;
}

async function sendOne(file, common, place) {
  const body = new FormData();
  for (const [name, value] of common) body.append(name, value);
  body.append("files", file);
  for (let turn = 0; ; turn += 1) {
    const { status, answer } = await post(body, (share) => {
      const bar = place.querySelector("progress");
      if (bar) bar.value = share;
    });
    const again = status === 0 || status === 429 || status >= 502;
    if (again && turn < TRY_AGAIN.length) {
      await new Promise((done) => setTimeout(done, TRY_AGAIN[turn]));
      continue;
    }
    const result = answer?.results?.[0] ?? { outcome: "refused", message: trouble(status, answer) };
    tell(place, file.name, result);
    return;
  }
}

function trouble(status, answer) {
  if (answer?.message) return answer.message;
  if (status === 0) return gettext("The server could not be reached. Please add the file again.");
  if (status === 413) return gettext("The file is larger than the server takes. Please split it.");
  if (status === 403) return gettext("Your session has ended. Please reload the page and sign in again.");
  return gettext("The server could not take the file. Please add it again in a moment.");
}

function tell(place, name, { outcome, message }) {
  const [word, kind] = OUTCOMES[outcome] ?? OUTCOMES.refused;
  place.dataset.outcome = outcome;
  const tag = document.createElement("span");
  tag.className = `tag ${kind}`.trim();
  tag.textContent = word;
  const text = document.createElement("span");
  text.textContent = message && !message.includes(name) ? `${name}: ${message}` : message || name;
  place.replaceChildren(tag, text);
}

/** fetch tells nothing of how far an upload is. Status 0 when nothing answers. */
function post(body, onProgress) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/documents/");
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("loadend", () => {
      let answer;
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        // an error page, or nothing
      }
      done({ status: request.status, answer });
    });
    request.send(body);
  });
}

/** Fetch the lists again, narrowed as the page is. */
async function refreshDocuments() {
  const list = document.querySelector("[data-documents-list]");
  if (!list || list.querySelector("details[open]")) return; // somebody is deciding
  const url = new URL(location.href);
  url.searchParams.set("fragment", "1");
  try {
    const response = await fetch(url, { redirect: "error" });
    if (response.ok) {
      setServerHtml(list, await response.text());
      showTimes(list);
    }
  } catch {
    // offline: look again later
  }
}

let following = false;

/** Fetch the lists again while a document in them is being read. */
export function followDocuments() {
  if (following || !document.querySelector("[data-documents-list] [data-waiting]")) return;
  following = true;
  setTimeout(async () => {
    await refreshDocuments();
    following = false;
    followDocuments();
  }, LOOK_AGAIN);
}
