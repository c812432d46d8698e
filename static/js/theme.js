// Runs before the first paint, so that a remembered choice does not flash.
"use strict";
(() => {
  const root = document.documentElement;
  const apply = (choice) => {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
  };
  const read = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  apply(read());
  try {
    if (localStorage.getItem("sidebar") === "closed" && matchMedia("(min-width: 52rem)").matches) {
      document.addEventListener("DOMContentLoaded", () => {
        document.body.dataset.sidebar = "closed";
      });
    }
  } catch {
    // storage is switched off: nothing is remembered
  }
  window.addEventListener("storage", (event) => {
    if (event.key === "theme") apply(event.newValue);
  });
  document.addEventListener("change", (event) => {
    if (!(event.target instanceof HTMLInputElement) || event.target.name !== "theme") return;
    apply(event.target.value);
    try {
      localStorage.setItem("theme", event.target.value);
    } catch {
      // as above
    }
  });
  document.addEventListener("DOMContentLoaded", () => {
    const chosen = document.querySelector(`input[name="theme"][value="${read() ?? "system"}"]`);
    if (chosen) chosen.checked = true;
  });
})();
