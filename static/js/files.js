/** A text from a file that is opened, dropped or pasted; the browser reads it and sends only its text. */

import { around } from "./page.js";

export class Files {
  /**
   * @param {HTMLElement} zone where files may be dropped
   * @param {HTMLInputElement} input of type file
   * @param {{limit: number, onText: (text: string, name: string) => void, onError: (words: string) => void}} options
   */
  constructor(zone, input, { limit, onText, onError }) {
    this.zone = zone;
    this.limit = limit;
    this.onText = onText;
    this.onError = onError;
    this.inside = 0; // how many elements a file is over, one within the other
    input.addEventListener("change", () => {
      if (input.files?.length) this.take([...input.files]);
      input.value = ""; // so that the same file can be opened again
    });
    // Anywhere on the page, or the browser would leave it to show the file.
    addEventListener("dragenter", (event) => this.drag(event, 1));
    addEventListener("dragleave", (event) => this.drag(event, -1));
    addEventListener("dragover", (event) => isOurs(event) && event.preventDefault());
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      this.inside = 0;
      this.zone.classList.remove("over");
      this.receive(event, event.dataTransfer);
    });
    addEventListener("paste", (event) => this.receive(event, event.clipboardData));
  }

  /**
   * Take the file of a drop or a paste, unless there is text too, as spreadsheets and word processors
   * offer a picture of what is copied beside its text. A field gets the text from the browser.
   * @param {Event} event
   * @param {DataTransfer|null} transfer
   */
  receive(event, transfer) {
    const files = [...(transfer?.files ?? [])];
    if (!transfer || !files.length) return;
    const text = textBeside(transfer, files);
    if (text && around(event, "textarea, input")) return;
    event.preventDefault();
    if (!text) this.take(files);
    else if (event.type === "drop") this.take([new File([text], "text")]);
  }

  drag(event, step) {
    if (!hasFiles(event)) return;
    if (isOurs(event)) event.preventDefault();
    this.inside = Math.max(0, this.inside + step);
    this.zone.classList.toggle("over", this.inside > 0);
  }

  /** @param {File[]} files */
  async take(files) {
    if (files.length !== 1) return this.onError(`One file at a time, please; these were ${files.length}.`);
    const [file] = files;
    try {
      this.onText(await readText(file, this.limit), file.name);
    } catch (error) {
      this.onError(error.message);
    }
  }
}

/**
 * @param {File} file
 * @param {number} limit bytes
 * @returns {Promise<string>} the text of a file
 * @throws {Error} with a sentence for people, when it is too long or no text
 */
export async function readText(file, limit) {
  const name = file.name || "This file";
  if (file.size > limit) {
    const [size, most] = [file.size, limit].map((bytes) => bytes.toLocaleString("en"));
    throw new Error(`${name} is too long: ${size} bytes, at most ${most} are accepted.`);
  }
  let bytes;
  try {
    bytes = await file.arrayBuffer();
  } catch {
    throw new Error(`${name} cannot be read; is it a folder?`);
  }
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error(`${name} is no text in UTF-8.`);
  }
  if (text.includes("\0")) throw new Error(`${name} is no text: it holds NUL bytes.`);
  return text;
}

/**
 * Return the text that was copied or dragged together with files; empty if it only says where they are.
 * @param {DataTransfer} transfer
 * @param {File[]} files
 */
function textBeside(transfer, files) {
  const text = transfer.getData("text/plain");
  if (!text || text.trim() === transfer.getData("text/uri-list").trim()) return "";
  const names = new Set(files.map(({ name }) => name));
  const lines = text.split(/[\r\n]+/).filter(Boolean);
  return lines.every((line) => names.has(lastPart(line))) ? "" : text;
}

/** Return the last part of a path or of the URL of a file. */
function lastPart(path) {
  const part = path.split(/[/\\]/).at(-1) ?? "";
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a path may hold a percent sign
  }
}

/** Return whether a drag with files is not left to the browser, which puts text into a field. */
function isOurs(event) {
  const isText = event.dataTransfer?.types.includes("text/plain") && around(event, "textarea, input");
  return hasFiles(event) && !isText;
}

function hasFiles(event) {
  return event.dataTransfer?.types.includes("Files") ?? false;
}
