/** Buttons that copy the text of an element: `<button data-copy="its id" hidden>`. */

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break; // as on a page without TLS that is not on this machine
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy).textContent;
    const status = document.getElementById("copied");
    try {
      await navigator.clipboard.writeText(text);
      status.textContent = "Copied.";
    } catch {
      status.textContent = "The browser does not let this page copy; select the text instead.";
    }
  });
}
