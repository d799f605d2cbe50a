/** Server-sent events of a POST request; EventSource can only GET. */

import { reach } from "./source.js";

const UNREACHABLE = "The server cannot be reached. Recorded texts still play.";

/**
 * Send `body` and yield `{event, id, data}` as they come, `data` parsed.
 *
 * Closing the connection stops the server's work: abort `signal`, or leave the loop.
 *
 * @param {string} url
 * @param {object} body
 * @param {AbortSignal} [signal]
 * @param {string} [unreachable] what to say where the server cannot be reached
 * @throws {Error} whose message says what the server said, or that it cannot be reached
 */
export async function* ask(url, body, signal, unreachable = UNREACHABLE) {
  const headers = { "Content-Type": "application/json", Accept: "text/event-stream" };
  const response = await reach(url, { method: "POST", headers, body: JSON.stringify(body), signal }, unreachable);
  if (!response.body) throw new Error("The server sent nothing.");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const sent = parse(block);
        if (sent) yield sent;
      }
    }
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The connection was lost. What came before it stays.");
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * Parse one block of lines, which end with a line feed alone; null for a comment.
 * @param {string} block
 * @returns {{event: string, id: string, data: any}|null}
 */
export function parse(block) {
  const sent = { event: "message", id: "", data: /** @type {string[]} */ ([]) };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 1) continue;
    const value = line.slice(colon + 1).replace(/^ /, "");
    const name = line.slice(0, colon);
    if (name === "data") sent.data.push(value);
    else if (name in sent) sent[name] = value;
  }
  return sent.data.length ? { ...sent, data: JSON.parse(sent.data.join("\n")) } : null;
}
