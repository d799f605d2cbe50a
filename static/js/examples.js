/** Precomputed examples: the first one is in the page, the others are loaded when the page is idle. */

/** @typedef {{id: string, lang: string, request: any, response: any, tokens?: Record<string, number[]>}} Example */

export class Examples {
  /** @type {Promise<void>|null} */
  loading = null;

  /** @param {{first: Example|null, url: string, key?: string}} options `key`: key of the list in the file */
  constructor({ first, url, key = "examples" }) {
    this.url = url;
    this.key = key;
    /** @type {Map<string, Example>} */
    this.byId = new Map(first ? [[first.id, first]] : []);
  }

  /** Load all examples; after a failure the next call tries again. */
  load() {
    this.loading ??= fetch(this.url)
      .then((response) => (response.ok ? response.json() : Promise.reject(response.status)))
      .then((file) => {
        for (const example of file[this.key]) this.byId.set(example.id, example);
      })
      .catch(() => {
        this.loading = null;
      });
    return this.loading;
  }

  /** Load all examples when the page is idle, so that they work without a network later. */
  loadSoon() {
    const idle = window.requestIdleCallback ?? ((run) => setTimeout(run, 500));
    const { connection } = /** @type {Navigator & {connection?: {saveData: boolean}}} */ (navigator); // not in every browser
    if (!connection?.saveData) idle(() => this.load());
  }

  /**
   * @param {string} id
   * @returns {Promise<Example|undefined>}
   */
  async find(id) {
    if (!this.byId.has(id)) await this.load();
    return this.byId.get(id);
  }
}
