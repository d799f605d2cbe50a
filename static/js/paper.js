/** Printing: light colours, and drawings that are not wider than a page. */

/** @param {() => void} redraw draws everything at once, in the colours and the width of now */
export function onPaper(redraw) {
  const root = document.documentElement;
  let theme;
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    root.classList.add("paper");
    redraw();
  });
  addEventListener("afterprint", () => {
    if (theme === undefined) delete root.dataset.theme;
    else root.dataset.theme = theme;
    root.classList.remove("paper");
    redraw();
  });
}
