// The blanks of a prompt, such as {{client}}: Tab goes from one to the next, what is typed takes its
// place.

import { gettext } from "../words.js";

const BLANK = /\{\{ *([^{}\n]{1,60}?) *\}\}/g;

/** How a prompt begins, for a list. */
export function blankFirst(text) {
  return text.slice(0, 90).replace(/\s+/g, " ");
}

export class Filling {
  #warned = false;

  constructor(textarea) {
    this.textarea = textarea;
  }

  /** A prompt was put into the field: its first blank is what one types into. */
  begin() {
    this.#warned = false;
    const [first] = this.#blanks();
    if (first) this.#select(first);
  }

  /** Take Tab while there are blanks; whether it was taken. */
  key(event) {
    if (event.key !== "Tab" || event.ctrlKey || event.altKey || event.metaKey) return false;
    const { selectionStart, selectionEnd } = this.textarea;
    const blanks = this.#blanks();
    const next = event.shiftKey
      ? blanks.findLast((blank) => blank.end <= selectionStart)
      : blanks.find((blank) => blank.start >= selectionEnd);
    if (!next) return false; // on to what follows the field
    event.preventDefault();
    this.#select(next);
    return true;
  }

  /** The name of a blank that is left, the first time it is asked for; "" where it may be sent. */
  missing() {
    const [first] = this.#blanks();
    if (!first || this.#warned) return "";
    this.#warned = true;
    this.#select(first);
    return first.name;
  }

  #blanks() {
    return [...this.textarea.value.matchAll(BLANK)].map((match) => ({
      name: match[1],
      start: match.index,
      end: match.index + match[0].length,
    }));
  }

  #select({ name, start, end }) {
    this.textarea.focus();
    this.textarea.setSelectionRange(start, end);
    document.getElementById("announcer").textContent = gettext("Fill in: {name}", { name });
  }
}
