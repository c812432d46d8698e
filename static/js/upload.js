// The documents page: files may be dropped on the form and are listed before they are sent; the
// list follows what becomes of them.

import { setServerHtml } from "./html.js";
import { showTimes } from "./times.js";

const LOOK_AGAIN = 1500; // milliseconds, while a document is being read
const UNITS = ["B", "kB", "MB", "GB"];

function sizeInWords(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes || 1) / 3));
  const figure = bytes / 1000 ** power;
  return `${figure.toLocaleString(undefined, { maximumFractionDigits: power ? 1 : 0 })} ${UNITS[power]}`;
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
          if (tooBig) item.textContent += `: larger than ${sizeInWords(limit)}`;
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
    form.addEventListener("submit", () => {
      const button = form.querySelector("[type=submit]");
      button.disabled = true;
      form.setAttribute("aria-busy", "true");
    });
  }
}

/** Fetch the lists again while a document in them is being read. */
export function followDocuments() {
  const list = document.querySelector("[data-documents-list]");
  if (!list?.querySelector("[data-waiting]")) return;
  setTimeout(async () => {
    try {
      const response = await fetch("/documents/?fragment=1", { redirect: "error" });
      if (response.ok) {
        setServerHtml(list, await response.text());
        showTimes(list);
      }
    } catch {
      // offline: look again later
    }
    followDocuments();
  }, LOOK_AGAIN);
}
