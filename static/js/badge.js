// Where and by what an answer was made, in words; `templatetags/page.py` says the same on reload.

export function showBadge(element, badge) {
  const onPrem = badge.environment === "on_prem";
  const place = onPrem ? "On the premises" : badge.region ? `Cloud, ${badge.region}` : "Cloud";
  const model = `${badge.model || badge.deployment} ${badge.version ?? ""}`.trim();
  element.classList.toggle("cloud", !onPrem);
  element.querySelector("[data-badge-place]").textContent = place;
  element.querySelector("[data-badge-model]").textContent = model;
  element.querySelector("[data-badge-grounded]").hidden = !badge.grounded;
  element.hidden = false;
}
