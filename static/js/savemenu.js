/** The menu of the files that a view can be saved as. */

import { around } from "./page.js";

/**
 * Let a choice in the menu save and close it, and a click elsewhere or Escape close it.
 * @param {HTMLDetailsElement} menu
 * @param {(kind: string) => void} onSave
 */
export function saveMenu(menu, onSave) {
  menu.addEventListener("click", (event) => {
    const kind = around(event, "[data-save]")?.dataset.save;
    if (!kind) return;
    menu.open = false;
    onSave(kind);
  });
  addEventListener("click", (event) => {
    if (!around(event, `#${menu.id}`)) menu.open = false;
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
}
