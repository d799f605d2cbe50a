// The API by fetch alone, in node or a browser: node examples/api/client.mjs [URL]

export class Api {
  constructor(url) {
    this.url = url.replace(/\/$/, "");
  }

  /**
   * The response; a busy server is asked again when it says so. `signal` stops the work.
   * @param {string} path
   * @param {{body?: object, accept?: string, signal?: AbortSignal, tries?: number}} options
   */
  async ask(path, { body, accept = "application/json", signal, tries = 4 } = {}) {
    const response = await fetch(this.url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { "Content-Type": "application/json", Accept: accept },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
    if (response.ok) return response;
    const wait = response.headers.get("Retry-After");
    if (wait === null || tries <= 1) {
      const problem = await response.json();
      throw new Error(`${problem.status}: ${problem.detail}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 1000 * Number(wait)));
    return this.ask(path, { body, accept, signal, tries: tries - 1 });
  }

  /**
   * The answer as a value.
   * @param {string} path
   * @param {object} [body]
   */
  async json(path, body) {
    return (await this.ask(path, { body })).json();
  }

  /** The bytes of a text as they are made; leaving the loop stops the work. */
  async *generate(prompt, options = {}) {
    const leave = new AbortController();
    try {
      const response = await this.ask("/api/generate", {
        body: { prompt, ...options },
        accept: "text/event-stream",
        signal: leave.signal,
      });
      let rest = "";
      const decoder = new TextDecoder();
      for await (const part of response.body) {
        const blocks = (rest + decoder.decode(part, { stream: true })).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) {
          const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s, 2)));
          if (fields.event === "byte") yield JSON.parse(fields.data);
          if (fields.event === "problem") throw new Error(JSON.parse(fields.data).detail);
        }
      }
    } finally {
      leave.abort();
    }
  }
}

async function main(url) {
  const api = new Api(url);
  for (const [kind, model] of Object.entries(await api.json("/api/model"))) {
    console.log(`${kind}: ${model.name}, ${model.loaded ? "loaded" : model.reason}`);
  }

  const found = await api.json("/api/patches", { text: "A BLT has", top_k: 3 });
  console.log("patches:", found.patches.map((patch) => patch.text).join("|"));
  // Entropy i belongs to the prediction of byte i; predictions[i] says what was expected there.
  console.log(
    "first byte:",
    found.entropies[0],
    found.predictions[0].map((p) => p.text),
  );

  const splitters = ["entropy", "space"];
  const compared = await api.json("/api/compare", { text: "A BLT has", splitters });
  for (const row of compared.rows) console.log(`${row.title}: ${row.count}`);

  const page = await api.json("/api/visualizations?kind=data&limit=2");
  console.log("data:", page.data.join(", "));

  try {
    for await (const byte of api.generate("A BLT has", { max_bytes: 8 })) {
      console.log("byte", byte.index, JSON.stringify(byte.text), byte.probability);
    }
  } catch (problem) {
    console.log("no text was made:", problem.message);
  }
}

const { argv = [] } = /** @type {{process?: {argv: string[]}}} */ (globalThis).process ?? {}; // none in a browser
if (argv[1]?.endsWith("client.mjs")) {
  await main(argv[2] ?? "http://localhost:5000");
}
