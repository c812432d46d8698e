// A recording's page: the words light up as they are heard, and are corrected where they stand.

import { cloneTemplate, setServerHtml } from "../html.js";
import { showTimes } from "../times.js";
import { Player } from "./player.js";
import { getFragment, post } from "./requests.js";
import { gettext } from "../words.js";

const LOOK_AGAIN = 1500; // milliseconds, while it is being transcribed

class TranscriptPage extends HTMLElement {
  #words = [];
  #current;
  #hits = [];
  #hit = -1;

  connectedCallback() {
    this.body = this.querySelector("[data-transcript-body]");
    this.audio = this.querySelector("[data-audio]");
    this.follow = this.querySelector("[data-follow]");
    this.player = new Player(this, this.audio);
    this.audio?.addEventListener("timeupdate", () => this.#light());
    this.querySelector("[data-speed]")?.addEventListener("change", (event) => {
      this.audio.playbackRate = Number(event.target.value);
    });
    this.search = this.querySelector("[data-search]");
    this.search.addEventListener("input", () => this.#find());
    this.search.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.#step(event.shiftKey ? -1 : 1);
    });
    this.addEventListener("click", (event) => this.#click(event));
    this.addEventListener("submit", (event) => this.#change(event));
    this.addEventListener("toggle", (event) => this.#oneMenu(event.target), true);
    this.#read();
    this.#followServer();
    const at = Number(new URLSearchParams(location.search).get("t"));
    if (at && this.audio) this.audio.currentTime = at;
  }

  #read() {
    this.#words = [...this.body.querySelectorAll("[data-word]")];
    this.starts = this.#words.map((word) => Number(word.dataset.word));
    this.#find();
  }

  // ---- following ----------------------------------------------------------------------------

  #light() {
    const now = this.audio.currentTime + 0.05;
    let [low, high] = [0, this.starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= now) low = middle + 1;
      else high = middle;
    }
    const word = this.#words[low - 1];
    const heard = word && now <= Number(word.dataset.wordEnd) + 0.4 ? word : undefined;
    if (heard === this.#current) return;
    this.#current?.classList.remove("heard");
    this.#current = heard;
    heard?.classList.add("heard");
    if (heard && this.follow.checked && !this.audio.paused) {
      heard.closest(".segment").scrollIntoView({ block: "nearest", behavior: "smooth" });
    }
  }

  #followServer() {
    if (!this.hasAttribute("data-moving")) return;
    setTimeout(async () => {
      const html = this.querySelector(".segment-edit, .speaker-edit") ? undefined : await getFragment();
      if (html !== undefined) {
        setServerHtml(this.body, html);
        showTimes(this.body);
        this.#read();
        if (!this.body.querySelector("[data-moving]")) {
          // ready: its buttons are another page's
          location.reload();
          return;
        }
      }
      this.#followServer();
    }, LOOK_AGAIN);
  }

  // ---- searching ----------------------------------------------------------------------------

