// The recordings' page: record, upload, take up what was not sent, and follow what becomes of it.

import { cloneTemplate, setServerHtml } from "../html.js";
import { showTimes } from "../times.js";
import { dropTake, keepTake, listTakes } from "./kept.js";
import { VoiceRecorder } from "./recorder.js";
import { getFragment } from "./requests.js";
import { claimTake, sendFile, TakeSender } from "./sending.js";
import { gettext, ngettext } from "../words.js";

const LOOK_AGAIN = 1500; // milliseconds, while a recording is being transcribed
const AT_ONCE = 2; // files on their way

const page = document.querySelector("[data-recordings]");
const list = page.querySelector("[data-recordings-list]");
const sending = page.querySelector("[data-sending]");

customElements.define("voice-recorder", VoiceRecorder);

async function refresh() {
  const html = await getFragment("/recordings/");
  if (html === undefined || list.querySelector("details[open]")) return;
  setServerHtml(list, html);
  showTimes(list);
}

let following = 0;
function follow() {
  clearTimeout(following);
  if (!list.querySelector("[data-moving]")) return;
  following = setTimeout(async () => {
    await refresh();
    follow();
  }, LOOK_AGAIN);
}

/** A line that says how far something is on its way. */
function addLine(name) {
  const line = cloneTemplate(page, "sending");
  const part = (each) => line.querySelector(`[data-send-${each}]`);
  part("name").textContent = name;
  part("share").setAttribute("aria-label", gettext("{name}, sent", { name }));
  sending.append(line);
  sending.hidden = false;
  return {
    share: (value) => (part("share").value = value),
    say: (text, error = false) => {
      part("text").textContent = text;
      line.classList.toggle("failed", error);
      part("share").hidden = error;
    },
    offer: (again, drop) => {
      part("again").hidden = !again;
      part("drop").hidden = !drop;
      part("again").onclick = again;
      part("drop").onclick = drop;
    },
    remove: () => {
      line.remove();
      sending.hidden = !sending.children.length;
    },
  };
}

// ---- what is recorded here --------------------------------------------------------------------

function show(sender, line) {
  const { take } = sender;
  const left = () => take.count - take.sent;
  sender.addEventListener("change", () => {
    line.share(take.count ? take.sent / take.count : 0);
    if (sender.refused) {
      line.say(`${sender.refused.message} ${gettext("What was recorded is kept in this browser.")}`, true);
      line.offer(() => again(sender, line), () => drop(take, line));
    } else if (sender.problem) {
      line.say(ngettext(
        "Not sent yet: {number} piece. They are kept here and go out by themselves.",
        "Not sent yet: {number} pieces. They are kept here and go out by themselves.",
        left(),
      ));
    } else {
      line.say(left() ? gettext("on its way") : gettext("all of it has arrived"));
    }
  });
  sender.addEventListener("done", async () => {
    line.remove();
    await refresh();
    follow();
  });
}

function again(sender, line) {
  sender.refused = undefined;
  line.offer(null, null);
  line.say(gettext("on its way"));
  sender.wake();
}

async function drop(take, line) {
  if (!confirm(gettext("Throw away what was recorded and has not been sent?"))) return;
  await dropTake(take.key);
  line.remove();
}

/** Takes that an earlier page left behind: they end where they were cut off, and are sent. */
async function takeUp() {
  for (const take of await listTakes(page.dataset.user).catch(() => [])) {
    claimTake(take.key, async () => {
      take.finished = true;
      await keepTake(take);
      const sender = new TakeSender(take);
      const line = addLine(take.name);
      line.say(gettext("was not sent completely, and is now"));
      show(sender, line);
      const done = new Promise((release) => sender.addEventListener("done", release));
      sender.wake();
      await done;
    });
  }
}

page.addEventListener("take-begun", (event) => show(event.detail, addLine(event.detail.take.name)));
page.addEventListener("take-ended", () => (page.querySelector("[data-name]").value = ""));

// ---- files --------------------------------------------------------------------------------------

function listenForFiles(form) {
  const input = form.querySelector("input[type=file]");
  const drop = form.querySelector("[data-drop]");
  input.addEventListener("change", () => {
    sendAll([...input.files]);
    form.reset();
  });
  let depth = 0;
  drop.addEventListener("dragenter", (event) => {
    event.preventDefault();
    depth += 1;
    drop.classList.add("over");
  });
  drop.addEventListener("dragover", (event) => event.preventDefault());
  drop.addEventListener("dragleave", () => {
    depth -= 1;
    if (!depth) drop.classList.remove("over");
  });
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    drop.classList.remove("over");
    sendAll([...event.dataTransfer.files]);
  });
}

async function sendAll(files) {
  const field = (name) => page.querySelector(`[data-${name}]`).value.trim();
  const fields = { zone: field("zone"), language: field("language"), name: files.length === 1 ? field("name") : "" };
  const waiting = files.map((file) => ({ file, line: addLine(file.name) }));
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await sendOne(next, fields);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function sendOne({ file, line }, fields) {
  const limit = Number(page.dataset.limit);
  line.offer(null, null);
  if (!file.size) {
    line.say(gettext("is empty. Check that it was copied whole."), true);
    line.offer(null, line.remove);
    return;
  }
  if (file.size > limit) {
    line.say(gettext("is larger than {size} MB. Split it, or save it with a stronger compression.", { size: Math.floor(limit / 2 ** 20) }), true);
    line.offer(null, line.remove);
    return;
  }
  line.say(gettext("on its way"));
  try {
    await sendFile(file, fields, Number(page.dataset.chunk), {
      onShare: (share) => {
        line.share(share);
        line.say(gettext("on its way"));
      },
      onWait: (error) => line.say(error.message),
    });
    line.remove();
    await refresh();
    follow();
  } catch (error) {
    line.say(error.message || gettext("could not be read. Choose it again."), true);
    line.offer(() => sendOne({ file, line }, fields), line.remove);
  }
}

for (const form of page.querySelectorAll("[data-recording-upload]")) listenForFiles(form);
takeUp();
follow();
