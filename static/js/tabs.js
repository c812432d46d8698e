// Tabs of one user tell each other what they asked, so that each shows it and follows the answer.

export class Tabs extends EventTarget {
  #channel = null;

  constructor(user) {
    super();
    if (!("BroadcastChannel" in window)) return;
    this.#channel = new BroadcastChannel(`chat-${user}`);
    this.#channel.addEventListener("message", (event) => {
      this.dispatchEvent(new CustomEvent("turn", { detail: event.data }));
    });
  }

  tell(turn) {
    this.#channel?.postMessage(turn);
  }
}
