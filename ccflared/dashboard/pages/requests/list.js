// @ts-check
// The rows that the list has: bounded, the newest first, what waits to be taken in; and reading them, page by page.

import { get } from "../../core/api.js";

/** Rows that are held at most. */
const MOST = 500;
/** Requests that run, of which is told. */
const RUNNING = 20;
/** Seconds after which a start that nothing came of is forgotten. */
const FORGOTTEN = 3600;

export class List {
  constructor() {
    /** @type {any[]} */
    this.rows = [];
    /** @type {Map<string, any>} */
    this.starts = new Map();
    this.paused = false;
    /** Rows at the beginning were let go for older ones: what is new is not shown. */
    this.detached = false;
    /** How many have ended that are not shown. */
    this.waiting = 0;
    /** @type {any[]} */
    this.held = [];
    /** Those that ran when it was paused. @type {any[] | null} */
    this.still = null;
  }

  /** Those that run, the newest first. */
  running() {
    return (this.still ?? [...this.starts.values()].reverse()).slice(0, RUNNING);
  }

  /** Begin anew. @param {any[]} rows  the first page */
  begin(rows) {
    this.rows = rows;
    this.held = [];
    this.waiting = 0;
    this.detached = false;
    for (const row of rows) this.starts.delete(row.id);
    if (this.still) this.still = this.still.filter((start) => this.starts.has(start.id));
  }

  /** Take in older ones. @param {any[]} rows */
  add(rows) {
    const known = new Set(this.rows.map((row) => row.id));
    this.rows = [...this.rows, ...rows.filter((row) => !known.has(row.id))];
    if (this.rows.length > MOST) {
      this.rows = this.rows.slice(-MOST);
      this.detached = true;
    }
  }

  /** @param {any} start */
  started({ id, at, method, path }) {
    this.starts.set(id, { id, at, method, path, running: true });
    for (const [each, { at: began }] of this.starts) {
      if (this.starts.size > MOST || at - began > FORGOTTEN) this.starts.delete(each);
      else break;
    }
  }

  /**
   * Take in one that has ended.
   * @param {any} row
   * @param {boolean} wanted
   */
  ended(row, wanted) {
    this.starts.delete(row.id);
    if (!wanted) return;
    if (!this.paused && !this.detached) return this.put([row]);
    this.waiting += 1;
    if (this.paused) this.held = [...this.held, row].slice(-MOST);
  }

  /** @param {boolean} paused */
  pause(paused) {
    this.paused = paused;
    this.still = paused ? [...this.starts.values()].reverse() : null;
    if (!paused && !this.detached) {
      this.put(this.held);
      this.waiting = 0;
    }
    if (!paused) this.held = [];
  }

  /** @param {any[]} rows */
  put(rows) {
    const fresh = new Map(rows.map((row) => [row.id, row]));
    const rest = this.rows.filter((row) => !fresh.has(row.id));
    // They end in another order than they begin in; as the API has them, the latest that began is first.
    this.rows = [...fresh.values(), ...rest]
      .sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1))
      .slice(0, MOST);
  }
}

// -- Reads the pages of the list: the newest, and those before.

const PAGE = 100;

/**
 * @typedef {object} Shown
 * @property {(found: any[]) => void} read  a page has been taken in
 * @property {(error: unknown, again: () => void) => void} failed
 * @property {(busy: boolean) => void} busy  the newest are read anew
 */

export class Loader {
  /**
   * @param {import("../../core/scope.js").Scope} scope
   * @param {List} list
   * @param {import("./wanted.js").Wanted} wanted
   * @param {Shown} shown
   */
  constructor(scope, list, wanted, shown) {
    this.list = list;
    this.wanted = wanted;
    this.shown = shown;
    this.asked = new AbortController();
    this.loading = false;
    /** There are none before the last. */
    this.end = false;
    /** Something was missed that has not been read anew. */
    this.stale = false;
    scope.defer(() => this.asked.abort());
  }

  /** Read the newest; a page that is still being read is given up. */
  async reload() {
    this.asked.abort();
    this.asked = new AbortController();
    this.shown.busy(true);
    const read = await this.#read(
      {},
      (found) => {
        this.list.begin(found);
        this.stale = false;
      },
      () => void this.reload(),
    );
    if (read) this.shown.busy(false);
  }

  /** Read those before the last. */
  async older() {
    const last = this.list.rows.at(-1);
    if (this.loading || this.end || !last) return;
    await this.#read(
      { before: last.at, beforeId: last.id },
      (found) => this.list.add(found),
      () => void this.older(),
    );
  }

  /**
   * @param {Record<string, any>} query
   * @param {(found: any[]) => void} take
   * @param {() => void} again
   * @returns {Promise<boolean>} false where it was given up
   */
  async #read(query, take, again) {
    const { signal } = this.asked;
    this.loading = true;
    try {
      const found = await get("api/requests", {
        query: { ...this.wanted.query(), ...query, limit: PAGE },
        signal,
      });
      this.end = found.length < PAGE;
      take(found);
      this.shown.read(found);
    } catch (error) {
      if (signal.aborted) return false;
      this.shown.failed(error, again);
    }
    this.loading = false;
    return true;
  }
}
