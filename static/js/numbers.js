// Costs and counts in the reader's own locale.

import { LOCALE, gettext } from "./words.js";

const FREE = gettext("no cost");

function inWords(euro) {
  if (!euro) return FREE;
  const small = { minimumSignificantDigits: 1, maximumSignificantDigits: 2 };
  const options = { style: "currency", currency: "EUR", ...(euro < 1 ? small : {}) };
  return new Intl.NumberFormat(LOCALE, options).format(euro);
}

/** Write each `<data data-money value="0.000420">` (euro) and `<data data-number>` as people do. */
export function showNumbers(root) {
  for (const element of root.querySelectorAll("data[data-money]")) {
    if (element.value) element.textContent = inWords(Number(element.value));
  }
  for (const element of root.querySelectorAll("data[data-number]")) {
    element.textContent = Number(element.value).toLocaleString(LOCALE);
  }
}
