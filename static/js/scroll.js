// Follows the end of the transcript while the reader is there, and leaves them alone otherwise.

const NEAR = 64; // pixels from the end that still count as the end

export class ScrollLock {
  #following = true;

  constructor(scroller, content, jump) {
    this.scroller = scroller;
    this.jump = jump;
    scroller.addEventListener("scroll", () => this.#look(), { passive: true });
    new ResizeObserver(() => this.#grown()).observe(content);
    new ResizeObserver(() => this.#grown()).observe(scroller);
    jump.addEventListener("click", () => this.toEnd());
  }

  toEnd() {
    this.#following = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.jump.hidden = true;
  }

  #distance() {
    return this.scroller.scrollHeight - this.scroller.clientHeight - this.scroller.scrollTop;
  }

  #look() {
    this.#following = this.#distance() <= NEAR;
    this.jump.hidden = this.#following;
  }

  #grown() {
    if (this.#following) this.toEnd();
    else this.jump.hidden = this.#distance() <= NEAR;
  }
}
