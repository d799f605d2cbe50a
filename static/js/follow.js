/** Training runs from the server: the list, and the curves of the shown runs, requested again as they grow. */

import { at } from "./page.js";

const PAUSE = 2500; // milliseconds
const LONGEST = 30_000;

export class Follower {
  /**
   * @param {{live: boolean, onChange: () => void, onTrouble: (error: Error|null) => void}} options
   *   `live`: whether to ask again and again; `onChange` is called after a list or curves have arrived
   */
  constructor({ live, onChange, onTrouble }) {
    this.live = live;
    this.onChange = onChange;
    this.onTrouble = onTrouble;
    /** @type {Record<string, any>[]} */
    this.items = [];
    /** @type {Map<string, {query: string, version: string, run: any}>} by name */
    this.curves = new Map();
    /** @type {string[]} */
    this.names = [];
    /** Names and versions of the last list. */
    this.changed = "";
    /** Milliseconds by which the server's clock is ahead of this one. */
    this.skew = 0;
    /** Whether to ask once more after the current round of requests. */
    this.again = false;
    this.query = "";
    this.answered = false;
    this.failures = 0;
    this.timer = 0;
    /** @type {Promise<void>|null} */
    this.asking = null;
    document.addEventListener("visibilitychange", () => !document.hidden && this.ask());
  }

  /** Set the names of the runs to show, and the part of their curves as a query. */
  want(names, query) {
    this.names = names;
    this.query = query;
    return this.ask();
  }

  /** Return the latest loaded curves of a run. */
  get(name) {
    return this.curves.get(name)?.run ?? null;
  }

  /** Request the list and the changed curves; only one round of requests runs at a time. */
  async ask() {
    clearTimeout(this.timer);
    if (this.asking) {
      this.again = true;
      return this.asking;
    }
    this.asking = this.round();
    await this.asking;
    this.asking = null;
    if (this.again) {
      this.again = false;
      return this.ask();
    }
    const pause = Math.min(LONGEST, PAUSE * 2 ** this.failures);
    if ((this.live || this.failures) && !document.hidden) {
      this.timer = setTimeout(() => this.ask(), pause);
    }
  }

  async round() {
    try {
      const list = await get(at("/api/runs"));
      const changed = list.data.items.map((item) => item.name + item.version).join();
      this.skew = list.now - Date.now();
      this.items = list.data.items;
      this.answered = true;
      if (changed !== this.changed) {
        this.changed = changed;
        for (const name of this.curves.keys()) {
          if (!this.items.some((item) => item.name === name)) this.curves.delete(name);
        }
      }
      this.onChange();
      let trouble = null;
      for (const item of this.items.filter(({ name }) => this.names.includes(name))) {
        const { query } = this;
        const had = this.curves.get(item.name);
        if (had && had.version === item.version && had.query === query) continue;
        const answer = await get(`${item.url}${query}`).catch((error) => {
          if (!error.status) throw error; // no server
          if (error.status !== 404) trouble ??= error; // 404: it has just gone
          return null; // the other runs are shown all the same
        });
        if (!answer) continue;
        this.curves.set(item.name, { query, version: item.version, run: answer.data });
        this.onChange();
      }
      if (trouble) throw trouble;
      if (this.failures) this.onTrouble(null);
      this.failures = 0;
    } catch (error) {
      this.failures = error.status === 503 ? 1 : this.failures + 1; // 503: a large run is being read
      this.onTrouble(error);
    }
  }

  /** Return the seconds since a moment, by the server's clock. */
  since(moment) {
    return (Date.now() + this.skew - Date.parse(moment)) / 1000;
  }
}

async function get(url) {
  const response = await fetch(url, { cache: "no-cache" });
  if (!response.ok) {
    const problem = await response.json().catch(() => null);
    const error = new Error(problem?.detail ?? `The server answered ${response.status}.`);
    throw Object.assign(error, { status: response.status });
  }
  const now = Date.parse(response.headers.get("Date") ?? "") || Date.now();
  return { data: await response.json(), now };
}
