/** The player of a generated text: shows its events as they arrive, step by step, or at recorded speed. */

import { Made } from "./made.js";

const DRAFTING = 0.6; // share of the pause before a round in which its draft is shown

export class Player {
  /**
   * @param {{onShow: () => void, onState: () => void}} handlers onShow after each change of what is
   *   shown, onState when playing begins or ends
   */
  constructor({ onShow, onState }) {
    this.onShow = onShow;
    this.onState = onState;
    this.made = new Made();
    this.shown = 0;
    this.phase = 0; // how far the work on the next event is, 0 to 1
    this.playing = false;
    this.following = false; // shows what comes at once
    this.perSecond = 15; // bytes, on average; 0 is as it was made
    this.frame = 0;
    this.at = 0; // milliseconds since the last event
    /** @type {number|null} */
    this.last = null; // time of the last frame
  }

  /** Start with the generated text `made`, which may still grow. */
  load(made, { following = false, shown = 0 } = {}) {
    this.pause();
    this.made = made;
    this.following = following;
    this.show(Math.min(shown, this.events.length));
    this.onState();
  }

  get events() {
    return this.made.events;
  }

  /** Handle the arrival of an event. */
  grown() {
    if (!this.following) this.onState();
    else if (!this.frame) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        if (this.following) this.show(this.events.length);
      });
    }
  }

  /** Handle the end of the text: show all of it now, if it was shown as it arrived. */
  ended() {
    if (this.following) this.show(this.events.length);
    this.following = false;
    this.onState();
  }

  get atEnd() {
    return this.shown >= this.events.length;
  }

  show(shown, phase = 0) {
    this.shown = shown;
    this.phase = phase;
    this.onShow();
  }

  /** Stop playing; from now on events are shown only by `step` and `play`. */
  pause() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.following = false;
    this.playing = false;
    this.onState();
  }

  seek(shown) {
    this.pause();
    this.show(Math.max(0, Math.min(shown, this.events.length)));
  }

  /** Show the next byte; a round of speculation shows its draft first. After the end, start again. */
  step() {
    this.pause();
    if (this.atEnd && !this.made.open) this.shown = 0;
    const next = this.events[this.shown];
    if (!next) return;
    if (next.drafted && this.phase < DRAFTING) this.show(this.shown, DRAFTING);
    else this.show(this.shown + 1);
  }

  /** Play from the current event, or from the beginning if this is the end. */
  play() {
    this.pause();
    if (this.atEnd && !this.made.open) this.shown = 0;
    this.playing = true;
    this.last = null;
    this.at = this.phase * this.pauseBefore(this.shown);
    this.onState();
    this.frame = requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.frame = requestAnimationFrame((later) => this.tick(later));
    // A frame that comes late, as after the window was hidden, skips nothing.
    this.at += Math.min(500, now - (this.last ?? now));
    this.last = now;
    let shown = this.shown;
    while (shown < this.events.length && this.at >= this.pauseBefore(shown)) this.at -= this.pauseBefore(shown++);
    if (shown >= this.events.length) {
      this.pause();
      this.following = this.made.open;
      this.show(shown);
      return;
    }
    const next = this.events[shown];
    const phase = next.drafted ? Math.min(1, this.at / this.pauseBefore(shown)) : 0;
    if (shown !== this.shown || phase !== this.phase) this.show(shown, phase);
  }

  /** Return the milliseconds between event `i` and the event before it. */
  pauseBefore(i) {
    const { events } = this;
    if (!i) return 0;
    const own = 1000 * (events[i].seconds - events[i - 1].seconds);
    if (!this.perSecond) return own;
    const whole = events.at(-1).seconds - events[0].seconds;
    const wanted = (events.length - 1) / this.perSecond;
    return whole > 0 ? (own * wanted) / whole : 1000 / this.perSecond;
  }

  /** Number of ids of the next round that are drafted so far, its first byte included. */
  get drafting() {
    const next = this.events[this.shown];
    if (!next?.drafted || !this.phase) return 0;
    return Math.ceil((1 + next.drafted) * Math.min(1, this.phase / DRAFTING));
  }
}
