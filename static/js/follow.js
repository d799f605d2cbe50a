/** Runs from the server: the list of them, the curves of those that are shown, again as they grow. */

const PAUSE = 2500; // milliseconds
const LONGEST = 30_000;

export class Follower {
  /**
   * @param {{live: boolean, onChange: Function, onTrouble: Function}} options
   *   `live`: ask again and again; `onChange(what)` with a list or the curves of a run.
   */
  constructor({ live, onChange, onTrouble }) {
    Object.assign(this, { live, onChange, onTrouble });
    this.items = [];
    this.curves = new Map(); // by name: {query, version, run}
    this.names = [];
    this.query = "";
    this.answered = false;
    this.failures = 0;
    this.timer = 0;
    this.asking = null;
    document.addEventListener("visibilitychange", () => !document.hidden && this.ask());
  }

  /** What to show: names of runs, and the part of them as a query. */
  want(names, query) {
    this.names = names;
    this.query = query;
    return this.ask();
  }

  /** The curves of a run, the newest that there are. */
  get(name) {
    return this.curves.get(name)?.run ?? null;
  }

  /** Ask for what may have changed; one round at a time. */
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
      const list = await get("/api/runs");
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
      for (const item of this.items.filter(({ name }) => this.names.includes(name))) {
        const { query } = this;
        const had = this.curves.get(item.name);
        if (had?.version === item.version && had.query === query) continue;
        const answer = await get(`${item.url}${query}`).catch((error) => {
          if (error.status === 404) return null; // it has just gone
          throw error;
        });
        if (!answer) continue;
        this.curves.set(item.name, { query, version: item.version, run: answer.data });
        this.onChange();
      }
      if (this.failures) this.onTrouble(null);
      this.failures = 0;
    } catch (error) {
      this.failures += 1;
      this.onTrouble(error);
    }
  }

  /** Seconds since a moment, by the server's clock. */
  since(moment) {
    return (Date.now() + (this.skew || 0) - Date.parse(moment)) / 1000;
  }
}

async function get(url) {
  const response = await fetch(url, { cache: "no-cache" });
  if (!response.ok) {
    const problem = await response.json().catch(() => null);
    const error = new Error(problem?.detail ?? `The server answered ${response.status}.`);
    error.status = response.status;
    throw error;
  }
  const now = Date.parse(response.headers.get("Date")) || Date.now();
  return { data: await response.json(), now };
}
