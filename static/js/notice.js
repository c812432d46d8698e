// A notice that is closed for good, without leaving the page: what was typed stays.

for (const form of document.querySelectorAll("[data-close-notice]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const headers = { "X-Requested-With": "fetch" };
    fetch(form.action, { method: "POST", headers, body: new FormData(form), keepalive: true }).catch(() => {});
    form.closest("[data-notice]").remove(); // where it was not told, it comes again at the next visit
    document.querySelector("textarea")?.focus();
  });
}
