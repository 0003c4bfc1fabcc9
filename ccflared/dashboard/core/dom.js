// @ts-check
// Elements from data. Text is always text: nothing here, or anywhere in the dashboard, parses HTML.

/** @typedef {Node | string | number | null | undefined | false | Child[]} Child */
/** @typedef {Record<string, any>} Props */

const SVG = "http://www.w3.org/2000/svg";
/** Set as properties, since their attributes only say what they are at first. */
const PROPERTIES = new Set(["value", "checked", "selected", "disabled", "open", "indeterminate"]);

/**
 * Make an HTML element.
 *
 * `props`: `class` (a string, or a list whose false members are left out), `on` (listeners by type), `style` (set
 * through the CSSOM, as the content security policy asks), anything else as an attribute: true is an empty one, and
 * false, null and undefined leave it out.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Props | null} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  dress(element, props);
  append(element, children);
  return element;
}

/**
 * Make an SVG element; see `h`.
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Props | null} [props]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function s(tag, props, ...children) {
  const element = document.createElementNS(SVG, tag);
  dress(element, props);
  append(element, children);
  return element;
}

/**
 * Set the attributes, properties and listeners of an element.
 * @param {Element} element
 * @param {Props | null | undefined} props
 */
export function dress(element, props) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name === "on") {
      for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    } else if (name === "style") {
      for (const [property, given] of Object.entries(value)) {
        /** @type {HTMLElement} */ (element).style.setProperty(property, given);
      }
    } else if (name === "class") {
      const words = Array.isArray(value) ? value.filter(Boolean).join(" ") : value;
      if (words) element.setAttribute("class", words);
    } else if (PROPERTIES.has(name) && name in element) {
      /** @type {any} */ (element)[name] = value ?? "";
    } else if (value === false || value === null || value === undefined) {
      element.removeAttribute(name);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

/**
 * Put children at the end of a parent; null, undefined and false are left out.
 * @param {Node} parent
 * @param {Child[]} children
 */
export function append(parent, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(parent, child);
    else if (child instanceof Node) parent.appendChild(child);
    else if (child !== null && child !== undefined && child !== false) {
      parent.appendChild(document.createTextNode(String(child)));
    }
  }
}

/**
 * Put children in place of those that a parent has.
 * @param {Element} parent
 * @param {...Child} children
 */
export function replace(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
}

/**
 * Set the text of a node, only if it is another: a selection in it, and what a screen reader says, stay.
 * @param {Node} node
 * @param {string} text
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** @type {WeakMap<Element, Map<string, Element>>} */
const kept = new WeakMap();

/**
 * Make a parent's children those of `items`, in order. Elements of items that stay are kept, with their focus and
 * scroll positions; `update` is called for each, new ones as well.
 * @template T
 * @template {Element} E
 * @param {Element} parent  has no other children
 * @param {readonly T[]} items
 * @param {(item: T) => string} key
 * @param {(item: T) => E} make
 * @param {(element: E, item: T) => void} [update]
 */
export function keyed(parent, items, key, make, update) {
  const before = kept.get(parent) ?? new Map();
  const now = new Map();
  for (const item of items) {
    const name = key(item);
    const element = /** @type {E} */ (before.get(name) ?? make(item));
    before.delete(name);
    now.set(name, element);
    update?.(element, item);
  }
  for (const gone of before.values()) gone.remove();
  let place = parent.firstElementChild;
  for (const element of now.values()) {
    if (element === place) place = element.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  kept.set(parent, now);
}
