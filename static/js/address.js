/** The address follows the view, and the view follows the address: links, reloads, the back button. */

import { isLink } from "./link.js";

const PAUSE = 400; // milliseconds after the last change; browsers refuse more than a few a second
const CONTINUOUS = new Set(["text", "number"]); // what one types or drags, in many small changes
const LONGEST = 16000; // characters of an address; a longer text is only in the history's state
const MANY = 8000; // from here on some programs cut a link

export class Address {
  timer = 0;
  /** @type {string|null} kind of the last change */
  kind = null;
  /** Whether the next change makes a new entry of the history. */
  pushes = false;
  /** What is wrong with the link that opened the page; empty if nothing is. */
  broken = "";
  /** Number of times that the visitor has gone back or forward. */
  moves = 0;
  /** @type {Promise<void>} resolved when all changes are written */
  written = Promise.resolve();

  /**
   * @param {{read: () => object|null, apply: (view: any) => void, limit: number,
   *   say: (words: string, wrong?: boolean) => void}} page
   *   `read` returns the view, null for the one that the page starts with; `apply` shows one
   * @param {{encodeView: (view: any) => Promise<string>, decodeView: (fragment: string, limit: number) => Promise<any>}} codec how views are written; see link.js
   */
  constructor({ read, apply, say, limit }, codec) {
    this.read = read;
    this.apply = apply;
    this.say = say;
    this.limit = limit;
    this.codec = codec;
    addEventListener("popstate", (event) => this.come(event.state));
  }

  /** Show the view in the address or the history; return false if there is none. */
  async start() {
    const fragment = location.hash.slice(1);
    const kept = history.state?.view;
    if (kept !== undefined && (isLink(fragment) || !fragment)) {
      if (kept === null) return false;
      this.apply(kept);
      return true;
    }
    if (!isLink(fragment)) return false;
    const view = await this.decode(fragment);
    if (view === null) {
      history.replaceState(null, "", location.pathname + location.search);
      return false;
    }
    this.apply(view);
    history.replaceState({ view }, "");
    return true;
  }

  async decode(fragment) {
    this.broken = "";
    try {
      return await this.codec.decodeView(fragment, this.limit);
    } catch (error) {
      this.broken = `The link is broken and was ignored: ${error.message}.`;
      this.tell();
      return null;
    }
  }

  /** Show the error of the link again, because drawing the first view has removed it. */
  tell() {
    if (this.broken) this.say(this.broken, true);
  }

  /**
   * Record a change of the view. Typing or dragging without a break is one entry of the history,
   * and a change of the visible part (`look`) is none. A choice is written at once, so a reload keeps it.
   */
  changed(kind) {
    if (kind !== "look") {
      this.pushes ||= kind !== this.kind || !CONTINUOUS.has(kind);
      this.kind = kind;
    }
    clearTimeout(this.timer);
    const many = kind === "look" || CONTINUOUS.has(kind);
    this.timer = setTimeout(() => this.write(), many ? PAUSE : 0);
  }

  /** Write a change that still waits, such as the last letters typed, before another text replaces them. */
  settle() {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.write();
  }

  /** Write the view of this moment into the history, after earlier writes, because encoding is asynchronous. */
  write() {
    const { moves, pushes } = this;
    const view = this.read();
    this.timer = 0;
    this.pushes = false;
    this.written = this.written.then(() => this.put(view, moves, pushes));
    return this.written;
  }

  async put(view, moves, pushes) {
    let fragment = view ? await this.codec.encodeView(view) : "";
    if (moves !== this.moves) return; // one has gone back or forward meanwhile
    if (fragment.length > LONGEST) fragment = "";
    const address = location.pathname + location.search + (fragment && `#${fragment}`);
    if (pushes) history.pushState({ view }, "", address);
    else history.replaceState({ view }, "", address);
  }

  async come(state) {
    const fragment = location.hash.slice(1);
    if (!state && fragment && !isLink(fragment)) return; // a place on the page
    this.moves++;
    clearTimeout(this.timer);
    this.timer = 0;
    this.kind = null;
    this.pushes = false;
    if (state?.view !== undefined) this.apply(state.view);
    else if (isLink(fragment)) {
      const view = await this.decode(fragment);
      if (view) this.apply(view);
    } else this.apply(null);
  }

  /** Return the link to the current view, whatever its length. */
  async link() {
    const fragment = await this.codec.encodeView(this.read() ?? {});
    return location.origin + location.pathname + location.search + (fragment && `#${fragment}`);
  }

  /** Copy the link to the clipboard and report it; `what` names its target. */
  async copy(what = "this view") {
    const link = await this.link();
    try {
      await navigator.clipboard.writeText(link);
    } catch {
      this.write();
      return this.say("The browser does not let this page copy; the link stands in the address bar.", false);
    }
    const long = link.length > MANY ? ` It has ${link.length.toLocaleString("en")} characters, too many for some programs.` : "";
    this.say(`The link to ${what} is copied.${long}`, false);
  }
}
