/** Replacing the whole text of a field as one step, which Ctrl+Z takes back as it does with typing. */

let touched = false; // something has been typed, chosen, dropped or pasted since the page came

for (const kind of ["input", "drop", "paste"]) {
  addEventListener(kind, () => (touched = true), { capture: true, once: true });
}

/**
 * Replace the text of a field; the browser's undo brings back the earlier one. Neither the focus nor
 * the place on the page changes, and no `input` event reaches the page.
 * @param {HTMLTextAreaElement} field
 * @param {string} text
 */
export function replaceText(field, text) {
  const shown = text.replace(/\r\n?/g, "\n"); // as fields do
  if (field.value === shown) return;
  // In a page that nobody has touched there is nothing to bring back, and the Tab key must begin at its top.
  if (touched) quietly(field, () => typeOver(field, shown));
  if (field.value !== shown) field.value = shown;
}

/** Do something that needs the focus of a field, and leave focus, scrolling and listeners as they were. */
function quietly(field, action) {
  const before = document.activeElement;
  const [left, top] = [scrollX, scrollY];
  const silence = (event) => event.stopImmediatePropagation();
  addEventListener("input", silence, { capture: true });
  try {
    field.focus({ preventScroll: true });
    if (document.activeElement === field) action();
  } finally {
    removeEventListener("input", silence, { capture: true });
  }
  if (before !== field) {
    if (before instanceof HTMLElement && before !== document.body) before.focus({ preventScroll: true });
    else field.blur();
  }
  scrollTo({ left, top, behavior: "instant" });
}

/**
 * Put a text in the place of the text of a field that has the focus. The command is marked as
 * deprecated, but browsers have no other way to add a step to what they undo.
 */
function typeOver(field, text) {
  field.select();
  // As markup, since Chromium adds a plain text line by line: 900 lines take it ten seconds.
  const markup = text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  const done = text ? document.execCommand("insertHTML", false, markup) : document.execCommand("delete");
  if (!done) document.execCommand("insertText", false, text); // Firefox
  field.scrollTop = 0;
}
