// Elements, and drawing them once per frame. Text only ever becomes text, never HTML.

/** Makes an element. Attributes that are functions become listeners, those that are false are left out. */
export function el(tag, attributes = {}, ...children) {
  const e = tag === "svg" || tag === "path" || tag === "g" || tag === "text" || tag === "line" || tag === "circle"
    ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") e.addEventListener(name, value);
    else if (value !== false && value != null) e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children);
  return e;
}

/** Sets a text if it is another. */
export function say(e, text) { if (e.textContent !== text) e.textContent = text; }

const due = new Set();

/** Has view.draw called in the next frame, once however often it is asked for. */
export function soon(view) {
  if (due.size === 0) requestAnimationFrame(draw);
  due.add(view);
}

function draw() {
  const views = [...due];
  due.clear();
  for (const view of views) view.draw();
}

let lastId = 0;

/** An id that no other element has, for labels. */
export const newId = () => `id${++lastId}`;
