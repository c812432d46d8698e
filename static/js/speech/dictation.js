// Dictation: what is spoken appears in the composer while it is spoken, and stays editable. Words
// that the server has fixed never change again; the ones after them are shown, and may.

import { closeMicrophone, levelOf, openMicrophone } from "./microphone.js";
import { post } from "./requests.js";
import { gettext } from "../words.js";

const RATE = 16_000;
const FIRST = 1.0; // seconds of sound before it is heard for the first time
const MORE = 0.5; // seconds of new sound before it is heard again
const QUIET = 0.28; // of the level (0 to 1): below, nobody speaks
const TAIL = 0.2; // seconds after the last word that have to be heard too
const LONGEST = 55; // seconds that are not fixed
const WHOLE = 300; // seconds of one spell

/** One spell of dictation. Events: `text` (detail: {fixed, pending}), `level`, `problem`, `end`. */
export class Dictation extends EventTarget {
  fixed = "";
  #samples = new Float32Array(RATE * WHOLE);
  #count = 0;
  #from = 0; // the first sample that is not fixed
  #askedTo = 0; // the last sample that was sent
  #heardTo = 0; // the last sample that was heard
  #pending = [];
  #language = "";
  #failed = 0;
  #spoken = 0; // the last sample at which somebody spoke
  #asking = null;
  #stopped = false;

  constructor(assistant, worklet) {
    super();
    this.assistant = assistant;
    this.worklet = worklet;
  }

  async start() {
    this.stream = await openMicrophone();
    if (this.#stopped) {
      closeMicrophone(this.stream); // stopped while the browser still asked
      return;
    }
    // The browser resamples to the context's rate itself.
    this.context = new AudioContext({ sampleRate: RATE });
    await this.context.audioWorklet.addModule(this.worklet);
    const source = this.context.createMediaStreamSource(this.stream);
    this.node = new AudioWorkletNode(this.context, "samples", { numberOfOutputs: 0 });
    this.node.port.onmessage = (event) => this.#take(event.data);
    source.connect(this.node);
    this.stream.getAudioTracks()[0].addEventListener("ended", () => this.stop());
  }

  /** The microphone closes at once; the last words follow. Resolves when they are there. */
  async stop() {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.stream) closeMicrophone(this.stream);
    await this.context?.close();
    await this.#asking;
    // Only silence since it was heard last: then all of it is known already.
    const heard = this.fixed || this.#pending.length;
    const known = heard && this.#spoken <= this.#heardTo - RATE * TAIL;
    if (known) this.#fix(this.#pending);
    else if (this.#count > this.#from) await this.#ask(true);
    this.#tell("end");
  }

  #take(block) {
    if (this.#stopped) return;
    this.#samples.set(block, this.#count);
    this.#count += block.length;
    const level = levelOf(block);
    if (level > QUIET) this.#spoken = this.#count;
    this.#tell("level", level);
    if (this.#count - this.#from > LONGEST * RATE || this.#count + block.length > this.#samples.length) {
      this.stop();
      return;
    }
    const waiting = (this.#askedTo ? MORE : FIRST) * 2 ** this.#failed;
    const news = this.#spoken > this.#heardTo || this.#pending.length > 0;
    if (!this.#asking && news && this.#count - this.#askedTo >= waiting * RATE) this.#ask(false);
  }

  #ask(final) {
    this.#asking = this.#listen(final).finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #listen(final) {
    const [from, to] = [this.#from, this.#count];
    const body = new FormData();
    body.set("assistant", this.assistant);
    body.set("before", JSON.stringify(this.#pending.map((word) => word.text)));
    if (final) body.set("final", "1");
    if (this.fixed) body.set("language", this.#language); // heard long enough to be sure of it
    body.set("sound", new Blob([pcm(this.#samples.subarray(from, to))]), "sound");
    this.#askedTo = to;
    try {
      const heard = await (await post("/dictation/", body)).json();
      this.#heardTo = to;
      this.#failed = 0;
      this.#tell("problem", "");
      this.#language = heard.language;
      this.#fix(heard.fixed);
      this.#pending = heard.pending;
      this.#from = from + Math.min(to - from, Math.round(heard.until * RATE));
      this.#show();
    } catch (error) {
      this.#failed += 1; // what is busy is asked less often
      this.#tell("problem", error.message);
      if (final) this.#fix(this.#pending); // what was seen is not taken away
      else if (!error.again) this.stop();
    }
  }

  #fix(words) {
    this.fixed += words.map((word) => word.text).join("");
    this.#pending = [];
    this.#show();
  }

  #show() {
    const pending = this.#pending.map((word) => word.text).join("");
    this.#tell("text", { fixed: this.fixed.trimStart(), pending: this.fixed ? pending : pending.trimStart() });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function pcm(samples) {
  const whole = new Int16Array(samples.length);
  for (let index = 0; index < samples.length; index += 1) {
    whole[index] = Math.max(-1, Math.min(1, samples[index])) * 32767;
  }
  return whole; // little-endian on every machine that runs a browser
}

/** The composer's microphone: `<voice-input>` beside its text. */
export class VoiceInput {
  constructor(button, textarea, assistant) {
    this.button = button;
    this.textarea = textarea;
    this.assistant = assistant;
  }

  async toggle() {
    if (this.dictation) {
      this.button.dataset.voice = "ending";
      await this.dictation.stop();
      return;
    }
    const dictation = new Dictation(this.assistant(), this.button.dataset.worklet);
    this.dictation = dictation;
    this.#place();
    dictation.addEventListener("text", (event) => this.#write(event.detail));
    dictation.addEventListener("level", (event) => {
      this.button.querySelector("meter").value = event.detail;
    });
    dictation.addEventListener("problem", (event) => this.#say(event.detail));
    dictation.addEventListener("end", () => this.#ended());
    this.button.dataset.voice = "opening";
    try {
      await dictation.start();
      this.button.dataset.voice = "listening";
      this.placeholder = this.textarea.placeholder;
      this.textarea.placeholder = gettext("Listening");
      this.button.setAttribute("aria-pressed", "true");
    } catch (error) {
      this.#say(error.message);
      this.#ended();
    }
  }

  /** Where the words go: in place of what is selected. */
  #place() {
    const { value, selectionStart, selectionEnd } = this.textarea;
    this.before = value.slice(0, selectionStart);
    if (this.before && !/\s$/.test(this.before)) this.before += " ";
    this.after = value.slice(selectionEnd);
    if (this.after && !/^\s/.test(this.after)) this.after = ` ${this.after}`;
    this.textarea.readOnly = true; // until the last word is there; then it is edited as any text
  }

  #write({ fixed, pending }) {
    this.textarea.value = this.before + fixed + pending + this.after;
    const end = (this.before + fixed + pending).length;
    this.textarea.setSelectionRange(end - pending.length, end); // what may still change
    this.textarea.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #ended() {
    this.dictation = undefined;
    if (this.placeholder) this.textarea.placeholder = this.placeholder;
    this.placeholder = "";
    this.textarea.readOnly = false;
    this.button.dataset.voice = "";
    this.button.setAttribute("aria-pressed", "false");
    const end = this.textarea.selectionEnd;
    this.textarea.focus();
    this.textarea.setSelectionRange(end, end);
  }

  #say(message) {
    this.button.closest("chat-composer").error = message;
  }
}
