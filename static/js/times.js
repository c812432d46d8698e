// Times in the reader's own locale and zone.

const FORMATS = {
  date: { dateStyle: "long" },
  moment: { dateStyle: "medium", timeStyle: "short" },
};

/** A day such as 2026-01-31, which is the same day everywhere. */
export function inWords(day) {
  const options = { ...FORMATS.date, timeZone: "UTC" };
  return new Intl.DateTimeFormat(undefined, options).format(new Date(day));
}

export function showTimes(root) {
  for (const element of root.querySelectorAll("time[data-format]")) {
    const moment = new Date(element.dateTime);
    element.textContent = new Intl.DateTimeFormat(undefined, FORMATS[element.dataset.format]).format(moment);
    element.title = moment.toLocaleString();
  }
}
