// Mermaid's sources in an answer become drawings, each in a frame of its own as soon as it comes
// near. The source stays below, for whoever wants it, and where it cannot be drawn.

import { cloneTemplate } from "../html.js";
import { gettext } from "../words.js";

const NEAR = "400px";

export function drawDiagrams(root, session) {
  for (const figure of root.querySelectorAll("figure.diagram:not([data-diagram])")) {
    figure.dataset.diagram = "waiting";
    near.observe(figure);
    figure.session = session;
  }
}

const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      draw(target);
    }
  },
  { rootMargin: NEAR },
);

function draw(figure) {
  const frame = document.createElement("iframe");
  frame.className = "diagram-frame";
  frame.title = gettext("Diagram");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.src = figure.session.dataset.diagramUrl;
  const listen = ({ data, source }) => {
    if (source !== frame.contentWindow) return;
    if (data.ready) {
      const dark = isDark();
      frame.contentWindow.postMessage({ source: figure.querySelector("code").textContent, dark }, "*");
    } else {
      removeEventListener("message", listen);
      end(figure, frame, data.drawn);
    }
  };
  addEventListener("message", listen);
  figure.append(frame);
}

function end(figure, frame, drawn) {
  figure.dataset.diagram = drawn ? "drawn" : "failed";
  if (!drawn) {
    frame.remove();
    figure.querySelector("figcaption").append(" · cannot be drawn, so this is its source");
    return;
  }
  const toggle = cloneTemplate(figure.session, "diagram-source");
  toggle.addEventListener("click", () => {
    const shown = figure.dataset.diagram === "drawn";
    figure.dataset.diagram = shown ? "source" : "drawn";
    toggle.setAttribute("aria-pressed", String(shown));
  });
  figure.querySelector(".code-tools")?.prepend(toggle);
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
