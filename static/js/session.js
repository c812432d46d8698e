// The chat page: turns what a person does into frames, and frames into turns.

import { addCodeButtons, copyCode, copyText, flashDone, wrapCode } from "./copy.js";
import { cloneTemplate } from "./html.js";
import { ScrollLock } from "./scroll.js";
import { ChatSocket, newClientId } from "./socket.js";
import { Tabs } from "./tabs.js";
import { inWords } from "./times.js";
import { gettext } from "./words.js";

const LOST_AFTER = 1500; // milliseconds without a connection before we say so
const RESUME_PAUSE = 2000; // before asking again a server that could not serve the answer
const SENSITIVITY = {
  public: gettext("public"),
  internal: gettext("internal"),
  confidential: gettext("confidential"),
  restricted: gettext("restricted"),
};
const CONNECTION = {
  connecting: gettext("The connection was lost. Reconnecting."),
  offline: gettext("You are offline. What you send is kept and goes out when you are back."),
  "signed-out": gettext("You have been signed out. What you typed is kept."),
};

export class ChatSession extends HTMLElement {
  #pending = new Map(); // client_id → what to do when it is accepted or rejected
  #resumed = new Map(); // answer → the id after which it was last asked for
  #connectionTimer = 0;

  connectedCallback() {
    this.turns = this.querySelector("[data-turns]");
    this.welcome = this.querySelector("[data-welcome]");
    this.composer = this.querySelector("chat-composer");
    this.panel = document.querySelector("citation-panel");
    this.sidebar = document.querySelector("side-bar");
    this.announcer = document.getElementById("announcer");
    this.scroll = new ScrollLock(
      this.querySelector("[data-transcript]"),
      this.turns,
      this.querySelector("[data-jump]"),
    );
    this.tabs = new Tabs(this.dataset.user);
    this.socket = new ChatSocket();
    this.#listen();
    this.#arrange();
    this.#addCodeButtons(this);
    this.#drawDiagrams(this);
    this.composer.keepDraftAs(this.conversation || "new");
    const sought = location.hash.startsWith("#m-") && document.getElementById(location.hash.slice(1));
    if (sought) this.scroll.show(sought);
    if (matchMedia("(pointer: fine)").matches) this.composer.focus();
    this.#takeUpUndelivered();
    this.socket.connect();
  }

  get conversation() {
    return this.dataset.conversation;
  }

  /** Whether it is kept out of the list of conversations. */
  get isTemporary() {
    return this.dataset.temporary !== undefined;
  }

  /** Stop the answer that is on its way, if there is one. */
  stop() {
    const answer = this.#lastAnswer();
    if (answer?.isOpen) this.socket.send({ type: "answer.stop", answer: answer.answerId });
  }

  // ---- what the person does ---------------------------------------------------------------

