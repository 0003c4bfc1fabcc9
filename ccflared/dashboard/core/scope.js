// @ts-check
// What a page has begun ends with it: listeners, timers, requests and streams belong to a scope.

import { listen } from "./live.js";

/** @typedef {import("./live.js").StreamName} StreamName */
/** @typedef {import("./live.js").Listener} Listener */

export class Scope {
  constructor() {
    this.controller = new AbortController();
    /** @type {(() => void)[]} */
    this.ends = [];
  }

  /** Aborted when the scope ends: for `get(path, { signal })`. */
  get signal() {
    return this.controller.signal;
  }

  /** Whether it has ended. */
  get over() {
    return this.controller.signal.aborted;
  }

  /**
   * Listen to events of a target until the scope ends.
   * @param {EventTarget} target
   * @param {string} type
   * @param {(event: any) => void} listener
   */
  on(target, type, listener) {
    target.addEventListener(type, listener, { signal: this.signal });
  }

  /**
   * Have something done when the scope ends; at once if it has.
   * @param {() => void} end
   */
  defer(end) {
    if (this.over) end();
    else this.ends.push(end);
  }

  /**
   * Do something soon, and again `seconds` after it was done. It rests while nobody sees the page, and is done at once
   * when it is seen again after a longer time. A failure is the function's own to show: the next turn comes all the same.
   * @param {number} seconds
   * @param {(signal: AbortSignal) => unknown} work  its signal is aborted by the next turn and by the scope's end
   * @returns {() => Promise<void>} begins a turn at once; one that is still running is given up. Who calls it right away,
   *   to wait for the first turn, begins that: there is no other then.
   */
  every(seconds, work) {
    let timer = 0;
    let last = 0;
    let run = new AbortController();
    let begun = false;
    const turn = async () => {
      begun = true;
      clearTimeout(timer);
      if (this.over) return;
      run.abort();
      const mine = (run = new AbortController());
      last = Date.now();
      try {
        await work(mine.signal);
      } catch (error) {
        if (!mine.signal.aborted) throw error;
      } finally {
        if (run === mine && !this.over && !document.hidden) timer = window.setTimeout(turn, seconds * 1000);
      }
    };
    this.on(document, "visibilitychange", () => {
      clearTimeout(timer);
      if (!document.hidden)
        timer = window.setTimeout(turn, Math.max(0, seconds * 1000 - (Date.now() - last)));
    });
    this.defer(() => {
      clearTimeout(timer);
      run.abort();
    });
    queueMicrotask(() => begun || void turn());
    return turn;
  }

  /**
   * Return a function that has something done soon, once for however many calls come meanwhile.
   * @param {number} wait  milliseconds
   * @param {() => unknown} work
   * @returns {() => void}
   */
  calmly(wait, work) {
    let timer = 0;
    this.defer(() => clearTimeout(timer));
    return () => {
      timer ||= window.setTimeout(() => {
        timer = 0;
        if (!this.over) work();
      }, wait);
    };
  }

  /**
   * Follow a stream of events until the scope ends.
   * @param {StreamName} name
   * @param {Listener} listener
   */
  stream(name, listener) {
    this.defer(listen(name, listener));
  }

  /** Return a scope that ends with this one, or before. */
  child() {
    const child = new Scope();
    const end = () => child.end();
    this.defer(end);
    child.defer(() => {
      this.ends = this.ends.filter((each) => each !== end);
    });
    return child;
  }

  /** End it: the last thing begun is the first to end. */
  end() {
    if (this.over) return;
    this.controller.abort();
    for (const end of this.ends.splice(0).reverse()) end();
  }
}
