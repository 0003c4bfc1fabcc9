// @ts-check
// Where the reader is: a path and a query in the address's fragment, which needs no server and no base path.

/** @typedef {{ path: string[], query: URLSearchParams }} Place */

/** @returns {Place} */
export function here() {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean).map(plain), query: new URLSearchParams(query) };
}

/**
 * Return a link to a place.
 * @param {string[]} path  parts of it, such as ["requests", id]
 * @param {Record<string, any>} [query]  null, undefined, "" are left out
 */
export function link(path, query = {}) {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") asked.append(name, String(each));
    }
  }
  const tail = asked.toString();
  return `#/${path.map(encodeURIComponent).join("/")}${tail ? `?${tail}` : ""}`;
}

/**
 * Go to a place.
 * @param {string[]} path
 * @param {Record<string, any>} [query]
 */
export function go(path, query) {
  location.hash = link(path, query);
}

/** The query of where the reader is. */
export const query = () => here().query;

/**
 * Change the query of where the reader is: the page stays, a reload or a copied link comes back to this.
 * @param {Record<string, any>} changes  null, "" and [] take a name out
 */
export function setQuery(changes) {
  const { path, query: before } = here();
  /** @type {Record<string, any>} */
  const after = {};
  for (const name of before.keys()) after[name] = before.getAll(name);
  history.replaceState(history.state, "", link(path, { ...after, ...changes }));
}

/** @param {string} part */
function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a per cent sign that somebody typed
  }
}
