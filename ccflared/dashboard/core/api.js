// @ts-check
// The REST API, as any other client uses it. Paths are relative, so that the page works below any base path.

/** Where the daemon is: the directory of the page. */
export const base = new URL("./", document.baseURI);

/** An answer that is no. */
export class Refusal extends Error {
  /**
   * @param {number} status  0: the daemon was not reached
   * @param {string} message  a sentence for people
   * @param {any} body  the answer
   */
  constructor(status, message, body) {
    super(message);
    this.name = "Refusal";
    this.status = status;
    this.body = body;
  }
}

/**
 * Told of what concerns the whole page: `lost` (a person has to log in), `away` and `back` (the daemon was not, and is
 * reached), `told` (what was asked for and the answer).
 */
export const door = new EventTarget();
let away = false;

/**
 * @typedef {object} Options
 * @property {Record<string, any>} [query]  null, undefined and "" are left out; of a list each member is given
 * @property {AbortSignal} [signal]
 */

/**
 * Ask for something. Throws Refusal; where the signal was aborted, its reason.
 * @param {string} path  relative, such as "api/status"
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export const get = (path, options) => ask("GET", path, undefined, options);

/**
 * @param {string} path
 * @param {any} [body]
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export const post = (path, body, options) => ask("POST", path, body, options);

/**
 * Make a request. Throws as `get` does.
 * @param {string} method
 * @param {string} path
 * @param {any} [body]
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function ask(method, path, body, { query, signal } = {}) {
  const response = await reach(address(path, query), {
    method,
    signal,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const told = await read(response);
  if (response.ok) {
    if (method === "GET") door.dispatchEvent(new CustomEvent("told", { detail: { path, told } }));
    return told;
  }
  // 403 may mean that, too, where [admin] has left the file; whoever hears of it asks whether it does.
  if ([401, 403].includes(response.status) && !path.startsWith("api/session"))
    door.dispatchEvent(new Event("lost"));
  throw new Refusal(response.status, sentence(told) ?? `The daemon answered ${response.status}.`, told);
}

/**
 * Return the address of a path with a query.
 * @param {string} path
 * @param {Record<string, any>} [query]
 */
export function address(path, query = {}) {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") url.searchParams.append(name, String(each));
    }
  }
  return url;
}

/**
 * @param {URL} url
 * @param {RequestInit} init
 */
async function reach(url, init) {
  try {
    const response = await fetch(url, { ...init, cache: "no-store", credentials: "same-origin" });
    if (away) {
      away = false;
      door.dispatchEvent(new Event("back"));
    }
    return response;
  } catch (error) {
    if (init.signal?.aborted) throw init.signal.reason;
    if (!away) {
      away = true;
      door.dispatchEvent(new Event("away"));
    }
    throw new Refusal(0, "The daemon cannot be reached.", { cause: String(error) });
  }
}

/** @param {Response} response */
async function read(response) {
  const text = await response.text();
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return text;
  }
}

/**
 * Return what an answer says is wrong: of our own API, or in an API's usual shape.
 * @param {any} told
 * @returns {string | undefined}
 */
function sentence(told) {
  const said = told?.message ?? told?.error?.message ?? told?.error;
  return typeof said === "string" ? said : undefined;
}

/** What is said of whatever was thrown. @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));
