/* Runs before the page is drawn, so that a chosen theme does not flash. */
(() => {
  const root = document.documentElement;
  /** @type {string|null} */
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    /* storage may be closed to us; the system's theme is used */
  }
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  root.classList.add("js");

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const current = () => root.dataset.theme ?? (dark.matches ? "dark" : "light");

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const label = () => {
      const other = current() === "dark" ? "light" : "dark";
      button.title = `Switch to the ${other} theme`;
      button.setAttribute("aria-label", button.title);
    };
    const changed = () => {
      label();
      dispatchEvent(new CustomEvent("themechange"));
    };
    label();
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = current() === "dark" ? "light" : "dark";
      try {
        localStorage.setItem("theme", root.dataset.theme);
      } catch {
        /* the choice lasts as long as the page */
      }
      changed();
    });
    dark.addEventListener("change", changed);
  });
})();
