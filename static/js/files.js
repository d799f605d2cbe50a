/** A text from a file that is opened, dropped or pasted; the browser reads it and sends only its text. */

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
    addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.inside = 0;
      this.zone.classList.remove("over");
      this.take([...(event.dataTransfer?.files ?? [])]);
    });
    addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      this.take(files);
    });
  }

  drag(event, step) {
    if (!hasFiles(event)) return;
    event.preventDefault();
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

function hasFiles(event) {
  return event.dataTransfer?.types.includes("Files") ?? false;
}
