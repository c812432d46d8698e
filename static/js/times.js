// Times in the reader's own locale and zone.

import { LOCALE } from "./words.js";

const FORMATS = {
  date: { dateStyle: "long" },
  moment: { dateStyle: "medium", timeStyle: "short" },
};

/** A day such as 2026-01-31, which is the same day everywhere. */
export function inWords(day) {
  const options = { ...FORMATS.date, timeZone: "UTC" };
  return new Intl.DateTimeFormat(LOCALE, options).format(new Date(day));
}

export function showTimes(root) {
  for (const element of root.querySelectorAll("time[data-format]")) {
    const moment = new Date(element.dateTime);
    element.textContent = new Intl.DateTimeFormat(LOCALE, FORMATS[element.dataset.format]).format(moment);
    element.title = moment.toLocaleString(LOCALE);
  }
}
