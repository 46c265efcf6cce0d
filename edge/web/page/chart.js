// Drawings of a History: a small one in a lane's row and a large one with axes.
import { everySecond, now } from "./clock.js";
import { el, newId, say, soon } from "./dom.js";
import { time } from "./show.js";
import { symbol } from "./units.js";

const wide = 64, high = 20, margin = 2; // of the small one, CSS pixels
const minute = 60_000;
const ticks = [10, 20, 30, 60, 120, 300, 600].map((s) => 1000 * s);

const place = (from, to, low, top) => (v) => low + (top - low) * (to === from ? 0.5 : (v - from) / (to - from));
const pathOf = (runs, x, y) => runs.map((run) => run.length === 1
  ? `M${x(run[0].t).toFixed(1)} ${y(run[0].v).toFixed(1)}h.01`
  : run.map((s, i) => `${i ? "L" : "M"}${x(s.t).toFixed(1)} ${y(s.v).toFixed(1)}`).join("")).join("");

function bounds(runs) {
  let low = Infinity, top = -Infinity;
  for (const run of runs) for (const s of run) { low = Math.min(low, s.v); top = Math.max(top, s.v); }
  return [low, top];
}

/** Draws up to 5 minutes into the path of a small drawing. */
export function drawSmall(path, history) {
  const span = Math.min(5 * minute, Math.max(minute, now() - (history.samples[0]?.t ?? 0)));
  const runs = history.runs(span), [low, top] = bounds(runs);
  const x = place(now() - span, now(), margin, wide - margin), y = place(low, top, high - margin, margin);
  const d = pathOf(runs, x, y);
  if (path.getAttribute("d") !== d) path.setAttribute("d", d);
}

export const small = (path) => el("svg", { width: wide, height: high, viewBox: `0 0 ${wide} ${high}`, "aria-hidden": "true", class: "small" }, path);

// Round steps so that about count of them fill the distance.
function step(distance, count) {
  const raw = distance / count, power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 5].find((n) => n * power >= raw) ?? 10);
}

const places = (n) => Math.min(12, Math.max(0, -Math.floor(Math.log10(n) + 1e-9)));

/** The large chart of a lane. */
export class Chart {
  constructor(name, history) {
    this.name = name;
    this.history = history;
    this.span = now() - history.began < minute ? 1 : 5; // minutes
    const id = newId();
    const choices = [1, 5, 15].map((n) => el("label", {}, el("input", { type: "radio", name: id, value: n, checked: n === this.span,
      change: () => { this.span = n; soon(this); } }), `${n} min`));
    this.svg = el("svg", { class: "large", role: "img", pointermove: (e) => this.read(e), pointerleave: () => this.read(null) });
    this.note = el("p", { class: "faint note" });
    this.el = el("figure", { class: "chart" }, el("fieldset", {}, el("legend", { class: "hidden" }, "Time shown"), ...choices), this.svg, this.note);
    this.observer = new ResizeObserver(() => soon(this));
    this.observer.observe(this.el);
    charts.add(this);
  }

  close() {
    charts.delete(this);
    this.observer.disconnect();
  }

  draw() {
    const w = Math.max(200, this.el.clientWidth), h = 180, end = now(), from = end - this.span * minute;
    const runs = this.history.runs(this.span * minute), unit = symbol(this.history.unit);
    let [low, top] = bounds(runs);
    const { began } = this.history;
    say(this.note, `${began ? `From ${time(began)}, when` : "From when"} this page began to follow it. A break in the line: nothing came.`);
    if (low > top) {
      this.svg.replaceChildren(el("text", { x: w / 2, y: h / 2, "text-anchor": "middle" }, "no number in this time"));
      this.svg.setAttribute("viewBox", `0 0 ${w} ${h}`);
      this.svg.setAttribute("aria-label", `${this.name}: no number in the last ${this.span} min`);
      return;
    }
    const [least, most] = [low, top];
    if (low === top) { const pad = Math.abs(low) * 0.01 || 1; low -= pad; top += pad; }
    const dy = step(top - low, 4), digits = places(dy);
    low = Math.floor(low / dy + 1e-9) * dy;
    top = Math.ceil(top / dy - 1e-9) * dy;
    const label = (v) => v.toFixed(digits), widest = Math.max(label(low).length, label(top).length);
    const left = Math.min(w / 3, 12 + 7 * widest), right = w - 8, foot = h - 22, head = unit ? 22 : 10;
    const x = place(from, end, left, right), y = place(low, top, foot, head);
    const marks = [];
    for (let i = 0; low + i * dy <= top + dy / 2; i++) {
      const v = low + i * dy;
      marks.push(el("line", { x1: left, x2: right, y1: y(v), y2: y(v) }), el("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, label(v)));
    }
    const dx = ticks.find((t) => this.span * minute / t <= (right - left) / 75), seconds = dx % minute !== 0;
    for (let t = Math.ceil(from / dx) * dx; t <= end; t += dx) {
      const d = time(t).slice(-8);
      if (x(t) > left + 16 && x(t) < right - 18) marks.push(el("line", { x1: x(t), x2: x(t), y1: foot, y2: foot + 4 }),
        el("text", { x: x(t), y: h - 4, "text-anchor": "middle" }, seconds ? d : d.slice(0, 5)));
    }
    if (unit) marks.push(el("text", { x: left - 6, y: 11, "text-anchor": "end" }, unit));
    this.shown = { runs, x, y, left, right };
    this.dot = el("circle", { r: 3.5, class: "dot" });
    this.svg.setAttribute("viewBox", `0 0 ${w} ${h}`);
    this.svg.setAttribute("aria-label", `${this.name}, last ${this.span} min: ${+least.toFixed(digits + 2)} to ${+most.toFixed(digits + 2)} ${unit}`);
    this.tip = el("text", { y: 11, x: right, "text-anchor": "end", class: "tip" });
    this.svg.replaceChildren(el("g", { class: "axes" }, ...marks), el("path", { d: pathOf(runs, x, y) }), this.dot, this.tip);
    this.point();
  }

  read(event) {
    this.pointer = event && (event.clientX - this.svg.getBoundingClientRect().left);
    this.point();
  }

  // Shows the sample nearest to the pointer, or the last.
  point() {
    if (!this.shown) return;
    const { runs, x, y, right } = this.shown, samples = runs.flat(), at = this.pointer ?? right;
    const near = samples.reduce((a, b) => Math.abs(x(b.t) - at) <= Math.abs(x(a.t) - at) ? b : a);
    this.dot.setAttribute("cx", x(near.t));
    this.dot.setAttribute("cy", y(near.v));
    const unit = symbol(this.history.unit);
    say(this.tip, `${Number(near.v.toPrecision(12))}${unit && ` ${unit}`} at ${time(near.t)}`);
  }
}

const charts = new Set();
everySecond(() => { for (const c of charts) soon(c); });
