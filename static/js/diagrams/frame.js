// In the frame, apart from the page: draws the one diagram that its parent sends. Nothing here can
// reach the page, the session or any network (docs/adr/0023).

addEventListener("message", async ({ data, source }) => {
  if (source !== parent) return;
  document.documentElement.style.colorScheme = data.dark ? "dark" : "light";
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: "strict",
    theme: data.dark ? "dark" : "neutral",
    htmlLabels: false,
    fontFamily: "system-ui, sans-serif",
    maxTextSize: 20_000,
    suppressErrorRendering: true,
  });
  const drawing = document.createElement("pre");
  drawing.textContent = data.source;
  document.body.replaceChildren(drawing);
  try {
    await mermaid.run({ nodes: [drawing] });
    parent.postMessage({ drawn: true }, "*");
  } catch {
    parent.postMessage({ drawn: false }, "*");
  }
});
parent.postMessage({ ready: true }, "*");
