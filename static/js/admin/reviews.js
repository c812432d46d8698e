// The reviewers' pages: keys, clocks that run, and a claim that is kept while its page is open.

const KEEP_EVERY = 60_000; // milliseconds; a claim lasts a quarter of an hour
const TICK_EVERY = 10_000;

const item = document.querySelector("[data-review-item]");
const queue = document.querySelector("[data-review-queue]");
const keys = document.querySelector("[data-review-keys]");

/** "12 min left", "3 min late", in the words the server uses. */
function tick() {
  for (const clock of document.querySelectorAll("time[data-due]")) {
    const minutes = Math.round((new Date(clock.dateTime) - Date.now()) / 60_000);
    const size = Math.abs(minutes);
    const words = size < 60 ? `${size} min` : size < 2880 ? `${Math.floor(size / 60)} h ${size % 60} min` : `${Math.floor(size / 1440)} days`;
    clock.textContent = `${words} ${minutes < 0 ? "late" : "left"}`;
    clock.classList.toggle("late", minutes < 0);
  }
}

function isTyping(target) {
  return target.matches("textarea, select, input:not([type=checkbox], [type=radio])");
}

function move(step) {
  const links = [...queue.querySelectorAll("a[data-open]")];
  const now = links.indexOf(document.activeElement);
  const next = now < 0 ? (step > 0 ? 0 : links.length - 1) : now + step;
  links[Math.min(Math.max(next, 0), links.length - 1)]?.focus();
}

function inQueue(key) {
  const row = document.activeElement.closest("tr");
  if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === "o") row?.querySelector("a[data-open]")?.click();
  else if (key === "x") row?.querySelector("input[type=checkbox]")?.click();
  else return false;
  return true;
}

function inItem(key) {
  if (key === "u") {
    location.href = item.dataset.queue;
    return true;
  }
  const button = item.querySelector(`[data-key="${key}"]`);
  if (button) {
    button.click();
    return true;
  }
  const field = item.querySelector(`[data-key-focus="${key}"]`);
  if (!field) return false;
  const hidden = field.closest("details");
  if (hidden) hidden.open = true;
  field.focus();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || keys.open) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target.closest("[data-edit-answer]");
    form?.querySelector("[data-submit-edit]").click();
    return;
  }
  if (event.key === "Escape" && isTyping(event.target)) {
    event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === "?") keys.showModal();
  else if (!(queue ? inQueue(event.key) : inItem(event.key))) return;
  event.preventDefault();
});

/** What may not be reviewed here any more does not stay on the screen. */
async function keep() {
  const headers = { "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value };
  let response;
  try {
    response = await fetch(item.dataset.keep, { method: "POST", headers, redirect: "error" });
  } catch {
    return; // offline: the next one tells
  }
  if (response.ok || response.status >= 500) return;
  clearInterval(keeping);
  const told = response.status === 409 ? (await response.json()).message : "You may not review this any more.";
  const notice = document.createElement("p");
  notice.className = "errornote";
  notice.setAttribute("role", "alert");
  notice.textContent = told;
  item.replaceChildren(notice);
}

let keeping = 0;
if (item?.dataset.keep) {
  keeping = setInterval(keep, KEEP_EVERY);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) keep();
  });
}
for (const source of document.querySelectorAll("[data-source]")) {
  const passage = source.querySelector("mark.passage");
  source.scrollTop = Math.max(0, passage.offsetTop - source.clientHeight / 4);
}
tick();
setInterval(tick, TICK_EVERY);
