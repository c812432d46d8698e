// Costs in the reader's own locale. What is free has none.

const FREE = "no cost";

function inWords(euro) {
  if (!euro) return FREE;
  const small = { minimumSignificantDigits: 1, maximumSignificantDigits: 2 };
  const options = { style: "currency", currency: "EUR", ...(euro < 1 ? small : {}) };
  return new Intl.NumberFormat(undefined, options).format(euro);
}

/** Write each `<data data-money value="0.000420">` in `root` as people read it. */
export function showMoney(root) {
  for (const element of root.querySelectorAll("data[data-money]")) {
    if (element.value) element.textContent = inWords(Number(element.value));
  }
}
