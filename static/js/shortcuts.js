// Keys that work anywhere on the page. The list that `?` opens is `templates/_shortcuts.html`.

function isTyping(target) {
  return target instanceof HTMLElement && target.matches("input:not([type=radio]), textarea, select");
}

export function listenForShortcuts() {
  const dialog = document.getElementById("shortcuts");
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-shortcuts-open]")) dialog.showModal();
    if (event.target === dialog) dialog.close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const command = event.ctrlKey || event.metaKey;
    if (command && event.shiftKey && event.key.toLowerCase() === "o") {
      event.preventDefault();
      document.querySelector('[data-shortcut="new-chat"]').click();
    } else if (command && event.key.toLowerCase() === "k") {
      event.preventDefault();
      document.querySelector("side-bar").search();
    } else if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      escape(event);
    } else if (!command && !event.altKey && !isTyping(event.target) && !event.target.closest("dialog")) {
      if (event.key === "?") {
        event.preventDefault();
        dialog.showModal();
      } else if (event.key === "/") {
        const composer = document.querySelector("chat-composer");
        if (!composer) return;
        event.preventDefault();
        composer.focus();
      }
    }
  });
}

function escape(event) {
  if (document.querySelector(":popover-open")) return; // the browser closes it
  if (document.querySelector("side-bar").dismiss()) return;
  if (document.querySelector("message-preview")?.dismiss()) return;
  if (document.querySelector("chat-composer")?.dismiss()) return;
  const panel = document.querySelector("citation-panel");
  if (panel?.isOpen) panel.close();
  else if (isTyping(event.target) && event.target.type === "search") event.target.blur();
  else document.querySelector("chat-session")?.stop();
}