  #listen() {
    this.addEventListener("composer-send", (event) => this.#sendOrQueue(event.detail));
    this.addEventListener("composer-stop", () => this.stop());
    this.addEventListener("answer-gap", (event) => this.#resume(event.target));
    this.addEventListener("answer-text", (event) => this.#shown(event.target, event.detail));
    this.addEventListener("answer-end", (event) => this.#ended(event.target, event.detail));
    this.addEventListener("answer-regenerate", (event) => this.#regenerate(event.target));
    this.addEventListener("click", (event) => this.#click(event));
    this.addEventListener("change", (event) => {
      if (event.target.name === "assistant") this.#choose(event.target);
    });
    this.addEventListener("submit", (event) => {
      if (!event.target.matches("[data-edit-form]")) return;
      event.preventDefault();
      this.#edit(event.target);
    });
    this.addEventListener("keydown", (event) => {
      const form = event.target.closest("[data-edit-form]");
      if (!form) return;
      if (event.key === "Escape") {
        event.preventDefault();
        this.#closeEdit(form);
      } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    this.socket.addEventListener("frame", (event) => this.#receive(event.detail));
    this.socket.addEventListener("open", () => {
      this.#resumeAll();
      this.panel.refresh(); // what changed meanwhile was told to nobody
      this.#checkRights();
    });
    this.socket.addEventListener("state", (event) => this.#showConnection(event.detail));
    this.tabs.addEventListener("turn", (event) => this.#followTab(event.detail));
  }

  #click(event) {
    const target = event.target.closest("a[data-citation], button");
    if (!target) return;
    if (target.matches("a[data-citation]")) {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#openCitation(target);
    } else if (target.matches("[data-starter]")) {
      this.#sendOrQueue(target.textContent.trim());
    } else if (target.matches("[data-earlier]")) {
      this.#showEarlier(target);
    } else if (target.matches("[data-prompt]")) {
      this.composer.insertPrompt(target.dataset.prompt);
    } else if (target.matches("[data-wrap-code]")) {
      wrapCode(target);
    } else if (target.matches("[data-copy-code]")) {
      copyCode(target);
    } else if (target.matches("[data-copy-question]")) {
      copyText(questionText(target.closest("[data-turn]")).textContent).then(() => flashDone(target));
    } else if (target.matches("[data-edit]")) {
      this.#openEdit(target.closest("[data-turn]"));
    } else if (target.matches("[data-edit-cancel]")) {
      this.#closeEdit(target.closest("[data-edit-form]"));
    } else if (target.matches("[data-sibling]")) {
      this.#showSibling(target.closest("chat-answer"), Number(target.dataset.sibling));
    }
  }

  /** What comes before the first turn takes the place of the button; what is read stays in place. */
  async #showEarlier(button) {
    button.disabled = true;
    const { addEarlier } = await import("./history/earlier.js");
    const added = await addEarlier(button, this.scroll);
    button.disabled = false;
    if (!added) return;
    this.#arrange();
    this.#addCodeButtons(this);
    this.#drawDiagrams(this);
  }

  #choose(radio) {
    this.dataset.assistant = radio.value;
    this.composer.placeholder = gettext("Ask {name}", { name: radio.dataset.name });
    for (const list of this.querySelectorAll("[data-starters]")) {
      list.hidden = list.dataset.starters !== radio.value;
    }
  }

  #sendOrQueue(text) {
    if (this.#isBusy()) this.composer.enqueue(text);
    else this.#send(text);
  }

  #send(text) {
    this.composer.error = "";
    const frame = {
      type: "message.send",
      client_id: newClientId(),
      conversation: this.conversation || null,
      assistant: this.dataset.assistant,
      text,
      attachments: [],
    };
    const recording = this.composer.takeAttached();
    if (this.isTemporary && !this.conversation) frame.temporary = true;
    if (recording) frame.attachments.push({ recording });
    const parts = this.composer.partsOf(text);
    if (parts) {
      frame.attachments.push(...parts.attachments);
      frame.documents = parts.documents;
    }
    const parent = this.#lastAnswer()?.answerId;
    if (parent) frame.parent = parent;
    if (this.composer.asOf) frame.as_of = this.composer.asOf;
    this.#mark(frame);
    const turn = this.#addPendingTurn(text, parent, frame.as_of);
    if (parts) this.#showParts(turn, parts.items);
    this.#await(frame, turn);
    this.socket.deliver(frame);
  }

  #showParts(turn, items) {
    for (const kind of ["document", "file"]) {
      const names = items.filter((item) => item.kind === kind).map((item) => item.name);
      const line = turn.querySelector(`[data-turn-parts="${kind}"]`);
      line.hidden = !names.length;
      line.querySelector("[data-names]").textContent = names.join(", ");
    }
    const recognised = items.filter((item) => item.recognised).map((item) => item.recognised.cloneNode(true));
    turn.querySelector('[data-turn-parts="file"]').after(...recognised);
  }

  #edit(form) {
    const turn = form.closest("[data-turn]");
    const text = form.querySelector("textarea").value;
    if (!text.trim() || this.#isBusy()) return;
    this.#closeEdit(form);
    const later = this.#visibleTurns().filter(
      (other) => turn === other || turn.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING,
    );
    const frame = {
      type: "message.edit",
      client_id: newClientId(),
      message: turn.dataset.message,
      text,
    };
    this.#mark(frame);
    const day = turn.querySelector("[data-as-of]").dataset.asOf;
    const fresh = this.#addPendingTurn(text, turn.dataset.parent, day);
    fresh.dataset.siblings = `${turn.dataset.siblings || turn.dataset.message}`;
    for (const other of later) other.hidden = true;
    this.#await(frame, fresh, later);
    this.socket.deliver(frame);
  }

  /** Say with a message which of its values the person has marked as no secret. */
  #mark(frame) {
    const harmless = this.composer.preview?.harmlessIn(frame.text) ?? [];
    if (harmless.length) frame.harmless = harmless;
  }

  #regenerate(answer) {
    if (this.#isBusy()) return;
    const frame = {
      type: "answer.regenerate",
      client_id: newClientId(),
      answer: answer.answerId,
    };
    this.#pending.set(frame.client_id, { frame, answers: answer.parentElement });
    this.#arrange();
    this.socket.deliver(frame);
  }

  #openEdit(turn) {
    if (turn.querySelector("[data-edit-form]") || this.#isBusy()) return;
    const form = cloneTemplate(this, "edit");
    const textarea = form.querySelector("textarea");
    textarea.value = questionText(turn).textContent;
    questionText(turn).hidden = true;
    turn.querySelector("[data-question-tools]").hidden = true;
    questionText(turn).after(form);
    textarea.focus();
  }

  #closeEdit(form) {
    const turn = form.closest("[data-turn]");
    form.remove();
    questionText(turn).hidden = false;
    turn.querySelector("[data-question-tools]").hidden = false;
    turn.querySelector("[data-edit]").focus();
  }

  #openCitation(link) {
    const answer = link.closest("chat-answer");
    const number = link.dataset.citation;
    const listed = answer.querySelector(`[data-citations] a[data-citation="${number}"]`);
    const url = listed?.getAttribute("href") || `/citations/${answer.answerId}/${number}/`;
    this.panel.open(url, number, link);
  }

  #showSibling(answer, step) {
    const answers = [...answer.parentElement.children];
    const next = answers[answers.indexOf(answer) + step];
    if (!next) return;
    answer.hidden = true;
    next.hidden = false;
    this.#arrange();
    next.querySelector(`[data-sibling="${step}"]`).focus();
  }

