// Getting sound to the server, piece by piece: what it has acknowledged is never sent again, and a
// piece that it has already changes nothing.

import { dropPiece, dropTake, getPiece, getTake, keepTake } from "./kept.js";
import { post } from "./requests.js";

const PAUSES = [1000, 2000, 5000, 10000, 20000]; // milliseconds, while the server is out of reach

const wait = (milliseconds) =>
  new Promise((done) => {
    const timer = setTimeout(end, milliseconds);
    function end() {
      clearTimeout(timer);
      removeEventListener("online", end);
      done();
    }
    addEventListener("online", end);
  });

/** Try until it works or is refused for good; `onWait(error)` before each pause. */
export async function persist(act, { onWait = () => {}, tries = Infinity } = {}) {
  for (let turn = 0; ; turn += 1) {
    try {
      return await act();
    } catch (error) {
      if (!error.again || turn + 1 >= tries) throw error;
      onWait(error);
      await wait(PAUSES[Math.min(turn, PAUSES.length - 1)]);
    }
  }
}

async function createRecording({ zone, name, language }) {
  const response = await post("/recordings/create/", new URLSearchParams({ zone, name, language }));
  return (await response.json()).id;
}

async function sendPiece(recording, number, bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const sha256 = [...digest].map((each) => each.toString(16).padStart(2, "0")).join("");
  await post(`/recordings/${recording}/chunks/${number}/`, bytes, { "X-Chunk-Sha256": sha256 });
}

const finishRecording = (recording, chunks) =>
  post(`/recordings/${recording}/finish/`, new URLSearchParams({ chunks }));

/** A file, which is on disk already: read and sent in pieces. Resolves to the recording's id. */
export async function sendFile(file, fields, size, { onShare, onWait }) {
  const recording = await persist(() => createRecording({ ...fields, name: fields.name || file.name }), { onWait });
  const count = Math.ceil(file.size / size);
  for (let number = 0; number < count; number += 1) {
    const bytes = await file.slice(number * size, (number + 1) * size).arrayBuffer();
    await persist(() => sendPiece(recording, number, bytes), { onWait });
    onShare((number + 1) / count);
  }
  await persist(() => finishRecording(recording, count), { onWait });
  return recording;
}

/**
 * Sends what a take holds, while it grows and after. Events: `change` whenever something was
 * acknowledged or has to wait (`problem` says why, "" when it goes on), `done` with the recording.
 */
export class TakeSender extends EventTarget {
  problem = "";
  #running = false;

  constructor(take) {
    super();
    this.take = take;
  }

  /** There is more to send, or it has ended. */
  async wake() {
    if (this.#running) return;
    this.#running = true;
    try {
      await this.#send();
    } catch (error) {
      this.refused = error;
      this.#tell(error.message);
    } finally {
      this.#running = false;
    }
  }

  async #send() {
    const { take } = this;
    const options = { onWait: (error) => this.#tell(error.message) };
    if (!take.recording) {
      take.recording = await persist(() => createRecording(take), options);
      await keepTake(take);
    }
    while (take.sent < take.count) {
      const piece = await getPiece(take.key, take.sent);
      if (piece) {
        await persist(() => sendPiece(take.recording, piece.number, piece.bytes), options);
        await dropPiece(take.key, piece.number);
      }
      take.sent += 1;
      await keepTake(take);
      this.#tell("");
    }
    if (!take.finished) return;
    if (take.count) await persist(() => finishRecording(take.recording, take.count), options);
    await dropTake(take.key);
    this.dispatchEvent(new CustomEvent("done", { detail: take.recording }));
  }

  #tell(problem) {
    this.problem = problem;
    this.dispatchEvent(new Event("change"));
  }
}

/** One tab sends a take, the others leave it alone; resolves to false where another has it. */
export function claimTake(key, act) {
  if (!navigator.locks) return act().then(() => true);
  return navigator.locks.request(`take:${key}`, { ifAvailable: true }, async (lock) => {
    if (!lock || !(await getTake(key))) return false;
    await act();
    return true;
  });
}
