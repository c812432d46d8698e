// A draft's trials: their answers come while the page is open.

import { setServerHtml } from "../html.js";

const ASK_EVERY = 800; // milliseconds, while an answer is on its way
const ASK_AFTER_LOSS = 4_000;

const trials = document.querySelector("[data-trials]");
const told = document.querySelector("[data-trials-told]");

const isPending = () => Boolean(trials.querySelector("[data-pending]"));

async function follow() {
  let wait = ASK_EVERY;
  try {
    const reply = await fetch(trials.dataset.url, { headers: { "X-Requested-With": "fetch" } });
    if (reply.redirected || !reply.ok) throw new Error(`trials: ${reply.status}`);
    setServerHtml(trials, await reply.text());
    if (trials.querySelector('[data-untried="0"]')) document.querySelector("[data-untried-told]")?.remove();
    told.textContent = isPending() ? "" : "All answers are here.";
  } catch {
    told.textContent = "The answers could not be fetched. Trying again.";
    wait = ASK_AFTER_LOSS;
  }
  if (isPending()) setTimeout(follow, wait);
}

if (trials && isPending()) setTimeout(follow, ASK_EVERY);
