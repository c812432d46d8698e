// Sound beside text: an element with `data-seek` plays from its second, to `data-seek-end` if given.

export class Player {
  #until = Infinity;

  /** `audio` may be missing: then nothing can be heard, and nothing happens. */
  constructor(root, audio) {
    this.audio = audio;
    root.addEventListener("click", (event) => {
      const place = event.target.closest("[data-seek], [data-word]");
      if (!place || !audio) return;
      const from = Number(place.dataset.seek ?? place.dataset.word);
      this.play(from, Number(place.dataset.seekEnd ?? Infinity));
    });
    audio?.addEventListener("loadedmetadata", () => this.#measure(), { once: true });
    audio?.addEventListener("timeupdate", () => {
      if (audio.currentTime < this.#until) return;
      this.#until = Infinity;
      audio.pause();
    });
    audio?.addEventListener("seeking", () => {
      if (audio.currentTime > this.#until) this.#until = Infinity; // moved on by hand
    });
  }

  /** What a browser recorded does not say how long it is; to be sought in, that has to be known. */
  #measure() {
    const { audio } = this;
    if (Number.isFinite(audio.duration)) return;
    audio.addEventListener("durationchange", () => (audio.currentTime = 0), { once: true });
    audio.currentTime = Number.MAX_SAFE_INTEGER;
  }

  play(from, until = Infinity) {
    this.#until = until;
    this.audio.currentTime = from;
    this.audio.play();
  }
}
