"""What axe finds on a page as it stands, in both themes."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

SCRIPT = files("axe_playwright_python").joinpath("axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Evaluated by the driver, so neither the content policy nor Trusted Types has a say. The theme
# changes colours and nothing else: in the other one only they are looked at again.
RUN = """async ([within, options]) => {
  for (const each of document.getAnimations()) {  // colours on their way to the other theme
    if (each.effect.getComputedTiming().endTime !== Infinity) each.finish();
  }
  const { violations } = await axe.run(within || document, options);
  return violations
    .filter((each) => ["serious", "critical"].includes(each.impact))
    .flatMap((each) => each.nodes.map((node) => ({ rule: each.id, at: node.target.join(" "),
      why: node.failureSummary, html: node.html })));
}"""
# No preload: it would put styles into the page, which the content policy refuses.
COMMON: dict[str, Any] = {"resultTypes": ["violations"], "iframes": False, "preload": False}
ALL = {
    **COMMON,
    "runOnly": {"type": "tag", "values": TAGS},
    "rules": {"target-size": {"enabled": True}},
}
COLOURS = {**COMMON, "runOnly": {"type": "rule", "values": ["color-contrast"]}}


def find_barriers(page: Page, where: str, within: str = "") -> list[str]:
    """Each serious or critical violation of WCAG 2.2 AA, a line each; empty where there is none.

    `within` is a selector: what lies on top of a page hides parts of it, which is no fault there.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(SCRIPT)
    found: list[str] = []
    for theme, options in (("light", ALL), ("dark", COLOURS)):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        told: list[dict[str, Any]] = page.evaluate(RUN, [within, options])
        for each in told:
            why = " ".join(each["why"].split())
            found.append(f"{where} ({theme}) {each['rule']} {each['at']}: {why}")
    page.emulate_media(color_scheme="light")
    return found