  #find() {
    const wanted = this.search.value.trim().toLowerCase();
    for (const segment of this.body.querySelectorAll(".segment.hit")) segment.classList.remove("hit", "hit-now");
    this.#hits = wanted
      ? [...this.body.querySelectorAll(".segment")].filter((segment) =>
          segment.querySelector(".segment-text")?.textContent.toLowerCase().includes(wanted),
        )
      : [];
    for (const segment of this.#hits) segment.classList.add("hit");
    this.#hit = -1;
    this.#paint(wanted);
    this.querySelector("[data-search-count]").textContent = wanted ? gettext("{number} found", { number: this.#hits.length }) : "";
  }

  /** The found letters themselves, without changing the text; where the browser can. */
  #paint(wanted) {
    if (!globalThis.Highlight) return;
    const ranges = [];
    for (const segment of this.#hits) {
      for (const word of segment.querySelectorAll("[data-word]")) {
        const text = word.firstChild;
        const at = text?.data?.toLowerCase().indexOf(wanted) ?? -1;
        if (at < 0) continue;
        const range = new Range();
        range.setStart(text, at);
        range.setEnd(text, at + wanted.length);
        ranges.push(range);
      }
    }
    CSS.highlights.set("found", new Highlight(...ranges));
  }

  #step(by) {
    if (!this.#hits.length) return;
    this.#hits[this.#hit]?.classList.remove("hit-now");
    this.#hit = (this.#hit + by + this.#hits.length) % this.#hits.length;
    const segment = this.#hits[this.#hit];
    segment.classList.add("hit-now");
    segment.scrollIntoView({ block: "center" });
    this.querySelector("[data-search-count]").textContent = gettext("{number} of {total}", { number: this.#hit + 1, total: this.#hits.length });
  }

  // ---- correcting ---------------------------------------------------------------------------

  #click(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const segment = button.closest(".segment");
    if (button.matches("[data-edit]")) this.#edit(segment);
    else if (button.matches("[data-speaker]")) this.#rename(segment, button);
    else if (button.matches("[data-history]")) this.#history(segment, button);
  }

  #edit(segment) {
    if (segment.querySelector("form")) return;
    const text = segment.querySelector(".segment-text");
    const form = cloneTemplate(this, "segment-edit");
    const area = form.querySelector("textarea");
    area.value = text.textContent.trim();
    const send = async () => {
      const url = `/recordings/segments/${segment.dataset.segment}/`;
      const response = await post(url, { version: Number(segment.dataset.version), text: area.value });
      const changed = await response.json();
      if (changed.version !== Number(segment.dataset.version)) {
        segment.dataset.version = changed.version;
        const whole = document.createElement("span");
        whole.dataset.word = segment.dataset.start;
        whole.dataset.wordEnd = segment.dataset.end;
        whole.textContent = changed.text;
        text.replaceChildren(whole);
        this.#read();
      }
    };
    this.#open(form, segment, text, send, segment.querySelector("[data-edit]"));
    area.focus();
  }

  #rename(segment, button) {
    if (segment.querySelector("form")) return;
    const form = cloneTemplate(this, "speaker-edit");
    const input = form.querySelector("input");
    input.value = button.textContent;
    const { speaker } = button.dataset;
    const send = async () => {
      const url = `/recordings/${this.dataset.recording}/speakers/`;
      const { speakers } = await (await post(url, { speaker, name: input.value })).json();
      for (const each of this.body.querySelectorAll("[data-speaker]")) {
        each.textContent = speakers[each.dataset.speaker] ?? each.textContent;
      }
    };
    this.#open(form, segment, null, send, button);
    input.select();
  }

  /** Show a form in a segment, in place of `hidden`; what is typed stays when it is refused. */
  #open(form, segment, hidden, send, opener) {
    const close = () => {
      form.remove();
      if (hidden) hidden.hidden = false;
      opener.focus();
    };
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const notice = form.querySelector(".notice");
      try {
        await send();
        close();
      } catch (error) {
        notice.hidden = false;
        notice.querySelector("span").textContent = error.message;
      }
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
      } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    form.querySelector("[data-cancel]").addEventListener("click", close);
    if (hidden) hidden.hidden = true;
    segment.append(form);
  }

  async #history(segment, button) {
    const shown = segment.querySelector(".segment-history");
    button.setAttribute("aria-expanded", String(!shown));
    if (shown) {
      shown.remove();
      return;
    }
    const html = await getFragment(`/recordings/segments/${segment.dataset.segment}/history/`);
    if (html === undefined) return;
    setServerHtml(segment, html, { append: true });
  }

  /** Renamed, shared, stopped, deleted: then the page is another. */
  async #change(event) {
    const form = event.target;
    if (!form.matches("[data-change]")) return;
    event.preventDefault();
    try {
      await post(form.action, new URLSearchParams(new FormData(form)));
      if (form.elements.next) location.assign(form.elements.next.value);
      else location.reload();
    } catch (error) {
      form.querySelector(".notice")?.remove();
      const notice = document.createElement("p");
      notice.className = "notice error";
      notice.setAttribute("role", "alert");
      notice.textContent = error.message;
      form.append(notice);
    }
  }

  #oneMenu(opened) {
    if (!opened.open || !opened.matches("[data-menu]")) return;
    for (const menu of this.querySelectorAll("details[data-menu][open]")) {
      if (menu !== opened) menu.open = false;
    }
  }
}

customElements.define("transcript-page", TranscriptPage);
