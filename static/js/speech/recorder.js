// Recording in the page: each piece is kept in this browser before anything is sent, so that a lost
// network, a closed tab or a crash loses at most the last seconds.

import { claimTake, TakeSender } from "./sending.js";
import { keepPiece, keepTake } from "./kept.js";
import { closeMicrophone, Level, openMicrophone } from "./microphone.js";
import { clock } from "./requests.js";
import { LOCALE, gettext } from "../words.js";

const PIECE_SECONDS = 3;
const TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const BARS = 240; // of the wave, the newest on the right
const IDLE = gettext("Or drop a recording below. Nothing audible leaves the premises.");

/** Events, bubbling: `take-begun` (detail: its sender), `take-ended`. */
export class VoiceRecorder extends HTMLElement {
  #levels = [];

  connectedCallback() {
    this.piece = (name) => this.querySelector(`[data-${name}]`);
    this.piece("record").addEventListener("click", () => this.#start());
    this.piece("pause").addEventListener("click", () => this.#pause());
    this.piece("finish").addEventListener("click", () => this.#finish());
    addEventListener("beforeunload", (event) => {
      if (this.recorder) event.preventDefault(); // asks; what came so far is kept either way
    });
  }

  async #start() {
    this.#tell("");
    const page = this.closest("[data-recordings]");
    const field = (name) => page.querySelector(`[data-${name}]`).value.trim();
    try {
      this.stream = await openMicrophone();
    } catch (error) {
      this.#tell(error.message);
      return;
    }
    const type = TYPES.find((each) => MediaRecorder.isTypeSupported(each)) ?? "";
    const take = {
      key: crypto.randomUUID(),
      user: page.dataset.user,
      zone: field("zone"),
      name: field("name") || gettext("Recording of {moment}", { moment: new Date().toLocaleString(LOCALE) }),
      language: field("language"),
      recording: null,
      sent: 0,
      count: 0,
      finished: false,
      created: Date.now(),
    };
    try {
      await keepTake(take);
    } catch {
      closeMicrophone(this.stream);
      this.#tell(gettext("This browser keeps no data (a private window?), so a recording could be lost. Use another window."));
      return;
    }
    this.sender = new TakeSender(take);
    this.keeping = Promise.resolve();
    this.recorder = new MediaRecorder(this.stream, { mimeType: type, audioBitsPerSecond: 48_000 });
    this.recorder.addEventListener("dataavailable", (event) => this.#keep(event.data));
    this.recorder.addEventListener("stop", () => this.#stopped());
    this.stream.getAudioTracks()[0].addEventListener("ended", () => this.#finish()); // unplugged
    this.recorder.start(PIECE_SECONDS * 1000);
    this.seconds = 0;
    this.since = performance.now();
    this.context = new AudioContext();
    const source = this.context.createMediaStreamSource(this.stream);
    this.level = new Level(this.context, source, (level) => this.#show(level));
    this.#arrange();
    // This tab sends it, until all has arrived.
    const { sender } = this;
    claimTake(take.key, () => new Promise((release) => sender.addEventListener("done", release)));
    this.dispatchEvent(new CustomEvent("take-begun", { bubbles: true, detail: this.sender }));
  }

  /** One piece after the other, each with the count that names it. */
  #keep(blob) {
    if (!blob.size) return;
    const { take } = this.sender;
    this.keeping = this.keeping.then(async () => {
      const bytes = await blob.arrayBuffer();
      take.count += 1;
      try {
        await keepPiece(take, take.count - 1, bytes);
      } catch {
        take.count -= 1;
        this.#tell(gettext("The browser’s storage is full. The recording ends here; what came before is kept."));
        this.#finish();
        return;
      }
      this.sender.wake();
    });
  }

  #pause() {
    const paused = this.recorder.state === "paused";
    if (paused) {
      this.recorder.resume();
      this.since = performance.now();
    } else {
      this.recorder.pause();
      this.seconds = this.#elapsed();
    }
    this.#arrange();
  }

  #finish() {
    if (this.recorder?.state !== "inactive") this.recorder?.stop();
  }

  async #stopped() {
    this.recorder = null;
    this.level.stop();
    this.context.close();
    closeMicrophone(this.stream);
    await this.keeping;
    this.sender.take.finished = true;
    await keepTake(this.sender.take);
    this.sender.wake();
    this.#levels = [];
    this.#arrange();
    this.dispatchEvent(new CustomEvent("take-ended", { bubbles: true }));
  }

  #elapsed() {
    const running = this.recorder?.state === "recording";
    return this.seconds + (running ? (performance.now() - this.since) / 1000 : 0);
  }

  #arrange() {
    const state = this.recorder?.state;
    this.classList.toggle("recording-now", state === "recording");
    this.piece("record").hidden = Boolean(state);
    for (const name of ["pause", "finish", "time", "level"]) this.piece(name).hidden = !state;
    this.piece("pause-text").textContent = state === "paused" ? gettext("Go on") : gettext("Pause");
    this.piece("state").textContent = { recording: gettext("Recording"), paused: gettext("Paused") }[state] ?? IDLE;
    if (!state) this.#draw();
  }

  #show(level) {
    this.piece("meter").value = level;
    this.piece("time").textContent = clock(this.#elapsed());
    if (this.recorder?.state !== "recording") return;
    this.#levels.push(level);
    if (this.#levels.length > BARS) this.#levels.shift();
    this.#draw();
  }

  #draw() {
    const canvas = this.piece("wave");
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = getComputedStyle(this).getPropertyValue("color");
    const width = canvas.width / BARS;
    const first = BARS - this.#levels.length;
    this.#levels.forEach((level, index) => {
      const height = Math.max(2, level * canvas.height);
      pen.fillRect((first + index) * width, (canvas.height - height) / 2, width - 1, height);
    });
  }

  #tell(problem) {
    this.piece("problem-text").textContent = problem;
    this.piece("problem").hidden = !problem;
  }
}
