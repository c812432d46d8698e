// Reading an answer aloud, in a voice of this machine: a voice that is spoken elsewhere would send
// the text there, so those are never used.

import { gettext } from "../words.js";

let speaking; // the button whose answer is being read

export const canReadAloud = () => "speechSynthesis" in globalThis;

/** Voices that speak on this machine; they may be listed only a moment after they are asked for. */
async function listVoices() {
  const local = () => speechSynthesis.getVoices().filter((voice) => voice.localService);
  if (local().length) return local();
  await new Promise((done) => {
    const timer = setTimeout(done, 1000);
    speechSynthesis.addEventListener("voiceschanged", () => (clearTimeout(timer), done()), { once: true });
  });
  return local();
}

/** Read, or stop reading. Resolves to a message where it cannot be read. */
export async function readAloud(button, text) {
  const again = speaking === button;
  stopReading();
  if (again) return "";
  const voices = await listVoices();
  if (!voices.length) {
    return gettext("This browser has no voice of its own on this machine, and others would send the text away.");
  }
  const language = document.documentElement.lang;
  const voice = voices.find((each) => each.lang.startsWith(language) && each.default)
    ?? voices.find((each) => each.lang.startsWith(language)) ?? voices[0];
  speaking = button;
  button.setAttribute("aria-pressed", "true");
  // Sentence by sentence: Chromium falls silent in the midst of long ones.
  const sentences = text.match(/[^.!?\n]+[.!?]*\s*/g) ?? [text];
  sentences.forEach((sentence, index) => {
    const spoken = new SpeechSynthesisUtterance(sentence);
    spoken.voice = voice;
    spoken.lang = voice.lang;
    if (index === sentences.length - 1) spoken.onend = () => speaking === button && stopReading();
    speechSynthesis.speak(spoken);
  });
  return "";
}

export function stopReading() {
  if (!speaking) return;
  speaking.setAttribute("aria-pressed", "false");
  speaking = undefined;
  speechSynthesis.cancel();
}
