// What scrolls is a stop for the Tab key for as long as it scrolls, so that it can be read by
// keyboard: wide tables, code and formulas, long texts of the console.

const SCROLLERS = ".prose :is(table, pre, .formula), .console-scroll, .console-text, .results";

const observer = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
    if (scrolls) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

/** See to the scrollers in `root`, now and whenever their size changes. */
export function watchScrollers(root) {
  for (const scroller of root.querySelectorAll(SCROLLERS)) observer.observe(scroller);
}
