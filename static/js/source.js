/** Asking the server: one request at a time, the newest text next, answers to older ones dropped. */

const SLOW = 150;
const PAUSE = 250;

export class Source {
  /**
   * @param {{onAnswer: Function, onError: Function, onBusy: Function, topK: number}} options
   */
  constructor({ onAnswer, onError, onBusy, topK }) {
    Object.assign(this, { onAnswer, onError, onBusy, topK });
    this.running = null;
    this.waiting = null;
    this.timer = 0;
    this.took = 0;
  }

  /** Measure `text`: at once when idle, after a pause when answers take long. */
  ask(text, bytes) {
    this.waiting = { text, bytes };
    clearTimeout(this.timer);
    if (this.took > SLOW || bytes > 4096) {
      // What is being measured is of no use any more, and the server would finish it first.
      this.running?.controller.abort();
      this.timer = setTimeout(() => {
        this.timer = 0;
        this.next();
      }, PAUSE);
    } else {
      this.timer = 0;
      this.next();
    }
  }

  /** Forget what was asked. */
  cancel() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.waiting = null;
    this.running?.controller.abort();
    this.onBusy(false);
  }

  async next() {
    const wanted = this.waiting;
    if (!wanted || this.running) return;
    this.waiting = null;
    const run = { controller: new AbortController() };
    this.running = run;
    this.onBusy(true);
    const began = performance.now();
    let report = null;
    try {
      const answer = await post(wanted, wanted.bytes <= 8192 ? this.topK : 0, run.controller.signal);
      report = () => this.onAnswer(wanted.text, answer);
      this.took = performance.now() - began;
    } catch (error) {
      if (error.name !== "AbortError") report = () => this.onError(error);
    }
    this.running = null;
    if (this.waiting) {
      if (!this.timer) this.next();
      return;
    }
    this.onBusy(false);
    report?.();
  }
}

async function post({ text }, topK, signal) {
  let response;
  try {
    response = await fetch("/api/patches", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(topK ? { text, top_k: topK } : { text }),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server cannot be reached. The last result stays; typing tries again.");
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => null);
    throw new Error(problem?.detail ?? `The server answered ${response.status}.`);
  }
  return response.json();
}
