// Copying, also where the clipboard API is missing (a plain-http address).

export async function copyText(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function flashDone(button) {
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
}

/** Give each block of code in `root` its button, once. */
export function addCodeButtons(root, makeButton) {
  for (const figure of root.querySelectorAll("figure.code:not(:has([data-copy-code]))")) {
    figure.append(makeButton());
  }
}

/** Break long lines of a block of code, or let it scroll. */
export function wrapCode(button) {
  const wrapped = button.closest("figure").classList.toggle("wrapped");
  button.setAttribute("aria-pressed", String(wrapped));
}

export function copyCode(button) {
  const code = button.closest("figure").querySelector("pre").textContent;
  return copyText(code).then(() => flashDone(button));
}
