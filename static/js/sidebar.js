// The list of conversations: filter, open and close, and keep it fresh while chatting.

const PHONE = "(max-width: 52rem)";

export class SideBar extends HTMLElement {
  connectedCallback() {
    document.addEventListener("click", (event) => {
      if (event.target.closest("[data-sidebar-toggle]")) this.toggle();
      const menu = this.querySelector("details[data-menu]");
      if (menu.open && !event.target.closest("details[data-menu]")) menu.open = false;
    });
    this.filter = this.querySelector("[data-sidebar-filter]");
    this.filter.addEventListener("input", () => this.#filter());
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
    if (open && matchMedia(PHONE).matches) this.querySelector("a").focus();
  }

  /** Put a conversation on top, under Today; add it if it is new. */
  touch({ conversation, title, icon, current }) {
    const list = this.querySelector("[data-sidebar-list]");
    let item = list.querySelector(`[data-conversation="${conversation}"]`)?.closest("li");
    if (!item) {
      item = this.querySelector("template[data-sidebar-item]").content.firstElementChild.cloneNode(true);
      const link = item.querySelector("a");
      link.href = `/chat/${conversation}/`;
      link.dataset.conversation = conversation;
      const label = item.querySelector(".conversation-title");
      label.textContent = label.title = title;
      if (icon) {
        const use = item.querySelector("use");
        use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${icon}`));
      }
    }
    if (current) {
      for (const link of list.querySelectorAll("[aria-current]")) link.removeAttribute("aria-current");
      item.querySelector("a").setAttribute("aria-current", "page");
    }
    const old = item.closest("section");
    this.#today(list).querySelector("ul").prepend(item);
    if (old && !old.querySelector("li")) old.remove();
    this.querySelector("[data-sidebar-empty]").hidden = true;
  }

  #today(list) {
    const first = list.querySelector("section");
    if (first?.dataset.sidebarGroup === "Today") return first;
    const section = document.createElement("section");
    section.dataset.sidebarGroup = "Today";
    const heading = document.createElement("h2");
    heading.textContent = "Today";
    section.append(heading, document.createElement("ul"));
    list.prepend(section);
    return section;
  }

  #filter() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const section of this.querySelectorAll("[data-sidebar-group]")) {
      let shown = 0;
      for (const item of section.querySelectorAll("li")) {
        const title = item.textContent.toLowerCase();
        item.hidden = !words.every((word) => title.includes(word));
        if (!item.hidden) shown += 1;
      }
      section.hidden = shown === 0;
      found += shown;
    }
    const empty = this.querySelector("[data-sidebar-empty]");
    empty.hidden = found > 0;
    empty.textContent = words.length ? "No title holds these words." : "Your conversations will be listed here.";
  }

  #reflect() {
    for (const button of document.querySelectorAll("button[data-sidebar-toggle]")) {
      button.setAttribute("aria-expanded", String(this.isOpen));
    }
  }
}
