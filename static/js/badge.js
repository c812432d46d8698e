// Where and by what an answer was made, in words; `templatetags/page.py` says the same on reload.

import { gettext, ngettext } from "./words.js";

const PROVIDERS = { anthropic: "Anthropic" };
const STAND_IN = /\b(?:demo|stand-in)\b/;

export function showBadge(element, badge) {
  const part = (name) => element.querySelector(`[data-badge-${name}]`);
  const version = badge.version ?? "";
  element.classList.toggle("cloud", badge.environment !== "on_prem");
  part("place").textContent = place(badge);
  part("model").textContent = `${badge.model || badge.deployment} ${version}`.trim();
  part("stand-in").hidden = !STAND_IN.test(`${badge.deployment} ${badge.model} ${version}`);
  part("sealed").textContent = sealed(badge);
  part("grounded").hidden = !badge.grounded;
  element.hidden = false;
}

function place(badge) {
  if (badge.environment === "on_prem") return gettext("On the premises");
  const whose = PROVIDERS[badge.provider] ?? badge.deployment;
  return gettext("Cloud: {place}", { place: [whose, badge.region].filter(Boolean).join(", ") });
}

/** What was done to what left; nothing is said of a badge that does not tell. */
function sealed(badge) {
  if (badge.environment === "on_prem" || badge.sealed === undefined) return "";
  if (!badge.sealed) return gettext("sent as written");
  const count = Object.values(badge.replaced ?? {}).reduce((sum, each) => sum + each, 0);
  if (!count) return gettext("sealed, nothing to replace in it");
  return ngettext("sealed, {number} value replaced", "sealed, {number} values replaced", count);
}
