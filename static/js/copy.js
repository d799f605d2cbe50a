/** Buttons that copy the text of an element: `<button data-copy="its id" hidden>`. */

import { byId, findAll } from "./page.js";

for (const button of findAll(document, "[data-copy]")) {
  if (!navigator.clipboard) break; // as on a page without TLS that is not on this machine
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = byId(button.dataset.copy ?? "").textContent;
    const status = byId("copied");
    try {
      await navigator.clipboard.writeText(text);
      status.textContent = "Copied.";
    } catch {
      status.textContent = "The browser does not let this page copy; select the text instead.";
    }
  });
}
