/** Server-sent events of a POST request; EventSource can only GET. */

/**
 * Send `body` and yield `{event, id, data}` as they come, `data` parsed.
 *
 * Closing the connection stops the server's work: abort `signal`, or leave the loop.
 *
 * @param {string} url
 * @param {object} body
 * @param {AbortSignal} [signal]
 * @throws {Error} whose message says what the server said, or that it cannot be reached
 */
export async function* ask(url, body, signal) {
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server cannot be reached. Recorded texts still play.");
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => null);
    throw new Error(problem?.detail ?? `The server answered ${response.status}.`);
  }
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
