// Follows what is written until its question has reached the top, so that an answer is read from
// its beginning; from then on, or when the reader scrolls, it stays put. "Jump to latest" follows
// to the very end.

const NEAR = 48; // pixels from the end that still count as the end
const ABOVE = 12; // pixels kept free above a question

export class ScrollLock {
  #following = "question"; // or "end", or "nothing"
  #placed = 0; // where we put it last: any other place is the reader's doing

  constructor(scroller, content, jump) {
    this.scroller = scroller;
    this.content = content;
    this.jump = jump;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#place()).observe(content);
    new ResizeObserver(() => this.#place()).observe(scroller);
    jump.addEventListener("click", () => this.follow("end"));
  }

  /** From now on keep the newest question, or the very end, in view. */
  follow(what) {
    this.#following = what;
    this.#place();
  }

  /** Bring one element to the top and stay there. */
  show(element) {
    this.#following = "nothing";
    const above = element.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
    this.scroller.scrollTop += above - ABOVE;
    this.#placed = this.scroller.scrollTop;
    this.#showJump();
  }

  #end() {
    return this.scroller.scrollHeight - this.scroller.clientHeight;
  }

  #question() {
    const turn = this.#lastTurn();
    if (!turn) return 0; // what welcomes is read from its beginning
    const above = turn.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
    return this.scroller.scrollTop + above - ABOVE;
  }

  #scrolled() {
    if (Math.abs(this.scroller.scrollTop - this.#placed) > 2) {
      this.#following = this.#end() - this.scroller.scrollTop <= NEAR ? "end" : "nothing";
    }
    this.#showJump();
  }

  #place() {
    if (this.#following !== "nothing") {
      const top = this.#following === "end" ? this.#end() : Math.min(this.#end(), this.#question());
      this.scroller.scrollTop = top;
      this.#placed = this.scroller.scrollTop;
    }
    this.#showJump();
  }

  #showJump() {
    const below = this.#end() - this.scroller.scrollTop;
    this.jump.hidden = below <= NEAR || !this.#lastTurn();
  }

  #lastTurn() {
    return [...this.content.querySelectorAll("[data-turn]:not([hidden])")].at(-1);
  }
}
