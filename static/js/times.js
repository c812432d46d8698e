// Times in the reader's own locale and zone.

const FORMATS = {
  date: { dateStyle: "long" },
  moment: { dateStyle: "medium", timeStyle: "short" },
};

export function showTimes(root) {
  for (const element of root.querySelectorAll("time[data-format]")) {
    const moment = new Date(element.dateTime);
    element.textContent = new Intl.DateTimeFormat(undefined, FORMATS[element.dataset.format]).format(moment);
    element.title = moment.toLocaleString();
  }
}
