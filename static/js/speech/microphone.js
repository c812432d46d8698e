// The microphone: opened with a clear message when it cannot be, and how loud it is.

import { gettext } from "../words.js";

const PROBLEMS = {
  NotAllowedError: gettext("The browser does not let this page use the microphone. Allow it in the address bar, then try again."),
  NotFoundError: gettext("No microphone was found. Connect one, then try again."),
  NotReadableError: gettext("The microphone is in use by another program. Close that, then try again."),
};

/** A stream of one channel. Throws an Error whose message says what to do. */
export async function openMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error(gettext("The microphone needs a secure connection (https). Ask your administrator."));
  }
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    throw new Error(PROBLEMS[error.name] ?? gettext("The microphone could not be opened ({error}).", { error: error.name }));
  }
}

export function closeMicrophone(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/** How loud samples are, 0 to 1: speech is quiet on a linear scale, so 60 dB below full is 0. */
export function levelOf(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / samples.length + 1e-9);
  return Math.min(1, Math.max(0, (decibels + 60) / 60));
}

/** Calls `show(level)` for each frame that is drawn, until `stop()`. */
export class Level {
  #frame = 0;

  constructor(context, source, show) {
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const look = () => {
      analyser.getFloatTimeDomainData(samples);
      show(levelOf(samples));
      this.#frame = requestAnimationFrame(look);
    };
    look();
  }

  stop() {
    cancelAnimationFrame(this.#frame);
  }
}
