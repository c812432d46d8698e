// The words of the scripts in the page's language. An English page brings none: the words in the
// code are its own. A `{name}` in a text stands for a value, so that each language can put it
// where it belongs.

const page = document.getElementById("words");
const words = page ? JSON.parse(page.textContent) : {};
const language = document.documentElement.lang || "en";

/** The page's language as its reader writes it, for dates and numbers: “en-GB” on an English page
 * where the browser says so. In Arabic with the digits that the server writes. */
export const LOCALE = (() => {
  const own = navigator.languages?.find((each) => each.split("-")[0] === language.split("-")[0]);
  return language.startsWith("ar") ? `${own ?? language}-u-nu-latn` : own ?? language;
})();

const plurals = new Intl.PluralRules(language);
// In the order of the catalogues, which have a form for each category that a language knows, or
// two (French, which tells millions apart, where they read the same).
const known = plurals.resolvedOptions().pluralCategories;
const CATEGORIES = ["zero", "one", "two", "few", "many", "other"].filter((each) => known.includes(each));

export function gettext(text, values = {}) {
  return fill(words[text] ?? text, values);
}

/** `{number}` is the number, as the reader writes it. */
export function ngettext(one, many, number, values = {}) {
  const forms = words[one] ?? [one, many];
  const at = CATEGORIES.indexOf(plurals.select(number));
  const found = forms.length === CATEGORIES.length ? forms[at] : forms[at ? 1 : 0];
  return fill(found, { number: number.toLocaleString(LOCALE), ...values });
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
