/**
 * Requests to the server about a text: one at a time, the newest text next; older responses are dropped.
 * If the server is busy, the request is repeated later, a few times, with the newest text of that moment.
 */

const SLOW = 150; // milliseconds, from which an answer is waited for before the next question
const PAUSE = 250;
const LONG = 4096; // bytes
const LONGEST_WAIT = 10; // seconds; told to wait longer, the page asks when the visitor does
const TRIES = 3; // of one text

/** @typedef {{text: string, bytes: number, tries: number}} Wanted */

export class Source {
  /** Time of the latest request, in milliseconds (`performance.now`). */
  began = -Infinity;
  /** @type {{controller: AbortController}|null} */
  running = null;
  /** @type {Wanted|null} next request */
  waiting = null;
  timer = 0;
  /** Milliseconds that the latest response took. */
  took = 0;
  /** Time before which no request may be sent, because the server is busy. */
  heldUntil = -Infinity;

  /**
   * @param {{ask: (wanted: Wanted, signal: AbortSignal) => Promise<any>,
   *   onAnswer: (text: string, answer: any) => void, onError: (error: Error) => void,
   *   onBusy?: (busy: boolean) => void, rest?: number}} options
   *   `rest`: least number of milliseconds between two requests
   */
  constructor({ ask, onAnswer, onError, onBusy = () => {}, rest = 0 }) {
    this.send = ask;
    this.onAnswer = onAnswer;
    this.onError = onError;
    this.onBusy = onBusy;
    this.rest = rest;
  }

  /** Request the response to `text`: at once if responses are fast, else after a pause in typing. */
  ask(text, bytes) {
    this.waiting = { text, bytes, tries: 0 };
    clearTimeout(this.timer);
    const long = this.took > SLOW || bytes > LONG;
    // What is being measured is of no use any more, and the server would finish it first.
    if (long) this.running?.controller.abort();
    const wait = long ? PAUSE : this.began + this.rest - performance.now();
    this.timer = 0;
    if (wait > 0) this.timer = setTimeout(() => this.next(), wait);
    else this.next();
  }

  /** Cancel the current and the next request. */
  cancel() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.waiting = null;
    this.running?.controller.abort();
    this.onBusy(false);
  }

  async next() {
    this.timer = 0;
    const wanted = this.waiting;
    if (!wanted || this.running) return;
    const held = this.heldUntil - performance.now();
    if (held > 0) {
      this.timer = setTimeout(() => this.next(), held);
      return;
    }
    this.waiting = null;
    const run = { controller: new AbortController() };
    this.running = run;
    this.onBusy(true);
    const began = performance.now();
    this.began = began;
    /** @type {(() => void)|null} */
    let report = null;
    try {
      const answer = await this.send(wanted, run.controller.signal);
      report = () => this.onAnswer(wanted.text, answer);
      this.took = performance.now() - began;
    } catch (error) {
      if (error.name !== "AbortError") report = () => this.onError(this.later(wanted, error));
    }
    this.running = null;
    if (this.waiting) {
      if (!this.timer) this.next();
      return;
    }
    this.onBusy(false);
    report?.();
  }

  /** Repeat a refused request later; return the error, with a sentence about the repetition. */
  later(wanted, error) {
    const tries = wanted.tries + 1;
    const seconds = error.retryAfter;
    if (!(seconds <= LONGEST_WAIT) || tries >= TRIES) return error;
    this.heldUntil = performance.now() + 1000 * seconds;
    this.waiting = { ...wanted, tries };
    this.next();
    return new Error(`${error.message} This page asks again by itself.`);
  }
}

export const UNREACHABLE = "The server cannot be reached. The last result stays and the examples still work; typing tries again.";

/**
 * Fetch a URL; a failed response becomes an error with the message of the server, or that it
 * cannot be reached. Its `retryAfter` are the seconds after which a busy server wants to be asked
 * again, if it names any.
 * @param {string} url
 * @param {RequestInit} [options]
 * @param {string} [unreachable] what to say where the server cannot be reached
 */
export async function reach(url, options, unreachable = UNREACHABLE) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(unreachable);
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => null);
    const retryAfter = parseInt(response.headers.get("Retry-After") ?? "", 10);
    throw Object.assign(new Error(problem?.detail ?? `The server answered ${response.status}.`), { retryAfter });
  }
  return response;
}

/**
 * Send a POST request with JSON and return the JSON of the response; the errors are those of `reach`.
 * @param {string} url
 * @param {object} body
 * @param {AbortSignal} [signal]
 * @param {string} [unreachable] what to say where the server cannot be reached
 */
export async function post(url, body, signal, unreachable) {
  const headers = { "Content-Type": "application/json" };
  const response = await reach(url, { method: "POST", headers, body: JSON.stringify(body), signal }, unreachable);
  return response.json();
}
