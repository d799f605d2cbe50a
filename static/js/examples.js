/** What was measured or recorded before: the first comes with the page, the others follow when there is time. */

export class Examples {
  /** @param {{first: object|null, url: string, key?: string}} options `key`: where the file has them */
  constructor({ first, url, key = "examples" }) {
    Object.assign(this, { first, url, key });
    this.byId = new Map(first ? [[first.id, first]] : []);
    this.loading = null;
  }

  /** Load all; a failure is tried again at the next call. */
  load() {
    this.loading ??= fetch(this.url)
      .then((response) => (response.ok ? response.json() : Promise.reject(response.status)))
      .then((file) => {
        for (const example of file[this.key]) this.byId.set(example.id, example);
      })
      .catch(() => (this.loading = null));
    return this.loading;
  }

  /** Load all once the page has nothing else to do, so that they are there if the network goes. */
  loadSoon() {
    const idle = window.requestIdleCallback ?? ((run) => setTimeout(run, 500));
    if (!navigator.connection?.saveData) idle(() => this.load());
  }

  /** @returns {Promise<object|undefined>} */
  async find(id) {
    if (!this.byId.has(id)) await this.load();
    return this.byId.get(id);
  }
}
