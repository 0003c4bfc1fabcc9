// @ts-check
// What a page has begun ends with it: listeners, timers, requests and streams belong to a scope; and the streams, one
// each, shared by all who listen.

import { base, get } from "./api.js";

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

// -- Streams of server-sent events: one connection for each, shared by all who listen, and closed when nobody does.
//
// The browser comes again by itself with the id of the last event it has seen, and gets what it has missed. It gives up
// where the answer is no stream: then we come again ourselves, ever more slowly, and say so. What happened meanwhile
// cannot be told then, so a listener that keeps a list reads it anew (`missed`).
//
// A browser opens six connections to a host, of all tabs together: a tab that nobody has seen for a while lets go of its
// own, and comes again, with the id of the last event, when it is looked at.

/** @typedef {"requests" | "logs" | "accounts" | "alerts"} StreamName */
/** @typedef {"connecting" | "open" | "broken"} State */
/**
 * @typedef {object} Listener
 * @property {(event: any, id: string) => void} event  an event, as it was sent, and its id
 * @property {(state: State) => void} [state]  how the connection is; called at once with how it is now
 * @property {() => void} [missed]  events are gone that were not seen
 */

const PATHS = {
  requests: "api/requests/stream",
  logs: "api/logs/stream",
  accounts: "api/accounts/stream",
  alerts: "api/insights/alerts/stream",
};
const SLOWEST = 60_000;
/** Milliseconds after which a tab that is hidden lets go. */
const PATIENCE = 20_000;

class Feed {
  /** @param {StreamName} name */
  constructor(name) {
    this.name = name;
    /** @type {Set<Listener>} */
    this.listeners = new Set();
    /** @type {State} */
    this.state = "connecting";
    /** @type {EventSource | null} */
    this.source = null;
    this.timer = 0;
    this.wait = 1000;
    this.last = "";
  }

  open() {
    clearTimeout(this.timer);
    const url = new URL(PATHS[this.name], base);
    if (this.last) url.searchParams.set("lastEventId", this.last);
    const source = new EventSource(url);
    this.source = source;
    source.onopen = () => {
      this.wait = 1000;
      this.turn("open");
    };
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return this.turn("connecting");
      source.close();
      this.turn("broken");
      this.timer = window.setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(this.wait * 2, SLOWEST);
      // Whoever is not admitted any more has to log in; a stream cannot tell so, but this can.
      void get("api/session").catch(() => undefined);
    };
    source.onmessage = (message) => {
      if (message.lastEventId) this.last = message.lastEventId;
      const event = JSON.parse(message.data);
      if (event.connected === true) return;
      for (const listener of [...this.listeners]) listener.event(event, message.lastEventId);
    };
    source.addEventListener("missed", () => {
      for (const listener of [...this.listeners]) listener.missed?.();
    });
  }

  /** @param {State} state */
  turn(state) {
    if (state === this.state) return;
    this.state = state;
    for (const listener of [...this.listeners]) listener.state?.(state);
  }

  rest() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  close() {
    this.rest();
    feeds.delete(this.name);
  }
}

/** @type {Map<StreamName, Feed>} */
const feeds = new Map();
let hidden = 0;

document.addEventListener("visibilitychange", () => {
  clearTimeout(hidden);
  if (document.hidden) {
    hidden = window.setTimeout(() => feeds.forEach((feed) => feed.rest()), PATIENCE);
    return;
  }
  for (const feed of feeds.values()) {
    if (!feed.source) feed.turn("connecting");
    if (!feed.source || feed.source.readyState === EventSource.CLOSED) feed.open();
  }
});

/**
 * Follow a stream.
 * @param {StreamName} name
 * @param {Listener} listener
 * @returns {() => void} ends it
 */
export function listen(name, listener) {
  let feed = feeds.get(name);
  if (!feed) {
    feed = new Feed(name);
    feeds.set(name, feed);
    feed.open();
  }
  const joined = feed;
  joined.listeners.add(listener);
  listener.state?.(joined.state);
  return () => {
    joined.listeners.delete(listener);
    if (!joined.listeners.size) joined.close();
  };
}
