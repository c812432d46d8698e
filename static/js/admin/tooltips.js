// Django's pair of lists puts a name on an icon that has no role, where no screen reader reads it.

addEventListener("load", () => {
  // Django makes the lists at this very event.
  setTimeout(() => {
    for (const icon of document.querySelectorAll(".help-tooltip")) icon.role = "img";
  });
});
