// The connection: reconnects by itself, and sends again what the server has not acknowledged.

import { recall, remember } from "./store.js";

const FIRST_WAIT = 400; // milliseconds; doubles at each failure
const LONGEST_WAIT = 15_000;
const SIGNED_OUT = 4401;
const OUTBOX = "outbox";

/** 128 random bits. `crypto.randomUUID` is missing on a plain-http address. */
export function newClientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Events: `open`, `frame` (detail: the frame), `state` (detail: "open", "connecting", "offline" or
 * "signed-out").
 */
export class ChatSocket extends EventTarget {
  #socket = null;
  #failures = 0;
  #timer = 0;
  #closed = false;
  #outbox = new Map(JSON.parse(recall(OUTBOX) || "[]"));
  state = "connecting";

  constructor(path = "/ws/chat/") {
    super();
    this.url = new URL(path, location.href.replace(/^http/, "ws")).href;
    addEventListener("online", () => this.#connectNow());
    addEventListener("offline", () => this.#drop());
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      this.#closed = false;
      this.#connectNow();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#connectNow();
    });
  }

  connect() {
    clearTimeout(this.#timer);
    if (this.#socket || this.#closed) return;
    if (!navigator.onLine) {
      this.#setState("offline");
      return;
    }
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#failures = 0;
      this.#setState("open");
      for (const frame of this.#outbox.values()) this.send(frame);
      this.dispatchEvent(new Event("open"));
    });
    socket.addEventListener("message", (event) => {
      if (socket === this.#socket) this.#receive(JSON.parse(event.data));
    });
    socket.addEventListener("close", (event) => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      this.#lost(event.code);
    });
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = null;
  }

  /** Send now, or not at all: for what makes no sense later. */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Send, and again after each reconnect and reload, until it is accepted or rejected. */
  deliver(frame) {
    this.#outbox.set(frame.client_id, frame);
    this.#keepOutbox();
    this.send(frame);
  }

  /** Frames of an earlier page load that have not been acknowledged. */
  get undelivered() {
    return [...this.#outbox.values()];
  }

  #receive(frame) {
    if (frame.type === "message.accepted" || frame.type === "message.rejected") {
      this.#outbox.delete(frame.client_id);
      this.#keepOutbox();
    }
    this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
  }

  #keepOutbox() {
    remember(OUTBOX, this.#outbox.size ? JSON.stringify([...this.#outbox]) : "");
  }

  #connectNow() {
    if (this.#socket || this.state === "signed-out") return;
    this.#failures = 0;
    this.connect();
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    clearTimeout(this.#timer);
    this.#setState("offline");
  }

  async #lost(code) {
    if (this.#closed) return;
    this.#failures += 1;
    // A refused handshake looks like a lost one: ask once whether we are still signed in.
    if (code === SIGNED_OUT || (this.#failures === 2 && (await isSignedOut()))) {
      this.#setState("signed-out");
      return;
    }
    this.#setState("connecting");
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (this.#failures - 1));
    this.#timer = setTimeout(() => this.connect(), wait * (0.5 + Math.random() / 2));
  }

  #setState(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}

async function isSignedOut() {
  try {
    const response = await fetch("/chat/", { method: "HEAD", redirect: "manual" });
    return response.type === "opaqueredirect" || response.status === 403;
  } catch {
    return false;
  }
}