  // ---- what the server says ---------------------------------------------------------------

  #receive(frame) {
    // Whatever its kind, it counts in the order of its answer.
    if (frame.id !== undefined) this.#answer(frame.answer)?.receive(frame);
    switch (frame.type) {
      case "message.accepted":
        this.#accepted(frame);
        break;
      case "message.rejected":
        this.#rejected(frame);
        break;
      case "conversation.zone":
        this.#showZone(frame);
        break;
      case "rights.changed":
        this.panel.refresh();
        this.#checkRights();
        break;
      case "conversation.withheld":
        for (const id of frame.answers) this.#answer(id)?.withhold(frame.message);
        break;
      case "review.decided":
      case "review.asked":
        this.#reviewed(frame);
        break;
      case "notification.created":
        document.querySelector("notification-bell")?.refresh();
        break;
      case "error":
        this.#refused(frame);
        break;
    }
  }

  /** A person has looked at an answer that is shown here: fetch what became of it. */
  #reviewed(frame) {
    const answer = this.#answer(frame.answer);
    if (!answer) return;
    if (frame.type === "review.asked") answer.showReview();
    else {
      this.#resumed.delete(answer.answerId);
      this.#resume(answer);
    }
    if (!document.hidden) document.querySelector("notification-bell")?.seen(answer.answerId);
  }

  #checkRights() {
    if (!this.conversation) return;
    this.socket.send({ type: "conversation.check", conversation: this.conversation });
  }

  #accepted(frame) {
    const pending = this.#pending.get(frame.client_id);
    this.#pending.delete(frame.client_id);
    if (!pending) return;
    const known = { ...frame, kind: pending.frame.type, text: pending.frame.text, as_of: pending.frame.as_of, temporary: this.isTemporary };
    const isHere = frame.conversation === this.conversation || (!this.conversation && pending.turn);
    if (isHere && !this.conversation) this.#begin(frame);
    if (pending.turn) {
      this.#acceptTurn(pending, frame);
    } else if (pending.answers) {
      this.#addAnswer(pending.answers, frame.answer);
    } else if (isHere) {
      location.reload(); // sent by an earlier load of this page
      return;
    }
    this.#touchSidebar(frame, isHere);
    this.tabs.tell(known);
    this.#arrange();
    if (isHere) this.scroll.follow("question");
    // A resend may be acknowledged on a socket that does not follow the answer.
    if (frame.duplicate) this.#resume(this.#answer(frame.answer));
  }

  #acceptTurn({ turn, replaced = [] }, frame) {
    if (this.querySelector(`[data-message="${frame.message}"]`)) {
      turn.remove(); // the page had been loaded with it
      return;
    }
    turn.dataset.message = frame.message;
    turn.classList.remove("sending");
    turn.querySelector("[data-question-state]")?.remove();
    this.#addAnswer(turn.querySelector("[data-answers]"), frame.answer);
    for (const old of replaced) old.remove(); // reachable as an earlier version
    if (turn.dataset.siblings) {
      turn.dataset.siblings += ` ${frame.message}`;
      this.#showVersions(turn);
    }
  }

  #rejected(frame) {
    const pending = this.#pending.get(frame.client_id);
    this.#pending.delete(frame.client_id);
    const wait = frame.retry_after ? ` Wait ${Math.ceil(frame.retry_after)} s.` : "";
    this.composer.error = `${frame.message}${wait}`;
    pending?.turn?.remove();
    for (const old of pending?.replaced ?? []) old.hidden = false;
    if (pending?.frame.text) this.composer.giveBack(pending.frame.text);
    this.composer.giveBackQueue();
    this.#arrange();
    this.composer.focus();
  }

  #refused(frame) {
    const answer = frame.answer && this.#answer(frame.answer);
    if (answer?.isOpen && frame.code === "unavailable") {
      this.#resumed.delete(answer.answerId);
      setTimeout(() => this.#resume(answer), RESUME_PAUSE);
    } else if (answer?.isOpen) {
      answer.receive({ type: "answer.failed", code: frame.code, message: frame.message });
    } else {
      this.composer.error = frame.message;
    }
  }

  #shown(answer, block) {
    if (!block) return;
    this.#addCodeButtons(answer);
    if (!answer.hidden) this.announcer.textContent = block;
  }

  #ended(answer, type) {
    this.#addCodeButtons(answer);
    this.#drawDiagrams(answer);
    const waits = type === "answer.held";
    if (!answer.hidden) this.announcer.textContent = waits ? gettext("The answer waits for a reviewer.") : gettext("The answer is complete.");
    if (type === "answer.completed") {
      const next = this.#isBusy() ? undefined : this.composer.next();
      if (next !== undefined) this.#send(next);
    } else {
      this.composer.giveBackQueue();
    }
    this.#arrange();
  }

  #showZone(zone) {
    if (zone.conversation !== this.conversation) return;
    const chip = this.querySelector("[data-zone]");
    chip.className = `zone-chip ${zone.sensitivity} ${zone.on_prem_only ? "stays" : ""}`;
    chip.querySelector("[data-zone-label]").textContent = zone.label;
    chip.querySelector("[data-zone-sensitivity]").textContent = SENSITIVITY[zone.sensitivity] ?? zone.sensitivity;
    chip.querySelector("[data-zone-place]").hidden = !zone.on_prem_only;
    chip.hidden = false;
    const panel = this.querySelector("[data-zone-panel]");
    panel.querySelector("[data-zone-names]").textContent = zone.zones.join(", ");
    panel.querySelector("[data-zone-stays]").hidden = !zone.on_prem_only;
    panel.querySelector("[data-zone-leaves]").hidden = zone.on_prem_only;
    this.composer.preview?.refresh();
  }

  #showConnection(state) {
    clearTimeout(this.#connectionTimer);
    const show = () => {
      const line = this.querySelector("[data-connection]");
      line.querySelector("[data-connection-text]").textContent = CONNECTION[state] ?? "";
      line.querySelector("[data-connection-sign-in]").hidden = state !== "signed-out";
      line.hidden = state === "open";
      for (const note of this.querySelectorAll("[data-question-state]")) {
        note.textContent = state === "open" ? "" : gettext("Kept here, not sent yet");
      }
    };
    if (state === "connecting") this.#connectionTimer = setTimeout(show, LOST_AFTER);
    else show();
  }

  // ---- resuming ---------------------------------------------------------------------------

  #resumeAll() {
    this.#resumed.clear();
    for (const answer of this.querySelectorAll("chat-answer")) {
      if (answer.isOpen || answer.dataset.status === "held") this.#resume(answer);
    }
  }

  #resume(answer) {
    if (!answer || this.#resumed.get(answer.answerId) === answer.lastId) return;
    const frame = { type: "answer.resume", answer: answer.answerId, after: answer.lastId };
    if (this.socket.send(frame)) this.#resumed.set(answer.answerId, answer.lastId);
  }

  /** Messages that an earlier load of this page could not deliver. */
  #takeUpUndelivered() {
    for (const frame of this.socket.undelivered) {
      const isHere = frame.type === "message.send" && (frame.conversation ?? "") === this.conversation;
      this.#await(frame, isHere ? this.#addPendingTurn(frame.text, frame.parent, frame.as_of) : undefined);
    }
  }

  #followTab(turn) {
    if (turn.conversation !== this.conversation) {
      this.#touchSidebar(turn, false);
      return;
    }
    this.#touchSidebar(turn, true);
    if (this.#answer(turn.answer)) return;
    const shown = this.querySelector(`[data-message="${turn.message}"]`);
    if (turn.kind === "message.edit") {
      location.reload();
      return;
    }
    const parent = shown ?? this.#addPendingTurn(turn.text, this.#lastAnswer()?.answerId, turn.as_of);
    parent.dataset.message = turn.message;
    parent.classList.remove("sending");
    parent.querySelector("[data-question-state]")?.remove();
    this.#addAnswer(parent.querySelector("[data-answers]"), turn.answer);
    this.#arrange();
    this.#resume(this.#answer(turn.answer));
  }

  // ---- the page ---------------------------------------------------------------------------

  #await(frame, turn, replaced) {
    this.#pending.set(frame.client_id, { frame, turn, replaced });
    this.#arrange();
  }

  #begin({ conversation, title }) {
    this.dataset.conversation = conversation;
    this.composer.keepDraftAs(conversation);
    history.replaceState(null, "", `/chat/${conversation}/`);
    this.querySelector("[data-title]").textContent = title;
    document.title = `${title} · hybridapp`;
    const menu = this.querySelector("[data-conversation-menu]");
    menu.dataset.conversation = conversation;
    menu.hidden = false;
    this.querySelector("[data-temporary-link]")?.remove();
  }

  #touchSidebar({ conversation, title, temporary }, current) {
    if (temporary || (current && this.isTemporary)) return;
    const chosen = this.querySelector(".assistant-card:has(:checked) use")?.getAttribute("href");
    const icon = current ? chosen?.split("#")[1] : undefined;
    this.sidebar.touch({ conversation, title, icon, current });
  }

  #addPendingTurn(text, parent, asOf) {
    const turn = cloneTemplate(this, "turn");
    turn.classList.add("sending");
    questionText(turn).textContent = text;
    turn.dataset.parent = parent ?? "";
    const mark = turn.querySelector("[data-as-of]");
    mark.dataset.asOf = asOf ?? "";
    mark.hidden = !asOf;
    mark.querySelector("[data-as-of-day]").textContent = asOf ? inWords(asOf) : "";
    if (this.socket.state !== "open" && this.socket.state !== "connecting") {
      turn.querySelector("[data-question-state]").textContent = gettext("Kept here, not sent yet");
    }
    this.turns.append(turn);
    this.scroll.follow("question");
    return turn;
  }

  #addAnswer(answers, id) {
    if (this.#answer(id)) return;
    for (const other of answers.children) other.hidden = true;
    const answer = cloneTemplate(this, "answer");
    answer.dataset.answer = id;
    answer.hidden = false;
    const name = this.querySelector(".assistant-card:has(:checked) input")?.dataset.name;
    if (name) answer.querySelector("[data-name]").textContent = name;
    answers.append(answer);
  }

  #showVersions(turn) {
    const ids = turn.dataset.siblings.split(" ");
    const nav = turn.querySelector("[data-versions]");
    nav.querySelector("[data-versions-count]").textContent = `${ids.length} / ${ids.length}`;
    nav.querySelector("[data-before]").href = `?message=${ids.at(-2)}`;
    nav.hidden = false;
  }

  /** Bring what depends on the turns in line: branches, arrows, buttons. */
  #arrange() {
    const shown = new Set([""]);
    const first = this.turns.querySelector("[data-turn]");
    if (this.querySelector("[data-earlier]")) shown.add(first.dataset.parent); // it is not here yet
    let count = 0;
    for (const turn of this.turns.querySelectorAll("[data-turn]")) {
      const replaced = [...this.#pending.values()].some((item) => item.replaced?.includes(turn));
      turn.hidden = replaced || !shown.has(turn.dataset.parent);
      if (turn.hidden) continue;
      count += 1;
      const answers = [...turn.querySelectorAll("chat-answer")];
      for (const [index, answer] of answers.entries()) {
        if (!answer.hidden) shown.add(answer.dataset.answer);
        const arrows = answer.querySelector("[data-answer-siblings]");
        arrows.hidden = answers.length < 2;
        arrows.querySelector("[data-siblings-count]").textContent = `${index + 1} / ${answers.length}`;
        arrows.querySelector('[data-sibling="-1"]').disabled = index === 0;
        arrows.querySelector('[data-sibling="1"]').disabled = index === answers.length - 1;
      }
    }
    if (this.welcome) this.welcome.hidden = count > 0;
    this.composer.answering = Boolean(this.#lastAnswer()?.isOpen);
  }

  #isBusy() {
    return this.#pending.size > 0 || Boolean(this.#lastAnswer()?.isOpen);
  }

  #visibleTurns() {
    return [...this.turns.querySelectorAll("[data-turn]:not([hidden])")];
  }

  #lastAnswer() {
    return this.#visibleTurns().at(-1)?.querySelector("chat-answer:not([hidden])") ?? null;
  }

  #answer(id) {
    return this.querySelector(`chat-answer[data-answer="${id}"]`);
  }

  #addCodeButtons(root) {
    addCodeButtons(root, () => cloneTemplate(this, "copy-code"));
  }

  /** Not before an answer has ended: its end replaces what is shown. */
  async #drawDiagrams(root) {
    if (!root.querySelector("figure.diagram")) return;
    const { drawDiagrams } = await import("./diagrams/drawing.js");
    drawDiagrams(root, this);
  }
}

function questionText(turn) {
  return turn.querySelector("[data-question-text]");
}
