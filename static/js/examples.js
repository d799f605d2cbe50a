/** What was measured or recorded before: the first comes with the page, the others follow when there is time. */

/** @typedef {{id: string, lang: string, request: any, response: any, tokens?: Record<string, number[]>}} Example */

export class Examples {
  /** @type {Promise<void>|null} */
  loading = null;

  /** @param {{first: Example|null, url: string, key?: string}} options `key`: where the file has them */
  constructor({ first, url, key = "examples" }) {
    this.url = url;
    this.key = key;
    /** @type {Map<string, Example>} */
    this.byId = new Map(first ? [[first.id, first]] : []);
  }

  /** Load all; a failure is tried again at the next call. */
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

  /** Load all once the page has nothing else to do, so that they are there if the network goes. */
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
