// Where and by what an answer was made, in words; `templatetags/page.py` says the same on reload.

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
  if (badge.environment === "on_prem") return "On the premises";
  const whose = PROVIDERS[badge.provider] ?? badge.deployment;
  return `Cloud: ${[whose, badge.region].filter(Boolean).join(", ")}`;
}

/** What was done to what left; nothing is said of a badge that does not tell. */
function sealed(badge) {
  if (badge.environment === "on_prem" || badge.sealed === undefined) return "";
  if (!badge.sealed) return "sent as written";
  const count = Object.values(badge.replaced ?? {}).reduce((sum, each) => sum + each, 0);
  if (!count) return "sealed, nothing to replace in it";
  return `sealed, ${count} value${count === 1 ? "" : "s"} replaced`;
}
