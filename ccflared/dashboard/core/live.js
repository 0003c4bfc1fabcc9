// @ts-check
// Streams of server-sent events: one connection for each, shared by all who listen, and closed when nobody does.
//
// The browser comes again by itself with the id of the last event it has seen, and gets what it has missed. It gives up
// where the answer is no stream: then we come again ourselves, ever more slowly, and say so. What happened meanwhile
// cannot be told then, so a listener that keeps a list reads it anew (`missed`).
//
// A browser opens six connections to a host, of all tabs together: a tab that nobody has seen for a while lets go of its
// own, and comes again, with the id of the last event, when it is looked at.

import { base, get } from "./api.js";

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
