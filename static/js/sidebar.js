// The list of conversations: open and close, load more of it, and keep it fresh while chatting.
// Its menus, forms and the search come when they are asked for.

import { setServerHtml } from "./html.js";
import { gettext } from "./words.js";

const PHONE = "(max-width: 52rem)";

export class SideBar extends HTMLElement {
  #menu = null; // comes with its first use

  connectedCallback() {
    this.list = this.querySelector("[data-sidebar-list]");
    document.addEventListener("click", (event) => {
      if (event.target.closest("[data-sidebar-toggle]")) this.toggle();
      const menu = this.querySelector("details[data-menu]");
      if (menu.open && !event.target.closest("details[data-menu]")) menu.open = false;
      this.#click(event);
    });
    this.list.addEventListener("toggle", (event) => this.#unfolded(event.target), true);
    this.#reflect();
    matchMedia(PHONE).addEventListener("change", () => this.#reflect());
  }

  get isOpen() {
    const state = document.body.dataset.sidebar;
    return matchMedia(PHONE).matches ? state === "open" : state !== "closed";
  }

  /** Close what hides the page: the menu, or the sidebar on a phone. True if something was open. */
  dismiss() {
    const menu = this.querySelector("details[data-menu]");
    if (menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
      return true;
    }
    if (matchMedia(PHONE).matches && this.isOpen) {
      this.toggle();
      return true;
    }
    return false;
  }

  toggle() {
    const open = !this.isOpen;
    document.body.dataset.sidebar = open ? "open" : "closed";
    if (!matchMedia(PHONE).matches) {
      try {
        localStorage.setItem("sidebar", document.body.dataset.sidebar);
      } catch {
        // nothing is remembered
      }
    }
    this.#reflect();
    if (!matchMedia(PHONE).matches) return;
    if (open) this.querySelector("a").focus();
    else document.querySelector("main [data-sidebar-toggle]")?.focus();
  }

  async search() {
    const { openSearch } = await import("./history/search.js");
    openSearch();
  }

  /** Fetch the list again, with its open folders; true if that was possible. */
  async refresh() {
    const url = new URL(this.list.dataset.url, location.href);
    for (const folder of this.list.querySelectorAll("[data-folder][open]")) {
      url.searchParams.append("opened", folder.dataset.folder);
    }
    const current = document.querySelector("chat-session")?.conversation;
    if (current) url.searchParams.set("current", current);
    const html = await get(url);
    if (html !== null) setServerHtml(this.list, html);
    return html !== null;
  }

  /**
   * Put a conversation on top, under Today; add it if it is new. One that is pinned or in a folder
   * keeps its place.
   */
  touch({ conversation, title, icon, current }) {
    const list = this.list;
    let item = list.querySelector(`li[data-conversation="${conversation}"]`);
    if (!item) {
      item = this.querySelector("template[data-sidebar-item]").content.firstElementChild.cloneNode(true);
      item.dataset.conversation = conversation;
      const link = item.querySelector("a");
      link.href = `/chat/${conversation}/`;
      link.dataset.conversation = conversation;
      const label = item.querySelector(".conversation-title");
      label.textContent = label.title = title;
      item.querySelector("button").ariaLabel = gettext("More for “{title}”", { title });
      if (icon) {
        const use = item.querySelector("use");
        use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${icon}`));
      }
    }
    if (current) {
      for (const link of list.querySelectorAll("[aria-current]")) link.removeAttribute("aria-current");
      item.querySelector("a").setAttribute("aria-current", "page");
    }
    this.querySelector("[data-sidebar-empty]").hidden = true;
    if (item.closest("[data-sidebar-fixed]")) return;
    const old = item.closest("section");
    this.#today(list).querySelector("ul").prepend(item);
    if (old && !old.querySelector("li")) old.remove();
  }

  #today(list) {
    const first = list.querySelector("[data-sidebar-group]");
    if (first?.dataset.sidebarGroup === "Today") return first;
    const section = document.createElement("section");
    section.dataset.sidebarGroup = "Today";
    const heading = document.createElement("h2");
    heading.textContent = gettext("Today");
    section.append(heading, document.createElement("ul"));
    const fixed = [...list.querySelectorAll("[data-sidebar-fixed]")].at(-1);
    if (fixed) fixed.after(section);
    else list.prepend(section);
    return section;
  }

  async #click(event) {
    const button = event.target.closest("button");
    if (button?.matches("[data-search-open]")) this.search();
    else if (button?.matches("[data-more]")) this.#more(button);
    else if (button?.matches("[data-conversation-menu], [data-folder-edit]")) {
      // Once loaded it opens at once: what is pressed next must find the menu, not the button.
      const menu = (this.#menu ??= await import("./history/menu.js"));
      if (button.matches("[data-folder-edit]")) menu.editFolder(button);
      else menu.openMenu(button);
    }
  }

  /** What follows in the list takes the place of the button. */
  async #more(button) {
    button.disabled = true;
    const current = document.querySelector("chat-session")?.conversation ?? "";
    const html = await get(`${button.dataset.more}&current=${current}`);
    button.disabled = false;
    if (html === null) {
      button.querySelector("span").textContent = gettext("Could not be loaded. Try again");
      return;
    }
    const parent = button.parentElement;
    button.remove();
    const nodes = setServerHtml(parent, html, { append: true });
    const first = nodes[0];
    const before = first?.previousElementSibling;
    const sameList = first?.matches("ul") ? before : null; // in a folder
    const sameGroup = first?.dataset.sidebarGroup && before?.dataset.sidebarGroup === first.dataset.sidebarGroup;
    const link = first?.querySelector("a");
    const target = sameList ?? (sameGroup ? before.querySelector("ul") : null);
    if (target) {
      target.append(...first.querySelectorAll("li"));
      first.remove();
    }
    link?.focus();
  }

  async #unfolded(folder) {
    if (!folder.matches?.("[data-folder]") || !folder.open) return;
    const body = folder.querySelector("[data-folder-body]");
    if (body.children.length) return;
    const html = await get(`${this.list.dataset.url}?folder=${folder.dataset.folder}`);
    if (html !== null) setServerHtml(body, html);
    else folder.open = false;
  }

  #reflect() {
    for (const button of document.querySelectorAll("button[data-sidebar-toggle]")) {
      button.setAttribute("aria-expanded", String(this.isOpen));
    }
    // On a phone it lies on top of the page, which is out of reach meanwhile, for Tab as well.
    document.querySelector("main").inert = matchMedia(PHONE).matches && this.isOpen;
  }
}

async function get(url) {
  try {
    const response = await fetch(url, { redirect: "error", cache: "no-store" });
    return response.ok ? await response.text() : null;
  } catch {
    return null; // offline or signed out: the page says so elsewhere
  }
}
